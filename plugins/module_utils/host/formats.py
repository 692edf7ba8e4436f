# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To which MinIO deployment a drive belongs: what MinIO itself wrote when it took the drive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Optional

from . import drive_match
from .system import System

META = ".minio.sys"
FILE = f"{META}/format.json"
# Directories that MinIO fills once it has started; it makes them empty while it waits.
KEPT = ("buckets", "config", "pool.bin")
# Users, access keys, groups, policies; the file tells their version, and is there before any of them.
IDENTITIES, VERSION = f"{META}/config/iam", "format.json"


def parse(text: Optional[str]) -> dict[str, Any]:
    """``empty`` where MinIO wrote nothing yet, ``strange`` where it is not what MinIO writes."""
    if text is None:
        return {"state": "empty"}
    try:
        data = json.loads(text)
        sets = [list(members) for members in data["xl"]["sets"]]
        return {
            "state": "formatted",
            "deployment": str(data["id"]),
            "this": str(data["xl"]["this"]),
            "sets": [len(members) for members in sets],
            "members": sets,
        }
    except (ValueError, KeyError, TypeError):
        return {"state": "strange"}


def read(system: System, options: Mapping[str, Any], state: drive_match.State) -> list[dict[str, Any]]:
    """One entry for each drive that carries our label, with the percentage that is free.

    What is not mounted is unknown, and stays so.
    """
    found, _violations = drive_match.match(options, state)
    return [
        {"drive": str(drive.place), "position": drive.place.position, **_look(system, drive)}
        for drive in found
        if drive.ours
    ]


def _look(system: System, drive: drive_match.Drive) -> dict[str, Any]:
    if not drive.mounted:
        return {"state": "unmounted"}
    target = drive.place.target
    try:
        found = parse(system.read(f"{target}/{FILE}"))
        says = {"used": _is_used(system, target), "opened": _is_opened(system, target)}
        return {**found, "left": system.room(target), **says}
    except OSError:
        return {"state": "unreadable"}


def _is_used(system: System, target: str) -> bool:
    """Whether a MinIO that had started wrote there: buckets, or what it keeps of itself."""
    own = [f"{target}/{META}/{name}" for name in KEPT]
    return any(name != META for name in system.names(target)) or any(system.names(path) for path in own)


def _is_opened(system: System, target: str) -> bool:
    """Whether MinIO keeps anything that credentials open: a bucket, or a user with all that belongs to one."""
    buckets = set(system.names(target)) - {META, "lost+found"}
    return bool(buckets or set(system.names(f"{target}/{IDENTITIES}")) - {VERSION})
