# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MinIO's own opinion of its health, through every node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    PASS,
    Cell,
    Layer,
    Reason,
    View,
    unrun,
)

CHECKS = {"live": "live", "cluster": "writes", "cluster/read": "reads"}
MEANING = {503: "503: no quorum", 412: "412: not now"}


def judge(row: str, where: str, seen: Mapping[str, Any] | None, reason: Reason) -> Iterator[Cell]:
    """The three calls of one endpoint."""
    for check, title in CHECKS.items():
        answer = (seen or {}).get(check)
        if answer is None:
            yield unrun(check, row, title, reason)
            continue
        status = answer.get("status")
        if status == 200:
            yield Cell(check, row, title, PASS, "200")
            continue
        wrong = MEANING.get(status, f"{status}") if status else answer.get("error", "no answer")
        yield Cell(check, row, title, FAIL, str(status or ""), f"{where}/minio/health/{check}: {wrong}")


def cells(view: View) -> Iterator[Cell]:
    """Seen from one manager."""
    keeper = view.keeper
    store = keeper.store if keeper else None
    for name, endpoint in view.endpoints.items():
        excused = view.excused.get(endpoint)
        seen = None if excused else ((store or {}).get("health") or {}).get(endpoint)
        yield from judge(name, endpoint, seen, excused or view.storeless)


LAYER = Layer(
    name="health",
    title="Health",
    question="Every MinIO is live, and has the quorum to write and to read.",
    remedy="see which hosts and drives are away; with too few of them, writes stop first, then reads",
    cells=cells,
    expected=lambda view: len(CHECKS) * len(view.endpoints),
    matrix=False,
)
