# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates are due, what clients are told, and what is refused before anything is changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import layout, pem, tls
from ansible_collections.baremetal.overlay.plugins.plugin_utils import minio_plan, tls_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import tls as rules

NOW = datetime.now(timezone.utc).replace(microsecond=0)
OWN = {
    "tls": "own-ca",
    "tls_ca_host": "n1",
    "tls_ca_dir": "/etc/baremetal-overlay/ca",
    "tls_names": ["s3.example"],
    "tls_days": 365,
    "tls_renew_days": 30,
}
ALL = ("minio1", "minio2", "n1", "n2", "10.0.0.1", "10.0.0.2", "s3.example", "localhost", "127.0.0.1")


class Maker:
    """A CA, and what it signs."""

    def __init__(self, days=3650):
        self.key = tls.make_key()
        self.text = tls.make_ca(self.key, days, NOW)

    def sign(self, names=ALL, days=365, now=NOW, key=None):
        request = tls.make_request(key or tls.make_key(), "minio")
        return tls.sign(request, self.text, self.key, "minio", names, days, now)

    def files(self, directory, names=ALL, days=365, now=NOW):
        """A certificate and its key as files, and what an inventory declares of them."""
        directory.mkdir(exist_ok=True)
        key = tls.make_key()
        (directory / "a.crt").write_text(self.sign(names, days, now, key))
        (directory / "a.key").write_bytes(key)
        return {"certificate": str(directory / "a.crt"), "key": str(directory / "a.key")}


@pytest.fixture(scope="module")
def ca():
    return Maker()


def found(certificate="", trust="", key="matches", mode="0400", ca_text=""):
    return {"certificate": certificate, "trust": trust, "key": key, "key_mode": mode, "ca": ca_text}


def cluster(looks, settings=None, given=({}, {}), running=None, limit=("n1", "n2"), started=None):
    """Two servers; looks: what each was found to have, running: the argument lists of the servers that run.

    ``started``: the trust that each one's server was started with, None where none runs; else what is installed.
    """
    hosts = []
    started = started or [look["trust"] if running else None for look in looks]
    for number, look in enumerate(looks, 1):
        services = [
            {"name": f"minio{n}", "image": "x", "args": args, "labels": {"baremetal.overlay": "minio"}}
            for n, args in enumerate(running or [], 1)
        ]
        trust = started[number - 1]
        tasks = [] if trust is None else [{"service": f"minio{number}", "trust": pem.trust_id(trust)}]
        facts = {"swarm": {"state": "active", "manager": True, "services": services}, "tasks": tasks}
        report = {"facts": facts, "sections": {"minio_tls": look}} if f"n{number}" in limit else None
        groups = frozenset({"minio", "managers"})
        hosts.append(
            Host(f"n{number}", groups, number, f"10.0.0.{number}", 1, ("a", "b"), report, tls=given[number - 1])
        )
    return Cluster(tuple(hosts), OWN if settings is None else settings)


def good(ca, **changed):
    return [
        found(**{"certificate": ca.sign(), "trust": ca.text, "ca_text": ca.text if number == 1 else "", **changed})
        for number in (1, 2)
    ]


def due(given):
    return tls_plan.draw(given, NOW)["due"]


TLS_ARGS = [["server", "--certs-dir=/certs", "https://minio{1...2}:9000/drives/drive{1...2}"]] * 2


def test_nothing_is_due_where_all_is_well(ca):
    drawn = tls_plan.draw(cluster(good(ca)), NOW)
    assert (drawn["due"], drawn["certified"]) == ({}, [])
    assert drawn["names"] == list(ALL)
    assert drawn["ca_file"] == "/etc/baremetal-overlay/minio-tls/CAs/ca.crt"
    assert drawn["fingerprints"][0] in drawn["summary"][0]
    assert f"certificates until {NOW + timedelta(days=365):%Y-%m-%d}" in drawn["summary"][0]


def test_bare_hosts_all_get_one():
    drawn = tls_plan.draw(cluster([found(key="absent", mode=None)] * 2), NOW)
    assert drawn["certified"] == ["n1", "n2"]
    assert (drawn["trust"], drawn["trust_id"]) == ("", "")


