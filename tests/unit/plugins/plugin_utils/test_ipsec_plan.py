# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPsec on the controller: what is refused with which words, who works together, and which certificates are due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.filter import ipsec as filters
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import protected
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import pem, tls
from ansible_collections.baremetal.overlay.plugins.plugin_utils import ipsec_plan, plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import ipsec, kernels, violations

NOW = datetime.now(timezone.utc)
MASTER = "0123456789abcdefghijklmnopqrstuvwxyz"
SETTINGS: dict[str, Any] = {
    "network_driver": "overlay",
    "encryption": "ipsec",
    "ipsec_authentication": "psk",
    "ipsec_psk_master": MASTER,
    "ipsec_psk_epoch": 1,
    "ipsec_ca_host": None,
    "ipsec_ca_dir": "/nowhere/ca",
    "ipsec_days": 365,
    "ipsec_renew_days": 30,
    "ipsec_protect": protected.derive("overlay", 4789),
    "ssh_ports": [22],
}
CERTIFICATES = {"ipsec_authentication": "certificates", "ipsec_ca_host": "n1"}
Section = dict[str, Any]


def host(number: int, section: Section | None = None, seen: bool = True, **facts: Any) -> Host:
    """A member of a swarm that encrypts already."""
    found = {"enforced": True, "rotates": False, "differs": False, "changed": False, **(section or {})}
    swarm = {"state": "active", "manager": number == 1}
    return Host(
        name=f"n{number}",
        groups=frozenset({"managers" if number == 1 else "workers"}),
        number=number,
        address=f"198.51.100.1{number}",
        report={"facts": {"swarm": swarm, **facts}, "sections": {"ipsec": found}} if seen else None,
    )


def cluster(*hosts: Host, **settings: Any) -> Cluster:
    return Cluster(hosts=hosts or (host(1), host(2)), settings={**SETTINGS, **settings})


def said(given: Cluster) -> list[str]:
    return violations(given, ipsec.RULES)


def test_a_good_inventory_has_nothing_wrong() -> None:
    assert said(cluster()) == []
    assert said(cluster(encryption="none", ipsec_psk_master=None)) == []
    assert said(cluster(encryption="docker", ipsec_psk_master=None)) == []


SETTING_CASES = [
    ({"network_driver": "kernel", "encryption": "docker"}, "overlay_network_driver is kernel; set it to ipsec or none"),
    ({"network_driver": "macvlan", "encryption": "docker"}, "overlay_network_driver is macvlan; set it to none"),
    ({"network_driver": "macvlan"}, "what macvlan sends passes the host by; set it to none and have MinIO encrypt"),
    ({"network_driver": "ipvlan"}, "what ipvlan sends passes the host by"),
    ({"ipsec_authentication": "x509"}, 'ipsec_authentication: "x509" is unknown; allowed: psk, certificates'),
    ({"ipsec_psk_master": None}, "ipsec_psk_master: is not set, and ipsec_authentication is psk"),
    ({"ipsec_psk_master": "short"}, "ipsec_psk_master: has 5 characters"),
    ({"ipsec_psk_epoch": "new"}, 'ipsec_psk_epoch: "new" is not a whole number'),
    ({**CERTIFICATES, "ipsec_ca_host": None}, "ipsec_ca_host: is not set, and ipsec_authentication is certificates"),
    (
        {**CERTIFICATES, "ipsec_ca_host": "n9"},
        'ipsec_ca_host: "n9" is no host of this deployment; allowed: n1, n2, loc',
    ),
    ({**CERTIFICATES, "ipsec_renew_days": 365}, "ipsec_days, ipsec_renew_days: are 365 and 365"),
    ({"ipsec_protect": []}, "ipsec_protect: is empty"),
    ({"ipsec_protect": "all"}, "ipsec_protect: is empty"),
    ({"ipsec_protect": [{"protocol": "tcp", "port": 22}]}, "is ssh, without which nobody could repair this"),
    ({"ipsec_protect": [{"protocol": "tcp", "port": 2222}], "ssh_ports": [2222]}, "is ssh"),
]


@pytest.mark.parametrize(("settings", "sentence"), SETTING_CASES)
def test_settings_that_cannot_be(settings: dict[str, Any], sentence: str) -> None:
    found = [one for one in said(cluster(**settings)) if sentence in one]
    assert len(found) == 1
    assert MASTER not in found[0]


def test_both_encryptions() -> None:
    hosts = host(1, encrypted_networks=["minio-overlay"]), host(2)
    (sentence,) = said(cluster(*hosts))
    assert sentence == (
        'network "minio-overlay": is encrypted by Docker, and overlay_encryption is ipsec for the same packets '
        "(4789/udp); one of both encrypts: remove the network or make it anew without `encrypted`, or set "
        "overlay_encryption: docker"
    )
    own = {"networks": [{"name": "minio-overlay"}]}
    (sentence,) = said(cluster(*hosts, **own))
    assert "agree that it is made anew without that" in sentence
    assert "by swarm_network_consent: [minio-overlay], or set" in sentence
    assert said(cluster(*hosts, **own, swarm_network_consent=["minio-overlay"])) == []
    # An entry that is none is said once, by the rule for the list.
    (sentence,) = said(cluster(*hosts, ipsec_protect=["4789"]))
    assert 'entry 1: "4789" has no names' in sentence
    # Where something else is protected, Docker's networks are its own affair.
    assert said(cluster(*hosts, ipsec_protect=[{"protocol": "udp", "port": 14789}])) == []


