# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is protected, how that is said to charon, and how clear text is refused: tables and texts."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import backstop, connections, protected

CONTROL = ["2377/tcp", "7946/tcp", "7946/udp"]
OPTIONS = {
    "number": 1,
    "address": "198.51.100.11",
    "authentication": "psk",
    "peers": [
        {"name": "b", "number": 2, "address": "198.51.100.12"},
        {"name": "c", "number": 3, "address": "2001:db8::13"},
    ],
    "protect": protected.derive("overlay", 4789),
}


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("overlay", 4789), [*CONTROL, "4789/udp"]),
        (("overlay", 5789, "vxlan", 0, 9000, False), ["5789/udp"]),
        (("kernel", 4789, "vxlan", 14789), [*CONTROL, "14789/udp"]),
        (("kernel", 4789, "geneve", 6081), [*CONTROL, "6081/udp"]),
        (("kernel", 4789, "nvgre", 0), [*CONTROL, "gre"]),
        (("host", 4789, "vxlan", 14789, 9100), [*CONTROL, "9100/tcp"]),
        (("bridge", 4789), CONTROL),
    ],
)
def test_what_a_deployment_sends_between_hosts(arguments, found):
    assert sorted(str(one) for one in protected.read(protected.derive(*arguments))) == sorted(found)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "is empty"),
        ([{"protocol": "sctp", "port": 5}], "the protocol is unknown; allowed: udp, tcp, gre"),
        ([{"protocol": "udp", "port": "many"}], "the port is none"),
        ([{"protocol": "udp", "port": 65536}], "the port is none"),
        ([{"protocol": "udp"}], "has no port, and would be all of udp"),
        ([{"protocol": "gre", "port": 5}], "GRE has no ports"),
        ([{"protocol": "tcp", "port": 22}], "entry 1 (tcp 22): is ssh"),
        ([{"protocol": "gre"}, {"protocol": "tcp", "port": 2222}], "entry 2 (tcp 2222): is ssh"),
        ([{"protocol": "udp", "port": 500}], "is IKE"),
        (["udp/4789"], 'entry 1: "udp/4789" has no names; give for example {protocol: udp, port: 4789}'),
    ],
)
def test_what_cannot_be_protected(given, words):
    (sentence,) = protected.violations(given, {22, 2222})
    assert words in sentence


def test_what_is_derived_can_be_protected():
    for driver in ("overlay", "kernel", "host", "bridge"):
        assert protected.violations(protected.derive(driver, 4789, "vxlan", 14789)) == []


def test_two_children_for_what_has_a_random_port_and_one_for_what_has_not():
    found = connections.connections(OPTIONS, connections.ACTIVE)["baremetal-overlay-2"]["children"]
    any_port = ["dynamic[6]", "dynamic[17]"]
    ports = ["dynamic[6/2377]", "dynamic[6/7946]", "dynamic[17/4789]", "dynamic[17/7946]"]
    assert {name: (child["local_ts"], child["remote_ts"]) for name, child in found.items()} == {
        "out": (any_port, ports),
        "in": (ports, any_port),
        "same": (["dynamic[17/7946]"], ["dynamic[17/7946]"]),
    }
    assert {child["mode"] for child in found.values()} == {"transport"}


def test_gre_has_one_child():
    options = {**OPTIONS, "protect": protected.derive("kernel", 4789, "nvgre", control=False)}
    (child,) = connections.connections(options, connections.ACTIVE)["baremetal-overlay-2"]["children"].items()
    assert (child[0], child[1]["local_ts"], child[1]["remote_ts"]) == ("gre", ["dynamic[47]"], ["dynamic[47]"])


def mirrored(one, other):
    """Both ends of a connection, as one sees it and as the other one does."""
    swap = {"out": "in", "in": "out", "same": "same", "gre": "gre"}
    return one["local"]["id"] == other["remote"]["id"] and all(
        (child["local_ts"], child["remote_ts"]) == (theirs["remote_ts"], theirs["local_ts"])
        for name, child in one["children"].items()
        for theirs in [other["children"][swap[name]]]
    )


def test_both_ends_say_the_same_and_one_of_them_begins():
    protect = [*protected.derive("kernel", 4789, "nvgre"), *protected.derive("overlay", 4789)]
    first = {**OPTIONS, "protect": protect}
    second = {
        **first, "number": 2, "address": "198.51.100.12", "peers": [{"number": 1, "address": "198.51.100.11"}]
    }  # fmt: skip
    found = connections.connections(first, connections.ACTIVE)
    theirs = connections.connections(second, connections.ACTIVE)
    one, other = found["baremetal-overlay-2"], theirs["baremetal-overlay-1"]
    assert all(mirrored(*ends) for ends in ((one, other), (other, one)))
    begun = [child for name, child in connections.begins(found, 1) if name == "baremetal-overlay-2"]
    assert begun == ["out", "same", "gre"]
    assert connections.begins(theirs, 2) == [("baremetal-overlay-1", "out")]
    assert connections.begins(connections.connections(first, connections.READY), 1) == []
    # Where nothing else would tell the peer, both do.
    tunnels = {**second, "protect": [{"protocol": "gre", "port": 0, "same": False, "anybody": False}]}
    only = connections.connections(tunnels, connections.ACTIVE)
    assert connections.begins(only, 2) == [("baremetal-overlay-1", "gre")]


@pytest.mark.parametrize("action", [connections.READY, connections.ACTIVE])
def test_who_is_ready_asks_for_nothing(action):
    found = connections.connections(OPTIONS, action)
    for what in ("start_action", "dpd_action", "close_action"):
        assert {child[what] for one in found.values() for child in one["children"].values()} == {action}


