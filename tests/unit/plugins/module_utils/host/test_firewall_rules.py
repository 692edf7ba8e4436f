# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of ours, word by word."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import firewall_rules
from firewall_options import OPTIONS

TEXT = firewall_rules.ruleset(OPTIONS)
SETS = """\
    set clients4 {
        type ipv4_addr; flags interval; comment "who may use S3, IPv4"
        elements = { 192.0.2.0/24 }
    }
    set clients6 {
        type ipv6_addr; flags interval; comment "who may use S3, IPv6"
        elements = { 2001:db8:7::/64 }
    }
    set peers4 {
        type ipv4_addr; flags interval; comment "members of the cluster, IPv4"
        elements = { 198.51.100.11/32, 198.51.100.12/32 }
    }
    set peers6 {
        type ipv6_addr; flags interval; comment "members of the cluster, IPv6"
        elements = { 2001:db8::11/128 }
    }
"""
CHAINS = """\
    chain arrives {
        comment "ahead of the translation of published ports"
        type filter hook prerouting priority mangle; policy accept;
        tcp dport { 2377, 7946, 9000, 9001 } jump ours comment "S3, console, swarm management, gossip"
        udp dport { 4789, 7946 } jump ours comment "overlay data path, gossip"
    }
    chain ours {
        iifname "lo" counter name "host_itself" accept comment "the host itself"
        ct state established,related counter name "established" accept comment "what was let in before"
        fib daddr type { local, broadcast, multicast } goto judge comment "to this host"
        fib daddr oifname { "docker0", "docker_gwbridge" } goto judge comment "to its containers, past its address"
    }
    chain judge {
        tcp dport { 9000, 9001 } goto clients comment "S3 and console"
        ip saddr @peers4 counter name "members_cluster" accept comment "members"
        ip6 saddr @peers6 counter name "members_cluster" accept comment "members"
        counter name "strangers_cluster" drop comment "nobody else"
    }
    chain clients {
        iifname { "docker0", "docker_gwbridge" } counter name "containers_s3" accept comment "the host's own containers"
        ip saddr @peers4 counter name "members_s3" accept comment "members"
        ip6 saddr @peers6 counter name "members_s3" accept comment "members"
        ip saddr @clients4 counter name "clients_s3" accept comment "clients"
        ip6 saddr @clients6 counter name "clients_s3" accept comment "clients"
        counter name "strangers_s3" drop comment "nobody else"
    }
}
"""
ALLOWED = {"protocol": "tcp", "port": 9100, "sources": ["192.0.2.0/24", "2001:db8::/32"], "comment": "node exporter"}


def guarded(**changes):
    given = {"drop_interfaces": ["eth1", "eth0"], "management_networks": ["192.0.2.0/24", "2001:db8::/64"]}
    return {**OPTIONS, **given, **changes}


def test_the_ruleset_is_one_transaction_on_our_table_alone():
    head, _table, rest = TEXT.partition("table inet baremetal_overlay {\n")
    # That of the smaller one, too: there is no moment between the two.
    names = ("baremetal_overlay", "baremetal_overlay_closed")
    assert head.splitlines()[-4:] == [f"{verb} inet {name}" for name in names for verb in ("table", "delete table")]
    assert SETS in rest
    assert rest.endswith(CHAINS)
    assert "flush" not in TEXT
    assert "dport { 22" not in TEXT


def test_the_order_of_declarations_does_not_matter():
    lists = {name: value for name, value in OPTIONS.items() if isinstance(value, list)}
    turned = {name: list(reversed(value)) for name, value in lists.items() if name != "container_interfaces"}
    assert firewall_rules.ruleset({**OPTIONS, **turned}) == TEXT


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_everybody_can_be_let_in(network):
    text = firewall_rules.ruleset({**OPTIONS, "client_networks": [network]})
    assert f"elements = {{ {network} }}" in text
    empty = "clients6" if network == "0.0.0.0/0" else "clients4"
    assert "elements" not in text.split(f"set {empty} {{")[1].split("}")[0]