def test_what_is_in_force_is_not_changed_in_place() -> None:
    (sentence,) = said(cluster(host(1, {"differs": True}), host(2, {"differs": True})))
    assert sentence == (
        "n1 and n2: IPsec is in force for something else than this inventory says (what is protected, or how hosts "
        "authenticate), and hosts that differ in that cut each other off; set it back, or run once with "
        "overlay_encryption: none, which sends clear text until the next run"
    )
    assert said(cluster(host(1, {"differs": True, "enforced": False}), host(2))) == []


ALONE_CASES = [
    ({}, {"enforced": False}, "n1: is in the swarm and sends in clear text; all hosts begin to encrypt together"),
    ({}, {"rotates": True}, "n1: has other keys than ipsec_psk_master gives; all hosts change them together"),
    ({"encryption": "none"}, {}, "n1: encrypts; all hosts end that together"),
]


@pytest.mark.parametrize(("settings", "section", "sentence"), ALONE_CASES)
def test_what_no_host_changes_alone(settings: dict[str, Any], section: Section, sentence: str) -> None:
    (found,) = said(cluster(host(1, section), host(2, seen=False), **settings))
    assert found == f"{sentence}, and this run leaves out n2; run without --limit"
    assert said(cluster(host(1, section), host(2), **settings)) == []


def test_one_host_of_a_cluster_that_encrypts_may_run_alone() -> None:
    assert said(cluster(host(1, {"changed": True}), host(2, seen=False))) == []


def test_a_host_that_is_not_in_the_swarm_may_begin_alone() -> None:
    assert said(cluster(host(1, {"enforced": False}, swarm={"state": "inactive"}), host(2, seen=False))) == []


@pytest.mark.parametrize(("address", "feature"), [("198.51.100.11", "esp"), ("2001:db8::11", "esp6")])
def test_a_kernel_without_esp(address: str, feature: str) -> None:
    verdicts = {name: {"has": name != feature, "why": "it says so"} for name in ("esp", "esp6", "xfrm", "nf_tables")}
    one = host(1, features=verdicts, kernel="6.18")
    one = Host(**{**vars(one), "address": address})
    (sentence,) = violations(cluster(one), kernels.RULES)
    assert sentence.startswith(
        f"n1: kernel 6.18 lacks {feature} (it says so), and overlay_encryption: ipsec encrypts wi"
    )


@pytest.fixture(scope="module")
def authority() -> tuple[str, bytes]:
    key = tls.make_key()
    return tls.make_ca(key, 3650, NOW), key


Certify = Callable[..., Section]


@pytest.fixture
def certified(authority: tuple[str, bytes]) -> Certify:
    """What a host has that was certified."""

    def make(number: int, days: int = 365, ago: int = 0, **changed: Any) -> Section:
        ca, key = authority
        name = f"host{number}.baremetal-overlay"
        request = tls.make_request(tls.make_key(), name)
        certificate = tls.sign(request, ca, key, name, [name], days, NOW - timedelta(days=ago))
        return {"certificate": certificate, "key": "matches", "trust": pem.bundle([ca]), "ca": None, **changed}

    return make


def test_good_certificates_are_not_due(certified: Certify, authority: tuple[str, bytes]) -> None:
    given = cluster(host(1, certified(1, ca=authority[0])), host(2, certified(2)), **CERTIFICATES)
    plan = ipsec_plan.draw(given, NOW)
    assert (plan["due"], plan["work"], plan["canary"]) == ({}, [], None)
    assert plan["trust"] == pem.bundle([authority[0]])
    assert said(given) == []


DUE_CASES = [
    ({"key": "absent", "certificate": ""}, "key absent"),
    ({"key": "differs"}, "key differs"),
    ({"trust": ""}, "trust differs"),
]


@pytest.mark.parametrize(("changed", "reason"), DUE_CASES)
def test_what_is_due(certified: Certify, authority: tuple[str, bytes], changed: Section, reason: str) -> None:
    hosts = (host(1, certified(1, ca=authority[0])), host(2, certified(2, **changed)))
    plan = ipsec_plan.draw(cluster(*hosts, **CERTIFICATES), NOW)
    assert plan["due"] == {"n2": [reason]}
    assert plan["certified"] == ([] if reason == "trust differs" else ["n2"])
    assert plan["work"] == ["n2"]


def test_what_ends_soon_or_names_another_host_is_due(certified: Certify, authority: tuple[str, bytes]) -> None:
    hosts = (host(1, certified(1, ca=authority[0], days=29)), host(2, certified(3)))
    assert ipsec_plan.draw(cluster(*hosts, **CERTIFICATES), NOW)["due"] == {
        "n1": ["certificate ends in 29 days"],
        "n2": ["names differ"],
    }


