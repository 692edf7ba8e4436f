# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our lines of /etc/fstab; every other line stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

PATH = "/etc/fstab"
# A missing drive must not stop the boot, and one that is there must be mounted before MinIO looks.
OPTIONS = "noatime,nofail,x-systemd.before=docker.service,x-systemd.device-timeout=30s"


@dataclass(frozen=True)
class Entry:
    label: str
    target: str

    def __str__(self) -> str:
        return f"LABEL={self.label} {self.target} xfs {OPTIONS} 0 0"

    def claims(self, line: str) -> bool:
        """Whether a line is about this drive: its label or its mount point, whatever else was changed by hand."""
        fields = line.split()
        if len(fields) < 2 or fields[0].startswith("#"):
            return False
        return fields[0] in (f"LABEL={self.label}", f'LABEL="{self.label}"') or fields[1] == self.target


def merge(text: Optional[str], entries: Sequence[Entry]) -> str:
    """The file with one line for each entry: in the place where it was, else at the end."""
    lines = (text or "").splitlines()
    for entry in entries:
        places = [index for index, line in enumerate(lines) if entry.claims(line)]
        if not places:
            lines.append(str(entry))
            continue
        lines[places[0]] = str(entry)
        lines = [line for index, line in enumerate(lines) if index not in places[1:]]
    return "".join(f"{line}\n" for line in lines)


def without(text: Optional[str], entries: Sequence[Entry]) -> str:
    """The file without the lines of these entries."""
    lines = (text or "").splitlines(keepends=True)
    return "".join(line for line in lines if not any(entry.claims(line) for entry in entries))
