# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel overlay: every host sends to every other one, and to nobody else, as its kernel has it."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.module_utils.addresses import plain
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    PASS,
    Cell,
    Layer,
    Reason,
    View,
    unrun,
)


def cells(view: View) -> Iterator[Cell]:
    """Expected are all hosts of the inventory; what else is there is a stranger, or a host that is gone."""
    for one in view.members:
        seen = one.sight.get("vtep")
        reason = one.away or (None if seen else Reason(f"{one.name} was not asked"))
        remotes = {plain(text) for text in (seen or {}).get("remotes", [])}
        for other in view.members:
            if other == one:
                continue
            if reason:
                yield unrun("remote", one.name, other.name, reason)
                continue
            there = plain(other.address) in remotes
            found = "has no link to" if seen and seen["bridge"] else "has no bridge, and so no link to"
            detail = "" if there else f"{one.name} {found} {other.name} ({other.address})"
            yield Cell("remote", one.name, other.name, PASS if there else FAIL, "yes" if there else "", detail)
        strangers = sorted(remotes - {plain(member.address) for member in view.members}) if not reason else []
        for stranger in strangers:
            detail = f"{one.name} sends frames to {stranger}, which is no host of the inventory"
            yield Cell("stranger", one.name, stranger, FAIL, "", detail)


LAYER = Layer(
    name="vtep",
    title="Kernel overlay",
    question="With overlay_network_driver: kernel, every host's overlay leads to all other hosts and to nobody else.",
    remedy="run site.yml on all hosts; see docs/kernel-overlay.md",
    cells=cells,
    expected=lambda view: view.host_pairs,
    matrix=False,
    exists=lambda view: view.driver == "kernel",
)
