# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""S3 through every node, by the scoped user."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    PASS,
    Cell,
    Layer,
    Reason,
    View,
    unrun,
)

CHECKS = {
    "write": "stores",
    "read": "serves all",
    "confined": "keeps the user in its bucket",
    "defaults": "refuses default credentials",
}


def cells(view: View) -> Iterator[Cell]:
    """Every check through every endpoint, seen from one manager."""
    keeper = view.keeper
    if keeper is None or keeper.store is None:
        for name in view.endpoints:
            yield from _unrun(name, view.storeless)
        return
    error = (keeper.offer or {}).get("error") or keeper.store.get("error")
    if error:
        # One fault, said once: what needs the user was not run.
        yield Cell("user", keeper.name, "makes the user", FAIL, "", str(error))
        for name in view.endpoints:
            yield from _unrun(name, Reason(str(error)))
        return
    for name, endpoint in view.endpoints.items():
        if excused := view.excused.get(endpoint):
            yield from _unrun(name, excused)
            continue
        found = (keeper.store.get("endpoints") or {}).get(endpoint)
        for check, title in CHECKS.items():
            wrong = found[check] if found else "nothing was seen of it"
            detail = f"{endpoint} ({name}): {wrong}" if wrong else ""
            if wrong is None:
                yield unrun(check, name, title, Reason(f"{endpoint} ({name}) gave no answer in time"))
                continue
            yield Cell(check, name, title, FAIL if wrong else PASS, "" if wrong else "yes", detail)
    left = keeper.store.get("left_behind")
    if left:
        yield Cell("clean", keeper.name, "cleans up", FAIL, "", left)


def _unrun(name: str, reason: Reason) -> Iterator[Cell]:
    return (unrun(check, name, title, reason) for check, title in CHECKS.items())


LAYER = Layer(
    name="s3",
    title="S3 through every node",
    question=(
        "An object stored through each node is read equal through every node, by a temporary user who may do "
        "nothing else; the default credentials are refused."
    ),
    remedy="look at MinIO's log on that node (docker service logs), and at its drives and its quorum",
    cells=cells,
    expected=lambda view: len(CHECKS) * len(view.endpoints),
    matrix=False,
)
