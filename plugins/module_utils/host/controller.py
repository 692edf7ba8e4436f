# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From which address this run came to the host: the controller's, or that of a jump host or NAT before it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Callable, Optional

VARIABLE = re.compile(r"(?:^|\0)SSH_CONNECTION=(\S+)")
PARENT = re.compile(r"^PPid:\s*(\d+)", re.MULTILINE)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def address(pid: Optional[int] = None, read: Callable[[str], str] = _read) -> Optional[str]:
    """What sshd says in the environment of this process, or of one above it: sudo hides it. None without ssh."""
    pid = os.getpid() if pid is None else pid
    while pid > 1:
        found = VARIABLE.search(read(f"/proc/{pid}/environ"))
        if found:
            return found.group(1).split("%")[0].removeprefix("::ffff:")
        parent = PARENT.search(read(f"/proc/{pid}/status"))
        pid = int(parent.group(1)) if parent else 0
    return None
