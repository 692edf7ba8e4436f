# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether every host of the inventory took part."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    PASS,
    Cell,
    Layer,
    Member,
    Reason,
    View,
    unrun,
)

CHECKS = {"answers": "Ansible", "engine": "Engine", "swarm": "Swarm"}


def cells(view: View) -> Iterator[Cell]:
    """A host that does not answer is a failure; one that the operator left out is not."""
    for member in view.members:
        yield from _absent(member, member.away) if member.away else _present(member)


def _absent(member: Member, away: Reason) -> Iterator[Cell]:
    if away.chosen:
        yield unrun("answers", member.name, CHECKS["answers"], away)
    else:
        yield Cell("answers", member.name, CHECKS["answers"], FAIL, "", away.text)
    for check in ("engine", "swarm"):
        yield unrun(check, member.name, CHECKS[check], away)


def _present(member: Member) -> Iterator[Cell]:
    yield Cell("answers", member.name, CHECKS["answers"], PASS, "yes")
    if error := member.sight.get("engine_error"):
        yield Cell("engine", member.name, CHECKS["engine"], FAIL, "", f"{member.name}: {error}")
        yield unrun("swarm", member.name, CHECKS["swarm"], Reason(f"{member.name}: its engine does not answer"))
        return
    yield Cell("engine", member.name, CHECKS["engine"], PASS, "yes")
    swarm = member.sight.get("swarm")
    found = "" if swarm == "active" else f"{member.name}: its swarm is {swarm}; it has to be active"
    yield Cell("swarm", member.name, CHECKS["swarm"], FAIL if found else PASS, swarm or "", found)


LAYER = Layer(
    name="hosts",
    title="Hosts",
    question="Every host of the inventory answers, and so does its engine.",
    remedy="look at the host itself: power, ssh, its engine's unit",
    cells=cells,
    expected=lambda view: len(CHECKS) * len(view.members),
    matrix=False,
)
