# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Underlay: packets as large as the interface's MTU pass unfragmented."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.checks import underlay_icmp
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    Cell,
    Layer,
    Reason,
    View,
    result_of,
    size_cell,
    unrun,
)


def cells(view: View) -> Iterator[Cell]:
    """The largest packet is the sender's own MTU."""
    for one, other in view.pairs():
        found, reason = result_of(one, underlay_icmp.key(other.name))
        if found and not found["ok"]:
            silent = Reason(f"{other.name} does not answer {one.name}: nothing can be measured")
            found, reason = None, other.excused or silent
        if not found:
            yield unrun("mtu", one.name, other.name, reason)
            continue
        wanted = one.sight.get("mtu")
        if not wanted:
            detail = f"{one.name}: no interface of its has {one.address}; overlay_underlay_address has to be its own"
            yield Cell("mtu", one.name, other.name, FAIL, str(found["size"]), detail)
            continue
        detail = (
            f"{one.name} → {other.name}: the largest packet that passes unfragmented is {found['size']} bytes; "
            f"{one.name}'s {one.sight['interface']} sends up to {wanted}"
        )
        yield size_cell(one, other, found["size"], wanted, detail)


LAYER = Layer(
    name="underlay-mtu",
    title="Underlay MTU",
    question="Packets as large as the sender's interface allows reach every other host unfragmented.",
    remedy="give all interfaces and switch ports on the way one MTU, or lower it on the hosts to what passes",
    cells=cells,
    expected=lambda view: view.host_pairs,
)
