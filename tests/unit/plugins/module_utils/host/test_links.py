# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted of a kernel overlay's links, what is read, the difference, and the steps that make it none."""

from __future__ import annotations

import dataclasses
import json

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import links, links_diff, links_plan
from ansible_collections.baremetal.overlay.plugins.module_utils.host.confirm import Pending
from ansible_collections.baremetal.overlay.plugins.module_utils.host.links_plan import EVERYBODY, Entry
from ansible_collections.baremetal.overlay.plugins.module_utils.host.units import Unit

PEERS = [{"number": number, "address": f"198.18.0.{number}"} for number in (1, 2, 3)]
OPTIONS = {
    "kind": "vxlan",
    "vni": 7700,
    "port": None,
    "number": 1,
    "address": "198.18.0.1",
    "peers": PEERS,
    "subnet": "10.78.0.0/24",
    "bridge": "ovl0",
    "mtu": None,
    "underlay_mtu": None,
    "encryption": "none",
    "replication": "static",
}
ACTIVE = Unit(links.SERVICE, "loaded", "active", "exited", "success", "enabled")
ABSENT = Unit(links.NETWORKD)
MACS = {number: f"06:00:1e:14:00:0{number}" for number in (1, 2, 3)}


def options(**changes):
    return {**OPTIONS, **changes}


def peers6(count=3):
    return [{"number": number, "address": f"2001:db8::{number}"} for number in range(1, count + 1)]


@pytest.fixture
def found(fixture_text):
    return links_diff.parse_links(fixture_text("links-vxlan.json"))


@pytest.fixture
def entries(fixture_text):
    return links_diff.parse_entries(fixture_text("links-fdb.json"))


@pytest.fixture
def state(found, entries):
    files = {links.UNIT_PATH: links.UNIT, **links.boot_files(links_plan.want(OPTIONS, 1450))}
    return links.State(ACTIVE, ABSENT, found, entries, {"198.18.0.1": 1500}, files)


def test_vxlan_is_one_link_that_knows_all_peers():
    wanted = links_plan.want(OPTIONS, 1450)
    assert [(link.name, link.kind, link.master) for link in wanted.links] == [
        ("ovl0", "bridge", None),
        ("ovl0-vx", "vxlan", "ovl0"),
    ]
    assert wanted.links[0].mac == MACS[1]
    assert wanted.address == "10.78.0.1/24"
    assert wanted.entries == {
        Entry("ovl0-vx", mac, address)
        for number, address in ((2, "198.18.0.2"), (3, "198.18.0.3"))
        for mac in (EVERYBODY, MACS[number])
    }


@pytest.mark.parametrize(
    ("kind", "peers", "lines"),
    [
        (
            "geneve",
            PEERS,
            ["geneve id 7700 remote 198.18.0.2 dstport 6081 ttl 64 df set"],
        ),
        (
            "nvgre",
            PEERS,
            ["gretap remote 198.18.0.2 local 198.18.0.1 ttl 64 key 0.30.20.0 pmtudisc"],
        ),
        (
            "nvgre",
            peers6(),
            ["ip6gretap remote 2001:db8::2 local 2001:db8::1 ttl 64 key 0.30.20.0 encaplimit none"],
        ),
    ],
)
def test_others_are_a_link_for_each_peer_that_talks_to_the_bridge_only(kind, peers, lines):
    wanted = links_plan.want(options(kind=kind, peers=peers, address=peers[0]["address"]), 1400)
    changes = links_diff.diff(wanted, {})
    assert [line.split(" type ")[1] for line in changes.add if "ovl0-2" in line] == lines
    own = [line for line in changes.adjust if " dev ovl0-2 " in f"{line} "]
    assert own == [
        "link set dev ovl0-2 master ovl0",
        "link set dev ovl0-2 type bridge_slave isolated on learning off",
        "link set dev ovl0-2 up",
    ]
    assert wanted.entries == {Entry("ovl0-2", MACS[2]), Entry("ovl0-3", MACS[3])}
    assert f"fdb replace {MACS[2]} dev ovl0-2 master static" in changes.entries


def test_everything_is_up_last_and_the_bridge_after_all():
    changes = links_diff.diff(links_plan.want(options(kind="geneve"), 1450), {})
    assert changes.adjust[-3:] == ("link set dev ovl0-2 up", "link set dev ovl0-3 up", "link set dev ovl0 up")


def test_what_was_made_is_read_as_what_was_wanted(found, entries):
    assert links_diff.diff(links_plan.want(OPTIONS, 1450), found, entries) == links_diff.Changes()


