# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks: the hosts' beside each other, as far as a difference is proven."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    PASS,
    WARN,
    Cell,
    Layer,
    Member,
    Reason,
    View,
    unrun,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import clocks


def offset(member: Member) -> clocks.Offset | None:
    """How far its clock is ahead of the controller's; None where it was not read."""
    own = member.sight.get("clock") or {}
    return clocks.offset(member.name, own, member.stamps) if own.get("time") and member.stamps else None


def cells(view: View) -> Iterator[Cell]:
    """Each clock beside the one in the middle."""
    found = {member.name: offset(member) for member in view.members if not member.absence}
    read = [one for one in found.values() if one]
    base = clocks.reference(read) if read else None
    for member in view.members:
        own = found.get(member.name)
        if own is None or base is None:
            yield unrun("clock", member.name, "clock", member.away or Reason(f"{member.name} did not read its clock"))
            continue
        gap = abs(own.ahead_of(base))
        status = FAIL if gap > clocks.LIMIT else WARN if gap > clocks.NOTEWORTHY else PASS
        detail = "" if status == PASS else f"{member.name}: {clocks.words(own, base)}"
        yield Cell("clock", member.name, "clock", status, "yes" if status == PASS else f"{gap:.0f} s", detail)


LAYER = Layer(
    name="clocks",
    title="Clocks",
    question="The hosts' clocks agree; MinIO refuses requests that are 15 minutes off.",
    remedy="set the clock, and keep it in step by chrony or systemd-timesyncd",
    cells=cells,
    expected=lambda view: len(view.members),
    matrix=False,
)