def test_off_is_off_however_yaml_says_it():
    for value in (False, None, "", "off"):
        drawn = minio_plan.draw(cluster([found()] * 2, {"tls": value}))
        assert (drawn["scheme"], drawn["ca_file"], drawn["tls"]["due"]) == ("http", None, {})
        assert drawn["endpoints"] == ["http://10.0.0.1:9000", "http://10.0.0.2:9000"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (lambda ca: {"certificate": ca.sign(days=29)}, "certificate ends in 29 days"),
        (lambda ca: {"certificate": ca.sign(names=ALL[:-1])}, "names differ"),
        (lambda _ca: {"certificate": Maker().sign()}, "signed by another CA"),
        (lambda _ca: {"certificate": "hello"}, "certificate cannot be read"),
        (lambda ca: {"certificate": ca.sign() + "\n"}, "certificate has more in its file than MinIO takes"),
        (lambda _ca: {"key": "differs"}, "key differs"),
        (lambda _ca: {"key": "padded"}, "key padded"),
        (lambda _ca: {"mode": "0644"}, "key is of mode 0644"),
        (lambda _ca: {"trust": ""}, "trust differs"),
    ],
)
def test_only_what_needs_it_is_renewed(ca, changed, reason):
    first, second = good(ca)
    second = {**second, **{"key_mode" if name == "mode" else name: value for name, value in changed(ca).items()}}
    drawn = tls_plan.draw(cluster([first, second]), NOW)
    assert drawn["due"] == {"n2": [reason]}
    assert drawn["certified"] == ([] if reason.startswith("trust") else ["n2"])


def test_a_limited_run_that_does_not_see_the_ca_goes_by_what_is_installed(ca):
    drawn = tls_plan.draw(cluster(good(ca), limit=("n2",)), NOW)
    assert drawn["due"] == {}
    assert drawn["trust_id"] == tls_plan.draw(cluster(good(ca)), NOW)["trust_id"]


def test_a_ca_near_its_end_is_said(ca):
    old = Maker(days=100)
    (_first, second) = tls_plan.draw(cluster(good(old)), NOW)["summary"]
    assert "no certificate outlives it" in second
    assert len(tls_plan.draw(cluster(good(ca)), NOW)["summary"]) == 1


def test_servers_are_reached_as_they_run_while_tls_is_switched(ca):
    clear = [["server", "http://minio{1...2}:9000/drives/drive{1...2}"]] * 2
    drawn = minio_plan.draw(cluster(good(ca), running=clear))
    assert (drawn["endpoints"][0], drawn["running_endpoints"][0]) == ("https://10.0.0.1:9000", "http://10.0.0.1:9000")
    drawn = minio_plan.draw(cluster(good(ca), {"tls": "off"}, running=TLS_ARGS))
    assert (drawn["endpoints"][0], drawn["running_endpoints"][0]) == ("http://10.0.0.1:9000", "https://10.0.0.1:9000")
    assert drawn["running_ca_file"] == "/etc/baremetal-overlay/minio-tls/CAs/ca.crt"


def test_a_limited_run_that_sees_no_services_goes_by_what_is_wanted_and_installed(ca):
    drawn = minio_plan.draw(cluster(good(ca), limit=("n2",)))
    assert drawn["running_endpoints"] == drawn["endpoints"]
    assert drawn["running_tls"] is True
    assert drawn["running_ca_file"] == "/etc/baremetal-overlay/minio-tls/CAs/ca.crt"


def test_a_live_server_list_may_change_its_scheme_and_nothing_else():
    live, wanted = "http://minio{1...2}:9000/drives/drive{1...2}", "https://minio{1...2}:9000/drives/drive{1...2}"
    assert layout.grow([live], [wanted]) is None
    assert "drives per server: 2 live, 3 wanted" in (
        layout.grow([live], [wanted.replace("drive{1...2}", "drive{1...3}")]) or ""
    )


