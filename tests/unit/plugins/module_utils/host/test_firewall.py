# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of ours, word by word, and when it is loaded."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import controller, firewall
from ansible_collections.baremetal.overlay.plugins.module_utils.host.units import Unit

OPTIONS = {
    "client_networks": ["2001:db8:7::/64", "192.0.2.0/25", "192.0.2.128/25"],
    "peers": ["198.51.100.12", "198.51.100.11", "2001:db8::11"],
    "client_ports": [9001, 9000],
    "cluster_tcp_ports": [2377, 7946],
    "cluster_udp_ports": [4789, 7946],
    "container_interfaces": ["docker0", "docker_gwbridge"],
}
TEXT = firewall.ruleset(OPTIONS)
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
        iifname "lo" accept comment "the host itself"
        ct state established,related accept comment "what was let in before"
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
TABLE = {"table": {"family": "inet", "name": "baremetal_overlay", "handle": 2}}


def listing(*objects):
    return json.dumps({"nftables": [{"metainfo": {"version": "1.1.3"}}, *objects]})


def state(**changes):
    enabled = Unit(firewall.SERVICE, "loaded", "active", "exited", "success", "enabled")
    found = {
        "packages": {},
        "unit": enabled,
        "firewalld": Unit(firewall.FIREWALLD),
        "nft": "/usr/sbin/nft",
        "file": TEXT,
        "unit_file": firewall.UNIT,
        "loaded": firewall.receipt(TEXT, listing(TABLE)),
        "listing": listing(TABLE),
    }
    return firewall.State(**{**found, **changes})


BARE = {"nft": None, "file": None, "unit_file": None, "loaded": None, "listing": "", "unit": Unit(firewall.SERVICE)}


def test_the_ruleset_is_one_transaction_on_our_table_alone():
    head, _table, rest = TEXT.partition("table inet baremetal_overlay {\n")
    assert head.splitlines()[-2:] == ["table inet baremetal_overlay", "delete table inet baremetal_overlay"]
    assert SETS in rest
    assert rest.endswith(CHAINS)
    assert "flush" not in TEXT
    assert "dport { 22" not in TEXT


def test_the_order_of_declarations_does_not_matter():
    turned = {name: list(reversed(values)) for name, values in OPTIONS.items() if name != "container_interfaces"}
    assert firewall.ruleset({**OPTIONS, **turned}) == TEXT


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_everybody_can_be_let_in(network):
    text = firewall.ruleset({**OPTIONS, "client_networks": [network]})
    assert f"elements = {{ {network} }}" in text
    empty = "clients6" if network == "0.0.0.0/0" else "clients4"
    assert "elements" not in text.split(f"set {empty} {{")[1].split("}")[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_networks": []}, "the list is empty, and nobody could reach S3"),
        ({"client_networks": ["192.0.2.1/24"]}, 'client network "192.0.2.1/24": is not a CIDR'),
        ({"client_networks": ["anywhere"]}, 'client network "anywhere": is not a CIDR'),
        ({"peers": ["n1"]}, 'member "n1": is not an IP address'),
        ({"container_interfaces": []}, "an empty list is no name of an interface"),
        ({"container_interfaces": ['x" drop']}, "is no name of an interface"),
    ],
)
def test_nonsense_is_refused_and_marked_as_declared(changes, words):
    plan = firewall.plan({**OPTIONS, **changes}, state())
    assert words in plan.violations[0]
    assert plan.steps == []
    assert plan.report()["declared"]


def test_firewalld_is_refused():
    plan = firewall.plan(OPTIONS, state(firewalld=Unit(firewall.FIREWALLD, "loaded", "active")))
    assert "firewalld runs here" in plan.violations[0]
    assert "overlay_firewall: false" in plan.violations[0]


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({}, []),
        (
            BARE,
            [
                "install nftables",
                f"write {firewall.PATH}",
                f"write {firewall.UNIT_PATH}",
                f"enable {firewall.SERVICE} at boot",
                "load the table inet baremetal_overlay (it is not there)",
            ],
        ),
        ({"listing": ""}, ["load the table inet baremetal_overlay (it is not there)"]),
        ({"listing": listing(TABLE, {"rule": {}})}, ["load the table inet baremetal_overlay (another one is there)"]),
        (
            {"file": "old", "loaded": firewall.receipt("old", listing(TABLE))},
            [f"change {firewall.PATH}", "load the table inet baremetal_overlay (another one is there)"],
        ),
        ({"loaded": None}, ["load the table inet baremetal_overlay (another one is there)"]),
        (
            {"unit": Unit(firewall.SERVICE, "loaded", "inactive", "dead", "", "disabled")},
            [
                f"enable {firewall.SERVICE} at boot",
                f"load the table inet baremetal_overlay ({firewall.SERVICE} is inactive)",
            ],
        ),
    ],
)
def test_plan(changes, sentences):
    assert firewall.plan(OPTIONS, state(**changes)).sentences == sentences


def test_a_listing_is_the_same_whatever_the_kernel_numbered_and_counted():
    def one(handle, packets, elements):
        counter = {"name": "strangers", "handle": handle, "packets": packets, "bytes": packets * 60}
        rule = {"handle": handle + 1, "expr": [{"match": {"right": {"set": elements}}}, {"drop": None}]}
        return listing(TABLE, {"counter": counter}, {"set": {"name": "peers4", "elem": elements}}, {"rule": rule})

    assert firewall.canonical(one(3, 0, ["a", "b"])) == firewall.canonical(one(9, 7, ["b", "a"]))
    assert firewall.canonical(one(3, 0, ["a", "b"])) != firewall.canonical(one(3, 0, ["a", "c"]))


@pytest.mark.parametrize("text", ["", "no json", "{}", listing()])
def test_no_table_is_no_listing(text):
    assert firewall.canonical(text) == ""


def test_a_draft_that_nft_refuses_replaces_nothing(fake_system):
    system = fake_system(files={firewall.PATH: "old"}, failing=["nft -c"], words="syntax error")
    plan = firewall.plan(OPTIONS, state(file="old"))
    with pytest.raises(OverlayError, match="syntax error"):
        plan.apply(system)
    assert system.files == {firewall.PATH: "old"}


def test_what_was_loaded_is_remembered(fake_system):
    system = fake_system(answers={"nft": listing(TABLE), "systemctl": ""})
    firewall.plan(OPTIONS, state(**BARE)).apply(system)
    assert system.files[firewall.LOADED] == firewall.receipt(TEXT, listing(TABLE))
    assert system.ran[-2:] == [f"systemctl restart {firewall.SERVICE}", f"write {firewall.LOADED}"]


def test_a_table_that_does_not_appear_is_an_error(fake_system):
    with pytest.raises(OverlayError, match="shows no table"):
        firewall.plan(OPTIONS, state(listing="")).apply(fake_system(answers={"systemctl": ""}))


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("192.0.2.7 50022 192.0.2.11 22", "192.0.2.7"),
        ("::ffff:192.0.2.7 50022 ::ffff:192.0.2.11 22", "192.0.2.7"),
        ("fe80::1%eth0 50022 fe80::2%eth0 22", "fe80::1"),
    ],
)
def test_the_controller_s_address_is_found_above_sudo(value, seen):
    files = {
        "/proc/30/environ": "LANG=C\0",
        "/proc/30/status": "Name:\tpython3\nPPid:\t20\n",
        "/proc/20/environ": f"LANG=C\0SSH_CONNECTION={value}\0USER=x\0",
    }
    assert controller.address(30, lambda path: files.get(path, "")) == seen


def test_without_ssh_there_is_no_address():
    assert controller.address(30, lambda _path: "") is None
