# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel encrypts for the Engine: its policies, which say to whom and to which port, and no key."""

from __future__ import annotations

import re
from typing import Any

from ..host.system import System

# The Engine marks the packets of its encrypted overlays with it, and its policies concern what is so marked.
MARK = 0xD0C4E3
_SELECTOR = re.compile(r"src (\S+) dst (\S+)(.*)")
_PORT = re.compile(r"\bdport (\d+)")
_MARK = re.compile(r"^\s+mark (0x[0-9a-f]+|\d+)", re.MULTILINE)


def parse(text: str) -> list[dict[str, Any]]:
    """The Engine's policies for what is sent, from what iproute2 prints; ``port`` 0: whichever."""
    found = []
    for block in re.split(r"\n(?=src )", text.strip()):
        selector, mark = _SELECTOR.match(block), _MARK.search(block)
        if not selector or not mark or int(mark[1], 0) != MARK or not re.search(r"^\s+dir out\b", block, re.MULTILINE):
            continue
        port = _PORT.search(selector[3])
        ends = {"source": _address(selector[1]), "target": _address(selector[2])}
        found.append({**ends, "port": int(port[1]) if port else 0})
    return found


def _address(prefix: str) -> str:
    return prefix.partition("/")[0]


def look(system: System) -> list[dict[str, Any]]:
    """Those of this host; none where it has no such command or its kernel no policies."""
    return parse(system.query(("ip", "xfrm", "policy", "show")))