def test_an_address_is_the_same_to_charon_however_it_is_written():
    """Written anew, it is no other connection, which would be loaded again."""
    peers = [OPTIONS["peers"][0], {**OPTIONS["peers"][1], "address": "2001:DB8:0::13"}]
    for given, wanted in (("2001:DB8:0::11", "2001:db8::11"), ("198.51.100.11", "198.51.100.11")):
        found = connections.connections({**OPTIONS, "address": given, "peers": peers}, connections.ACTIVE)
        assert found["baremetal-overlay-3"]["local_addrs"] == [wanted]
        assert found["baremetal-overlay-3"]["remote_addrs"] == ["2001:db8::13"]


def test_certificates_name_who_vouches():
    options = {**OPTIONS, "authentication": "certificates"}
    one = connections.connections(options, connections.ACTIVE, ["PEM"])["baremetal-overlay-3"]
    assert one["remote"] == {"auth": "pubkey", "id": "fqdn:host3.baremetal-overlay", "cacerts": ["PEM"]}
    # Not its own certificate: another one must not make it another connection.
    assert one["local"] == {"auth": "pubkey", "id": "fqdn:host1.baremetal-overlay"}


def test_what_is_rendered_can_be_kept():
    found = {"connections": connections.connections(OPTIONS, connections.ACTIVE)}
    text = "# a comment\n" + connections.render(found)
    again = connections.parse(text)
    assert connections.render(again) == connections.render(found)
    assert again["connections"]["baremetal-overlay-2"]["children"]["in"]["remote_ts"] == "dynamic[6], dynamic[17]"


def test_the_table_word_by_word():
    lines = [line.strip() for line in backstop.ruleset(OPTIONS).splitlines()]
    leaves = lines[lines.index("chain leaves {") : lines.index("chain leaving {")]
    errors = [line for line in leaves if line.startswith(("icmp", "ip daddr @peers4 icmp", "ip6 daddr @peers6 icmp"))]
    quotes = leaves[leaves.index("chain quotes4 {") - 1 :]
    leaves = [line for line in leaves[: -len(quotes) + 1] if line not in errors]
    assert leaves[3:-1] == [
        'oifname "lo" accept comment "the host itself"',
        "ip daddr @peers4 tcp dport { 2377, 7946 } jump leaving",
        "ip daddr @peers4 tcp sport { 2377, 7946 } jump leaving",
        "ip6 daddr @peers6 tcp dport { 2377, 7946 } jump leaving",
        "ip6 daddr @peers6 tcp sport { 2377, 7946 } jump leaving",
        "ip daddr @peers4 udp dport { 4789, 7946 } jump leaving",
        "ip daddr @peers4 udp sport { 4789, 7946 } jump leaving",
        "ip6 daddr @peers6 udp dport { 4789, 7946 } jump leaving",
        "ip6 daddr @peers6 udp sport { 4789, 7946 } jump leaving",
        'udp dport 4789 jump leaving comment "with anybody"',
    ]
    of_4 = "icmp type { destination-unreachable, source-quench, redirect, time-exceeded, parameter-problem }"
    of_6 = "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }"
    assert errors == [
        f"ip daddr @peers4 {of_4} jump quotes4",
        f"ip6 daddr @peers6 {of_6} jump quotes6",
        f'{of_4} @th,136,8 17 @th,240,16 4789 jump leaving comment "with anybody"',
        f'{of_6} @th,112,8 17 @th,400,16 4789 jump leaving comment "with anybody"',
    ]
    assert [line for line in quotes if "2377" in line] == [
        "@th,136,8 6 @th,240,16 2377 jump leaving",
        "@th,136,8 6 @th,224,16 2377 jump leaving",
        "@th,112,8 6 @th,400,16 2377 jump leaving",
        "@th,112,8 6 @th,384,16 2377 jump leaving",
    ]
    arrives = lines[lines.index("chain arrives {") : lines.index("chain arriving {")]
    assert [line.replace("saddr", "daddr").replace("arriving", "leaving") for line in arrives[4:]] == leaves[4:]
    assert "elements = { 198.51.100.12 }" in lines
    assert "elements = { 2001:db8::13 }" in lines


def test_the_table_has_nothing_that_one_needs_to_repair_it():
    text = backstop.ruleset({**OPTIONS, "protect": [*OPTIONS["protect"], {"protocol": "gre"}]})
    ports = {int(word.strip(",")) for line in text.splitlines() for word in line.split() if word.strip(",").isdigit()}
    assert not ports & {22, 500, 4500, 50}
    assert "ip daddr @peers4 meta l4proto gre jump leaving" in text


@pytest.mark.parametrize(("anybody", "rules"), [(False, 0), (True, 1)])
def test_gre_with_anybody_is_refused_from_and_to_everybody(anybody, rules):
    lines = [
        line.strip()
        for line in backstop.ruleset({**OPTIONS, "protect": [protected.entry("gre", anybody=anybody)]}).splitlines()
    ]
    for chain in ("leaving", "arriving"):
        assert lines.count(f'meta l4proto gre jump {chain} comment "with anybody"') == rules


def test_the_same_table_in_whatever_order():
    turned = {**OPTIONS, "peers": OPTIONS["peers"][::-1], "protect": OPTIONS["protect"][::-1]}
    assert backstop.ruleset(turned) == backstop.ruleset(OPTIONS)
    assert backstop.ruleset({**OPTIONS, "peers": OPTIONS["peers"][:1]}) != backstop.ruleset(OPTIONS)
