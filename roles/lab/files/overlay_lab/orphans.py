# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Workers of an ansible-playbook that was killed: they wait for their parent for ever, so the lab ends them."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[4]


class Process(NamedTuple):
    pid: int
    parent: int
    arguments: list[str]
    folder: str


def processes() -> list[Process]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
            parent = int((path / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            found.append(Process(int(path.name), parent, arguments, str((path / "cwd").readlink())))
        except OSError:
            continue
    return found


def of_the_lab(running: list[Process], own_pid: int) -> list[int]:
    """Those without a parent that run a playbook against the lab from this checkout, and are not running us."""
    parents = {process.pid: process.parent for process in running}
    ancestors = {own_pid}
    while (own_pid := parents.get(own_pid, 0)) > 1:
        ancestors.add(own_pid)
    return [
        process.pid
        for process in running
        if process.parent == 1
        and process.pid not in ancestors
        and process.folder == str(ROOT)
        and "inventories/lab" in process.arguments
        and any(argument.endswith("/ansible-playbook") for argument in process.arguments)
    ]


def end() -> bool:
    pids = of_the_lab(processes(), os.getpid())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return bool(pids)
