# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device is which drive: what is declared, what was found, and what tells them apart."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from ..state_directory import STATE_DIRECTORY
from . import drive_names
from .blockdevices import BlockDevice, Mount, Signature
from .packages import Packages

SERIAL = "serial:"


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
    # Where the directory of the mount points really is, if a link leads there.
    parent_is: str = ""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    # What a MinIO left in a file system that is not labelled as ours, in words.
    deployments: Mapping[str, str] = field(default_factory=dict)
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
    # Its name belongs to another of this host's drives now; its label says that this is the one.
    renamed: bool = False

    @property
    def ours(self) -> bool:
        """An XFS with exactly the expected label, complete, and nothing else on the device."""
        marks = {(signature.type, signature.label) for signature in self.signatures}
        return marks == {("xfs", self.place.label)} and not self.unfinished

    @property
    def resumable(self) -> bool:
        """A formatting of ours that was interrupted on exactly this device, which has not been used since."""
        types = {signature.type for signature in self.signatures}
        return self.marked and (self.unfinished or not types) and types <= {"xfs"} and not self.device.children


def places(options: Mapping[str, Any]) -> list[Place]:
    parent = parent_of(options)
    return [
        Place(declared, position, options["number"], parent)
        for position, declared in enumerate(options["devices"], start=1)
    ]


def parent_of(options: Mapping[str, Any]) -> str:
    """As the kernel writes it where something is mounted below it."""
    return "/" + posixpath.normpath(options["parent"]).strip("/")


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
    found, violations = [], []
    for place in places(options):
        device, wrong = find(place, state)
        if device is None:
            violations.append(wrong)
        else:
            found.append((place, device))
    named = [drive_names.Named(place.declared, place.label, _label(device, state)) for place, device in found]
    swapped = drive_names.swapped(named)
    drives = [
        _drive(place, found[swapped.get(position, position)][1], state, renamed=position in swapped)
        for position, (place, _device) in enumerate(found)
    ]
    return drives, violations


def _drive(place: Place, device: BlockDevice, state: State, renamed: bool) -> Drive:
    occupant = state.at(place.target)
    return Drive(
        place=place,
        device=device,
        signatures=signatures(device, state),
        mounted=occupant is not None and occupant.device == device.number,
        held=device.number in state.held,
        unfinished=device.number in state.unfinished,
        marked=state.marks.get(place.mark) == identity(device),
        renamed=renamed,
    )


def _label(device: BlockDevice, state: State) -> str:
    """Of an XFS that is complete and has the device for itself."""
    marks = {(signature.type, signature.label) for signature in signatures(device, state)}
    if len(marks) != 1 or device.number in state.unfinished:
        return ""
    ((kind, label),) = marks
    return label if kind == "xfs" else ""


def signatures(device: BlockDevice, state: State) -> Sequence[Signature]:
    """As they were read from the device, or, where that says nothing, as udev's database has them."""
    found = state.signatures.get(device.number, ())
    if found or not (device.filesystem or device.partition_table):
        return found
    # The two sources disagree: where one of them saw something, the device is not blank.
    return (Signature(device.filesystem or device.partition_table, device.label, device.uuid),)


def partitions(device: BlockDevice) -> list[BlockDevice]:
    """Not what is built on a device by LVM and the like: such a device is in use."""
    return [member for member in device.family[1:] if member.type == "part"]
