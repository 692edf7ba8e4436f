# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``ipsec`` against a charon that keeps what it is told: phase by phase, and twice."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import (
    drive_match,
    ipsec,
    ipsec_state,
    nft_table,
    teardown,
    units,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.host.confirm import Pending
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import (
    backstop,
    charon,
    connections,
    files,
    keys,
    protected,
)
from ipsec_host import TABLE, actions, host_of, names, options


@pytest.fixture
def host(fake_system):
    return host_of(fake_system)


def test_ready_is_not_active(host):
    host.go(options("prepare"))
    assert actions(host) == {"none"}
    assert host.table == "" and host.daemon.associations == {}
    assert host.go(options("prepare")) == []


def test_clear_text_is_refused_only_after_everything_is_negotiated(host):
    host.go(options("prepare"))
    host.ran.clear()
    host.go(options("enforce"))
    said = [command for command, _what in host.daemon.said if command in ("initiate", "load-conn")]
    assert said == ["initiate", "initiate", "initiate", "load-conn"]
    assert host.ran[-3:-1] == [
        f"systemctl enable {backstop.TABLE.service}",
        f"systemctl restart {backstop.TABLE.service}",
    ]
    assert actions(host) == {"trap"}
    assert [line for line in host.files[files.CONF].splitlines() if line.startswith("# begins ")] == [
        "# begins baremetal-overlay-2 out",
        "# begins baremetal-overlay-2 same",
    ]


@pytest.mark.parametrize("phase", ["prepare", "enforce", "finish"])
def test_the_second_run_does_nothing(host, phase):
    for one in ("prepare", "enforce", "finish"):
        host.go(options(one))
    host.ran.clear()
    assert host.go(options(phase)) == []
    assert host.ran == []


def test_one_execution_does_it_all(host):
    assert host.go(options("finish"))
    assert host.go(options("finish")) == []


@pytest.mark.parametrize("stop", range(1, 12))
def test_what_was_broken_off_anywhere_is_finished_by_the_next_run(host, stop):
    host.go(options("prepare"))
    steps = ipsec.plan(options("enforce"), host.state()).steps
    for step in steps[:stop]:
        step.apply(host)
    host.go(options("finish"))
    assert host.go(options("finish")) == []
    assert host.table
    assert actions(host) == {"trap"}


def test_rotation_knows_old_and_new_until_all_have_the_new_one(host):
    for phase in ("prepare", "enforce"):
        host.go(options(phase))
    old = keys.digest(options()["peers"][0]["secret"])
    new = keys.digest(options(epoch=2)["peers"][0]["secret"])
    assert names(host) == [old]
    assert ipsec.plan(options(epoch=2), host.state()).flags["rotates"]
    host.go(options("prepare", epoch=2))
    # charon proves itself with the last one.
    assert names(host) == [new, old]
    host.go(options("prepare", epoch=2))
    assert names(host) == [new, old]
    host.go(options("enforce", epoch=2))
    assert names(host) == [old, new]
    before = host.daemon.associations["baremetal-overlay-2"]["uniqueid"]
    host.go(options("finish", epoch=2))
    assert names(host) == [new]
    assert host.daemon.associations["baremetal-overlay-2"]["uniqueid"] != before
    commands = [command for command, _what in host.daemon.said]
    assert commands.index("rekey") < commands.index("unload-shared")
    assert not [command for command in commands if command in ("load-conn", "terminate")]
    assert host.go(options(epoch=2)) == []


def test_a_peer_more_leaves_the_others_alone(host):
    host.go(options("finish"))
    host.go(options("prepare", (2, 3)))
    assert [what for command, what in host.daemon.said if command == "load-conn"] == [["baremetal-overlay-3"]]
    kept = connections.parse(host.files[files.CONF])["connections"]
    assert kept["baremetal-overlay-2"]["children"]["in"]["start_action"] == "trap"
    assert kept["baremetal-overlay-3"]["children"]["in"]["start_action"] == "none"
    host.go(options("enforce", (2, 3)))
    assert [what for command, what in host.daemon.said if command == "load-conn"] == [["baremetal-overlay-3"]]
    assert host.go(options("finish", (2, 3))) == []


