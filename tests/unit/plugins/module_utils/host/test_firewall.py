# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands against the firewall's table, and that whoever manages the host can come back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import (
    controller,
    firewall,
    firewall_rules,
    nft_table,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.host.packages import Install
from ansible_collections.baremetal.overlay.plugins.module_utils.host.units import Unit
from firewall_options import OPTIONS

TEXT = firewall.ruleset(OPTIONS)
GUARDED = {
    "drop_interfaces": ["eth1", "eth0"],
    "management_networks": ["192.0.2.0/24", "2001:db8::/64"],
    "interfaces": ["eth0", "eth1", "lo"],
}
LISTING = json.dumps({"nftables": [{"table": {"family": "inet", "name": "baremetal_overlay"}}]})
IN_FORCE = nft_table.Found(
    unit=Unit(firewall.TABLE.service, "loaded", "active", "exited", "success", "enabled"),
    file=TEXT,
    unit_file=firewall.TABLE.unit,
    loaded=nft_table.receipt(TEXT, LISTING),
    listing=LISTING,
    closed_file=firewall_rules.closed(OPTIONS),
    closed_unit_file=firewall.TABLE.closed_unit,
)
BARE = {"nft": None, "table": nft_table.Found(Unit(firewall.TABLE.service))}


def state(**changes):
    found = {"packages": {}, "table": IN_FORCE, "firewalld": Unit(firewall.FIREWALLD), "nft": "/usr/sbin/nft"}
    return firewall.State(**{**found, **changes})


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
def test_nonsense_is_refused(changes, words):
    plan = firewall.plan({**OPTIONS, **changes}, state())
    assert words in plan.violations[0]
    assert plan.steps == []
    # Of these the controller says what is wrong with the inventory; the rest the host says.
    assert plan.report().get("declared", False) == (set(changes) <= {"client_networks", "peers"})


def guarded(**changes):
    return {**OPTIONS, **{name: GUARDED[name] for name in ("drop_interfaces", "management_networks")}, **changes}


CAME = controller.Connection("203.0.113.5", "198.51.100.11", 22)
ADDRESSES = [{"interface": "eth0", "address": "198.51.100.11"}, {"interface": "mgmt", "address": "198.51.100.99"}]
HERE = {
    "interfaces": [*GUARDED["interfaces"], "docker0", "mgmt", "veth12ab"],
    "addresses": ADDRESSES,
    "connection": CAME,
}


@pytest.mark.parametrize(
    ("changes", "host", "sentences"),
    [
        (
            {},
            {},
            [
                "firewall: firewall_management_networks: excludes this controller, which this host sees as 203.0.113.5 "
                "on eth0 (listed: 192.0.2.0/24, 2001:db8::/64); add 203.0.113.5/32, or, if somebody else is to manage "
                "the host from now on, set firewall_controller_manages: false"
            ],
        ),
        (
            {"management_networks": ["203.0.113.0/24"], "management_ports": [2222]},
            {},
            ["firewall: firewall_management_ports: excludes port 22, by which this run comes in; add 22 to 2222"],
        ),
        ({"management_networks": ["203.0.113.0/24"]}, {}, []),
        ({"controller_manages": False}, {}, []),
        ({"management_networks": []}, {"connection": replace(CAME, server="198.51.100.99")}, []),
        ({"management_networks": []}, {"connection": None}, []),
        ({"drop_interfaces": [], "management_networks": []}, {}, []),
        (
            {"drop_interfaces": ["eth9", "mgmt"], "controller_manages": False},
            {},
            ["firewall: firewall_default_drop_interfaces: eth9 is not here; this host has eth0, eth1, mgmt"],
        ),
        (
            {"drop_interfaces": ["lo"]},
            {},
            [
                "firewall: firewall_default_drop_interfaces: lo is the host itself, which nothing is kept from; "
                "take it out"
            ],
        ),
    ],
)
def test_the_controller_can_come_back_and_the_interfaces_are_there(changes, host, sentences):
    assert firewall.plan(guarded(**changes), state(**{**HERE, **host})).violations == sentences


def test_an_interface_that_is_a_part_of_another_one_is_no_entrance():
    masters = {"eth0": "bond0", "bond0": "br0", "veth12ab": "docker0"}
    options = guarded(drop_interfaces=["eth0", "eth1"], controller_manages=False)
    host = {**HERE, "interfaces": [*HERE["interfaces"], "bond0", "br0"], "masters": masters}
    assert firewall.plan(options, state(**host)).violations == [
        "firewall: firewall_default_drop_interfaces: eth0 is a part of br0, by which packets come in; name br0"
    ]
    assert firewall.plan({**options, "drop_interfaces": ["br0", "eth1"]}, state(**host)).violations == []


