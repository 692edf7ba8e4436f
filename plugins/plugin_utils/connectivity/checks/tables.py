# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether each host has the tables that guard it: one that could not be loaded leaves it closed, or open."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.module_utils.host import firewall
from ansible_collections.baremetal.overlay.plugins.module_utils.host.nft_table import Table
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import backstop
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

TITLES = {"firewall": "Firewall", "ipsec": "Backstop"}


def wanted(view: View) -> list[Table]:
    """Those that the inventory asks for."""
    asked = ((view.firewall, firewall.TABLE), (view.encryption == "ipsec", backstop.TABLE))
    return [table for is_asked, table in asked if is_asked]


def cells(view: View) -> Iterator[Cell]:
    """Each table of each host."""
    for member in view.members:
        for table in wanted(view):
            found = (member.sight.get("tables") or {}).get(table.owner)
            reason = member.away or (None if found else Reason(f"{member.name} did not look at its tables"))
            title = TITLES[table.owner]
            yield unrun(table.owner, member.name, title, reason) if reason else _cell(member, table)


def _cell(member: Member, table: Table) -> Cell:
    found = member.sight["tables"][table.owner]
    value, status, detail = "loaded", PASS, ""
    if not found["there"]:
        value, status = ("closed" if found["closed"] else "missing"), FAIL
        unit = f"{table.service} is {found['unit'] or 'not there'}"
        place = f"{table.closed} is there in its place" if found["closed"] else "what it keeps out is let in"
        detail = f"{member.name}: the table {table} is not loaded ({unit}), and {place}"
    return Cell(table.owner, member.name, TITLES[table.owner], status, value, detail)


LAYER = Layer(
    name="tables",
    title="Host tables",
    question="Every host has loaded the nftables tables that guard it.",
    remedy="see `journalctl -u baremetal-overlay-firewall -u baremetal-overlay-ipsec` on that host, then run site.yml",
    cells=cells,
    expected=lambda view: len(wanted(view)) * len(view.members),
    matrix=False,
    exists=lambda view: bool(wanted(view)),
)