def test_a_peer_less_goes_with_its_key(host):
    host.go(options("finish", (2, 3)))
    host.go(options("finish", (2,)))
    assert list(host.daemon.connections) == ["baremetal-overlay-2"]
    assert len(host.daemon.secrets) == 1
    assert "baremetal-overlay-3" not in host.daemon.associations
    assert host.go(options("finish", (2,))) == []


def test_what_others_have_in_charon_stays(host):
    host.daemon.connections["theirs"] = {"local_addrs": [], "remote_addrs": [], "children": {"x": {}}}
    host.daemon.secrets["ike-theirs"] = b""
    host.go(options("finish"))
    host.go({"state": "absent", "phase": "finish"})
    assert list(host.daemon.connections) == ["theirs"]
    assert list(host.daemon.secrets) == ["ike-theirs"]
    assert not [line for line in host.ran if "disable --now strongswan" in line]


def test_what_is_protected_changes_only_where_it_can_be_taken_back(host):
    host.go(options("finish"))
    other = {"protect": protected.derive("host", 4789)}
    plan = ipsec.plan(options("finish", **other), host.state())
    assert plan.flags["differs"]
    assert host.go(options("prepare", **other)) == []
    host.go(options("enforce", **other))
    assert host.go(options("finish", **other)) == []


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda host: host.daemon.connections.clear(), "load the connections with 1 peers"),
        (lambda host: host.daemon.secrets.clear(), "load keys"),
        (lambda host: setattr(host, "table", ""), "refuse clear text by the table inet baremetal_overlay_ipsec"),
        (lambda host: setattr(host, "table", TABLE.replace("_ipsec", "_x")), "another one is there"),
        (lambda host: host.files.update({files.CONF: "x"}), f"change {files.CONF}"),
        (lambda host: host.files.pop(files.LOADED), "ask for encryption with 1 peers"),
        (
            lambda host: host.daemon.connections["baremetal-overlay-2"].update(remote_addrs=["192.0.2.1"]),
            "ask for encryption with 1 peers",
        ),
    ],
)
def test_what_somebody_changed_is_seen_and_put_right(host, break_it, sentence):
    host.go(options("finish"))
    break_it(host)
    assert any(sentence in one for one in host.go(options("finish")))
    assert host.go(options("finish")) == []


def test_a_child_of_the_wrong_mode_is_made_anew(host):
    host.go(options("finish"))
    host.daemon.associations["baremetal-overlay-2"]["out"] = "TUNNEL"
    assert host.go(options("finish")) == ["negotiate with n2 (198.51.100.12)"]
    assert host.daemon.associations["baremetal-overlay-2"]["out"] == "TRANSPORT"


def test_the_mode_is_asserted_and_nothing_is_refused_without_it(host):
    host.daemon.mode = "TUNNEL"
    host.go(options("prepare"))
    with pytest.raises(OverlayError) as caught:
        host.go(options("enforce"))
    assert "ipsec: n2 (198.51.100.12): out is in TUNNEL mode, allowed is TRANSPORT" in str(caught.value)
    assert host.table == ""


def test_a_peer_that_does_not_answer_is_named_with_charons_words(host):
    host.daemon.unreachable = {"baremetal-overlay-3"}
    host.go(options("prepare", (2, 3)))
    with pytest.raises(OverlayError) as caught:
        host.go(options("enforce", (2, 3)))
    assert "ipsec: n3 (198.51.100.13): out was not negotiated" in str(caught.value)
    assert "giving up after 3 retransmits" in str(caught.value)
    assert "n2" not in str(caught.value)
    assert host.table == ""
    # One that is absent from the run by consent is not waited for.
    host.go(options("enforce", (2, 3), expect=["n2"]))
    assert host.table