def test_default_drop_on_declared_interfaces_lets_in_what_is_listed():
    vrrp = {"protocol": "vrrp", "port": None, "sources": ["192.0.2.7/32"], "comment": None}
    text = firewall_rules.ruleset(guarded(allowed=[ALLOWED, vrrp], extra_rules=["tcp dport 5201  accept"]))
    chain = text.partition("chain guarded {")[2].partition("\n    }")[0].splitlines()
    assert '        iifname { "eth0", "eth1" } goto guarded comment "default drop"' in text.splitlines()
    wanted = [
        "ct state established,related",
        "icmp type {",
        "nd-neighbor-solicit",
        "udp dport 68",
        "udp dport 546",
        "tcp dport { 22 } ip saddr @management4",
        "tcp dport { 22 } ip6 saddr @management6",
        "ip saddr @peers4 udp dport { 500, 4500 }",
        "ip saddr @peers4 meta l4proto 50",
        "ip6 saddr @peers6 meta l4proto 50",
        'tcp dport 9100 ip saddr { 192.0.2.0/24 } counter name "allowed" accept comment "node exporter"',
        'tcp dport 9100 ip6 saddr { 2001:db8::/32 } counter name "allowed" accept comment "node exporter"',
        'meta l4proto 112 ip saddr { 192.0.2.7/32 } counter name "allowed" accept comment "allowed: vrrp"',
        "        tcp dport 5201 accept",
        'counter name "unlisted" drop',
    ]
    places = [next(place for place, line in enumerate(chain) if words in line) for words in wanted]
    assert places == sorted(places)
    assert 'counter name "unlisted" drop' in chain[-1]
    assert "elements = { 192.0.2.0/24 }" in text.partition("set management4 {")[2].partition("    }\n")[0]


def test_without_declared_interfaces_nothing_of_it_is_there():
    assert not any(word in TEXT for word in ("guarded", "@management", "unlisted", "overlay4", "l4proto"))


def test_a_member_s_overlay_address_counts_on_the_overlay_alone():
    text = firewall_rules.ruleset({**OPTIONS, "overlay_interfaces": ["ovl0"], "overlay_networks": ["10.78.0.0/24"]})
    lines = [line.strip() for line in text.splitlines() if "@overlay4" in line]
    assert [line.split(" counter")[0] for line in lines] == ['iifname { "ovl0" } ip saddr @overlay4'] * 2
    assert ['"members_cluster"' in line or '"members_s3"' in line for line in lines] == [True, True]


def test_of_gre_only_our_own_tunnels_are_judged():
    text = firewall_rules.ruleset({**OPTIONS, "gre_vsid": 7700})
    assert "meta l4proto 47 @th,32,24 7700 jump ours" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"allowed": [{**ALLOWED, "port": None}]}, "allowed tcp: None is no port"),
        ({"allowed": [{**ALLOWED, "port": 70000}]}, "allowed tcp 70000: 70000 is no port"),
        ({"allowed": [{**ALLOWED, "protocol": "gre"}]}, "allowed gre 9100: gre has no ports"),
        ({"allowed": [{**ALLOWED, "port": 9000}]}, "allowed tcp 9000: the port is the cluster's own"),
        ({"allowed": [{**ALLOWED, "sources": []}]}, "allowed tcp 9100: sources is empty"),
        ({"allowed": [{**ALLOWED, "sources": ["here"]}]}, 'allowed tcp 9100: source "here": is not a CIDR'),
        ({"allowed": [{**ALLOWED, "comment": 'x" drop'}]}, "allowed tcp 9100: the comment has quotes"),
        ({"extra_rules": ["accept } chain x {"]}, "is not one rule"),
        ({"extra_rules": ["accept; drop"]}, "is not one rule"),
        ({"extra_rules": [" "]}, "is not one rule"),
        ({"extra_rules": ["accept\ndrop"]}, "is not one rule"),
        ({"management_networks": ["192.0.2.1/24"]}, 'management network "192.0.2.1/24": is not a CIDR'),
        ({"drop_interfaces": ["eth 0"]}, "default drop interfaces: eth 0 is no name of an interface"),
        ({"drop_interfaces": [], "allowed": [ALLOWED]}, "nothing is dropped that they could let in"),
        ({"drop_interfaces": [], "extra_rules": ["accept"]}, "nothing is dropped that they could let in"),
    ],
)
def test_nonsense_of_a_default_drop(changes, words):
    assert words in "\n".join(firewall_rules.violations(guarded(**changes)))
    with pytest.raises(InputError):
        firewall_rules.ruleset(guarded(**changes))
