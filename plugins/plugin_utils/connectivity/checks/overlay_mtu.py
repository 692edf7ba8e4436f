# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Overlay: packets as large as the network's MTU pass between tasks."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.checks import overlay
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    Cell,
    Layer,
    Reason,
    View,
    size_cell,
    unrun,
)


def cells(view: View) -> Iterator[Cell]:
    """The largest packet is the network's MTU."""
    for one, other in overlay.pairs(view):
        found, reason = overlay.look(view, one, other, "icmp")
        if found and not found["ok"]:
            silent = Reason(f"the task on {other.name} does not answer the one on {one.name}")
            found, reason = None, other.excused or silent
        if not found:
            yield unrun("mtu", one.name, other.name, reason)
            continue
        wanted = (one.task or {}).get("mtu") or overlay.DEFAULT_MTU
        detail = (
            f"{one.name} → {other.name} inside {view.network}: the largest packet that passes is {found['size']} "
            f"bytes; the task's interface sends up to {wanted}"
        )
        yield size_cell(one, other, found["size"], wanted, detail)


LAYER = Layer(
    name="overlay-mtu",
    title="Overlay MTU",
    question="Packets as large as the MTU of the servers' network pass between all tasks.",
    remedy=(
        "the underlay has to carry the network's MTU and what the encapsulation adds (50 bytes, 76 when encrypted; "
        "over IPv6 20 more)"
    ),
    cells=cells,
    expected=lambda view: view.server_pairs,
)