def test_another_ca_signs_anew(certified: Certify) -> None:
    other = tls.make_ca(tls.make_key(), 3650, NOW)
    due = ipsec_plan.draw(cluster(host(1, certified(1, ca=other)), **CERTIFICATES), NOW)["due"]
    assert due == {"n1": ["trust differs", "signed by another CA"]}


def test_an_expired_certificate_is_a_violation_where_nobody_can_renew_it(certified: Certify) -> None:
    section = certified(2, days=30, ago=40)
    ended = tls.see(section["certificate"]).not_after
    (sentence,) = said(cluster(host(1, seen=False), host(2, section), **CERTIFICATES))
    assert sentence == (
        f"n2: its IPsec certificate expired on {ended:%Y-%m-%d}, and this run leaves out n1, which keeps the CA; "
        "run with it, too"
    )


def test_an_expired_ca_is_a_violation_with_its_date(certified: Certify) -> None:
    ca = tls.make_ca(tls.make_key(), 10, NOW - timedelta(days=20))
    found = said(cluster(host(1, certified(1, ca=ca)), **CERTIFICATES))
    assert found == [
        f"ipsec_ca_dir: the CA of n1:/nowhere/ca expired on {tls.see(ca).not_after:%Y-%m-%d}, and what it signs is "
        "worth nothing; move its directory away and run with all hosts (docs/ipsec.md, another CA)"
    ]


def test_a_ca_that_was_lost(certified: Certify) -> None:
    (sentence,) = said(cluster(host(1, certified(1)), host(2, certified(2)), **CERTIFICATES))
    assert sentence.startswith("ipsec_ca_dir: n1:/nowhere/ca holds no CA, and n1 and n2 trust one already")


def test_a_ca_on_the_controller_is_read_there(authority: tuple[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text(authority[0], encoding="utf-8")
    settings = {**CERTIFICATES, "ipsec_ca_host": "localhost", "ipsec_ca_dir": str(tmp_path)}
    assert ipsec_plan.draw(cluster(**settings), NOW)["trust"] == pem.bundle([authority[0]])


def test_all_who_work_are_taken_together_and_one_goes_first() -> None:
    changed = {"changed": True, "forgets": True}
    plan = ipsec_plan.draw(cluster(host(1), host(2, changed), host(3, changed)), NOW)
    assert (plan["work"], plan["canary"], plan["forgets"]) == (["n2", "n3"], "n2", True)
    assert plan["expect"] == ["n1", "n2", "n3"]


HOSTVARS = {f"n{n}": {"overlay_host_number": n, "overlay_underlay_address": f"198.51.100.1{n}"} for n in (3, 1, 2)}


def test_a_host_gets_the_keys_of_its_own_pairs() -> None:
    found = {own: filters.ipsec_peers(HOSTVARS, ["n1", "n2", "n3"], own, MASTER) for own in HOSTVARS}
    assert [(one["name"], one["number"], one["address"]) for one in found["n1"]] == [
        ("n2", 2, "198.51.100.12"),
        ("n3", 3, "198.51.100.13"),
    ]
    key = {(own, one["name"]): one["secret"] for own, peers in found.items() for one in peers}
    assert key["n1", "n2"] == key["n2", "n1"]
    assert len(set(key.values())) == 3
    assert filters.ipsec_peers(HOSTVARS, ["n1", "n2"], "n1", MASTER, 2)[0]["secret"] != key["n1", "n2"]


@pytest.mark.parametrize(
    ("master", "epoch"), [(None, 1), ("short", 1), (MASTER, "new"), (MASTER, None), (MASTER, True), (MASTER, "²")]
)
def test_without_a_good_master_and_epoch_there_are_peers_without_keys(master: Any, epoch: Any) -> None:
    """An error here would come before the rule that says what is wrong."""
    assert filters.ipsec_peers(HOSTVARS, ["n1", "n2"], "n1", master, epoch) == [
        {"name": "n2", "number": 2, "address": "198.51.100.12"}
    ]


def test_a_host_that_is_not_declared_well_is_left_out() -> None:
    hostvars = {**HOSTVARS, "n2": {"overlay_host_number": "two"}}
    assert [one["name"] for one in filters.ipsec_peers(hostvars, ["n1", "n2", "n3"], "n1", MASTER)] == ["n3"]
    assert filters.ipsec_peers(hostvars, ["n1", "n2", "n3"], "n2", MASTER) == []


@pytest.mark.parametrize(("encryption", "mtu"), [("none", 1500), ("docker", 1500), ("ipsec", 1466)])
def test_the_engine_is_told_what_ipsec_leaves(encryption: str, mtu: int) -> None:
    hosts = [host(number, addresses=[{"address": f"198.51.100.1{number}", "mtu": 1500}]) for number in (1, 2)]
    drawn = plan.draw(cluster(*hosts, encryption=encryption))
    assert (drawn["underlay_mtu"], drawn["swarm_mtu"]) == (1500, mtu)
