# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens on which ports of the host: from /proc, so that no tool has to be there."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from .system import System

TABLES = {"tcp": ("/proc/net/tcp", "/proc/net/tcp6"), "udp": ("/proc/net/udp", "/proc/net/udp6")}
# A TCP socket that listens, and a UDP one that is bound and not connected.
STATES = {"tcp": "0A", "udp": "07"}


def parse(text: str, protocol: str, ports: Iterable[int]) -> list[dict[str, Any]]:
    """The sockets of one table that others can reach on one of the ports."""
    wanted = set(ports)
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        address, _colon, port = fields[1].partition(":")
        if fields[3] == STATES[protocol] and int(port, 16) in wanted:
            found.append(
                {
                    "protocol": protocol,
                    "address": _address(address),
                    "port": int(port, 16),
                    "inode": fields[9],
                }
            )
    return found


def _address(text: str) -> str:
    """The kernel prints each 32-bit word of the address in the order of its processor."""
    raw = bytes.fromhex(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return str(ip_address(socket.inet_ntop(family, raw)))


def owners(inodes: Iterable[str], proc: Path = Path("/proc")) -> dict[str, tuple[int, str]]:
    """Process number and name for each socket; sockets of the kernel itself have none."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, tuple[int, str]] = {}
    # The one that opened a socket is the oldest: it comes last, after those that inherited it.
    for pid in sorted((int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()), reverse=True):
        for link in _links(proc / str(pid) / "fd") & set(wanted):
            found[wanted[link]] = (pid, _name(proc / str(pid) / "comm"))
    return found


def _links(folder: Path) -> set[str]:
    """Where a process's open files lead; nothing once it is gone."""
    links = set()
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                links.add(str(Path(entry.path).readlink()))
    return links


def _name(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace").strip()
    return ""


def read(system: System, ports: Sequence[int]) -> list[dict[str, Any]]:
    """The listeners on these ports, with the processes that hold them."""
    if not ports:
        return []
    found = [
        entry
        for protocol, paths in TABLES.items()
        for path in paths
        for entry in parse(system.read(path) or "", protocol, ports)
    ]
    return describe(found, owners(entry["inode"] for entry in found) if found else {})


def describe(found: Sequence[Mapping[str, Any]], held: Mapping[str, tuple[int, str]]) -> list[dict[str, Any]]:
    """Each listener with its process; none for the kernel's own."""
    return [
        {
            **{key: entry[key] for key in ("protocol", "address", "port")},
            "pid": held.get(entry["inode"], (None, None))[0],
            "process": held.get(entry["inode"], (None, None))[1],
        }
        for entry in found
    ]
