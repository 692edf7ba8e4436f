# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions and images: equal where the cluster needs them equal, shown everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

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

# What is shown, and whether it has to be the same everywhere.
CHECKS = {"engine": "Engine", "release": "MinIO", "image": "Image"}
SHOWN = {"kernel": "Kernel", "python": "Python"}


def read(member: Member, check: str) -> Any:
    """A host's version of something."""
    if check in ("release", "image"):
        return (member.task or {}).get(check)
    return member.sight.get(check)


def cells(view: View) -> Iterator[Cell]:
    """What most have is what the others should have."""
    for check, title in CHECKS.items():
        concerned = [one for one in view.members if check == "engine" or "minio" in one.groups]
        found = {member.name: read(member, check) for member in concerned}
        common = next(iter(Counter(value for value in found.values() if value).most_common(1)), (None, 0))[0]
        for member in concerned:
            yield _cell(check, title, member, found[member.name], common)


def _cell(check: str, title: str, member: Member, value: Any, common: Any) -> Cell:
    if not value:
        reason = member.away or member.taskless or Reason(f"{member.name}: unknown")
        return unrun(check, member.name, title, reason)
    short = str(value).removeprefix("sha256:")[:12] if check == "image" else str(value)
    detail = "" if value == common else f"{member.name}: {title} is {value}; most hosts have {common}"
    return Cell(check, member.name, title, PASS if value == common else FAIL, short, detail)


LAYER = Layer(
    name="versions",
    title="Versions",
    question="The engine's version, MinIO's release and its image are the same on every host.",
    remedy="run site.yml; upgrade the engines that differ, one host at a time",
    cells=cells,
    expected=lambda view: len(view.members) + 2 * len(view.servers),
    matrix=False,
)