@pytest.mark.parametrize(
    ("changes", "remove", "add", "drop"),
    [
        ({"vni": 7701}, ["ovl0-vx"], ["ovl0-vx"], []),
        ({"port": 4790}, ["ovl0-vx"], ["ovl0-vx"], []),
        # Where the kernel does not have the other kind, the one that works is still there.
        ({"kind": "geneve"}, [], ["ovl0-2", "ovl0-3"], ["ovl0-vx"]),
        ({"bridge": "ovl1"}, ["ovl0", "ovl0-vx"], ["ovl1", "ovl1-vx"], []),
        ({"subnet": "10.79.0.0/24"}, [], [], []),
        ({"peers": PEERS[:2]}, [], [], []),
    ],
)
def test_only_what_cannot_be_changed_is_made_anew(found, entries, changes, remove, add, drop):
    diff = links_diff.diff(links_plan.want(options(**changes), 1450), found, entries)
    assert [line.split()[-1] for line in diff.remove] == remove
    assert [line.split()[3] for line in diff.add] == add
    assert [line.split()[-1] for line in diff.drop] == drop


def test_a_peer_comes_and_one_goes(found, entries):
    peers = [PEERS[0], PEERS[1], {"number": 4, "address": "198.18.0.4"}]
    diff = links_diff.diff(links_plan.want(options(peers=peers), 1450), found, entries)
    assert not diff.links
    assert diff.entries == (
        f"fdb append {EVERYBODY} dev ovl0-vx self permanent dst 198.18.0.4",
        "fdb replace 06:00:1e:14:00:04 dev ovl0-vx self static dst 198.18.0.4",
        f"fdb delete {EVERYBODY} dev ovl0-vx self permanent dst 198.18.0.3",
        f"fdb delete {MACS[3]} dev ovl0-vx self static dst 198.18.0.3",
    )
    assert diff.words == ("change 4 forwarding entries",)


def test_a_peer_that_moved_is_replaced_and_not_deleted_after(found, entries):
    peers = [PEERS[0], PEERS[1], {"number": 3, "address": "198.18.0.33"}]
    diff = links_diff.diff(links_plan.want(options(peers=peers), 1450), found, entries)
    assert [line for line in diff.entries if MACS[3] in line] == [
        f"fdb replace {MACS[3]} dev ovl0-vx self static dst 198.18.0.33"
    ]


@pytest.mark.parametrize(
    ("name", "changes", "lines"),
    [
        ("ovl0", {"mtu": 1500}, ["link set dev ovl0 mtu 1450"]),
        ("ovl0", {"mac": "02:00:00:00:00:01"}, [f"link set dev ovl0 address {MACS[1]}"]),
        ("ovl0", {"up": False}, ["link set dev ovl0 up"]),
        ("ovl0", {"addresses": ()}, ["address replace 10.78.0.1/24 dev ovl0"]),
        (
            "ovl0",
            {"data": {"stp_state": 1, "forward_delay": 0, "mcast_snooping": 0}},
            ["link set dev ovl0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0"],
        ),
        ("ovl0-vx", {"mtu": 1500}, ["link set dev ovl0-vx mtu 1450"]),
        ("ovl0-vx", {"safe": False}, ["link set dev ovl0-vx type bridge_slave isolated on learning off"]),
        (
            "ovl0-vx",
            {"master": "br0"},
            ["link set dev ovl0-vx master ovl0", "link set dev ovl0-vx type bridge_slave isolated on learning off"],
        ),
    ],
)
def test_what_somebody_changed_is_set_in_place(found, entries, name, changes, lines):
    there = {**found, name: dataclasses.replace(found[name], **changes)}
    diff = links_diff.diff(links_plan.want(OPTIONS, 1450), there, entries)
    assert list(diff.links) == lines
    assert diff.words == (f"adjust the link {name}",)


def test_an_address_of_an_earlier_run_goes_first_and_anybody_elses_stays(found, entries):
    there = {**found, "ovl0": dataclasses.replace(found["ovl0"], addresses=("10.78.0.1/24", "10.78.0.9/24"))}
    wanted = links_plan.want(options(number=9, peers=PEERS[1:]), 1450)
    diff = links_diff.diff(wanted, there, entries, ["10.78.0.1/24", "10.80.0.1/24"])
    # The kernel takes the second one of a subnet along with the first.
    assert [line for line in diff.adjust if "address " in line and "link set" not in line] == [
        "address delete 10.78.0.1/24 dev ovl0",
        "address replace 10.78.0.9/24 dev ovl0",
    ]


