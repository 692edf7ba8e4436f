# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Underlay: every host reaches every other one's declared address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    Cell,
    Layer,
    View,
    answer_cell,
    result_of,
)

UNKNOWN_MTU = 1500


def key(target: str) -> str:
    """The result's name on its host."""
    return f"underlay {target}"


def probes(view: View) -> Iterator[tuple[str, dict[str, Any]]]:
    """One probe tells the round trip and the largest packet."""
    for one, other in view.pairs():
        size = one.sight.get("mtu") or UNKNOWN_MTU
        yield one.name, {"key": key(other.name), "kind": "icmp", "address": other.address, "size": size}


def cells(view: View) -> Iterator[Cell]:
    """An echo reply in time."""
    for one, other in view.pairs():
        way = f"{one.name} → {other.name} ({other.address})"
        yield answer_cell("icmp", one, other, result_of(one, key(other.name)), way)


LAYER = Layer(
    name="underlay-icmp",
    title="Underlay",
    question="Every host gets an ICMP echo from every other one's overlay_underlay_address.",
    remedy="check the link, the route and the firewall between the two hosts; ICMP echo has to pass",
    cells=cells,
    expected=lambda view: view.host_pairs,
    probes=probes,
)
