# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quorum: how many managers and drives may still fail before Swarm takes no changes and MinIO no writes."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.checks import room
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    PASS,
    WARN,
    Cell,
    Layer,
    Reason,
    View,
    unrun,
)

SWARM, SPARE = "Swarm", "may fail"


def cells(view: View) -> Iterator[Cell]:
    """What is left, beside what there is when all is well."""
    yield _managers(view)
    _disks, unheard = view.disks
    for pool in view.layout.pools if view.layout else ():
        quorum = view.layout.quorums(pool)[1] if view.layout else 0
        for number, disks in enumerate(room.sets_of(view, pool), 1):
            name = f"pool {pool.number}, set {number}"
            if unheard:
                yield unrun("drives", name, SPARE, unheard)
                continue
            yield _spare("drives", name, SPARE, len(disks), quorum, pool.set_size)


def _managers(view: View) -> Cell:
    """As a manager sees the others."""
    asked = [one for one in view.present if one.sight.get("manager")]
    if not asked:
        managers = [one for one in view.members if "managers" in one.groups]
        chosen = all(one.absence and one.absence.chosen for one in managers)
        return unrun("managers", SWARM, SPARE, Reason("no manager of the swarm answered", chosen))
    heard = [one for one in asked if one.sight.get("managers")]
    if not heard:
        error = asked[0].sight.get("managers_error") or "no manager is listed"
        return Cell("managers", SWARM, SPARE, FAIL, "", f"Swarm as {asked[0].name} sees it: {error}")
    listed = heard[0].sight["managers"]
    reachable = sum(one["reachability"] == "reachable" for one in listed)
    return _spare("managers", SWARM, SPARE, reachable, len(listed) // 2 + 1, len(listed))


def _spare(check: str, name: str, target: str, there: int, quorum: int, whole: int) -> Cell:
    """How many may fail; fewer than when all are there is worth a warning."""
    spare, full = there - quorum, whole - quorum
    noun = check if abs(spare) != 1 else check.removesuffix("s")
    if spare < 0:
        detail = f"{name}: {there} of {whole} {check} answer, and {quorum} are needed: {_stops(check)}"
        return Cell(check, name, target, FAIL, "", detail)
    if spare < full:
        left = f"{spare} more {noun} may fail" if spare else f"with the next one, {_stops(check)}"
        return Cell(check, name, target, WARN, f"{spare} {noun}", f"{name}: {there} of {whole} {check} answer; {left}")
    return Cell(check, name, target, PASS, f"{spare} {noun}")


def _stops(check: str) -> str:
    return "Swarm takes no changes" if check == "managers" else "MinIO refuses to write"


LAYER = Layer(
    name="quorum",
    title="Quorum",
    question="As many managers of the swarm and drives of every erasure set may fail as when all is well.",
    remedy="bring back the managers and drives that are away before another goes; see docs/quorum.md",
    cells=cells,
    expected=lambda view: 1 + sum(len(pool.sets) for pool in (view.layout.pools if view.layout else ())),
    matrix=False,
)
