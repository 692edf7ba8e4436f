# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each driver gives the servers, what nodes configure for it, and what it refuses."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.filter.network_plan import network_plan as plan_filter
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import stack
from ansible_collections.baremetal.overlay.plugins.plugin_utils import network_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import drivers as rules

INTERFACES = {"lo": 65536, "eth0": 1500, "eth1": 9000, "veth1": 1500}


def host(number: Any, parent: Any = "eth1", **facts: Any) -> Host:
    """A manager that carries drives."""
    known = {"interfaces": INTERFACES, "routes": [], "networks": [], **facts}
    return Host(
        name=f"n{number}",
        groups=frozenset({"managers", "minio"}),
        number=number,
        address=f"192.0.2.{number}",
        report={"facts": known},
        lan_parent=parent,
    )


def cluster(driver: str, *hosts: Host, **settings: Any) -> Cluster:
    """Two hosts, where no others are given."""
    return Cluster(hosts or (host(1), host(2)), {"network_driver": driver, **settings})


def violations(given: Cluster) -> list[str]:
    """Of the rules about drivers alone."""
    return [sentence for rule in rules.RULES for sentence in rule(given)]


LAN = network_plan.lan_network(cluster("macvlan"))


@pytest.mark.parametrize(
    ("driver", "networks", "publish", "hosts", "probed"),
    [
        ("overlay", ["minio-overlay"], True, {}, "minio-overlay"),
        ("kernel", ["host"], False, {"minio1": "10.78.0.1", "minio2": "10.78.0.2"}, "host"),
        ("host", ["host"], False, {"minio1": "192.0.2.1", "minio2": "192.0.2.2"}, "host"),
        ("macvlan", ["minio-bridge", LAN], True, {}, LAN),
        ("bridge", ["minio-bridge"], True, {}, "minio-bridge"),
    ],
)
def test_what_servers_are_given(
    driver: str, networks: list[str], publish: bool, hosts: dict[str, str], probed: str
) -> None:
    drawn = network_plan.draw(cluster(driver))
    attachment = drawn["attachment"]
    assert (attachment["networks"], attachment["publish"], attachment["hosts"]) == (networks, publish, hosts)
    assert drawn["probed"] == probed
    assert sorted(drawn["addresses"].values()) == sorted(hosts.values())


def test_a_deployment_of_before_is_where_it_is_by_default() -> None:
    assert network_plan.draw(cluster("overlay"))["attachment"]["identity"] == stack.USUAL_NETWORK


def test_no_two_drivers_subnets_or_networks_are_mistaken_for_each_other() -> None:
    given = [cluster(driver) for driver in network_plan.DRIVERS]
    given += [cluster("kernel", kernel_subnet="10.80.0.0/24"), cluster("macvlan", lan_subnet="10.81.0.0/24")]
    given += [cluster("overlay", minio_network="other")]
    identities = [network_plan.draw(one)["attachment"]["identity"] for one in given]
    assert len(set(identities)) == len(given)


def test_each_node_gives_exactly_the_address_of_its_number() -> None:
    drawn = network_plan.draw(cluster("macvlan"))
    pools = {name: networks[1]["ipam_config"] for name, networks in drawn["nodes"].items()}
    assert pools == {
        "n1": [{"subnet": "10.79.0.0/24", "iprange": "10.79.0.1/32", "gateway": "10.79.0.254"}],
        "n2": [{"subnet": "10.79.0.0/24", "iprange": "10.79.0.2/32", "gateway": "10.79.0.254"}],
    }
    assert [network["driver_options"] for network in drawn["nodes"]["n1"]] == [
        {"com.docker.network.bridge.name": "minio_bridge"},
        {"parent": "eth1"},
    ]


def test_networks_of_the_swarm_take_from_the_nodes_what_those_configure() -> None:
    for driver in network_plan.NODE_DRIVERS:
        drawn = network_plan.draw(cluster(driver))
        wanted = {network["config_from"] for network in drawn["cluster"]}
        assert all({network["name"] for network in node} == wanted for node in drawn["nodes"].values())
        # The way out is the bridge's.
        assert [network["driver"] for network in drawn["cluster"] if not network["internal"]] == ["bridge"]


def test_a_node_configures_only_what_it_lacks() -> None:
    both = [{"name": name, "driver_options": {}} for name in ("minio-bridge-config", f"{LAN}-config")]
    given = cluster("macvlan", host(1, networks=both), host(2, networks=both[:1]), host(3))
    missing = [network_plan.missing(given, one) for one in given.hosts]
    assert missing == [[], [f"{LAN}-config"], ["minio-bridge-config", f"{LAN}-config"]]
    assert network_plan.missing(cluster("overlay"), host(1)) == []


def test_the_filter_needs_no_report() -> None:
    hostvars = {"n1": {"overlay_host_number": 1, "overlay_underlay_address": "192.0.2.1"}}
    drawn = plan_filter(hostvars, {"minio": ["n1"]}, {"network_driver": "kernel"})
    assert drawn["addresses"] == {"n1": "10.78.0.1"}


