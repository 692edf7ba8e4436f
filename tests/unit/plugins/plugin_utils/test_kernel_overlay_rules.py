# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel overlay against the inventory, the swarm and the hosts: each rule with the smallest thing that breaks it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils import plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import hosts, kernel_overlay, kernels, ports
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import violations as all_violations

OVERLAY = {
    "kind": "vxlan",
    "vni": 7700,
    "port": 14789,
    "subnet": "10.78.0.0/24",
    "bridge": "ovl0",
    "mtu": None,
    "replication": "static",
}
SETTINGS: dict[str, Any] = {
    "network_driver": "kernel",
    "encryption": "none",
    "firewall": True,
    "data_path_port": 4789,
    "kernel_overlay": OVERLAY,
    "address_pools": [{"base": "172.30.0.0/16", "size": 24}],
}
FEATURES = ("bridge", "geneve", "gre", "gre6", "nf_tables", "veth", "vxlan")
RULES = (*kernel_overlay.RULES, *kernels.RULES, *ports.RULES, hosts.hosts_report_nothing_wrong)
Change = Callable[[list[Host], dict[str, Any]], Any]


def host(number: int) -> Host:
    """In the overlay already, on an underlay of its own."""
    facts = {
        "kernel": "6.12.0",
        "addresses": [
            {"interface": "eth0", "address": f"192.0.2.{number}", "prefix": 24, "mtu": 1500},
            {"interface": "ovl0", "address": f"10.78.0.{number}", "prefix": 24, "mtu": 1450},
        ],
        "routes": [{"dst": "192.0.2.0/24", "dev": "eth0"}, {"dst": "10.78.0.0/24", "dev": "ovl0"}],
        "features": {name: {"has": True, "why": "is built in"} for name in FEATURES},
        "listeners": [{"address": "0.0.0.0", "port": 14789, "protocol": "udp", "pid": None, "process": None}],
        "swarm": {"state": "active"},
    }
    report = {"facts": facts, "sections": {"links": {"changed": False, "there": True, "violations": []}}}
    return Host(f"n{number}", frozenset({"managers"}), number=number, address=f"192.0.2.{number}", report=report)


def cluster(change: Change | None = None) -> Cluster:
    members, settings = [host(number) for number in (1, 2, 3)], dict(SETTINGS)
    if change:
        change(members, settings)
    return Cluster(tuple(members), settings)


def overlay(**values: Any) -> Change:
    return lambda _members, settings: settings.update(kernel_overlay={**OVERLAY, **values})


def setting(**values: Any) -> Change:
    return lambda _members, settings: settings.update(values)


def fact(name: str, value: Any) -> Change:
    """Of the third host."""
    return lambda members, _settings: members[2].facts.update({name: value})


def declared(**values: Any) -> Change:
    """The third host is declared otherwise."""

    def change(members: list[Host], _settings: dict[str, Any]) -> None:
        members[2] = dataclasses.replace(members[2], **values)

    return change


def section(**values: Any) -> Change:
    return lambda members, _settings: members[2].report["sections"].update(links=values)


def lacking(feature: str, **values: Any) -> Change:
    def change(members: list[Host], settings: dict[str, Any]) -> None:
        settings.update(kernel_overlay={**OVERLAY, **values})
        members[2].facts["features"][feature] = {"has": False, "why": "because"}

    return change