def sentences(given):
    return [sentence for rule in rules.RULES for sentence in rule(given)]


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"tls": "maybe"}, 'minio_tls: "maybe" is unknown; allowed: off, given, own-ca'),
        ({"tls_ca_host": None}, "minio_tls_ca_host: is not set, and nobody is given a CA's key by silence"),
        ({"tls_ca_host": "n9"}, 'minio_tls_ca_host: "n9" is no host of this deployment; allowed: n1, n2, localhost'),
        ({"tls_names": "s3.example"}, 'minio_tls_names: "s3.example" is not a list'),
        ({"tls_names": ["https://s3.example:9000"]}, "minio_tls_names: https://s3.example:9000 cannot stand in"),
        ({"tls_renew_days": "soon"}, "minio_tls_days, minio_tls_renew_days: are 365 and soon"),
        ({"tls_renew_days": 365}, "minio_tls_days, minio_tls_renew_days: are 365 and 365"),
        ({"tls_ca": "/nowhere"}, "minio_tls_ca: /nowhere cannot be read (No such file or directory)"),
    ],
)
def test_settings_that_cannot_be(ca, changed, part):
    assert sentences(cluster(good(ca))) == []
    assert part in "\n".join(sentences(cluster(good(ca), {**OWN, **changed})))


def test_a_ca_that_is_lost_or_not_trusted_yet_stops_the_run(ca):
    lost = [{**look, "ca": ""} for look in good(ca)]
    (sentence,) = sentences(cluster(lost, running=TLS_ARGS))
    assert "n1:/etc/baremetal-overlay/ca holds no CA, and n1 and n2 trust one already" in sentence
    other = [{**look, "ca": Maker().text} for look in good(ca)]
    (sentence,) = sentences(cluster(other, running=TLS_ARGS))
    assert "is not trusted by n1 and n2 yet" in sentence
    # Before servers run with it, there is nothing to lose.
    assert sentences(cluster(other)) == []


BARE = found(key="absent", mode=None)


def test_a_host_without_trust_is_new_and_not_a_stranger(ca):
    """Rebuilt, replaced, or of a second pool: no server of its own runs there."""
    first, _second = good(ca)
    joined = cluster([first, BARE], running=TLS_ARGS, started=[ca.text, None])
    assert sentences(joined) == []
    drawn = tls_plan.draw(joined, NOW)
    assert (drawn["due"], drawn["certified"]) == ({"n2": ["trust differs", "key absent"]}, ["n2"])
    # What was left there by a deployment that is gone is no server, either.
    left = found(Maker().sign(), Maker().text)
    assert sentences(cluster([first, left], running=TLS_ARGS, started=[ca.text, None])) == []


def test_a_server_that_runs_with_another_trust_is_a_stranger(ca):
    first, second = good(ca)
    other = Maker().text
    stranger = cluster([first, {**second, "trust": other}], running=TLS_ARGS)
    (sentence,) = sentences(stranger)
    assert "is not trusted by n2 yet, and servers that do not trust each other stop" in sentence
    # Without its file, too: the CA of its time is not known here.
    (sentence,) = sentences(
        cluster([{**first, "certificate": Maker().sign()}, BARE], running=TLS_ARGS, started=[other, other])
    )
    assert "is not trusted by n1 and n2 yet" in sentence


def test_a_trust_file_that_was_deleted_while_its_server_runs_is_written_again(ca):
    first, second = good(ca)
    deleted = cluster([first, {**second, "trust": ""}], running=TLS_ARGS, started=[ca.text, ca.text])
    assert sentences(deleted) == []
    drawn = tls_plan.draw(deleted, NOW)
    assert drawn["due"] == {"n2": ["trust differs"]}
    assert drawn["trust_id"] == pem.trust_id(ca.text), "no server restarts for it"
    gone = cluster([{**look, "trust": ""} for look in good(ca)], running=TLS_ARGS, started=[ca.text, ca.text])
    assert sentences(gone) == []


