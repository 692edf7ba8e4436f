# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network's addresses: what no engine allocates, and how many a stack's services need. Figures as engines showed."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.rows import Refs
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.network_need import Member, member, shortage
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.network_pools import (
    cidr,
    exhausted,
    overlaps_of,
    pool_violations,
    prefix_for,
    room_of,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.stack_plan import Live, Plan, Step
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.stack_room import check_room
from hypothesis import given
from hypothesis import strategies as st


def body(*pools: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Name": "inner", "Driver": "overlay", "IPAM": {"Config": list(pools)}, **more}


SUBNET = {"Subnet": "10.66.2.0/24"}
IMPOSSIBLE: dict[str, tuple[list[dict[str, Any]], str]] = {
    "gateway elsewhere": ([{**SUBNET, "Gateway": "10.67.0.1"}], "gateway\": 10.67.0.1 is not in the subnet"),
    "gateway of the other family": ([{**SUBNET, "Gateway": "fd00::1"}], "fd00::1 is not in the subnet"),
    "gateway is the subnet's own": ([{**SUBNET, "Gateway": "10.66.2.0"}], "is the address of the subnet itself"),
    "gateway is everybody's": ([{**SUBNET, "Gateway": "10.66.2.255"}], "or of everybody in it"),
    "range elsewhere": ([{**SUBNET, "IPRange": "10.67.3.0/25"}], "iprange\": 10.67.3.0/25 is not a part of the subnet"),
    "range is larger": ([{**SUBNET, "IPRange": "10.66.0.0/16"}], "is not a part of the subnet"),
    "no subnet": ([{"Gateway": "10.66.2.1"}], "gateway is given without a subnet"),
    "one address": ([{"Subnet": "10.66.0.0/32"}], "has no address for a task; give at least a /30"),
    "two addresses": ([{"Subnet": "10.66.8.0/31"}], "has no address for a task"),
    "everything": ([{"Subnet": "0.0.0.0/0"}], "hosts cannot have addresses of 0.0.0.0/0"),
    "multicast": ([{"Subnet": "224.1.0.0/24"}], "hosts cannot have addresses of"),
    "loopback": ([{"Subnet": "127.1.0.0/24"}], "hosts cannot have addresses of"),
    "IPv6 and not enabled": ([{"Subnet": "fd00::/64"}], "needs enable_ipv6: true"),
    "auxiliary address elsewhere": (
        [{**SUBNET, "AuxiliaryAddresses": {"x": "10.99.0.1"}}], "aux_addresses.x\": 10.99.0.1 is not in the subnet"
    ),
    "twice the same": ([{"Subnet": "10.66.0.0/24"}, {"Subnet": "10.66.0.0/25"}], "both of this network"),
}  # fmt: skip


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_what_the_cluster_never_allocates_is_refused(what: str) -> None:
    pools, said = IMPOSSIBLE[what]
    (sentence,) = pool_violations(body(*pools), "networks.inner.")
    assert said in sentence and sentence.startswith('option "networks.inner.ipam_config')


@pytest.mark.parametrize(
    "made",
    [
        body(),
        body({}),
        body({**SUBNET, "IPRange": "10.66.2.128/25", "Gateway": "10.66.2.1"}),
        body({"Subnet": "10.66.8.8/30"}),
        body({"Subnet": "10.66.1.5/24"}),
        body({"Subnet": "fd00::/64", "Gateway": "fd00::1"}, EnableIPv6=True),
        body({"Subnet": "10.79.0.0/24", "IPRange": "10.79.0.3/32", "Gateway": "10.79.0.254"}, Driver="macvlan"),
        body({"Subnet": "10.66.8.0/31"}, {"Subnet": "fd00::/64"}, Driver="ipvlan"),
    ],
)
def test_what_engines_take_is_not(made: dict[str, Any]) -> None:
    assert pool_violations(made) == []


@given(st.text(max_size=30) | st.integers() | st.from_regex(r"[0-9a-f.:]{1,20}(/[0-9]{1,3})?", fullmatch=True))
def test_a_cidr_has_its_length_and_no_bits_of_a_host(value: Any) -> None:
    try:
        found = cidr(value, "subnet")
    except Exception as error:
        assert str(error).startswith('option "subnet": ')
    else:
        assert "/" in str(value) and str(ipaddress.ip_network(found)) == found


def test_networks_that_will_be_made_count_beside_those_that_there_are() -> None:
    other = body({"Subnet": "10.66.2.128/25"}, Name="other")
    assert 'overlaps 10.66.2.128/25 of network "other"' in overlaps_of(body(SUBNET), [other])[0]
    assert not overlaps_of(body(SUBNET), [{**other, "Scope": "local"}])


def test_the_swarm_s_pools() -> None:
    taken = [body({"Subnet": one}, Scope="swarm") for one in ("10.5.0.0/24", "10.5.1.0/25")]
    assert not exhausted(["10.5.0.0/23"], 24, taken[:1])
    assert "(10.5.0.0/23, in subnets of /24) are all given away" in exhausted(["10.5.0.0/23"], 24, taken)[0]
    assert exhausted(["10.5.0.0/23"], 24, [body({"Subnet": "10.0.0.0/8"}, Scope="swarm")])
    assert not exhausted(["10.5.0.0/23", "10.9.0.0/16"], 24, taken)


# --- room ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pool", "room"),
    [
        ({"Subnet": "10.90.0.0/29", "Gateway": "10.90.0.1"}, 5),
        ({"Subnet": "10.90.0.0/29"}, 5),
        ({"Subnet": "10.90.0.0/24", "IPRange": "10.90.0.128/29", "Gateway": "10.90.0.1"}, 8),
        ({"Subnet": "10.90.0.0/24", "IPRange": "10.90.0.128/29"}, 7),
        ({"Subnet": "fd00::/125"}, 6),
    ],
)
def test_room(pool: dict[str, Any], room: int) -> None:
    assert room_of(body(pool)) == room


def test_where_somebody_else_gives_addresses_room_is_unknown() -> None:
    assert room_of(body()) is None
    assert room_of(body({"Subnet": "10.90.0.0/29"}, Driver="macvlan")) is None
    assert room_of({**body(), "IPAM": {"Driver": "other", "Config": [{"Subnet": "10.90.0.0/29"}]}}) is None


@given(st.integers(1, 60000))
def test_the_prefix_that_is_advised_is_the_longest_that_will_do(addresses: int) -> None:
    room = [room_of(body({"Subnet": f"10.0.0.0/{prefix_for(addresses) + longer}"})) for longer in (0, 1)]
    assert room[0] is not None and room[1] is not None and room[0] >= addresses > room[1]


# --- need ---------------------------------------------------------------------------------------------------------

NODES = [
    {
        "ID": f"id{number}",
        "Spec": {"Availability": "active", "Role": "manager" if number == 1 else "worker", "Labels": {"rack": rack}},
        "Status": {"State": "ready"},
        "Description": {"Hostname": f"n{number}", "Platform": {"OS": "linux", "Architecture": "x86_64"}},
    }
    for number, rack in enumerate(("a", "a", "b", "b"), 1)
]
SMALL = body({"Subnet": "10.90.0.0/29"})


def web(**more: Any) -> Member:
    return Member(**{"name": "web", "networks": frozenset({"inner"}), "mode": "replicated", "replicas": 1, **more})


def test_six_replicas_on_four_hosts_in_a_subnet_of_eight() -> None:
    said = (
        'network "inner": 10.90.0.0/29 has 5 addresses to give, and 11 (6 for tasks, 1 for virtual IPs of services, 4 '
        "for nodes that run tasks) are needed; give it a larger subnet, at least a /28, or run fewer tasks"
    )
    assert shortage(SMALL, [web(replicas=6)], NODES) == said


@pytest.mark.parametrize(
    ("members", "nodes", "fits"),
    [
        ([web(replicas=4, virtual=False)], NODES[:1], True),
        ([web(replicas=4, virtual=False)], NODES[:2], False),
        ([web(replicas=3)], NODES[:1], True),
        ([web(replicas=3, beside=1)], NODES[:1], False),
        ([web(replicas=2, beside=0, virtual=False)], NODES[:1], True),
        ([web(replicas=3, beside=0, virtual=False)], NODES[:1], False),
        ([web(mode="global", virtual=False)], NODES[:3], False),
        ([web(mode="global", constraints=("node.labels.rack == A",))], NODES, True),
        ([web(mode="global", constraints=("node.role != manager",), virtual=False)], NODES, False),
        ([web(replicas=6, networks=frozenset({"other"}))], NODES, True),
        ([web(replicas=0)] * 5, NODES, True),
        ([web(replicas=0)] * 6, NODES, False),
    ],
)
def test_what_fits(members: list[Member], nodes: list[dict[str, Any]], fits: bool) -> None:
    assert (shortage(SMALL, members, nodes) is None) is fits


def test_which_services_share_a_node_is_swarm_s_choice() -> None:
    members = [web(name=name, virtual=False) for name in ("one", "two", "three")]
    assert shortage(SMALL, members, NODES) is None
    assert "6 (3 for tasks, 3 for nodes that run tasks) may be needed" in str(shortage(SMALL, members, NODES, False))


def test_nodes_that_are_drained_or_down_have_no_tasks_and_the_mesh_is_on_all() -> None:
    away = [NODES[0], {**NODES[1], "Spec": {"Availability": "drain"}}, {**NODES[2], "Status": {"State": "down"}}]
    assert shortage(SMALL, [web(replicas=4, virtual=False)], away) is None
    mesh = {**SMALL, "Name": "ingress", "Ingress": True}
    published = [member({"name": "web", "replicas": 2, "publish": [{"mode": "ingress"}]}, "ingress")]
    assert "6 (2 for tasks, 1 for virtual IPs of services, 3" in str(shortage(mesh, published, away))
    published = [member({"name": "web", "replicas": 2, "publish": [{"mode": "host"}]}, "ingress")]
    assert shortage(mesh, published, away) is None


def test_a_stack_is_counted_with_those_that_are_on_its_network_already() -> None:
    def service(name: str, replicas: int) -> dict[str, Any]:
        return {"name": name, "networks": [{"name": "inner"}], "replicas": replicas, "mode": "replicated"}

    live = Live(
        networks={"inner": {**SMALL, "Id": "net1", "Scope": "swarm"}}, refs=Refs({"network": {"inner": "net1"}})
    )
    task = {"ContainerSpec": {}, "Networks": [{"Target": "net1"}]}
    spec = {"Name": "old", "TaskTemplate": task, "Mode": {"Replicated": {"Replicas": 2}}}
    live.services["old"] = {"ID": "s1", "Spec": spec}
    plan = Plan([Step("service", "new", "create", service("new", 1))])
    check_room(plan, live, NODES)
    assert "7 (3 for tasks, 2 for virtual IPs of services, 2 for nodes" in plan.violations[0]
    plan = Plan([Step("service", "new", "create", service("new", 1)), Step("service", "old", "remove")])
    check_room(plan, live, NODES)
    assert not plan.violations and not plan.warnings
    plan = Plan([Step("config", "c", "create")])
    check_room(plan, live, NODES)
    assert not plan.violations, "nothing of a network changes"
