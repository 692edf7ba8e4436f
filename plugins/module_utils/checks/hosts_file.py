# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task's own hosts file makes of names: in the host's network nobody else knows the servers' names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PATH = "/proc/{pid}/root/etc/hosts"


def read(text: str, name: str) -> list[str]:
    """The addresses that lines of a hosts file give to a name."""
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    return sorted(fields[0] for fields in lines if name in fields[1:])


def probe(names: Mapping[str, tuple[str, int]], path: str = PATH) -> dict[str, dict[str, Any]]:
    """For each key's name and process: the ``addresses``, or the ``error``."""
    found: dict[str, dict[str, Any]] = {}
    for key, (name, pid) in names.items():
        try:
            addresses = read(Path(path.format(pid=pid)).read_text(encoding="utf-8", errors="replace"), name)
            error = "" if addresses else "its hosts file does not have the name"
        except OSError as problem:
            addresses, error = [], f"its hosts file cannot be read: {problem.strerror or problem}"
        found[key] = {"ok": bool(addresses), "addresses": addresses, "error": error}
    return found
