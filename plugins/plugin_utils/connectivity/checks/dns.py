# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS: every task resolves every service to the right task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.checks import overlay
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    PASS,
    Cell,
    Layer,
    Member,
    View,
    result_of,
    unrun,
)


def services(view: View) -> dict[str, list[str]]:
    """Every service that a task of was seen, and its tasks' addresses."""
    found: dict[str, list[str]] = {}
    for member in view.present:
        for task in member.sight.get("tasks") or []:
            found.setdefault(task["service"], []).append(task["address"])
    return {name: sorted(addresses) for name, addresses in sorted(found.items())}


def probes(view: View) -> Iterator[tuple[str, dict[str, Any]]]:
    """Asked inside each host's task."""
    for member in overlay.members(view):
        task = member.task
        if not task:
            continue
        for name in services(view):
            # In the host's own network the Engine answers no names: there they are in the task's hosts file.
            kind = "hosts" if task.get("network") == "host" else "dns"
            yield member.name, {"key": f"dns {name}", "kind": kind, "name": name, "pid": task["pid"]}


def cells(view: View) -> Iterator[Cell]:
    """The answer is the tasks' addresses, and nothing else."""
    for member in overlay.members(view):
        for service, addresses in services(view).items():
            yield _cell(member, service, addresses)
        for other in overlay.members(view):
            if other.taskless:
                yield unrun("dns", member.name, f"the server of {other.name}", other.taskless)


def _cell(member: Member, service: str, addresses: list[str]) -> Cell:
    found, reason = (None, member.taskless) if member.taskless else result_of(member, f"dns {service}")
    if not found:
        return unrun("dns", member.name, service, reason)
    said = found.get("addresses") or []
    value = ", ".join(said)
    # Asked for itself, a task with several networks may be told its address on any of them.
    task = member.task or {}
    own = set(task.get("own") or []) if task.get("service") == service else set()
    if found["ok"] and (said == addresses or set(said) <= own):
        return Cell("dns", member.name, service, PASS, value)
    heard = found.get("error") or value or "no address"
    detail = f"{service} as seen from {member.name}: {heard}; its tasks have {', '.join(addresses)}"
    return Cell("dns", member.name, service, FAIL, value, detail)


LAYER = Layer(
    name="dns",
    title="Names",
    question="Every task resolves every service to the addresses of its tasks.",
    remedy="restart the service whose name is wrong (docker service update --force); look at 7946/tcp and 7946/udp",
    cells=cells,
    expected=lambda view: len(view.servers) ** 2,
    probes=probes,
    matrix=False,
)
