# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How this run came to the host: from the controller's address, or that of a jump host or NAT before it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

VARIABLE = re.compile(r"(?:^|\0)SSH_CONNECTION=(\S+) \d+ (\S+) (\d+)")
PARENT = re.compile(r"^PPid:\s*(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Connection:
    """An ssh connection, as the host sees it: who came, and to which address and port."""

    client: str
    server: str
    port: int


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def connection(pid: Optional[int] = None, read: Callable[[str], str] = _read) -> Optional[Connection]:
    """What sshd says in the environment of this process, or of one above it: sudo hides it. None without ssh."""
    pid = os.getpid() if pid is None else pid
    while pid > 1:
        found = VARIABLE.search(read(f"/proc/{pid}/environ"))
        if found:
            client, server, port = found.groups()
            return Connection(_plain(client), _plain(server), int(port))
        parent = PARENT.search(read(f"/proc/{pid}/status"))
        pid = int(parent.group(1)) if parent else 0
    return None


def address(pid: Optional[int] = None, read: Callable[[str], str] = _read) -> Optional[str]:
    """From which address it came."""
    found = connection(pid, read)
    return found.client if found else None


def _plain(text: str) -> str:
    return text.split("%")[0].removeprefix("::ffff:")