def test_strangers_are_refused_by_name_and_by_number(found):
    wanted = links_plan.want(OPTIONS, 1450)
    assert links_diff.strangers(wanted, found) == []
    theirs = {name: dataclasses.replace(one, group="default") for name, one in found.items()}
    named = links_diff.strangers(wanted, theirs)
    assert len(named) == 2
    assert named[0].startswith("kernel overlay: the link ovl0 is there and was not made for it (bridge)")
    numbered = links_diff.strangers(wanted, {"vx7": dataclasses.replace(theirs["ovl0-vx"], name="vx7")})
    assert numbered == [
        "kernel overlay: the vxlan link vx7 of somebody else has vni 7700 on port 14789 already, and the kernel takes "
        "neither twice; choose another kernel_overlay_vni"
    ]


def test_sentences_stay_short_with_many_peers():
    peers = [{"number": number, "address": f"198.18.{number >> 8}.{number & 255}"} for number in range(1, 1001)]
    wanted = links_plan.want(options(kind="geneve", subnet="10.78.0.0/16", peers=peers, address="198.18.0.1"), 1450)
    assert links_diff.diff(wanted, {}).words == ("make the links ovl0, ovl0-2, ovl0-3, ovl0-4, ovl0-5 and 995 more",)


@pytest.mark.parametrize(("kind", "links_are"), [("vxlan", 2), ("geneve", 1000)])
def test_a_thousand_peers_are_two_processes(fake_system, kind, links_are):
    peers = [{"number": number, "address": f"198.18.{number >> 8}.{number & 255}"} for number in range(1, 1001)]
    wanted = links_plan.want(options(kind=kind, subnet="10.78.0.0/16", peers=peers), 1450)
    changes = links_diff.diff(wanted, {})
    system = fake_system()
    for step in links.batches(changes):
        step.apply(system)
    assert [one.split(" <<")[0] for one in system.ran] == ["ip -batch -", "bridge -batch -"]
    assert len(changes.add) == links_are
    assert len(changes.entries) == 999 * (2 if kind == "vxlan" else 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "ipip"}, 'kind "ipip" is unknown; allowed: vxlan, nvgre, geneve'),
        ({"vni": 0}, "vni 0 is not one of 1 to 16777215; choose another kernel_overlay_vni"),
        ({"vni": 1 << 24}, "vni 16777216 is not one of 1 to 16777215"),
        ({"kind": "nvgre", "vni": 77}, "vni 77 is not one of 4096 to 16777214"),
        ({"port": 70000}, "port 70000 is not one of 1 to 65535; choose another kernel_overlay_port"),
        ({"bridge": "a bridge"}, 'bridge "a bridge" is no name of at most 12 letters'),
        ({"bridge": "x" * 13}, "is no name of at most 12 letters"),
        ({"number": 300}, "overlay_host_number 300: 10.78.0.0/24 has addresses for the numbers 1 to 254"),
        ({"number": 70000, "subnet": "10.0.0.0/8"}, "host number 70000 is not one of 1 to 65535"),
        ({"subnet": "10.78.0.0"}, 'kernel_overlay_subnet "10.78.0.0": has no addresses for hosts'),
        ({"subnet": "10.78.0.7/24"}, 'kernel_overlay_subnet "10.78.0.7/24": is not a CIDR'),
        ({"address": "here"}, 'host number 1 has the underlay address "here", which is none'),
        ({"address": "fe80::1"}, "underlay address fe80::1 of host number 1 is valid on one link only"),
        ({"address": "198.18.0.2"}, "underlay address 198.18.0.2 is that of host numbers 1 and 2"),
        (
            {"peers": [*PEERS, {"number": 2, "address": "198.18.0.9"}]},
            "host number 2 has the underlay addresses 198.18.0.2 and 198.18.0.9; give each host its own",
        ),
        ({"peers": [*PEERS, *peers6(4)[3:]]}, "the underlay addresses are mixed (IPv4: 198.18.0.1, 198.18.0.2, "),
    ],
)
def test_what_cannot_be(changes, words, state):
    found = links_plan.violations(options(**changes))
    assert any(sentence.startswith("kernel overlay: ") and words in sentence for sentence in found), found
    plan = links.plan(options(**changes), state)
    assert plan.violations == found
    assert plan.flags == {"declared": True}
    assert not plan.steps


