# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An nftables table of ours: a file, the unit that loads it, and a receipt for what the kernel showed when it did.

Where nft cannot load it, at boot or whenever the ruleset was flushed, another unit loads a smaller one in its place,
which closes the same ports and needs less of nft. It has a name of its own, and goes in the transaction in which the
whole table comes.
"""

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
# A change that was not confirmed may take both files with it; where only this one is missing, that is a failure.
ConditionPathExists=|{path}
ConditionPathExists=|{closed_path}
OnFailure={closed_service}
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
ExecStartPost=-/bin/rm -f {message}
# A reload that fails leaves a unit active, and would leave nothing in the kernel.
ExecReload=/bin/sh -c '/usr/sbin/nft -f {path} || {{ systemctl --no-block start {closed_service}; exit 1; }}'
ExecReload=-/bin/rm -f {message}

[Install]
WantedBy=sysinit.target
"""

CLOSED_UNIT = """\
# Written by baremetal.overlay.{owner}.
[Unit]
Description={closes}, as {service} failed (baremetal.overlay)
DefaultDependencies=no
ConditionPathExists={closed_path}
After=local-fs.target systemd-modules-load.service
Before=network-pre.target {before} shutdown.target
Conflicts=shutdown.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
# First, so that it is said as well where this table cannot be loaded either.
ExecStartPre=-/bin/mkdir -p {messages}
ExecStartPre=-/bin/sh -c 'echo "{words}" > {message}'
ExecStart=/usr/sbin/nft -f {closed_path}
"""
# What pam_motd shows at a login, and what does not outlive a boot.
MESSAGES = "/run/motd.d"
WORDS = (
    "baremetal.overlay: {service} could not load its table. In its place {closed} has to be loaded "
    "(nft list table {closed}). See journalctl -u {service}, then run site.yml."
)


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
    # The same of the table that closes the ports where the whole one could not be loaded.
    closed_file: Optional[str] = None
    closed_unit_file: Optional[str] = None
    closed: bool = False
    # An unconfirmed change of this table, which may be taken back at any moment.
    pending: Optional[Pending] = None

    @property
    def there(self) -> bool:
        """Whether the kernel has it."""
        return bool(canonical(self.listing))


def anew(table: Any) -> str:
    """What begins a transaction: the table is not there, whether or not it was."""
    return f"table {table}\ndelete table {table}\n"