def test_clear_text_is_let_through_before_anything_ends(host):
    host.go(options("finish"))
    host.go({"state": "absent", "phase": "prepare"})
    assert host.table == ""
    assert host.daemon.associations and host.daemon.connections
    assert [command for command, _what in host.daemon.said if command == "uninstall"] == ["uninstall"] * 3
    host.go({"state": "absent", "phase": "finish"})
    assert host.daemon.associations == host.daemon.connections == host.daemon.secrets == {}
    assert not [path for path in ipsec_state.FILES if path in host.files]
    assert ipsec.plan({"state": "absent", "phase": "finish"}, host.state()).steps == []


def test_an_end_that_was_broken_off_and_taken_back_leaves_no_peer_without_a_trap(host):
    """charon leaves alone what it knows already."""
    host.go(options("finish", (2, 3)))
    before = set(host.daemon.traps)
    assert len(before) == 2 * 3
    host.go({"state": "absent", "phase": "prepare"})
    assert host.daemon.traps == set()
    # Nor has one that is started before all is ended.
    kept = connections.parse(host.files[files.CONF])
    assert {c["start_action"] for one in kept["connections"].values() for c in one["children"].values()} == {"none"}
    assert len(host.state().secrets) == len(kept["secrets"]) == 2
    assert host.go({"state": "absent", "phase": "prepare"}) == []
    host.go(options("prepare", (2, 3)))
    assert host.daemon.traps == set()
    host.go(options("enforce", (2, 3)))
    assert host.daemon.traps == before
    assert host.go(options("finish", (2, 3))) == []


SPOILED = ["", "x", "connections = a", "connections {\n a = b\n c {\n children = d\n }\n}\n"]


@pytest.mark.parametrize("text", SPOILED)
def test_a_file_that_somebody_spoiled_is_put_right(host, text):
    host.go(options("finish"))
    right, host.files[files.CONF] = host.files[files.CONF], text
    host.go(options("prepare"))
    host.go(options("enforce"))
    assert host.files[files.CONF] == right


def test_what_is_begun_at_a_start_stays_while_other_peers_are_prepared(host):
    host.go(options("finish"))
    before = [line for line in host.files[files.CONF].splitlines() if line.startswith("# begins ")]
    host.go(options("prepare", (2, 3)))
    assert [line for line in host.files[files.CONF].splitlines() if line.startswith("# begins ")] == before != []


@pytest.mark.parametrize("text", SPOILED)
def test_a_file_that_somebody_spoiled_does_not_keep_clear_text_out(host, text):
    host.go(options("finish"))
    host.files[files.CONF] = text
    host.go({"state": "absent", "phase": "prepare"})
    assert (host.table, host.daemon.traps, host.files[files.CONF]) == ("", set(), text)


def test_a_bare_host_has_a_plan(host):
    bare = {name: units.Unit(name) for name in ipsec_state.UNITS}
    plan = ipsec.plan(options(), host.state(packages={}, units=bare, live=None, nft=None))
    assert plan.sentences[:5] == [
        f"write {files.SNIPPET_PATH}",
        f"write {files.SCRIPT_PATH}",
        f"write {files.DROP_IN_PATH}",
        "install charon-systemd, strongswan-swanctl, libstrongswan-standard-plugins, nftables",
        f"write {files.CONF}",
    ]
    assert plan.flags["enforced"] is False


RELOAD = "swanctl --reload-settings"


def test_a_charon_that_runs_reads_new_settings_at_once(host):
    host.go(options("finish"))
    host.files[files.SNIPPET_PATH] = "older"
    host.ran.clear()
    assert host.go(options("finish")) == [
        f"change {files.SNIPPET_PATH}",
        "have strongswan.service read its settings again",
    ]
    assert host.ran[:2] == [f"write {files.SNIPPET_PATH}", RELOAD]
    assert host.go(options("finish")) == []


