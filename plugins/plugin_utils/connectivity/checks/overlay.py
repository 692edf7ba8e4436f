# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Overlay: every server reaches every other one by the network that is theirs, as seen from inside their tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    Cell,
    Layer,
    Member,
    Reason,
    View,
    answer_cell,
    result_of,
)

DEFAULT_MTU = 1450
NO_OVERLAY = Reason(
    "overlay_network_driver: host has servers reach each other at the hosts' own addresses, as the underlay shows",
    chosen=True,
)


def members(view: View) -> list[Member]:
    """The hosts on which a task belongs."""
    return [member for member in view.members if "minio" in member.groups or member.task]


def pairs(view: View) -> Iterator[tuple[Member, Member]]:
    """Every ordered pair of them."""
    return ((one, other) for one in members(view) for other in members(view) if one != other)


def probes(view: View) -> Iterator[tuple[str, dict[str, Any]]]:
    """From task to task."""
    for one, other in pairs(view) if view.driver != "host" else ():
        if one.task and other.task:
            base = {"pid": one.task["pid"], "address": other.task["address"]}
            yield (
                one.name,
                {**base, "key": f"overlay icmp {other.name}", "kind": "icmp", "size": one.task["mtu"] or DEFAULT_MTU},
            )
            yield one.name, {**base, "key": f"overlay tcp {other.name}", "kind": "tcp", "port": view.port}


def look(view: View, one: Member, other: Member, what: str) -> tuple[Any, Reason | None]:
    """A result, or why there is none."""
    if view.driver == "host":
        return None, NO_OVERLAY
    if one.taskless or other.taskless:
        return None, one.taskless or other.taskless
    return result_of(one, f"overlay {what} {other.name}")


def _way(one: Member, other: Member) -> str:
    if not (one.task and other.task):
        return ""
    target = f"{other.task['service']} on {other.name} ({other.task['address']})"
    return f"{one.task['service']} on {one.name} → {target}"


def cells(view: View) -> Iterator[Cell]:
    """An echo, and MinIO's port."""
    for one, other in pairs(view):
        for what, name in (("icmp", "icmp"), ("tcp", f"{view.port}/tcp")):
            yield answer_cell(name, one, other, look(view, one, other, what), f"{_way(one, other)} {name}")


LAYER = Layer(
    name="overlay",
    title="Overlay",
    question="From inside every task, every other task answers ICMP echo and accepts a connection to MinIO's port.",
    remedy="where underlay and Swarm ports are good, look at the data path port or LAN, at IPsec and the engine's log",
    cells=cells,
    # An echo and MinIO's port.
    expected=lambda view: 2 * view.server_pairs,
    probes=probes,
)