def test_bridges_and_bonds_are_entrances_and_routing_domains_are_not(fake_system):
    net = "/sys/class/net"
    masters = {"eth0": "bond0", "eth1": "red", "bond0": "br0"}

    class Host(fake_system):
        def names(self, path):
            return [*masters, "br0", "lo", "red"] if path == net else []

        def resolve(self, path):
            return f"/sys/devices/virtual/net/{masters[path.split('/')[4]]}"

    system = Host(
        {**{f"{net}/{name}/master": "" for name in masters}, f"{net}/br0/bridge": "", f"{net}/bond0/bonding": ""}
    )
    found = firewall.read(system, {}, {firewall.TABLE.service: None, firewall.FIREWALLD: None})
    assert found.masters == {"eth0": "bond0", "bond0": "br0"}


def test_legacy_iptables_beside_it_is_refused():
    plan = firewall.plan(OPTIONS, state(legacy=["-A INPUT -j DROP", ":FORWARD DROP [0:0]"]))
    assert 'rules and policies: 2, the first "-A INPUT -j DROP"' in plan.violations[0]
    assert "iptables-nft" in plan.violations[0]


@pytest.mark.parametrize(
    ("names", "saved", "found"),
    [
        ("", "-A INPUT -j DROP", []),
        ("filter\n", ":INPUT ACCEPT [0:0]\n", []),
        (
            "filter\n",
            ":INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\n",
            [":INPUT DROP [0:0]", "-A INPUT -i lo -j ACCEPT"],
        ),
    ],
)
def test_the_older_tools_are_asked_only_where_their_tables_are_loaded(fake_system, names, saved, found):
    system = fake_system(files={"/proc/net/ip_tables_names": names}, answers={"iptables-legacy-save": saved})
    assert firewall.read(system, {}, {firewall.TABLE.service: None, firewall.FIREWALLD: None}).legacy == found


def test_what_nft_refuses_is_said_before_anything_is_changed_in_its_own_words():
    words = "line 3: Error: syntax error, unexpected newline"
    table = replace(IN_FORCE, file="old")
    plan = firewall.plan(OPTIONS, state(table=table, refusal=lambda text: words if text == TEXT else ""))
    assert plan.violations[0].endswith(words)
    assert plan.steps == []


def test_what_is_loaded_already_is_not_checked_again():
    assert firewall.plan(OPTIONS, state(refusal=lambda _text: "never asked")).violations == []


def test_firewalld_is_refused():
    plan = firewall.plan(OPTIONS, state(firewalld=Unit(firewall.FIREWALLD, "loaded", "active")))
    assert "firewalld runs here" in plan.violations[0]
    assert "overlay_firewall: false" in plan.violations[0]


def test_a_bare_host_gets_nft_first():
    assert firewall.plan(OPTIONS, state()).sentences == []
    assert firewall.plan(OPTIONS, state(**BARE)).sentences == [
        "install nftables",
        f"write {firewall.TABLE.closed_path}",
        f"write {firewall.TABLE.path}",
        f"write {firewall.TABLE.closed_unit_path}",
        f"write {firewall.TABLE.unit_path}",
        f"enable {firewall.TABLE.service} at boot",
        "load the table inet baremetal_overlay (it is not there)",
    ]


def test_before_the_way_back_is_armed_nothing_in_force_is_changed():
    steps = firewall.plan(OPTIONS, state(**BARE)).steps
    first = [step for step in steps if isinstance(step, firewall.PREPARES)]
    assert [type(step) for step in first] == [Install, nft_table.Check, nft_table.Check]


def test_a_host_on_which_the_table_could_not_be_loaded_says_so():
    table = replace(IN_FORCE, listing="", closed=True)
    plan = firewall.plan(OPTIONS, state(table=table))
    assert plan.sentences == [
        f"load the table inet baremetal_overlay ({firewall.TABLE.service} could not, and inet baremetal_overlay_closed "
        "is there in its place)"
    ]
    assert plan.report()["closed"] is True
    # The file is the wanted one, and it is nft that does not take it any more.
    refused = firewall.plan(OPTIONS, state(table=table, refusal=lambda _text: "syntax error"))
    assert "nft refuses the table" in refused.violations[0] and refused.flags["closed"]


def test_a_host_knows_its_own_address_however_it_is_declared(fake_system):
    """It is what peers look at before and after a change."""
    options = {**OPTIONS, "peers": ["2001:DB8:0::11", "2001:db8::12"]}
    table = "  sl  local_address rem_address   st\n   0: 00000000:2328 00000000:0000 0A 0 0 0 0 0 4711\n"
    addresses = [{"interface": "eth0", "address": "2001:db8::11"}]
    watched = firewall.watched(options, addresses, fake_system(files={"/proc/net/tcp": table}))
    assert watched == {"address": "2001:db8::11", "ports": [9000], "peers": ["2001:db8::11", "2001:db8::12"]}


def test_peers_have_to_answer_as_before(fake_system):
    assert ("198.51.100.12", 9000) in firewall.guard(OPTIONS, state(), fake_system()).targets


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