@pytest.mark.parametrize(
    "written",
    [
        lambda own, extra: extra + own,
        lambda own, extra: own + extra,
        lambda own, _extra: own.replace("\n", "\r\n"),
        lambda own, _extra: f"the CA of the house\n\n{own}\n\n",
        lambda own, _extra: own + own,
    ],
)
def test_trust_is_the_same_however_it_is_written(ca, written):
    extra = Maker().text
    first, second = good(ca)
    text = written(ca.text, extra)
    assert sentences(cluster([first, {**second, "trust": text}], running=TLS_ARGS)) == []
    same = tls_plan.draw(cluster([{**look, "trust": text} for look in (first, second)], limit=("n2",)), NOW)
    assert same["trust_id"] == pem.trust_id(text)


def test_a_next_ca_does_not_sign_before_servers_were_started_with_it(ca):
    """A run that laid the trust out and was killed before it restarted the servers."""
    following = Maker()
    looks = [{**look, "trust": pem.bundle([ca.text, following.text])} for look in good(ca)]
    assert sentences(cluster(looks, running=TLS_ARGS, started=[ca.text, ca.text])) == []
    looks = [{**look, "ca": following.text} for look in looks]
    (sentence,) = sentences(cluster(looks, running=TLS_ARGS, started=[ca.text, ca.text]))
    assert "is not trusted by n1 and n2 yet" in sentence
    assert sentences(cluster(looks, running=TLS_ARGS)) == []


def test_a_limited_run_without_the_ca_restarts_nobody_for_a_host_that_is_new(ca):
    """The CA's host is left out, so the trust is known by those that have it."""
    looks = [{**look, "ca": ""} for look in good(ca)]
    settings = {**OWN, "tls_ca_host": "n3"}
    joined = cluster([looks[0], BARE], settings, running=TLS_ARGS, started=[ca.text, None])
    assert tls_plan.draw(joined, NOW)["trust_id"] == pem.trust_id(ca.text)
    bare = cluster([{**looks[0], "trust": ""}, BARE], settings, running=TLS_ARGS, started=[ca.text, None])
    assert tls_plan.draw(bare, NOW)["trust_id"] == pem.trust_id(ca.text)


def test_a_ca_whose_host_is_away_is_missed_where_it_has_to_sign(ca):
    looks = [{**look, "ca": ""} for look in good(ca)]

    def away(first):
        given = cluster([first, looks[1]], {**OWN, "tls_ca_host": "n2"}, limit=("n1",))
        return Cluster((given.hosts[0], replace(given.hosts[1], unreachable="no route")), given.settings)

    assert sentences(away(looks[0])) == []
    (sentence,) = sentences(away(BARE))
    assert "minio_tls_ca_host: n2 is absent, and its CA has to sign for n1; bring n2 back" in sentence


def test_a_ca_is_not_made_beside_certificates_that_systems_trust(ca):
    """From given certificates of a public CA to one of our own."""
    looks = [found(ca.sign()), found(ca.sign())]
    (sentence,) = sentences(cluster(looks, running=TLS_ARGS))
    assert "n1:/etc/baremetal-overlay/ca holds no CA, and MinIO runs with certificates of others" in sentence


def test_a_next_ca_is_trusted_beside_the_one_that_signs(ca, tmp_path):
    extra = Maker()
    (tmp_path / "next.crt").write_text(extra.text)
    given = cluster(good(ca), {**OWN, "tls_ca": str(tmp_path / "next.crt")}, running=TLS_ARGS)
    drawn = tls_plan.draw(given, NOW)
    assert drawn["due"] == {"n1": ["trust differs"], "n2": ["trust differs"]}
    assert drawn["certified"] == []
    assert drawn["trust"] == pem.bundle([extra.text, ca.text])
    then = [{**look, "trust": drawn["trust"], "ca": extra.text} for look in good(ca)]
    assert sentences(cluster(then, running=TLS_ARGS)) == []
    # Then it signs, and the former one is the one beside it: no server has to restart for that.
    (tmp_path / "former.crt").write_text(ca.text)
    given = cluster(then, {**OWN, "tls_ca": str(tmp_path / "former.crt")}, running=TLS_ARGS)
    assert tls_plan.draw(given, NOW)["trust_id"] == drawn["trust_id"]
    assert due(given) == {"n1": ["signed by another CA"], "n2": ["signed by another CA"]}


