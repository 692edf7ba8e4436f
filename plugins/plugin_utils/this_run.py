# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which run this is: the process of Ansible that its workers come from, and whether another run's is still there."""

from __future__ import annotations

import getpass
import hashlib
import multiprocessing
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BOOT = Path("/proc/sys/kernel/random/boot_id")
PROCESSES = Path("/proc/self/ns/pid")
# The fields of /proc/<pid>/stat behind the command's name, which may hold blanks: the first, and the twentieth.
STATE, STARTED = 0, 19
ENDED = ("Z", "X", "x")


def holder() -> dict[str, Any]:
    """What the lease says of this run; nothing of it is a secret. The same in every worker of the run."""
    pid = os.getpid() if multiprocessing.parent_process() is None else os.getppid()
    found: dict[str, Any] = {
        "controller": socket.gethostname(),
        "pid": pid,
        "started": process(pid)[1],
        "place": place(),
    }
    run = _digest(*(str(value) for value in found.values()))
    return {**found, "run": run, "user": _user()}


def place() -> str:
    """The one set of processes in which a number means something: a boot of a machine, or a container of it.

    Empty where that cannot be told, so that no process is ever looked for in the wrong place.
    """
    try:
        parts = (socket.gethostname(), BOOT.read_text(encoding="ascii").strip(), str(PROCESSES.readlink()))
    except OSError:
        return ""
    return _digest(*parts)


def process(pid: int) -> tuple[str, str]:
    """State and start of a process; empty where there is none."""
    if not BOOT.exists():
        # Not Linux.
        said = subprocess.run(
            ["ps", "-o", "state=", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout.strip()
        return said[:1], said[1:].strip()
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    fields = text.rpartition(")")[2].split()
    return fields[STATE], fields[STARTED]


def is_gone(lease: Mapping[str, Any]) -> bool:
    """Whether the run that holds it was one of this controller and has ended; False where that is unknown."""
    if not lease.get("place") or lease["place"] != place():
        return False
    state, started = process(int(lease["pid"]))
    return not started or started != lease["started"] or state in ENDED


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A user without a name, as in a container.
        return str(os.getuid())
