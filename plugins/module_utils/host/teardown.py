# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Undoing what is ours on a host: the firewall, files and settings; of the drives only those that are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Optional

from ..minio import credentials
from ..state_directory import STATE_DIRECTORY
from . import (
    daemon,
    drive_claims,
    drive_consent,
    drive_match,
    drive_receipts,
    engine_setup,
    firewall,
    fstab,
    ipsec,
    ipsec_state,
    links,
    links_diff,
    nft_table,
    our_files,
    packages,
    revert_script,
)
from .drive_match import Drive, Place
from .drive_steps import Wipe
from .links_plan import Wanted
from .steps import DAEMON_RELOAD, Plan, RemoveTree, Run, Step, Unmark, WriteFile
from .system import RUN_DIRECTORY, System

# What opens the data that stays.
CREDENTIALS = (*credentials.NAMES, credentials.STAGED)
# By which drives are known whose data stays.
RECEIPTS = tuple(PurePath(path).name for path in (drive_receipts.OWN, drive_receipts.ALL))
FORMATTING = "formatting-"
DRIVES_CONSENT = "overlay_teardown_drives_consent"


@dataclass(frozen=True)
class State:
    """Everything that the plan looks at; a file of ours that is not there is in no list."""

    drives: drive_match.State
    packages: packages.Packages = field(default_factory=dict)
    # Below our directory, as ``our_files`` has them.
    files: Sequence[str] = ()
    # The files of CAs that go, by the directory of each; None where a CA is not of our making.
    authorities: Mapping[str, Optional[Sequence[str]]] = field(default_factory=dict)
    drop_ins: Sequence[str] = ()
    kept: Sequence[str] = ()
    runs: bool = False
    firewall_unit: bool = False
    firewall_table: bool = False
    closed_unit: bool = False
    closed_table: bool = False
    way_back: bool = False
    links: links.Remains = field(default_factory=links.Remains)
    ipsec: Optional[ipsec_state.State] = None


def read(
    options: Mapping[str, Any], drive_state: drive_match.State, installed: packages.Packages, system: System
) -> State:
    """Looks at the files of ours and at the kernel's table."""
    listing = firewall.TABLE.listing(system)
    drop_ins = [daemon.DROP_IN.format(unit=unit) for unit in daemon.UNITS]
    return State(
        drives=drive_state,
        packages=installed,
        files=our_files.found(),
        authorities=our_files.authorities(options["directories"]),
        drop_ins=[path for path in drop_ins if system.exists(path)],
        runs=system.exists(RUN_DIRECTORY),
        firewall_unit=system.exists(firewall.TABLE.unit_path),
        firewall_table=bool(nft_table.canonical(listing)),
        closed_unit=system.exists(firewall.TABLE.closed_unit_path),
        closed_table=firewall.TABLE.is_closed(system, listing),
        way_back=system.exists(revert_script.BOOT_UNIT_PATH),
        links=links.remains(system),
    )


def plan(options: Mapping[str, Any], state: State) -> Plan:
    """Drives first: where one of them is refused, nothing is done at all."""
    given, host = options["drives_consent"], options["host"]
    named = [place for place in drive_match.places(options) if drive_consent.meant(given, host, place.declared)]
    found, wrong = drive_match.match(options, state.drives)
    consented = [drive for drive in found if drive.place in named]
    missing = [place for place in named if place not in [drive.place for drive in consented]]
    violations = [sentence for sentence in wrong if sentence.startswith(tuple(f"{place}:" for place in missing))]
    violations += [sentence for drive in consented for sentence in _refusals(drive, state)]
    if consented and state.drives.receipts_wrong:
        violations.append(state.drives.receipts_wrong)
    violations += _not_agreed([drive for drive in consented if not _refusals(drive, state)], options, state)
    result = Plan(violations=violations, flags={"stays": _stays(options, found, consented, state)})
    if not violations:
        result.steps = [*_drives(options, consented, state), *_way_back(state), *_links(state.links)]
        result.steps += [*_firewall(state), *_ipsec(state)]
        result.steps += _settings(options, state)
        gone = {step.path for step in result.steps if isinstance(step, (RemoveTree, Unmark))}
        result.steps += [step for step in _files(options, consented, state) if getattr(step, "path", "") not in gone]
    return result