@pytest.mark.parametrize(
    ("changes", "underlay", "mtu", "words"),
    [
        ({}, 1500, 1450, None),
        ({"encryption": "ipsec"}, 1500, 1416, None),
        ({"underlay_mtu": 1400}, 1500, 1350, None),
        ({"underlay_mtu": 9000}, 1500, 1450, None),
        ({"mtu": 1300}, 1500, 1300, None),
        (
            {"mtu": 1451},
            1500,
            0,
            "kernel overlay: MTU 1451 is larger than what the underlay carries: 1500 - 20 (IPv4) - 8 (UDP) - "
            "8 (VXLAN) - 14 (Ethernet) = 1450; lower kernel_overlay_mtu to 1450 or less, or raise the MTU of the "
            "underlay",
        ),
        ({"subnet": "fd00:78::/64"}, 1300, 0, "kernel overlay: MTU 1250 is below 1280, which IP needs"),
    ],
)
def test_mtu(state, changes, underlay, mtu, words):
    plan = links.plan(options(**changes), dataclasses.replace(state, mtus={"198.18.0.1": underlay}))
    if words is None:
        assert plan.violations == []
        assert plan.flags["mtu"] == mtu
    else:
        assert len(plan.violations) == 1
        assert plan.violations[0].startswith(words)
        assert not plan.steps


def test_an_underlay_address_of_nobody_is_said(state):
    plan = links.plan(OPTIONS, dataclasses.replace(state, mtus={"198.18.0.7": 1500}))
    assert plan.violations == [
        "kernel overlay: the underlay address 198.18.0.1 is on none of the interfaces; they have 198.18.0.7"
    ]


def test_nothing_to_do_is_no_step(state):
    plan = links.plan(OPTIONS, state)
    assert (plan.violations, plan.steps) == ([], [])
    assert plan.flags["there"] is True
    assert plan.flags["address"] == "10.78.0.1/24"


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({}, False),
        ({"peers": PEERS[:2]}, False),
        ({"mtu": 1300}, False),
        ({"vni": 7701}, True),
        ({"port": 4790}, True),
        ({"kind": "geneve"}, True),
        ({"subnet": "10.79.0.0/24"}, True),
    ],
)
def test_a_host_that_would_leave_its_peers_is_told_from_one_that_changes(state, changes, parts):
    mtus = {"198.18.0.1": 1500}
    plan = links.plan(options(**changes), dataclasses.replace(state, mtus=mtus))
    assert plan.flags["parts"] is parts
    bare = links.State(state.unit, state.networkd, mtus=mtus)
    assert links.plan(options(**changes), bare).flags["parts"] is False


def test_live_first_then_what_is_read_at_boot(fake_system):
    plan = links.plan(OPTIONS, links.State(Unit(links.SERVICE), ABSENT, mtus={"198.18.0.1": 1500}))
    system = fake_system()
    plan.apply(system)
    ran = [one.split(" <<")[0] for one in system.ran]
    assert ran == [
        "ip -batch -",
        "bridge -batch -",
        "write /etc/baremetal-overlay/links.add",
        "write /etc/baremetal-overlay/links.set",
        "write /etc/baremetal-overlay/links.fdb",
        "write /etc/systemd/system/baremetal-overlay-links.service",
        "systemctl daemon-reload",
        "systemctl enable baremetal-overlay-links.service",
        "systemctl start baremetal-overlay-links.service",
    ]
    assert plan.sentences[0] == "make the links ovl0, ovl0-vx"
    # At boot the same lines are read as were applied.
    made = system.ran[0].split("<<\n")[1]
    boot = system.files[links.ADD].replace(links.HEAD, "") + system.files[links.ADJUST].replace(links.HEAD, "")
    assert made == boot


@pytest.mark.parametrize("kind", ["vxlan", "geneve", "nvgre"])
def test_boot_needs_no_line_that_fails_where_it_has_been_done(kind):
    files = links.boot_files(links_plan.want(options(kind=kind), 1400))
    assert "link add" not in files[links.ADJUST] + files[links.ENTRIES]
    assert {line.split()[0] for line in files[links.ADD].splitlines()[1:]} == {"link"}
    for line in files[links.ENTRIES].splitlines()[1:]:
        assert line.startswith(("fdb append", "fdb replace"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"unit": dataclasses.replace(ACTIVE, enabled="disabled")}, "enable baremetal-overlay-links.service at boot"),
        (
            {"unit": dataclasses.replace(ACTIVE, active="failed")},
            "start baremetal-overlay-links.service (it is failed)",
        ),
        (
            {"networkd": Unit(links.NETWORKD, "loaded", "active", enabled="enabled")},
            "write /etc/systemd/network/05-baremetal-overlay.network (systemd-networkd leaves these links alone)",
        ),
    ],
)
def test_what_is_missing_beside_the_links(state, changes, sentence):
    assert links.plan(OPTIONS, dataclasses.replace(state, **changes)).sentences == [sentence]