@dataclass(frozen=True)
class Table:
    """``owner`` is the section whose it is, ``loaded`` the file of the receipt."""

    owner: str
    name: str
    description: str
    loaded: str
    # Services that start after it.
    before: Sequence[str] = ("docker.service",)
    # What the smaller table does.
    closes: str = "Closes the cluster's ports"
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
    def closed(self) -> str:
        """The smaller one in its place, as nft is told."""
        return f"inet {self.name}_closed"

    @property
    def closed_path(self) -> str:
        return f"{STATE_DIRECTORY}/{self.owner}-closed.nft"

    @property
    def closed_service(self) -> str:
        return f"baremetal-overlay-{self.owner}-closed.service"

    @property
    def closed_unit_path(self) -> str:
        return f"/etc/systemd/system/{self.closed_service}"

    @property
    def message(self) -> str:
        """Where it is said to those who log in."""
        return f"{MESSAGES}/baremetal-overlay-{self.owner}"

    @property
    def unit(self) -> str:
        """The text of the unit."""
        return self._unit(UNIT)

    @property
    def closed_unit(self) -> str:
        """The text of the unit that is started where the other one failed."""
        return self._unit(CLOSED_UNIT)

    def _unit(self, text: str) -> str:
        return text.format(
            owner=self.owner,
            description=self.description,
            service=self.service,
            path=self.path,
            closes=self.closes,
            closed_service=self.closed_service,
            closed_path=self.closed_path,
            messages=MESSAGES,
            message=self.message,
            words=WORDS.format(service=self.service, closed=self.closed),
            boot=BOOT_SERVICE,
            before=" ".join(self.before),
        )

    @property
    def files(self) -> tuple[str, ...]:
        """All that is kept of both."""
        units = (self.unit_path, self.closed_unit_path, self.enabled_path)
        return (self.path, self.closed_path, self.loaded, *units)

    def listing(self, system: System) -> str:
        """As the kernel has it now; empty where it does not."""
        return system.query(("nft", "-j", "list", "table", *self.words))

    def is_closed(self, system: System, listing: str) -> bool:
        """Whether the smaller one is in its place, which is looked for where the whole one is not there."""
        if canonical(listing):
            return False
        return bool(canonical(system.query(("nft", "-j", "list", "table", *self.closed.split()))))

    def read(self, system: System, unit: Unit, pending: Optional[Pending]) -> Found:
        """Looks at its files and at the kernel."""
        listing = self.listing(system)
        return Found(
            unit=unit,
            file=system.read(self.path),
            unit_file=system.read(self.unit_path),
            loaded=system.read(self.loaded),
            listing=listing,
            closed_file=system.read(self.closed_path),
            closed_unit_file=system.read(self.closed_unit_path),
            closed=self.is_closed(system, listing),
            pending=pending if pending and pending.what == self.owner else None,
        )

    def steps(self, text: str, closed: str, found: Found) -> list[Step]:
        """Until it is there, now and at boot; ``closed``: the text of the smaller one."""
        steps: list[Step] = []
        files = ((self.closed_path, closed, found.closed_file), (self.path, text, found.file))
        for path, wanted, before in files:
            if before != wanted:
                steps += [Check(path, wanted), WriteFile(path, wanted, before, 0o600)]
        units = (
            (self.closed_unit_path, self.closed_unit, found.closed_unit_file),
            (self.unit_path, self.unit, found.unit_file),
        )
        written = [WriteFile(path, wanted, before) for path, wanted, before in units if before != wanted]
        steps += [*written, DAEMON_RELOAD] if written else []
        if found.unit.enabled != "enabled":
            steps.append(Run(f"enable {self.service} at boot", (("systemctl", "enable", self.service),)))
        why = self._why_load(text, found)
        return [*steps, Load(self, text, why)] if why else steps

    def _why_load(self, text: str, found: Found) -> str:
        if found.pending:
            return f"a change that another run made at {found.pending.since} is not confirmed yet"
        if found.closed:
            return f"{self.service} could not, and {self.closed} is there in its place"
        if not found.there:
            return "it is not there"
        if found.file != text or found.loaded != receipt(text, found.listing):
            return "another one is there"
        return "" if found.unit.running else f"{self.service} is {found.unit.active}"

    def removal(self, unit: bool, there: bool, closed_unit: bool = False, closed: bool = False) -> list[Step]:
        """Until both are gone, as far as their units and the tables themselves are there; their files are left."""
        steps: list[Step] = []
        if unit:
            steps += [
                Run(f"disable {self.service}", (("systemctl", "disable", "--now", self.service),)),
                Unmark(self.unit_path, f"remove {self.unit_path}"),
            ]
        if closed_unit:
            steps.append(Unmark(self.closed_unit_path, f"remove {self.closed_unit_path}"))
        if steps:
            steps += [Unmark(self.message), DAEMON_RELOAD]
        if there:
            steps.append(Run(f"{self.deletes} the table {self}", (("nft", "delete", "table", *self.words),)))
        if closed:
            steps.append(Run(f"delete the table {self.closed}", (("nft", "delete", "table", *self.closed.split()),)))
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
        closed = system.query(("nft", "list", "table", *self.closed.split())) if found.closed else ""
        # Where the table was absent, its unit is no more than a name.
        stop = [] if found.unit.running else [stopped(self.service)]
        return Guard(
            what=self.owner,
            files=(*files, *self.files),
            # One that the change has caused may still be on its way.
            undo=[
                stopped(self.closed_service),
                ShellStep(f"put back the table {self}", 'nft -f "$state/table.nft"'),
            ],
            redo=[*stop, *redo],
            saved={"table.nft": f"{anew(self)}{anew(self.closed)}{before}{closed}"},
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

    path: str
    text: str
    sentence: str = ""

    def apply(self, system: System) -> None:
        draft = f"{self.path}.draft"
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