def _refusals(drive: Drive, state: State) -> list[str]:
    """Only what carries our label is wiped, and only where it is not used for something else."""
    place, device = drive.place, drive.device
    if drive.renamed:
        return [
            f'{place}: is the name of another of this host\'s drives since devices were renamed (label "{place.label}" '
            f"is on {device.path}); nothing is erased: declare the drives by /dev/disk/by-id or serial: first"
        ]
    if drive.signatures and not drive.ours:
        shown = ", ".join(map(str, drive.signatures))
        return [
            f'{place}: {device.path} is not labelled "{place.label}" (found: {shown}), so it is not this cluster\'s; '
            f"take it out of {DRIVES_CONSENT}"
        ]
    elsewhere = [mount.target for mount in state.drives.on(device.number) if mount.target != place.target]
    if elsewhere:
        return [f"{place}: {device.path} is mounted on {', '.join(elsewhere)} too; unmount it there first"]
    return []


def _not_agreed(drives: Sequence[Drive], options: Mapping[str, Any], state: State) -> list[str]:
    """Consent that is not for what is there; the entries of all drives in one sentence, to be copied at once.

    A drive that has nothing on it any more was wiped by the run that the entry was for.
    """
    host, given = options["host"], options["drives_consent"]
    meant, agree = [], []
    for drive in drives:
        device, digest = drive.place.declared, drive_claims.digest(drive, state.drives)
        used = not drive.signatures and drive_consent.complete(given, host, device)
        if not used and not drive_consent.consented(given, host, device, digest):
            meant += drive_consent.meant(given, host, device)
            agree.append(drive_consent.entry(host or "<host>", device, digest))
    if not agree:
        return []
    shown, right = (", ".join(f'"{entry}"' for entry in dict.fromkeys(some)) for some in (meant, agree))
    return [
        f"{DRIVES_CONSENT}: {shown}: an entry is <host>:<device>:<digest of what was found there>, and none is for "
        f"what is there now; take it out, or, to erase the drive with its data, give [{right}]"
    ]


def _drives(options: Mapping[str, Any], consented: Sequence[Drive], state: State) -> list[Step]:
    steps: list[Step] = [Unmount(drive.place.target) for drive in consented if drive.mounted]
    steps += _fstab([drive.place for drive in consented], state)
    steps += [
        RemoveEmpty(drive.place.target)
        for drive in consented
        if drive.mounted or state.drives.directories.get(drive.place.target) is not None
    ]
    recorded = options["keep_credentials"] or drive_receipts.OWN in options["keep"]
    return steps + [Wipe(drive, recorded) for drive in consented if drive.signatures]


def _fstab(places: Sequence[Place], state: State) -> list[Step]:
    text = fstab.without(state.drives.fstab, [fstab.Entry(place.label, place.target) for place in places])
    if text == (state.drives.fstab or ""):
        return []
    return [WriteFile(fstab.PATH, text, state.drives.fstab), DAEMON_RELOAD]


def _way_back(state: State) -> list[Step]:
    """First of what changes the host: a change that is not confirmed yet is not put back while it is removed."""
    steps: list[Step] = []
    if Path(revert_script.STATE).name in state.files:
        # One that the host has given up has no timer any more.
        command = ("sh", "-c", revert_script.stopping(f"{revert_script.UNIT}.timer"))
        steps.append(Run("stop the timer of an unconfirmed change", (command,)))
    if state.way_back:
        steps += [
            Run(f"disable {revert_script.BOOT_SERVICE}", (("systemctl", "disable", revert_script.BOOT_SERVICE),)),
            RemoveFile(revert_script.BOOT_UNIT_PATH),
            DAEMON_RELOAD,
        ]
    return steps


def _links(remains: links.Remains) -> list[Step]:
    """The unit first, which would make them again."""
    steps: list[Step] = []
    if remains.unit:
        steps += [
            Run(f"disable {links.SERVICE}", (("systemctl", "disable", "--now", links.SERVICE),)),
            RemoveFile(links.UNIT_PATH),
            DAEMON_RELOAD,
        ]
    steps += links.batches(links_diff.diff(Wanted(), remains.found))
    # Once there is nothing left that it keeps networkd from.
    return steps + ([RemoveFile(links.NETWORKD_PATH)] if remains.networkd else [])


