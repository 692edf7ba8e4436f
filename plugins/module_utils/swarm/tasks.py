# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services and their tasks in brief: how many run of how many, and what became of each task. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from .converge import is_job, may_end, names_of

# A container that was there and is over; only then does its exit code say anything.
OVER = ("complete", "shutdown", "failed")
STACK_LABEL = "com.docker.stack.namespace"


def stack_of(service: Mapping[str, Any]) -> Optional[str]:
    return (service["Spec"].get("Labels") or {}).get(STACK_LABEL)


def mode_of(spec: Mapping[str, Any]) -> str:
    """As the docker CLI writes it."""
    words = {"Global": "global", "ReplicatedJob": "replicated-job", "GlobalJob": "global-job"}
    return next((word for key, word in words.items() if key in (spec.get("Mode") or {})), "replicated")


def counts(service: Mapping[str, Any], tasks: Optional[Iterable[Mapping[str, Any]]]) -> dict[str, Optional[int]]:
    """How many tasks run of how many; of a job, and of a service whose tasks run once, also how many are complete.

    The Engine counts since API 1.41. Below that its tasks are counted, where they are at hand.
    """
    made = [one for one in tasks or [] if one.get("ServiceID") == service["ID"]]
    status = service.get("ServiceStatus")
    if status is None and tasks is None:
        return {"running": None, "wanted": None}
    if status is None:
        status = _counted(service, made)
    found = {"running": status.get("RunningTasks", 0), "wanted": status.get("DesiredTasks", 0)}
    if is_job(service["Spec"]):
        return {**found, "completed": status.get("CompletedTasks", 0)}
    return {**found, "completed": _ended(made)} if tasks is not None and may_end(service["Spec"]) else found


def _ended(tasks: Iterable[Mapping[str, Any]]) -> int:
    """The slots or nodes whose newest task is complete."""
    newest: dict[Any, Mapping[str, Any]] = {}
    for one in sorted(tasks, key=lambda one: str(one.get("CreatedAt", ""))):
        newest[one.get("Slot") or one.get("NodeID")] = one
    return sum(one["Status"]["State"] == "complete" for one in newest.values())


def _counted(service: Mapping[str, Any], tasks: list[Mapping[str, Any]]) -> dict[str, int]:
    wanted = [one for one in tasks if one["DesiredState"] == "running"]
    replicated = (service["Spec"].get("Mode") or {}).get("Replicated") or {}
    return {
        "RunningTasks": sum(one["Status"]["State"] == "running" for one in wanted),
        "DesiredTasks": replicated.get("Replicas", len(wanted)),
    }


def brief(service: Mapping[str, Any], tasks: Optional[Iterable[Mapping[str, Any]]] = None) -> dict[str, Any]:
    spec = service["Spec"]
    return {
        "id": service["ID"],
        "name": spec["Name"],
        "mode": mode_of(spec),
        "image": (spec["TaskTemplate"].get("ContainerSpec") or {}).get("Image"),
        "replicas": counts(service, tasks),
        "ports": (service.get("Endpoint") or {}).get("Ports") or [],
    }


def view(
    tasks: Iterable[Mapping[str, Any]], services: Iterable[Mapping[str, Any]], nodes: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """By service and slot or node, of each the newest first."""
    names = {one["ID"]: one["Spec"]["Name"] for one in services}
    hostnames = names_of(nodes)
    found = [_view(one, names.get(one.get("ServiceID", ""), ""), hostnames) for one in tasks]
    found.sort(key=lambda one: str(one["timestamp"]), reverse=True)
    return sorted(found, key=lambda one: (one["service"], one["slot"] or 0, one["node"] or ""))


def _view(task: Mapping[str, Any], service: str, hostnames: Mapping[str, str]) -> dict[str, Any]:
    status, node_id = task["Status"], task.get("NodeID") or None
    container = status.get("ContainerStatus") or {}
    return {
        "id": task["ID"],
        "name": name_of(task, service),
        "service": service,
        "slot": task.get("Slot"),
        "node": hostnames.get(node_id, node_id) if node_id else None,
        "node_id": node_id,
        "state": status["State"],
        "desired_state": task["DesiredState"],
        "message": status.get("Message", ""),
        "error": status.get("Err", ""),
        "exit_code": container.get("ExitCode", 0) if container and status["State"] in OVER else None,
        "container_id": container.get("ContainerID") or None,
        "image": (task["Spec"].get("ContainerSpec") or {}).get("Image"),
        "addresses": addresses_of(task),
        "timestamp": status["Timestamp"],
    }


def name_of(task: Mapping[str, Any], service: str) -> str:
    """``web.2``; a task of a global service has its node's ID in place of a slot."""
    return f"{service}.{task.get('Slot') or task.get('NodeID') or '?'}"


def addresses_of(task: Mapping[str, Any]) -> dict[str, list[str]]:
    """Network name → the task's addresses there, without the length of the prefix."""
    return {
        one["Network"]["Spec"]["Name"]: [address.partition("/")[0] for address in one.get("Addresses") or []]
        for one in task.get("NetworksAttachments") or []
    }
