# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``drives``: which device becomes which drive, and what stands in the way."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, Optional

from . import fstab, packages
from .blockdevices import BlockDevice, Mount, Signature
from .drive_steps import Format, MakeDirectory, MountDrive, Own
from .packages import Packages
from .steps import DAEMON_RELOAD, Plan, Step, Unmark, WriteFile
from .system import STATE_DIRECTORY

TOOLS = "xfsprogs"
SERIAL = "serial:"
TYPES = ("disk", "part", "loop", "lvm", "crypt", "mpath", "raid", "dm")
# mkfs.xfs refuses less.
SMALLEST = 300 * 1024 * 1024
POINT_MODE, PARENT_MODE = 0o555, 0o755


@dataclass(frozen=True)
class Place:
    """Where one declared device belongs."""

    declared: str
    position: int
    number: int
    parent: str

    @property
    def label(self) -> str:
        return f"minio{self.number}d{self.position}"

    @property
    def target(self) -> str:
        return f"{self.parent}/drive{self.position}"

    @property
    def mark(self) -> str:
        return f"{STATE_DIRECTORY}/formatting-{self.label}"

    def __str__(self) -> str:
        return f"drive {self.position} ({self.declared})"


@dataclass(frozen=True)
class Directory:
    """What lies where a drive is to be mounted, as long as none is."""

    mode: int
    uid: int
    gid: int
    entries: Sequence[str] = ()