def live(identity: str) -> Host:
    """A manager that sees a server which runs."""
    labels = {stack.LABEL: "minio"} | ({} if identity == stack.USUAL_NETWORK else {stack.NETWORK_LABEL: identity})
    swarm = {"state": "active", "manager": True, "services": [{"name": "minio1", "labels": labels}]}
    return host(1, swarm=swarm)


OTHER = [{"name": "minio-bridge-config", "driver_options": {"com.docker.network.bridge.name": "br0"}}]
REFUSED = [
    (cluster("bridge"), "bridge reaches no other host, and minio has 2 (n1 and n2); keep one host in minio"),
    (cluster("macvlan", lan_subnet="fd00::/64"), 'swarm_lan_subnet: "fd00::/64" is not an IPv4 CIDR'),
    (cluster("ipvlan", lan_subnet="10.79.0.1/24"), 'swarm_lan_subnet: "10.79.0.1/24" is not an IPv4 CIDR'),
    (
        cluster("macvlan", host(14), lan_subnet="10.79.0.0/28"),
        "n14: overlay_host_number 14 has no address in swarm_lan_subnet 10.79.0.0/28, which has them for the numbers "
        "1 to 13",
    ),
    (
        cluster("macvlan", host(1, routes=[{"dst": "10.79.0.128/25", "dev": "eth1"}])),
        "swarm_lan_subnet: 10.79.0.0/24 contains the route 10.79.0.128/25 (eth1) of n1; choose a subnet",
    ),
    (
        cluster("macvlan", host(1), lan_subnet="192.0.2.0/24"),
        "swarm_lan_subnet: 192.0.2.0/24 contains 192.0.2.1 of n1",
    ),
    (
        cluster("macvlan", host(1, controller_address="10.79.0.9")),
        "swarm_lan_subnet: 10.79.0.0/24 contains 10.79.0.9, the address of this controller",
    ),
    (cluster("macvlan", host(1, None)), "n1: swarm_lan_parent is not set, and overlay_network_driver is macvlan"),
    (cluster("ipvlan", host(1, "eth7")), "n1: swarm_lan_parent: there is no interface eth7; there are eth0, eth1"),
    (
        cluster("macvlan", host(1), host(2, "eth0")),
        "swarm_lan_parent: these have different MTUs (n1: 9000, n2: 1500)",
    ),
    (
        cluster("bridge", host(1, networks=OTHER)),
        "n1: its network minio-bridge-config has com.docker.network.bridge.name br0, wanted "
        "com.docker.network.bridge.name minio_bridge; a network cannot be changed, and its server uses it: see who "
        "made it, and remove it there",
    ),
    (
        cluster("host", live(stack.USUAL_NETWORK)),
        "reach each other by overlay minio-overlay, and this run would move them to host, which restarts all of them "
        "together; agree by minio_network_consent: host",
    ),
    (
        cluster("overlay", live("kernel 10.78.0.0/24"), network_consent="kernel"),
        "by kernel 10.78.0.0/24, and this run would move them to overlay minio-overlay",
    ),
    (
        cluster("kernel", live("kernel 10.78.0.0/24"), kernel_subnet="10.80.0.0/24"),
        "minio_network_consent: kernel",
    ),
    (
        cluster("host", live(stack.USUAL_NETWORK), dataclasses.replace(host(2), report=None), network_consent="host"),
        "to host, all of them together, and this run leaves out n2; run without --limit",
    ),
]


@pytest.mark.parametrize(("given", "sentence"), REFUSED, ids=[case[1][:50] for case in REFUSED])
def test_refused(given: Cluster, sentence: str) -> None:
    found = violations(given)
    assert len(found) == 1, found
    assert sentence in found[0]


@pytest.mark.parametrize(
    "given",
    [
        *(cluster(driver) for driver in network_plan.DRIVERS if driver != "bridge"),
        cluster("bridge", host(1)),
        cluster("macvlan", host(13), lan_subnet="10.79.0.0/28"),
        cluster("macvlan", host(1), lan_subnet="10.79.0.0/30"),
        # A part of the LAN's own subnet.
        cluster("macvlan", host(1, routes=[{"dst": "10.79.0.0/16", "dev": "eth1"}])),
        # The Engine makes the interface of a VLAN.
        cluster("macvlan", host(1, "eth1.50")),
        # What other drivers ask for is not asked for here, and a host that was not looked at has nothing wrong.
        cluster("overlay", host(1, None), lan_subnet="nonsense"),
        cluster("macvlan", host(1, "eth7", interfaces={})),
        cluster("host", live(stack.USUAL_NETWORK), network_consent="host"),
        cluster("kernel", live("kernel 10.78.0.0/24")),
        cluster("overlay", live(stack.USUAL_NETWORK)),
    ],
)
def test_allowed(given: Cluster) -> None:
    assert violations(given) == []


def test_whoever_chooses_a_lan_is_told_who_reaches_it() -> None:
    (sentence,) = rules.lan_is_open(cluster("ipvlan"))
    assert "passes the hosts' firewalls" in sentence
    assert list(rules.lan_is_open(cluster("overlay"))) == []
