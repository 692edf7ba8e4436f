# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the networks of a planned stack have addresses for all who will be on them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .network_need import Member, member, members_of, mesh_of, shortage
from .stack_plan import Live, Plan


def check_room(plan: Plan, live: Live, nodes: Sequence[Mapping[str, Any]]) -> None:
    """Only for networks that the plan makes, or whose services it makes or changes: the rest is as it was."""
    networks = {**live.networks, **{step.name: step.want for step in plan.of("network")}}
    members = _members(plan, live)
    touched = {step.name for step in plan.of("network")}
    for step in plan.of("service"):
        touched |= members[step.name].networks
    for name in sorted(touched & set(networks)):
        short = shortage(networks[name], members.values(), nodes)
        if short:
            plan.violations.append(short)
        elif short := shortage(networks[name], members.values(), nodes, surely=False):
            plan.warnings.append(short)


def _members(plan: Plan, live: Live) -> dict[str, Member]:
    """All services of the cluster as they will be."""
    networks = list(live.networks.values())
    planned = {step.name: member(step.want, mesh_of(networks)) for step in plan.of("service")}
    gone = {step.name for step in plan.of("service", remove=True)}
    return {
        name: one
        for name, one in {**members_of(live.services.values(), networks), **planned}.items()
        if name not in gone
    }
