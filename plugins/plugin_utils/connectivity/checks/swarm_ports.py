# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swarm's ports between all hosts: management towards managers, gossip and data path towards everyone."""

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

MANAGEMENT, GOSSIP = 2377, 7946


def wanted(view: View, other: Member) -> list[tuple[str, int]]:
    """What has to be open on a host."""
    management = [("tcp", MANAGEMENT)] if "managers" in other.groups else []
    return [*management, ("tcp", GOSSIP), ("udp", GOSSIP), ("udp", view.data_path_port)]


def probes(view: View) -> Iterator[tuple[str, dict[str, Any]]]:
    """udp only where somebody responds."""
    for one, other in view.pairs():
        for kind, port in wanted(view, other):
            if kind == "tcp" or not (other.absence or other.responder):
                key = f"{port}/{kind} {other.name}"
                yield one.name, {"key": key, "kind": kind, "address": other.address, "port": port}


def cells(view: View) -> Iterator[Cell]:
    """Each port of its own."""
    for one, other in view.pairs():
        for kind, port in wanted(view, other):
            name = f"{port}/{kind}"
            seen = result_of(one, f"{name} {other.name}")
            if kind == "udp" and not one.absence and (other.absence or other.responder):
                said = other.away or Reason(f"{other.name}: {other.responder}", view.check_mode)
                seen = None, Reason(f"nothing responds on udp: {said.text}", said.chosen)
            yield answer_cell(name, one, other, seen, f"{one.name} → {other.name} ({other.address}) {name}")


LAYER = Layer(
    name="swarm-ports",
    title="Swarm ports",
    question="2377/tcp of every manager, and 7946/tcp, 7946/udp and the data path of every host are open to all.",
    remedy="open the port between the hosts, in their firewalls and in those on the way",
    cells=cells,
    expected=lambda view: sum(len(wanted(view, other)) for _one, other in view.pairs()),
    probes=probes,
)
