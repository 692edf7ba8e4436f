# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a node that is drained is empty: its tasks have ended, and run elsewhere if there is a place for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Task = Mapping[str, Any]
# A service's ID and the slot that a task fills; a task of a global service fills none and moves nowhere.
Slot = tuple[str, int]

_BEGUN = ("preparing", "ready", "starting", "running")
_SETTLED = ("running", "complete")
_NO_PLACE = "no suitable node"
# Seconds after which that is not about to change.
NO_PLACE_HOLDS = 5.0


def running_on(idents: Iterable[str], tasks: Sequence[Task]) -> list[Task]:
    """The tasks there that have begun and not ended."""
    there = set(idents)
    return [task for task in tasks if task.get("NodeID") in there and _state(task) in _BEGUN]


def slots_on(ident: str, tasks: Sequence[Task]) -> set[Slot]:
    """What has to find another place when this node is drained."""
    return {
        _slot(task) for task in running_on([ident], tasks) if task.get("DesiredState") == "running" and task.get("Slot")
    }


def unfinished(tasks: Sequence[Task], idents: Iterable[str], slots: Iterable[Slot]) -> list[str]:
    """What is still waited for: tasks that have not ended there, and slots that do not run elsewhere yet."""
    said = [f"task {task['ID']} is {_state(task)} there" for task in running_on(idents, tasks)]
    for task in _wanted(tasks, slots):
        if _state(task) not in _SETTLED and _NO_PLACE not in _error(task):
            said.append(f"{_named(task)} is {_state(task)}{': ' + _error(task) if _error(task) else ''}")
    return said


def homeless(tasks: Sequence[Task], slots: Iterable[Slot]) -> list[str]:
    return [
        f"{_named(task)} ran on a node that is drained and has no other place: {_error(task)}"
        for task in _wanted(tasks, slots)
        if _state(task) not in _SETTLED
    ]


def _wanted(tasks: Sequence[Task], slots: Iterable[Slot]) -> list[Task]:
    """The one task of each slot that Swarm wants to run; none where the service is gone or may do without it."""
    found: dict[Slot, Task] = {}
    known = set(slots)
    for task in sorted(tasks, key=lambda one: str(one.get("CreatedAt", ""))):
        if _slot(task) in known and task.get("DesiredState") not in ("shutdown", "remove"):
            found[_slot(task)] = task
    return list(found.values())


def _slot(task: Task) -> Slot:
    return str(task.get("ServiceID", "")), int(task.get("Slot") or 0)


def _named(task: Task) -> str:
    return f"slot {task.get('Slot')} of service {task.get('ServiceID')}"


def _state(task: Task) -> str:
    return str((task.get("Status") or {}).get("State", ""))


def _error(task: Task) -> str:
    return str((task.get("Status") or {}).get("Err", ""))