@pytest.mark.parametrize("stop", range(1, 5))
def test_settings_that_were_written_and_not_read_are_read_by_the_next_run(host, stop):
    """Also where apt failed in between."""
    steps = ipsec.plan(options("prepare"), host.state(packages={})).steps
    for step in steps[:stop]:
        step.apply(host)
    host.go(options("prepare"))
    assert host.ran.count(RELOAD) >= 1
    assert host.go(options("prepare")) == []


def test_a_charon_that_its_package_started_before_its_settings_were_there_reads_them(host):
    bare = {name: units.Unit(name) for name in ipsec_state.UNITS}
    ipsec.plan(options("prepare"), host.state(packages={}, units=bare, live=None)).apply(host)
    start = f"systemctl start {ipsec_state.SERVICE}"
    assert host.ran.index(f"write {files.SNIPPET_PATH}") < host.ran.index(start) < host.ran.index(RELOAD)
    assert host.go(options("prepare")) == []


@pytest.mark.parametrize("rival", ipsec_state.RIVALS)
def test_one_program_speaks_ike_on_a_host(host, rival):
    state = host.state()
    running = {**state.units, rival: units.Unit(rival, load="loaded", active="active")}
    plan = ipsec.plan(options(), host.state(units=running))
    assert plan.violations == [
        f"ipsec: {rival} runs here, and one program speaks IKE on a host; `systemctl disable --now {rival}`, "
        "or set overlay_encryption to something else"
    ]
    assert plan.steps == []


def test_an_nft_that_cannot_is_a_violation(host):
    (sentence,) = ipsec.plan(options(), host.state(nft=False)).violations
    assert "`meta ipsec` and `rt ipsec`" in sentence


def test_a_peer_without_a_key_is_said_by_whoever_knows_the_master(host):
    peers = [{"name": "n2", "number": 2, "address": "198.51.100.12"}]
    plan = ipsec.plan(options(peers=peers), host.state())
    assert plan.violations == ["ipsec: peer n2 has no key; give it one that both hosts have"]
    assert plan.flags["declared"] is True


CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("trust", "file", "key", "refused"),
    [
        ("", None, "matches", True),
        ("", "no certificate", "differs", True),
        (CA, None, "matches", False),
        ("", CA, "matches", False),
        # As a check of a bare host finds it.
        ("", None, "absent", False),
    ],
)
@pytest.mark.parametrize("phase", ["prepare", "enforce", "finish"])
def test_a_certificate_is_shown_to_nobody_who_is_not_vouched_for(host, phase, trust, file, key, refused):
    host.files.update({files.TRUST: file} if file else {})
    given = options(phase, authentication="certificates", trust=trust)
    plan = ipsec.plan(given, host.state(key=key))
    assert bool(plan.violations) == refused
    assert not (refused and plan.steps)
    if refused:
        assert plan.violations == [
            f"ipsec: nobody is trusted to vouch for peers: trust is empty, and {files.TRUST} holds no certificate; "
            "give trust"
        ]
        assert plan.flags["declared"] is True


def test_a_change_that_waits_for_its_confirmation_is_made_again(host):
    host.go(options("finish"))
    pending = Pending("t", "ipsec", "2026-11-26T08:00:00Z", 0.0)
    plan = ipsec.plan(options("finish"), host.state(pending=pending))
    assert plan.sentences == [
        "refuse clear text by the table inet baremetal_overlay_ipsec (a change that another run made at "
        "2026-11-26T08:00:00Z is not confirmed yet)"
    ]


def test_no_diff_shows_a_key(host):
    host.go(options("prepare"))
    plan = ipsec.plan(options("prepare", epoch=2), host.state())
    shown = json.dumps([plan.diff("ipsec"), plan.report()])
    assert "(hidden)" in shown
    for epoch in (1, 2):
        assert options(epoch=epoch)["peers"][0]["secret"] not in shown
    loads = [step for step in plan.steps if isinstance(step, charon.Load)]
    assert loads and not [load for load in loads if options()["peers"][0]["secret"] in repr(load)]


