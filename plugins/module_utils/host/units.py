# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd units: the answer of one ``systemctl show`` for all that are asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .system import System

PROPERTIES = "Id,LoadState,ActiveState,SubState,Result,UnitFileState,InvocationID,LimitNOFILE,ExecStart"


@dataclass(frozen=True)
class Unit:
    name: str
    load: str = "not-found"
    active: str = "inactive"
    sub: str = "dead"
    result: str = ""
    enabled: str = ""
    # Changes with every start, whatever the clock does.
    invocation: str = ""
    nofile: str = ""
    command: str = ""

    @property
    def exists(self) -> bool:
        return self.load not in ("not-found", "")

    @property
    def running(self) -> bool:
        return self.active in ("active", "reloading")


def parse(text: str) -> dict[str, Unit]:
    units = {}
    for block in text.strip().split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in fields:
            units[fields["Id"]] = Unit(
                name=fields["Id"],
                load=fields.get("LoadState", ""),
                active=fields.get("ActiveState", ""),
                sub=fields.get("SubState", ""),
                result=fields.get("Result", ""),
                enabled=fields.get("UnitFileState", ""),
                invocation=fields.get("InvocationID", ""),
                nofile=fields.get("LimitNOFILE", ""),
                command=fields.get("ExecStart", ""),
            )
    return units


def read(system: System, names: Sequence[str]) -> dict[str, Unit]:
    """Every name has an answer; a host without systemd has none of them."""
    found = parse(system.query(("systemctl", "show", "--no-pager", f"--property={PROPERTIES}", *names)))
    return {name: found.get(name, Unit(name)) for name in names}