@dataclass(frozen=True)
class State:
    """Everything that the plan looks at; keys are a device's ``major:minor`` or a path."""

    devices: Sequence[BlockDevice] = ()
    mounts: Sequence[Mount] = ()
    # What each declared path leads to, with its number: None where that is no block device.
    nodes: Mapping[str, Optional[tuple[str, str]]] = field(default_factory=dict)
    signatures: Mapping[str, Sequence[Signature]] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    unfinished: frozenset[str] = frozenset()
    marks: Mapping[str, str] = field(default_factory=dict)
    directories: Mapping[str, Optional[Directory]] = field(default_factory=dict)
    owners: Mapping[str, Optional[Directory]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    fstab: Optional[str] = None
    packages: Packages = field(default_factory=dict)

    def all_devices(self) -> list[BlockDevice]:
        """Each device once, whatever it is built on."""
        return list({member.number: member for device in self.devices for member in device.family}.values())

    def on(self, number: str) -> list[Mount]:
        return [mount for mount in self.mounts if mount.device == number]

    def at(self, target: str) -> Optional[Mount]:
        """What is mounted there now: the last one covers the others."""
        found = [mount for mount in self.mounts if mount.target == target]
        return found[-1] if found else None


@dataclass(frozen=True)
class Drive:
    """A place and the one device that was found for it."""

    place: Place
    device: BlockDevice
    signatures: Sequence[Signature]
    mounted: bool
    held: bool
    unfinished: bool
    marked: bool

    @property
    def ours(self) -> bool:
        """An XFS with exactly the expected label, complete, and nothing else on the device."""
        marks = {(signature.type, signature.label) for signature in self.signatures}
        return marks == {("xfs", self.place.label)} and not self.unfinished

    @property
    def resumable(self) -> bool:
        """A formatting of ours that was interrupted on exactly this device, and nobody used it since."""
        types = {signature.type for signature in self.signatures}
        return self.marked and (self.unfinished or not types) and types <= {"xfs"} and not self.device.children


def places(options: Mapping[str, Any]) -> list[Place]:
    parent = options["parent"].rstrip("/")
    return [
        Place(declared, position, options["number"], parent)
        for position, declared in enumerate(options["devices"], start=1)
    ]


def identity(device: BlockDevice) -> str:
    """What a mark holds: enough to know the device again after a reboot has renamed it."""
    named = {"serial": device.serial, "wwn": device.wwn}
    return json.dumps({**(named if any(named.values()) else {"path": device.path}), "size": device.size}) + "\n"


def find(place: Place, state: State) -> tuple[Optional[BlockDevice], str]:
    """The device of a declaration, or what is wrong with it."""
    known = {device.number: device for device in state.all_devices()}
    if place.declared.startswith(SERIAL):
        serial = place.declared[len(SERIAL) :]
        matches = [device for device in state.devices if serial and device.serial == serial]
        if len(matches) == 1:
            return matches[0], ""
        if not matches:
            serials = ", ".join(sorted(device.serial for device in state.devices if device.serial)) or "none"
            return None, f"{place}: no device has this serial number; found are: {serials}"
        several = ", ".join(device.path for device in matches)
        return None, f"{place}: several devices have this serial number ({several}); name one by its path"
    node = state.nodes.get(place.declared)
    if node is None:
        return None, f"{place}: is not there, or is no block device; check minio_drives and the hardware"
    path, number = node
    if number not in known:
        return None, f"{place}: has no medium (size 0); check minio_drives and the hardware"
    return replace(known[number], path=path), ""


def match(options: Mapping[str, Any], state: State) -> tuple[list[Drive], list[str]]:
    """All declarations with their devices, and the ones that have none."""
    drives, violations = [], []
    for place in places(options):
        device, wrong = find(place, state)
        if device is None:
            violations.append(wrong)
            continue
        occupant = state.at(place.target)
        drives.append(
            Drive(
                place=place,
                device=device,
                signatures=_signatures(device, state),
                mounted=occupant is not None and occupant.device == device.number,
                held=device.number in state.held,
                unfinished=device.number in state.unfinished,
                marked=state.marks.get(place.mark) == identity(device),
            )
        )
    return drives, violations


def _signatures(device: BlockDevice, state: State) -> Sequence[Signature]:
    found = state.signatures.get(device.number, ())
    if found or not (device.filesystem or device.partition_table):
        return found
    # The two sources disagree: where one of them saw something, the device is not blank.
    return (Signature(device.filesystem or device.partition_table, device.label, device.uuid),)


def plan(options: Mapping[str, Any], state: State) -> Plan:
    """Every drive is checked before the first is touched."""
    if not options["devices"]:
        return Plan(violations=["drives: no device is declared; a MinIO host needs one: list them in minio_drives"])
    drives, violations = match(options, state)
    violations += _twice(drives, state)
    seen: set[str] = set()
    for drive in drives:
        if drive.device.number not in seen:
            violations += _refusals(drive, options, state)
        seen.add(drive.device.number)
    result = Plan(violations=violations)
    if not violations:
        result.steps = _steps(drives, options, state)
    return result


def _twice(drives: Sequence[Drive], state: State) -> list[str]:
    """One file system under two names would count as two drives, and lose both at once."""
    found = []
    devices, filesystems = defaultdict(list), defaultdict(list)
    for drive in drives:
        devices[drive.device.number].append(drive)
        for uuid in {signature.uuid for signature in drive.signatures if signature.uuid}:
            filesystems[uuid].append(drive)
    for same in devices.values():
        if len(same) > 1:
            names = " and ".join(str(drive.place) for drive in same)
            found.append(f"{names}: are one device ({same[0].device.path}); list each device once")
    for uuid, same in filesystems.items():
        if len({drive.device.number for drive in same}) > 1:
            names = " and ".join(str(drive.place) for drive in same)
            found.append(f"{names}: carry one file system (UUID {uuid}), one is a copy; take one out")
    for drive in drives:
        found += _same_label_elsewhere(drive, state)
    return found


def _same_label_elsewhere(drive: Drive, state: State) -> list[str]:
    family = {member.number for member in drive.device.family}
    others = [
        device.path
        for device in state.all_devices()
        if device.number not in family
        and drive.place.label in (device.label, *(mark.label for mark in state.signatures.get(device.number, ())))
        and not any(member.number == drive.device.number for member in device.family)
    ]
    if not others:
        return []
    return [
        f'{drive.place}: the label "{drive.place.label}" is on {", ".join(others)} too, or instead; '
        "a drive is mounted by its label: declare the device that carries it, or take the other one out"
    ]


def _refusals(drive: Drive, options: Mapping[str, Any], state: State) -> list[str]:
    place, device = drive.place, drive.device
    occupant = state.at(place.target)
    if occupant is not None and not drive.mounted:
        return [f"{place}: {place.target} is taken by {occupant.source} ({occupant.filesystem}); unmount it first"]
    if device.readonly or not device.type.startswith(TYPES):
        kind = f"of type {device.type}" + (", read-only" if device.readonly else "")
        return [f"{place}: {device.path} is {kind}; a drive is a writable {', '.join(TYPES[:4])} device"]
    if device.number in state.unreadable:
        return [f"{place}: {device.path} cannot be read ({state.unreadable[device.number]}); check or replace it"]
    found = _foreign_mount_point(place, state)
    if drive.mounted and drive.ours:
        broken = state.owners.get(place.target) is None
        return [f"{place}: {place.target} cannot be read; see `dmesg` and check or replace the drive"] if broken else []
    if in_use := _in_use(drive, state):
        return [
            *found,
            f'{place}: {in_use}; a device in use is never formatted, and it is not labelled "{place.label}": '
            "release it first, or declare another",
        ]
    return found if drive.ours else found + _not_blank(drive, options)


def _foreign_mount_point(place: Place, state: State) -> list[str]:
    directory = state.directories.get(place.target)
    if directory is None or not directory.entries:
        return []
    some = ", ".join(sorted(directory.entries)[:3])
    return [
        f"{place}: nothing is mounted on {place.target}, and the directory is not empty ({some}); "
        "a mounted drive would hide that: move it away"
    ]


def _in_use(drive: Drive, state: State) -> str:
    for member in drive.device.family:
        mounts = state.on(member.number)
        if mounts:
            marks = _shown(drive.signatures) if member is drive.device else mounts[0].filesystem
            return f"{member.path} is mounted on {mounts[0].target} ({marks})"
    users = [member for member in drive.device.family[1:] if member.type != "part"]
    if users:
        return f"{drive.device.path} is part of {users[0].path} ({users[0].type})"
    return f"{drive.device.path} is in use (mounted elsewhere, swap, or part of an array)" if drive.held else ""


def _not_blank(drive: Drive, options: Mapping[str, Any]) -> list[str]:
    place, device = drive.place, drive.device
    if device.size < SMALLEST:
        return [f"{place}: {device.path} has {device.size >> 20} MiB; XFS needs 300 MiB: declare a larger device"]
    partitions = [child.path for child in device.children]
    found = ", ".join(filter(None, (_shown(drive.signatures), *partitions)))
    if not found or drive.resumable or place.declared in options["format_consent"]:
        return []
    unfinished = " (a formatting that did not finish)" if drive.unfinished else ""
    return [
        f"{place}: {device.path} is not blank, found: {found}{unfinished}; only a blank device or one "
        f'labelled "{place.label}" is taken; to erase it for good, set drives_format_consent: ["{place.declared}"]'
    ]


def _shown(signatures: Sequence[Signature]) -> str:
    return ", ".join(dict.fromkeys(map(str, signatures)))


def _steps(drives: Sequence[Drive], options: Mapping[str, Any], state: State) -> list[Step]:
    steps: list[Step] = []
    if packages.missing([TOOLS], state.packages):
        steps.append(packages.Install([TOOLS]))
    for drive in drives:
        if not drive.ours:
            erase = bool(drive.signatures or drive.device.children)
            steps.append(
                Format(drive.device.path, drive.place.label, drive.place.mark, identity(drive.device), erase=erase)
            )
        elif drive.place.mark in state.marks:
            steps.append(Unmark(drive.place.mark))
    steps += _directories(drives, state)
    steps += _fstab(drives, state)
    for drive in drives:
        if not drive.mounted:
            steps.append(MountDrive(drive.place.label, drive.place.target, drive.device.number))
    return steps + _owners(drives, options, state)


def _directories(drives: Sequence[Drive], state: State) -> list[Step]:
    """The bare mount points belong to root and nobody writes there, so an unmounted drive takes no data."""
    modes = {drive.place.parent: PARENT_MODE for drive in drives}
    modes.update({drive.place.target: POINT_MODE for drive in drives if not drive.mounted})
    steps: list[Step] = []
    for path, mode in modes.items():
        present = state.directories.get(path)
        if present is None or (present.mode, present.uid, present.gid) != (mode, 0, 0):
            steps.append(MakeDirectory(path, mode))
    return steps


def _fstab(drives: Sequence[Drive], state: State) -> list[Step]:
    text = fstab.merge(state.fstab, [fstab.Entry(drive.place.label, drive.place.target) for drive in drives])
    if text == (state.fstab or ""):
        return []
    return [WriteFile(fstab.PATH, text, state.fstab), DAEMON_RELOAD]


def _owners(drives: Sequence[Drive], options: Mapping[str, Any], state: State) -> list[Step]:
    wanted = (options["owner"], options["group"])
    steps: list[Step] = []
    for drive in drives:
        present = state.owners.get(drive.place.target)
        if not drive.mounted or present is None or (present.uid, present.gid) != wanted:
            known = drive.mounted or drive.ours
            steps.append(Own(drive.place.target, *wanted, told=known and present is not None))
    return steps


def describe(options: Mapping[str, Any], state: State) -> list[dict[str, Any]]:
    """What the user reads about each drive."""
    drives, _violations = match(options, state)
    return [
        {
            "declared": drive.place.declared,
            "device": drive.device.path,
            "name": PurePath(drive.place.target).name,
            "label": drive.place.label,
            "mount": drive.place.target,
            "mounted": drive.mounted,
            "size": drive.device.size,
            "uuid": next((mark.uuid for mark in drive.signatures if mark.type == "xfs"), None),
        }
        for drive in drives
    ]