def given_cluster(tmp_path, ca, first, second, **more):
    (tmp_path / "ca.crt").write_text(ca.text)
    settings = {"tls": "given", "tls_ca": str(tmp_path / "ca.crt"), "tls_names": ["s3.example"]}
    return cluster([found(key="absent")] * 2, {**settings, **more}, (first, second))


def test_given_files_that_serve_are_due_once(tmp_path, ca):
    files = ca.files(tmp_path / "one")
    given = given_cluster(tmp_path, ca, files, files)
    assert sentences(given) == []
    drawn = tls_plan.draw(given, NOW)
    assert drawn["certified"] == ["n1", "n2"]
    assert drawn["files"]["n2"] == files
    installed = found(tls_plan.read_file(files["certificate"])[0], ca.text)
    assert due(Cluster(cluster([installed] * 2, given=(files, files)).hosts, given.settings)) == {}


def test_everything_wrong_with_given_files_is_said(tmp_path, ca):
    late = ca.files(tmp_path / "late", days=1, now=NOW - timedelta(days=9))
    early = ca.files(tmp_path / "early", now=NOW + timedelta(days=9))
    narrow = ca.files(tmp_path / "narrow", names=["minio1"])
    mixed = {**narrow, "key": late["key"]}
    stranger = Maker().files(tmp_path / "stranger")
    nowhere = {"certificate": "/nowhere.crt", "key": narrow["key"]}
    cases = [
        (late, "expired on"),
        (early, "is not valid before"),
        (narrow, "does not cover 10.0.0.1 and s3.example; it is for minio1"),
        (mixed, f"minio_tls_key {late['key']} does not belong to"),
        (stranger, "is not verified by minio_tls_ca"),
        (nowhere, "/nowhere.crt cannot be read (No such file or directory)"),
        ({"certificate": late["key"], "key": late["key"]}, "is not a certificate in PEM form"),
        ({**stranger, "key": late["certificate"]}, "is not a private key in PEM form"),
        ({"certificate": late["certificate"]}, "comes without minio_tls_key"),
        ({"key": late["key"]}, "comes without minio_tls_certificate"),
        ({}, "neither minio_tls_certificate nor minio_tls_key is"),
    ]
    fine = ca.files(tmp_path / "fine")
    for files, part in cases:
        told = sentences(given_cluster(tmp_path, ca, files, fine))
        assert any(sentence.startswith("n1: ") and part in sentence for sentence in told), (part, told)
        assert not any("n2" in sentence for sentence in told)
    # What is the same for both is said once.
    (sentence,) = sentences(given_cluster(tmp_path, ca, late, late))
    assert sentence.startswith("n1 and n2: ")


def test_a_certificate_that_running_servers_would_not_trust_is_refused(tmp_path, ca):
    files = ca.files(tmp_path / "new")
    given = given_cluster(tmp_path, ca, files, files)
    running = cluster([found(trust=Maker().text)] * 2, given.settings, (files, files), TLS_ARGS)
    (sentence,) = sentences(running)
    assert "is not verified by what the servers that run trust" in sentence
    both = cluster([found(trust=Maker().text + ca.text)] * 2, given.settings, (files, files), TLS_ARGS)
    assert sentences(both) == []


def test_a_given_certificate_is_for_new_hosts_too(tmp_path, ca):
    files = ca.files(tmp_path / "new")
    settings = given_cluster(tmp_path, ca, files, files).settings
    there = found(tls_plan.read_file(files["certificate"])[0], ca.text)
    joined = cluster([there, BARE], settings, (files, files), TLS_ARGS, started=[ca.text, None])
    assert sentences(joined) == []
    assert tls_plan.draw(joined, NOW)["due"] == {"n2": ["trust differs", "key absent"]}
    deleted = cluster([there, {**there, "trust": ""}], settings, (files, files), TLS_ARGS, started=[ca.text] * 2)
    assert sentences(deleted) == []
    # Laid out by a run that was killed before it restarted the servers.
    both = [{**there, "certificate": Maker().sign(), "trust": Maker().text + ca.text}] * 2
    (sentence,) = sentences(cluster(both, settings, (files, files), TLS_ARGS, started=[Maker().text] * 2))
    assert "is not verified by what the servers that run trust" in sentence
