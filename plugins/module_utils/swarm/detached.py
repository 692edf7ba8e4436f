# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service without one of its networks, for as long as that network is made anew. Pure: specifications in and out.

What the service was like is noted in a label on the service itself: it is written in the same update that detaches, so
there is no moment at which one is done and the other is not, and it survives whoever was at it. Meanwhile the service
is at rest, without tasks: tasks that run without their network would do harm, or fail and have the update taken back.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..rows import lookup, place, remove
from .converge import STARTED, is_job

LABEL = "baremetal.overlay.detached"
# The load balancers' endpoints are no containers; they go with their network.
_OF_THE_ENGINE = ("lb-", "ingress-sbox")
_ATTACHMENTS = ("TaskTemplate.Networks", "Networks")
_PORTS = "EndpointSpec.Ports"
_NOWHERE = "node.id==nowhere"

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Users:
    """Who would lose a network: services, and containers that were attached by hand, on this host or another."""

    services: tuple[Mapping[str, Any], ...] = ()
    containers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.services or self.containers)

    def names(self) -> str:
        found = [f"service {one['Spec']['Name']}" for one in self.services] + list(self.containers)
        return ", ".join(sorted(found))

    def obstacles(self, network: str) -> list[str]:
        """What consent to detach the services from the network does not reach."""
        found = [f"{one} was attached by hand: disconnect it" for one in self.containers]
        for service in self.services:
            name, other = service["Spec"]["Name"], detached_from(service["Spec"])
            if is_job(service["Spec"]):
                found.append(f"service {name} is a job and would run again: remove it")
            elif other not in (None, network):
                found.append(f'service {name} is still detached from network "{other}": run the task of that one again')
        return found


def users_of(
    network: Mapping[str, Any],
    services: Sequence[Mapping[str, Any]],
    tasks: Sequence[Mapping[str, Any]],
    inspect: Mapping[str, Any],
) -> Users:
    used = tuple(service for service in services if uses(service["Spec"], network))
    containers = []
    for task in tasks:
        if not task.get("ServiceID") and attached(task, network) and task.get("DesiredState") == "running":
            containers.append(f"container {(container_of(task) or task['ID'])[:12]} on node {task.get('NodeID', '')}")
    of_tasks = {container_of(task) for task in tasks}
    for ident, container in endpoints(inspect).items():
        if ident not in of_tasks:
            containers.append(f"container {container.get('Name') or ident[:12]}")
    return Users(used, tuple(sorted(containers)))


def uses(spec: Spec, network: Mapping[str, Any]) -> bool:
    return bool(_without(spec, network))


def attached(task: Mapping[str, Any], network: Mapping[str, Any]) -> bool:
    return any(one.get("Network", {}).get("ID") == network["Id"] for one in task.get("NetworksAttachments") or [])


def container_of(task: Mapping[str, Any]) -> str:
    return str(((task.get("Status") or {}).get("ContainerStatus") or {}).get("ContainerID", ""))


def endpoints(inspect: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The containers that a network has on this host."""
    found = (inspect.get("Containers") or {}).items()
    return {ident: one for ident, one in found if not ident.startswith(_OF_THE_ENGINE)}


def holding(
    network: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]]
) -> list[str]:
    """The tasks that still have an endpoint in the network, on a node that can be asked to give it up."""
    down = {node["ID"] for node in nodes if node["Status"]["State"] == "down"}
    return [
        f"task {task['ID'][:12]} is {task['Status']['State']}"
        for task in tasks
        if attached(task, network) and task["Status"]["State"] in STARTED and task.get("NodeID") not in down
    ]


def detached_from(spec: Spec) -> Optional[str]:
    """The name of the network that this service waits for."""
    noted = (spec.get("Labels") or {}).get(LABEL)
    return str(json.loads(noted)["network"]) if noted else None


def detach(spec: Spec, network: Mapping[str, Any]) -> dict[str, Any]:
    """The service without the network, and at rest."""
    if detached_from(spec) == network["Name"]:
        # Somebody gave it the network back too early; what it was like is in its label still.
        spec = attach(spec, network["Id"])
    changed = _detached(spec, network)
    before = {path: lookup(spec, path) for path in changed}
    noted = {"network": network["Name"], "id": network["Id"], "before": before}
    body = _placed(spec, changed)
    body["Labels"] = {**(spec.get("Labels") or {}), LABEL: json.dumps(noted, sort_keys=True)}
    return body


def attach(spec: Spec, network_id: str) -> dict[str, Any]:
    """The service as it was, with the new network in the old one's place. What somebody else has set since, stays."""
    labels = dict(spec["Labels"])
    noted = json.loads(labels.pop(LABEL))
    old = {"Id": noted["id"], "Name": noted["network"], "Ingress": _PORTS in noted["before"]}
    was = _placed({**spec, "Labels": labels}, noted["before"])
    expected = _detached(was, old)
    kept = {path: lookup(spec, path) for path, value in expected.items() if lookup(spec, path) != value}
    body = _placed(was, kept)
    for path in _ATTACHMENTS:
        for one in lookup(body, path) or []:
            if one.get("Target") == noted["id"]:
                one["Target"] = network_id
    return body


def _detached(spec: Spec, network: Mapping[str, Any]) -> dict[str, Any]:
    """Path → what is there while the service is detached; None is nothing at all."""
    changed = _without(spec, network)
    mode = spec.get("Mode") or {}
    if "Global" in mode:
        placement = lookup(spec, "TaskTemplate.Placement") or {}
        changed["TaskTemplate.Placement"] = {
            **placement,
            "Constraints": [*(placement.get("Constraints") or []), _NOWHERE],
        }
    else:
        changed["Mode.Replicated"] = {**(mode.get("Replicated") or {}), "Replicas": 0}
    return changed


def _without(spec: Spec, network: Mapping[str, Any]) -> dict[str, Any]:
    """What the specification loses with the network; nothing if it does not use it."""
    ids = {network["Id"], network["Name"]}
    changed: dict[str, Any] = {}
    for path in _ATTACHMENTS:
        found = lookup(spec, path) or []
        left = [one for one in found if one.get("Target") not in ids]
        if len(left) != len(found):
            changed[path] = left or None
    ports = lookup(spec, _PORTS) or []
    hosts = [one for one in ports if one.get("PublishMode") == "host"]
    if network.get("Ingress") and len(hosts) != len(ports):
        changed[_PORTS] = hosts or None
    return changed


def _placed(spec: Spec, values: Mapping[str, Any]) -> dict[str, Any]:
    body = copy.deepcopy(dict(spec))
    for path, value in values.items():
        if value is None:
            remove(body, path)
        else:
            place(body, path, copy.deepcopy(value))
    return body
