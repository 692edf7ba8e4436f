# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a MinIO keeps data in a file system that is not mounted: looked at read-only, and seen by nobody else."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .system import CommandFailed, System

# Nothing is written, not even to finish what a journal has.
OPTIONS: Mapping[str, str] = {
    "xfs": "ro,norecovery,nouuid,nodev,nosuid,noexec",
    **dict.fromkeys(("ext4", "ext3"), "ro,noload,nodev,nosuid,noexec"),
    "ext2": "ro,nodev,nosuid,noexec",
}
NONE = "none"
# In a mount namespace of its own, which ends with the command and takes the mount with it.
SCRIPT = """set -e
mount -t "$1" -o "$2" "$3" /mnt
if test -e /mnt/.minio.sys; then cat /mnt/.minio.sys/format.json 2>/dev/null || echo '{}'; else echo none; fi
"""


def look(system: System, path: str, kind: str) -> str:
    """In words what a MinIO left there; empty where nothing. A file system that cannot be looked into may have some."""
    command = ("unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh", kind, OPTIONS[kind], path)
    try:
        text = system.run(command).strip()
    except CommandFailed as error:
        why = str(error).rpartition("` ended with ")[2].partition(": ")[2]
        return f"its file system cannot be looked into ({why}), and may hold a MinIO's data"
    return "" if text == NONE else f"it holds data of a MinIO{_deployment(text)}"


def _deployment(text: str) -> str:
    try:
        found = json.loads(text)["id"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f" (deployment {found})"
