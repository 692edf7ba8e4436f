# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An nftables table of ours: a file, the unit that loads it, and a receipt for what the kernel showed when it did."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..errors import OverlayError
from ..state_directory import STATE_DIRECTORY
from .confirm import Guard, Pending, ShellStep, Target, stopped
from .revert_script import BOOT_SERVICE
from .steps import DAEMON_RELOAD, Run, Step, Unmark, WriteFile
from .system import System
from .units import Unit

UNIT = """\
# Written by baremetal.overlay.{owner}.
[Unit]
Description={description} (baremetal.overlay)
DefaultDependencies=no
# A change that was not confirmed may take the file with it.
ConditionPathExists={path}
# nftables.service flushes every table when it starts, reloads and stops: ours comes after it, each time.
After=local-fs.target systemd-modules-load.service nftables.service {boot}
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Wants=network-pre.target
Before=network-pre.target {before} shutdown.target
Conflicts=shutdown.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f {path}
ExecReload=/usr/sbin/nft -f {path}

[Install]
WantedBy=sysinit.target
"""


def canonical(listing: str) -> str:
    """What ``nft -j`` shows, without what differs from one load to the next; empty where there is no table."""
    try:
        objects = json.loads(listing)["nftables"]
    except (ValueError, KeyError):
        return ""
    kept = [_canonical(one) for one in objects if "metainfo" not in one]
    return json.dumps(kept, sort_keys=True) if kept else ""


def _canonical(value: Any) -> Any:
    """Handles and counts are the kernel's, and so is the order of a set's elements."""
    if isinstance(value, Mapping):
        return {
            key: sorted((_canonical(one) for one in inner), key=json.dumps)
            if key in ("elem", "set") and isinstance(inner, list)
            else _canonical(inner)
            for key, inner in value.items()
            if key not in ("handle", "packets", "bytes")
        }
    return [_canonical(one) for one in value] if isinstance(value, list) else value


def receipt(file: str, listing: str) -> str:
    """What ties a file to the table that came of it."""
    return "".join(f"{hashlib.sha256(text.encode()).hexdigest()}\n" for text in (file, canonical(listing)))


@dataclass(frozen=True)
class Found:
    """What a host has of a table."""

    unit: Unit
    file: Optional[str] = None
    unit_file: Optional[str] = None
    loaded: Optional[str] = None
    listing: str = ""
    # An unconfirmed change of this table, which may be taken back at any moment.
    pending: Optional[Pending] = None

    @property
    def there(self) -> bool:
        """Whether the kernel has it."""
        return bool(canonical(self.listing))