@pytest.mark.parametrize(
    "written",
    [
        "secret = 0sYmFzZTY0\n", "    secret=plainbase64\n", 'secret = "base64"\n', "ike-x { secret = base64 }\n",
        'secret = "one \\" base64\nbase64"\n', 'secret1 = "base64\n',
    ],
)  # fmt: skip
def test_no_diff_shows_a_secret_that_somebody_wrote(host, written):
    host.go(options("prepare"))
    host.files[files.CONF] = f"secrets {{\n{written}    id-1 = shown\n}}\n"
    (shown,) = ipsec.plan(options("prepare"), host.state()).diff("ipsec")
    assert "base64" not in shown["before"] and "YmFzZTY0" not in shown["before"]
    assert shown["before"].startswith("secrets {\n") and "(hidden)" in shown["before"]


def test_the_way_back_has_the_table_and_the_files_of_before(host):
    host.go(options("prepare"))
    guard = ipsec.guard(options("enforce"), host.state(), host)
    assert {files.CONF, backstop.TABLE.path, backstop.TABLE.unit_path, backstop.TABLE.enabled_path} <= set(guard.files)
    assert guard.saved["table.nft"].startswith("table inet baremetal_overlay_ipsec\ndelete table")
    assert guard.targets == [("198.51.100.12", 2377), ("198.51.100.12", 7946)]
    assert [step.what for step in guard.redo] == [
        f"stop {backstop.TABLE.service}", "end what the change negotiated", "have charon load its files"
    ]  # fmt: skip


def test_what_is_confirmed_is_what_was_loaded(host):
    host.go(options("finish"))
    assert ipsec.verify(host) == []
    host.daemon.associations["baremetal-overlay-2"]["in"] = "TUNNEL"
    assert ipsec.verify(host) == ["baremetal-overlay-2: in is in TUNNEL mode"]
    host.table = ""
    assert "is not the one that was loaded any more" in ipsec.verify(host)[0]


def test_the_steps_that_come_before_the_way_back_change_nothing_in_force():
    assert set(ipsec.PREPARES) == {ipsec.packages.Install, nft_table.Check}


def test_a_teardown_ends_it(host):
    host.go(options("finish"))
    left = f"{backstop.TABLE.path}.reverted"
    names = ["ipsec.nft", "ipsec.loaded", "ipsec.table", "ipsec.nft.reverted"]
    state = teardown.State(drives=drive_match.State(), files=names, ipsec=host.state(remains=[left]))
    given = {
        "devices": [], "number": 1, "parent": "/srv/minio", "host": "n1", "drives_consent": [],
        "keep_credentials": False, "unhold": True, "keep": [], "directories": [],
    }  # fmt: skip
    plan = teardown.plan(given, state)
    sentences = plan.sentences
    assert len(sentences) == len(set(sentences))
    assert "let clear text through: delete the table inet baremetal_overlay_ipsec" in sentences
    assert (
        f"remove {files.CONF}" in sentences and "stop strongswan.service, which has no other connections" in sentences
    )


def test_copies_of_keys_that_a_killed_run_left_go_too(host):
    def end(phase):
        return ipsec.plan({"state": "absent", "phase": phase}, host.state(remains=left))

    host.go(options("finish"))
    host.files |= dict.fromkeys([f"{files.CONF}.reverted", f"{backstop.TABLE.path}.reverted", files.PENDING], "")
    left = ipsec_state.read(host, {}, {name: units.Unit(name) for name in ipsec_state.UNITS}).remains
    assert len(left) == 3
    gone = {f"remove {path}" for path in left}
    assert not gone & set(end("prepare").sentences)
    assert gone < set(end("finish").sentences)
    end("finish").apply(host)
    assert not set(left) & set(host.files)
    # Where nothing else is left, that is all: a charon that runs there is somebody else's.
    assert set(end("finish").sentences) == gone
