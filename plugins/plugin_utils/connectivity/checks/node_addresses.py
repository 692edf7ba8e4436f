# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether each host still has the address at which its swarm knows it: nodes stay active without it, cut off."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.module_utils.addresses import plain, same, version
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

# What is compared, and how it is shown.
CHECKS = {"interface": "Interface", "declared": "Declared"}


def cells(view: View) -> Iterator[Cell]:
    """The swarm's address beside the host's own, and beside the declared one."""
    for member in view.members:
        known = member.sight.get("node_address")
        reason = member.away or (None if known else Reason(f"{member.name}: its engine does not tell its address"))
        for check, title in CHECKS.items():
            yield unrun(check, member.name, title, reason) if reason else _cell(member, check, plain(known))


def _cell(member: Member, check: str, known: str) -> Cell:
    own = [plain(each) for each in member.sight.get("addresses") or []]
    found = ""
    if check == "interface" and known not in own:
        found = f"which none of its interfaces has (it has {', '.join(own) or 'none'})"
    # An interface may be declared instead, and has its address in the first column.
    if check == "declared" and version(member.advertised) and not same(known, member.advertised):
        found = f"and declared is {member.advertised}"
    detail = f"{member.name}: its node in the swarm has the address {known}, {found}" if found else ""
    return Cell(check, member.name, CHECKS[check], FAIL if found else PASS, known, detail)


LAYER = Layer(
    name="node-addresses",
    title="Node addresses",
    question="Every host has the address with which it joined the swarm, and it is the declared one.",
    remedy=(
        "give the host that address back; where it is to have another, declare it, let the host leave (teardown.yml "
        "with --limit) and join again (site.yml)"
    ),
    cells=cells,
    expected=lambda view: len(CHECKS) * len(view.members),
    matrix=False,
)