@dataclass(frozen=True)
class Table:
    """``owner`` is the section whose it is, ``loaded`` the file of the receipt."""

    owner: str
    name: str
    description: str
    loaded: str
    # Services that start after it.
    before: Sequence[str] = ("docker.service",)
    # What loading and deleting it is called, ahead of "the table".
    loads: str = "load"
    deletes: str = "delete"

    def __str__(self) -> str:
        return " ".join(self.words)

    @property
    def words(self) -> tuple[str, str]:
        """How nft is told which one."""
        return "inet", self.name

    @property
    def path(self) -> str:
        return f"{STATE_DIRECTORY}/{self.owner}.nft"

    @property
    def service(self) -> str:
        return f"baremetal-overlay-{self.owner}.service"

    @property
    def unit_path(self) -> str:
        return f"/etc/systemd/system/{self.service}"

    @property
    def enabled_path(self) -> str:
        return f"/etc/systemd/system/sysinit.target.wants/{self.service}"

    @property
    def unit(self) -> str:
        """The text of the unit."""
        return UNIT.format(
            owner=self.owner,
            description=self.description,
            path=self.path,
            boot=BOOT_SERVICE,
            before=" ".join(self.before),
        )

    def listing(self, system: System) -> str:
        """As the kernel has it now; empty where it does not."""
        return system.query(("nft", "-j", "list", "table", *self.words))

    def read(self, system: System, unit: Unit, pending: Optional[Pending]) -> Found:
        """Looks at its files and at the kernel."""
        return Found(
            unit=unit,
            file=system.read(self.path),
            unit_file=system.read(self.unit_path),
            loaded=system.read(self.loaded),
            listing=self.listing(system),
            pending=pending if pending and pending.what == self.owner else None,
        )

    def steps(self, text: str, found: Found) -> list[Step]:
        """Until it is there, now and at boot."""
        steps: list[Step] = []
        if found.file != text:
            steps += [Check(self, text), WriteFile(self.path, text, found.file, 0o600)]
        if found.unit_file != self.unit:
            steps += [WriteFile(self.unit_path, self.unit, found.unit_file), DAEMON_RELOAD]
        if found.unit.enabled != "enabled":
            steps.append(Run(f"enable {self.service} at boot", (("systemctl", "enable", self.service),)))
        why = self._why_load(text, found)
        return [*steps, Load(self, text, why)] if why else steps

    def _why_load(self, text: str, found: Found) -> str:
        if found.pending:
            return f"a change that another run made at {found.pending.since} is not confirmed yet"
        if not found.there:
            return "it is not there"
        if found.file != text or found.loaded != receipt(text, found.listing):
            return "another one is there"
        return "" if found.unit.running else f"{self.service} is {found.unit.active}"

    def removal(self, unit: bool, there: bool) -> list[Step]:
        """Until it is gone, as far as its unit and the table itself are there; its files are left."""
        steps: list[Step] = []
        if unit:
            steps += [
                Run(f"disable {self.service}", (("systemctl", "disable", "--now", self.service),)),
                Unmark(self.unit_path, f"remove {self.unit_path}"),
                DAEMON_RELOAD,
            ]
        if there:
            steps.append(Run(f"{self.deletes} the table {self}", (("nft", "delete", "table", *self.words),)))
        return steps

    def guard(
        self,
        found: Found,
        targets: Sequence[Target],
        system: System,
        files: Sequence[str] = (),
        redo: Sequence[ShellStep] = (),
    ) -> Guard:
        """The table of before comes back as the kernel shows it, whoever made it; ``files`` and ``redo`` are more."""
        before = system.query(("nft", "list", "table", *self.words))
        # Where the table was absent, its unit is no more than a name.
        stop = [] if found.unit.running else [stopped(self.service)]
        return Guard(
            what=self.owner,
            files=(*files, self.path, self.unit_path, self.loaded, self.enabled_path),
            undo=[ShellStep(f"put back the table {self}", 'nft -f "$state/table.nft"')],
            redo=[*stop, *redo],
            saved={"table.nft": f"table {self}\ndelete table {self}\n{before}"},
            proofs=(("nft", "-c", "-f", "{state}/table.nft"),),
            targets=targets,
        )

    def verify(self, system: System) -> list[str]:
        """Whether what was proven is what was loaded."""
        if system.read(self.loaded) == receipt(system.read(self.path) or "", self.listing(system)):
            return []
        return [f"the table {self} is not the one that was loaded any more: somebody else changed or flushed it"]


@dataclass(frozen=True)
class Check:
    """nft reads the draft first: what it would refuse replaces nothing."""

    table: Table
    text: str
    sentence: str = ""

    def apply(self, system: System) -> None:
        draft = f"{self.table.path}.draft"
        system.write(draft, self.text, 0o600)
        try:
            system.run(("nft", "-c", "-f", draft))
        finally:
            system.remove(draft)


@dataclass(frozen=True)
class Load:
    """The way it is loaded at boot; then what the kernel shows is remembered."""

    table: Table
    text: str
    why: str

    @property
    def sentence(self) -> str:
        return f"{self.table.loads} the table {self.table} ({self.why})"

    def apply(self, system: System) -> None:
        table = self.table
        system.run(("systemctl", "restart", table.service))
        listing = table.listing(system)
        if not canonical(listing):
            raise OverlayError(
                f"{table.owner}: {table.service} was started, and nft shows no table {table}; "
                f"see `journalctl -u {table.service}` and whether something flushes the ruleset"
            )
        system.write(table.loaded, receipt(self.text, listing), 0o600)