def _firewall(state: State) -> list[Step]:
    """The table, and the smaller one that may be in its place."""
    return firewall.TABLE.removal(state.firewall_unit, state.firewall_table, state.closed_unit, state.closed_table)


def _ipsec(state: State) -> list[Step]:
    """Peers are told that it ends; strongSwan stays as a package, and with what others have in it."""
    if state.ipsec is None:
        return []
    return list(ipsec.plan({"state": "absent", "phase": "finish"}, state.ipsec).steps)


def _settings(options: Mapping[str, Any], state: State) -> list[Step]:
    """The limits of ours end with the next start of the engine; nothing is restarted for them."""
    steps: list[Step] = [RemoveFile(path) for path in state.drop_ins]
    if steps:
        steps.append(DAEMON_RELOAD)
    held = [name for name in engine_setup.HELD if name in state.packages and state.packages[name].held]
    if options["unhold"] and held:
        steps.append(packages.unhold(held))
    return steps


def _files(options: Mapping[str, Any], consented: Sequence[Drive], state: State) -> list[Step]:
    stay = _names_that_stay(options, consented, state)
    steps: list[Step] = [*our_files.removals([name for name in _but_authorities(state) if name not in stay])]
    steps += [our_files.RemoveAuthority(path, files) for path, files in state.authorities.items() if files is not None]
    if steps and not stay:
        steps.append(RemoveEmpty(STATE_DIRECTORY))
    # Its lock is there from the first drive that is wiped on.
    if state.runs or any(drive.signatures for drive in consented):
        steps.append(RemoveTree(RUN_DIRECTORY))
    return steps


def _names_that_stay(options: Mapping[str, Any], consented: Sequence[Drive], state: State) -> list[str]:
    """Credentials and receipts as long as data is left, what others still need, the marks of formattings that did not
    finish, and what is not ours.
    """
    finished = {f"{FORMATTING}{drive.place.label}" for drive in consented}
    needed = our_files.kept(state.files, options["keep"])
    return [
        name
        for name in _but_authorities(state)
        if (name in (*CREDENTIALS, *RECEIPTS) and options["keep_credentials"])
        or name in needed
        or (name.startswith(FORMATTING) and name not in finished)
        or not our_files.is_ours(name)
    ]


def _stays(options: Mapping[str, Any], found: Sequence[Drive], consented: Sequence[Drive], state: State) -> list[str]:
    """What the operator is told is left."""
    left = [f"{drive.place}, with its data" for drive in found if drive not in consented and drive.ours]
    left += [f"{STATE_DIRECTORY}/{name}" for name in _names_that_stay(options, consented, state)]
    left += [f"the CA in {path}, which this collection did not make" for path in _brought(state)]
    if engine_setup.SDK in state.packages:
        left.append(f"the engine, its packages and images, and {daemon.PATH}")
    return left


def _but_authorities(state: State) -> list[str]:
    """Our files without those of CAs that have a step of their own."""
    going = {file for path, files in state.authorities.items() for file in (path, *(files or []))}
    return [name for name in state.files if f"{STATE_DIRECTORY}/{name}".rstrip("/") not in going]


def _brought(state: State) -> list[str]:
    return [path for path, files in state.authorities.items() if files is None]


@dataclass(frozen=True)
class Unmount:
    target: str

    @property
    def sentence(self) -> str:
        return f"unmount {self.target}"

    def apply(self, system: System) -> None:
        system.run(("umount", self.target))


@dataclass(frozen=True)
class RemoveFile:
    """A file of ours, and the directory that was made for it, if nothing else is in it."""

    path: str

    @property
    def sentence(self) -> str:
        return f"remove {self.path}"

    def apply(self, system: System) -> None:
        system.remove(self.path)
        if self.path.endswith(".conf"):
            RemoveEmpty(str(Path(self.path).parent)).apply(system)


@dataclass(frozen=True)
class RemoveEmpty:
    """A directory that was made by us; what others put there keeps it."""

    path: str
    sentence: str = ""

    def apply(self, _system: System) -> None:
        with suppress(OSError):
            Path(self.path).rmdir()
