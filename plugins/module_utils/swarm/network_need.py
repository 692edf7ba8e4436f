# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many addresses of an overlay its services need, and whether it has them. Pure.

A task has one, a service that has a virtual IP has one, and so has every node that runs a task, whatever the endpoint
mode: what goes to a virtual IP is distributed on each node. Where addresses are short the cluster gives them to tasks
first; then nodes have none, and no task comes up. Nothing but the leader's log says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from .. import fields
from ..rows import Refs
from .network_pools import prefix_for, room_of, subnets_of
from .service import TABLE

Nodes = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Member:
    """What matters of a service here, in names."""

    name: str
    networks: frozenset[str]
    mode: str
    replicas: int
    constraints: tuple[str, ...] = ()
    virtual: bool = True
    # How many tasks an update starts before it stops others; 0: as many as there are.
    beside: Optional[int] = None

    def tasks(self, nodes: Nodes) -> int:
        return len(self.eligible(nodes)) if "global" in self.mode else self.replicas

    def overlap(self, nodes: Nodes) -> int:
        tasks = self.tasks(nodes)
        return 0 if self.beside is None else min(self.beside or tasks, tasks)

    def eligible(self, nodes: Nodes) -> set[str]:
        return {str(one["ID"]) for one in nodes if _takes_tasks(one) and _matches(one, self.constraints)}


def member(normal: Mapping[str, Any], ingress: str = "") -> Member:
    """Of a service in normal form. ``ingress``: the name of the routing mesh's network, which published ports join."""
    update, mode = normal.get("update_config") or {}, str(normal.get("mode") or "replicated")
    replicas = normal.get("replicas", 1)
    if mode == "replicated-job":
        replicas = min(normal.get("max_concurrent", 1), normal.get("total_completions", 1))
    networks = {str(one["name"]) for one in normal.get("networks") or []}
    if ingress and any(one.get("mode", "ingress") == "ingress" for one in normal.get("publish") or []):
        networks.add(ingress)
    return Member(
        name=str(normal.get("name", "")),
        networks=frozenset(networks),
        mode=mode,
        replicas=int(replicas or 0),
        constraints=tuple((normal.get("placement") or {}).get("constraints") or ()),
        virtual=normal.get("endpoint_mode", "vip") == "vip",
        beside=int(update.get("parallelism", 1)) if update.get("order") == "start-first" else None,
    )


def members_of(services: Iterable[Mapping[str, Any]], networks: Iterable[Mapping[str, Any]]) -> dict[str, Member]:
    """The live services, by name."""
    known = list(networks)
    refs = Refs({"network": {one["Name"]: one["Id"] for one in known if one.get("Scope") == "swarm"}})
    mesh = mesh_of(known)
    return {one["Spec"]["Name"]: member(fields.read(TABLE, one["Spec"], refs), mesh) for one in services}


def mesh_of(networks: Iterable[Mapping[str, Any]]) -> str:
    return next((str(one["Name"]) for one in networks if one.get("Ingress")), "")


@dataclass(frozen=True)
class Need:
    """``least`` and ``most`` nodes: Swarm spreads a service's tasks, but which services share a node is its choice."""

    tasks: int
    virtual: int
    overlap: int
    least: int
    most: int

    def total(self, nodes: int) -> int:
        return self.tasks + self.virtual + self.overlap + nodes

    def describe(self, nodes: int) -> str:
        parts = [
            (self.tasks, "for tasks"),
            (self.virtual, "for virtual IPs of services"),
            (nodes, "for nodes that run tasks"),
            (self.overlap, "for tasks that an update starts before it stops others"),
        ]
        return f"{self.total(nodes)} ({', '.join(f'{count} {what}' for count, what in parts if count)})"


def need_of(network: Mapping[str, Any], members: Iterable[Member], nodes: Nodes) -> Need:
    own = [one for one in members if network["Name"] in one.networks]
    running = [one for one in own if one.tasks(nodes)]
    eligible = [one.eligible(nodes) for one in running]
    tasks = sum(one.tasks(nodes) for one in running)
    least = max((min(one.tasks(nodes), len(can)) for one, can in zip(running, eligible)), default=0)
    most = min(tasks, len(set().union(*eligible)))
    if network.get("Ingress"):
        # The mesh is on every node, whether that runs a task or not.
        least = most = len(nodes)
    return Need(tasks, sum(one.virtual for one in own), sum(one.overlap(nodes) for one in running), least, most)


def shortage(network: Mapping[str, Any], members: Iterable[Member], nodes: Nodes, surely: bool = True) -> Optional[str]:
    """A sentence where addresses are short. ``surely``: wherever Swarm puts the tasks; otherwise, if it spreads all."""
    room, need = room_of(network), need_of(network, members, nodes)
    on = need.least if surely else need.most
    if room is None or need.total(on) <= room:
        return None
    subnets = " and ".join(str(one) for one in subnets_of(network))
    wanted = "are needed" if surely else "may be needed"
    return (
        f'network "{network["Name"]}": {subnets} has {room} address{"es" * (room != 1)} to give, and '
        f"{need.describe(on)} {wanted}; give it a larger subnet, at least a /{prefix_for(need.total(on))}, or run "
        "fewer tasks"
    )


def _takes_tasks(node: Mapping[str, Any]) -> bool:
    availability = (node.get("Spec") or {}).get("Availability", "active")
    return availability == "active" and (node.get("Status") or {}).get("State") != "down"


def _matches(node: Mapping[str, Any], constraints: Iterable[str]) -> bool:
    """As Swarm compares: whole words, in any case. What is not known here excludes no node."""
    for constraint in constraints:
        key, operator, wanted = _parts(constraint)
        found = _value(node, key)
        if operator and found is not None and (found.lower() == wanted.lower()) != (operator == "=="):
            return False
    return True


def _parts(constraint: str) -> tuple[str, str, str]:
    for operator in ("==", "!="):
        key, found, wanted = constraint.partition(operator)
        if found:
            return key.strip(), operator, wanted.strip()
    return constraint, "", ""


def _value(node: Mapping[str, Any], key: str) -> Optional[str]:
    spec, description = node.get("Spec") or {}, node.get("Description") or {}
    if key.startswith("node.labels."):
        return str((spec.get("Labels") or {}).get(key[len("node.labels.") :], ""))
    if key.startswith("engine.labels."):
        labels = (description.get("Engine") or {}).get("Labels") or {}
        return str(labels.get(key[len("engine.labels.") :], ""))
    known = {
        "node.id": node.get("ID"),
        "node.hostname": description.get("Hostname"),
        "node.role": spec.get("Role"),
        "node.platform.os": (description.get("Platform") or {}).get("OS"),
    }
    return None if known.get(key) is None else str(known[key])