def test_a_host_without_iproute2_is_told_so_and_of_nothing_else():
    found = links.plan(OPTIONS, links.State(Unit(links.SERVICE), ABSENT, tools=False))
    assert found.violations == ["kernel overlay: iproute2 is not installed: apt-get install iproute2"]
    assert found.steps == []


@pytest.mark.parametrize("path", [links.ADD, links.ADJUST, links.ENTRIES, links.UNIT_PATH])
def test_a_file_that_somebody_changed_is_written_again(state, path):
    files = {**state.files, path: "changed"}
    plan = links.plan(OPTIONS, dataclasses.replace(state, files=files))
    assert len(plan.sentences) == 1
    assert path in plan.sentences[0]


def guard(state, fake_system, **changes):
    answers = {"bridge": json.dumps([{"ifname": one.link, "mac": one.mac, "dst": one.dst} for one in state.entries])}
    return links.guard(options(**changes), state, fake_system(answers=answers))


def test_where_nothing_was_all_that_is_made_goes_again(state, fake_system):
    bare = dataclasses.replace(state, found={}, entries=frozenset(), unit=Unit(links.SERVICE))
    found = guard(bare, fake_system)
    assert found.saved["links.gone"].splitlines() == ["link delete dev ovl0-vx", "link delete dev ovl0"]
    assert {found.saved[name] for name in ("links.add", "links.set", "links.fdb")} == {""}
    assert [step.what for step in found.redo] == [f"stop {links.SERVICE}"]
    assert set(found.files) >= {links.ADD, links.ADJUST, links.ENTRIES, links.UNIT_PATH, links.ENABLED_PATH}
    # Peers answer on the underlay; by the overlay they may only do so after all hosts have changed.
    assert {address for address, _port in found.targets} == {"198.18.0.2", "198.18.0.3"}


def test_what_was_there_is_made_as_it_was_and_what_a_change_adds_goes(state, fake_system):
    found = guard(state, fake_system, subnet="10.79.0.0/24", peers=[*PEERS, {"number": 4, "address": "198.18.0.4"}])
    assert found.saved["links.gone"] == "address delete 10.79.0.1/24 dev ovl0\n"
    assert "address replace 10.78.0.1/24 dev ovl0\n" in found.saved["links.set"]
    assert [line.split()[-1] for line in found.saved["links.over"].splitlines()] == ["198.18.0.4", "198.18.0.4"]
    assert (
        found.saved["links.fdb"] == links.boot_files(links_plan.want(OPTIONS, 1450))[links.ENTRIES][len(links.HEAD) :]
    )
    assert not found.redo


def test_what_is_made_anew_goes_first(state, fake_system):
    assert guard(state, fake_system, vni=7701).saved["links.gone"] == "link delete dev ovl0-vx\n"


def test_at_boot_files_that_a_change_took_along_are_no_failure():
    assert f"\nConditionPathExists={links.ADD}\n" in links.UNIT


def test_a_change_that_is_not_confirmed_yet_is_waited_for(state):
    pending = Pending("abc", "links", "2026-11-26T07:24:01Z", 0.0)
    (sentence,) = links.plan(OPTIONS, dataclasses.replace(state, pending=pending)).sentences
    assert sentence == (
        f"start {links.SERVICE} (a change that another run made at 2026-11-26T07:24:01Z is not confirmed yet)"
    )


def test_a_line_that_fails_is_named(fake_system):
    system = fake_system(failing=["ip -batch"], words="RTNETLINK answers: Operation not supported\nCommand failed -:2")
    step = links.Batch("ip", ("link add name ovl0 type bridge", "link add name ovl0-2 type geneve id 1"), "make")
    with pytest.raises(OverlayError, match="kernel overlay: `ip link add name ovl0-2 type geneve id 1`: RTNETLINK"):
        step.apply(system)


def test_traffic_and_ports():
    assert links_plan.traffic(options()) == {"protocol": "udp", "port": 14789}
    assert links_plan.traffic(options(kind="geneve", port=6090)) == {"protocol": "udp", "port": 6090}
    assert links_plan.traffic(options(kind="nvgre", port=6090)) == {"protocol": "gre", "port": 0}


def test_what_is_no_link_is_read_as_none():
    assert links_diff.parse_links("") == {}
    assert links_diff.parse_entries("") == frozenset()
    # iproute2 shows an empty object for each link that a filter left out.
    assert links_diff.parse_links(json.dumps([{}, {"ifname": "lo"}])).keys() == {"lo"}