def test_a_kernel_overlay_that_is_fine_breaks_no_rule():
    assert all_violations(cluster(), RULES) == []
    assert all_violations(cluster(), kernel_overlay.ADVICE) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            overlay(kind="ipip"),
            'kernel overlay: kind "ipip" is unknown; allowed: vxlan, nvgre, geneve',
        ),
        (
            overlay(vni="many"),
            "kernel overlay: vni many is not one of 1 to 16777215; choose another kernel_overlay_vni",
        ),
        (
            overlay(mtu="large"),
            'kernel overlay: mtu "large" is unknown; give a number of bytes, or leave it out',
        ),
        (
            overlay(replication="multicast"),
            'kernel overlay: replication "multicast" is unknown; allowed: static',
        ),
        (
            declared(number=300),
            "kernel overlay: overlay_host_number 300: 10.78.0.0/24 has addresses for the numbers 1 to 254; "
            "give a larger kernel_overlay_subnet",
        ),
        (
            declared(address="2001:db8::3"),
            "kernel overlay: the underlay addresses are mixed (IPv4: 192.0.2.1, 192.0.2.2; IPv6: 2001:db8::3); "
            "give all hosts addresses of one kind",
        ),
        (
            declared(address="192.0.2.2"),
            "kernel overlay: underlay address 192.0.2.2 is that of host numbers 2 and 3; give each its own",
        ),
        (
            overlay(port=4789),
            "kernel_overlay_port: 4789 is the port of Swarm's data path (swarm_data_path_port); "
            "choose another one for the kernel overlay, for example 14789",
        ),
        (
            overlay(vni=4097),
            "kernel_overlay_vni: 4097 is one that Swarm gives to its own networks, which it numbers from 4096; "
            "choose one below that, or above 5119, for example 7700",
        ),
        (
            overlay(subnet="172.30.7.0/24"),
            "kernel_overlay_subnet: 172.30.7.0/24 overlaps with docker_engine_address_pools 172.30.0.0/16 "
            "(172.30.0.0/16); give each a range of its own",
        ),
        (
            overlay(subnet="10.90.0.0/16"),
            None,
        ),
        (
            fact("routes", [{"dst": "10.78.0.0/16", "dev": "eth1"}]),
            "kernel_overlay_subnet: 10.78.0.0/24 collides with the route 10.78.0.0/16 (eth1) of n3; "
            "choose one that no host uses",
        ),
        (
            fact("routes", [{"dst": "10.0.0.0/8", "dev": None, "type": "blackhole"}]),
            None,
        ),
        (
            overlay(subnet="192.0.2.0/24"),
            "kernel_overlay_subnet: 192.0.2.0/24 collides with overlay_underlay_address 192.0.2.1 of n1; "
            "choose one that no host uses",
        ),
        (
            fact("addresses", [{"interface": "eth1", "address": "10.78.0.2", "prefix": 32, "mtu": 1500}]),
            "n3: eth1 has 10.78.0.2, which is the overlay address of n2 (overlay_host_number 2); take it off there, "
            "or choose another kernel_overlay_subnet",
        ),
        (
            fact("addresses", [{"interface": "ovl0", "address": "10.78.0.1", "prefix": 24, "mtu": 1450}]),
            "n3: ovl0 has 10.78.0.1, which is the overlay address of n1 (overlay_host_number 1); take it off there, "
            "or choose another kernel_overlay_subnet",
        ),
        (
            lacking("vxlan"),
            "n3: kernel 6.12.0 lacks vxlan (because), and overlay networks are made of it; "
            "boot a kernel that has it, such as the distribution's own",
        ),
        (
            lacking("geneve", kind="geneve", port=6081),
            "n3: kernel 6.12.0 lacks geneve (because), and kernel_overlay_kind: geneve is made of it; "
            "boot a kernel that has it, such as the distribution's own",
        ),
        (
            lacking("gre", kind="nvgre", port=0),
            "n3: kernel 6.12.0 lacks gre (because), and kernel_overlay_kind: nvgre is made of it; "
            "boot a kernel that has it, such as the distribution's own",
        ),
        (
            lacking("gre6", kind="nvgre", port=0),
            None,
        ),
        (
            section(changed=True, there=False),
            "n3: port 14789/udp is taken by the kernel itself, which listens on 0.0.0.0; the kernel overlay needs it: "
            "stop that, or choose another kernel_overlay_port",
        ),
        (
            section(violations=["kernel overlay: MTU 1451 is larger than what the underlay carries"], there=True),
            "n3: kernel overlay: MTU 1451 is larger than what the underlay carries",
        ),
        (
            section(violations=["kernel overlay: said once"], there=True, declared=True),
            None,
        ),
    ],
)
def test_what_breaks_a_rule_is_said_once(change, sentence):
    found = all_violations(cluster(change), RULES)
    assert [one for one in found if one == sentence] == ([sentence] if sentence else [])
    assert sentence is not None or found == []


def test_a_host_without_an_address_is_said_by_the_inventorys_own_rule():
    found = all_violations(cluster(declared(address=None)))
    assert "n3: overlay_underlay_address is not set; give the host's address towards its peers" in found
    assert not [sentence for sentence in found if sentence.startswith("kernel overlay")]


def test_without_a_firewall_vxlan_takes_what_comes():
    advised = all_violations(cluster(setting(firewall=False)), kernel_overlay.ADVICE)
    assert len(advised) == 1
    assert advised[0].startswith("n1, n2 and n3: VXLAN takes frames from whoever sends them to port 14789/udp")
    assert all_violations(cluster(setting(firewall=False, encryption="ipsec")), kernel_overlay.ADVICE) == []


def test_with_another_driver_nothing_is_asked():
    change = setting(network_driver="overlay", kernel_overlay={**OVERLAY, "kind": "nonsense", "port": 4789})
    assert all_violations(cluster(change), kernel_overlay.RULES) == []


def test_links_that_differ_are_the_work_of_their_hosts():
    drawn = plan.draw(cluster(section(changed=True, there=False, violations=[])))
    assert "overlay_links" in drawn["work"]["n3"]
    assert "overlay_links" not in drawn["work"]["n1"]
    assert "n3: make or change the links of the kernel overlay" in drawn["summary"]


def test_hosts_change_their_overlay_together():
    def parted(members: list[Host], _settings: dict[str, Any]) -> None:
        members[0].report["sections"]["links"]["parts"] = True

    def limited(members: list[Host], settings: dict[str, Any]) -> None:
        parted(members, settings)
        members[2] = dataclasses.replace(members[2], report=None)

    assert all_violations(cluster(parted), RULES) == []
    assert all_violations(cluster(limited), RULES) == [
        "n1: is in a kernel overlay of another number, port, kind or subnet, and all hosts change together, and this "
        "run leaves out n3; run without --limit"
    ]
