# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""S3 as the clients see it: from outside the cluster, without credentials, by URLs that were signed for the check."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.checks import health
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    PASS,
    Cell,
    Layer,
    Reason,
    View,
    unrun,
)

CHECKS = {"write": "stores", "read": "serves"}


def cells(view: View) -> Iterator[Cell]:
    """Health, a write and two reads of every endpoint that clients use."""
    keeper = view.keeper
    visited = Reason(view.visit_failure) if view.visit_failure and not view.check_mode else view.storeless
    for endpoint in view.clients:
        excused = view.excused.get(endpoint)
        seen = None if excused else ((view.visit or {}).get("health") or {}).get(endpoint)
        reason = excused or visited
        yield from health.judge(endpoint, f"{endpoint} from {view.client_host}: {endpoint}", seen, reason)
        found = None if excused else ((view.visit or {}).get("clients") or {}).get(endpoint)
        for check, title in CHECKS.items():
            if found is None:
                offer = ((keeper.offer or {}).get("error") if keeper else "") or (view.visit or {}).get("error")
                unsigned = Reason(f"no signed URL could be had: {offer}") if offer and not reason.chosen else reason
                yield unrun(check, endpoint, title, unsigned)
                continue
            wrong = found[check]
            if check == "read" and found["write"] and not wrong:
                yield unrun(check, endpoint, title, Reason(f"nothing could be stored through {endpoint}"))
                continue
            detail = f"{endpoint} from {view.client_host}: {wrong}" if wrong else ""
            yield Cell(check, endpoint, title, FAIL if wrong else PASS, "" if wrong else "yes", detail)


LAYER = Layer(
    name="clients",
    title="As clients see it",
    question="From outside, every endpoint is healthy, stores an object, and serves its own and a neighbour's.",
    remedy="check overlay_client_networks, the way from the client, and the certificate's names and authority",
    cells=cells,
    expected=lambda view: (len(health.CHECKS) + len(CHECKS)) * len(view.clients),
    matrix=False,
)
