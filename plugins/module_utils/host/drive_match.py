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
from . import drive_names, fstab
from .blockdevices import BlockDevice, Mount, Signature
from .drive_content import Content
from .drive_receipts import Receipt, known
from .drive_receipts import words as receipt_words
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
    # Of devices that are idle and not drives of ours: what is on them beside signatures.
    contents: Mapping[str, Content] = field(default_factory=dict)
    # By label: what this host keeps of its drives, and what the managers keep of all.
    receipts: Mapping[str, Receipt] = field(default_factory=dict)
    receipts_wrong: str = ""
    told: Mapping[str, Receipt] = field(default_factory=dict)
    # Names of the kernel's are good for one boot.
    boot: str = ""

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

    # What it holds where there is no signature, and as which drive it was formatted, by its label.
    content: Content = field(default_factory=Content)
    receipt: Optional[tuple[str, Receipt]] = None
    # The host mounts its label, and no receipt says from which device.
    unrecorded: bool = False
    # Its erasing had been agreed to when a formatting began that did not end.
    agreed: bool = False

    @property
    def findings(self) -> list[str]:
        """All that is on it, as words."""
        partitions = [child.path for child in self.device.children]
        found = [*dict.fromkeys(map(str, self.signatures)), *partitions, str(self.content)]
        return [words for words in found if words]

    @property
    def known(self) -> list[str]:
        """Why it should not be blank, as words."""
        found = []
        if self.receipt is not None:
            found.append(receipt_words(*self.receipt))
        if self.unrecorded:
            found.append(f'{fstab.PATH} mounts "{self.place.label}", and no receipt says which device that was')
        return found

    @property
    def uuid(self) -> str:
        """Of its XFS; empty where it has none."""
        return next((mark.uuid for mark in self.signatures if mark.type == "xfs"), "")

    @property
    def ours(self) -> bool:
        """An XFS with exactly the expected label, complete, and nothing else on the device."""
        marks = {(signature.type, signature.label) for signature in self.signatures}
        return marks == {("xfs", self.place.label)} and not self.unfinished

    @property
    def resumable(self) -> bool:
        """A formatting of ours that was interrupted on exactly this device, which has not been used since."""
        types = {signature.type for signature in self.signatures}
        untouched = self.unfinished or (not types and (self.agreed or self.content.blank))
        return self.marked and untouched and types <= {"xfs"} and not self.device.children


def places(options: Mapping[str, Any]) -> list[Place]:
    parent = parent_of(options)
    return [
        Place(declared, position, options["number"], parent)
        for position, declared in enumerate(options["devices"], start=1)
    ]


def parent_of(options: Mapping[str, Any]) -> str:
    """As the kernel writes it where something is mounted below it."""
    return "/" + posixpath.normpath(options["parent"]).strip("/")


def identity(device: BlockDevice) -> dict[str, Any]:
    """Enough to know the device again after a reboot has renamed it, if it has a serial number or a WWN."""
    named = {"serial": device.serial, "wwn": device.wwn}
    own = {"partition": device.partition} if device.partition else {}
    return {**(named if any(named.values()) else {"path": device.path}), **own, "size": device.size}


def mark_text(device: BlockDevice, boot: str, erase: bool) -> str:
    """What is noted before a formatting begins: the device, and whether its content was given up by agreement."""
    return json.dumps({**_identity_now(device, boot), "erase": erase}) + "\n"


def _identity_now(device: BlockDevice, boot: str) -> dict[str, Any]:
    """A name of the kernel's is good for one boot."""
    found = identity(device)
    return {**found, "boot": boot} if "path" in found else found


def _read_mark(text: Optional[str]) -> dict[str, Any]:
    """Empty where there is none, or one that is no mark of ours."""
    try:
        mark = json.loads(text or "{}")
    except ValueError:
        return {}
    return mark if isinstance(mark, dict) else {}


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
        drive(place, found[swapped.get(position, position)][1], state, renamed=position in swapped)
        for position, (place, _device) in enumerate(found)
    ]
    return drives, violations


def drive(place: Place, device: BlockDevice, state: State, renamed: bool = False) -> Drive:
    """One place and its device, with all that is known of it."""
    occupant = state.at(place.target)
    mark = _read_mark(state.marks.get(place.mark))
    agreed = bool(mark.pop("erase", True))
    marks = signatures(device, state)
    return Drive(
        place=place,
        device=device,
        signatures=marks,
        mounted=occupant is not None and occupant.device == device.number,
        held=device.number in state.held,
        unfinished=device.number in state.unfinished,
        marked=mark == _identity_now(device, state.boot),
        renamed=renamed,
        content=state.contents.get(device.number, Content()),
        receipt=_receipt(device, marks, state),
        unrecorded=_is_unrecorded(place, device, state),
        agreed=agreed,
    )


def _is_unrecorded(place: Place, device: BlockDevice, state: State) -> bool:
    """A drive of before there were receipts; what has neither serial number nor WWN is never known again."""
    entry = fstab.Entry(place.label, place.target)
    lines = (state.fstab or "").splitlines()
    is_recorded = place.label in {**state.told, **state.receipts}
    return bool(device.serial or device.wwn) and not is_recorded and any(entry.claims(line) for line in lines)


def _receipt(device: BlockDevice, marks: Sequence[Signature], state: State) -> Optional[tuple[str, Receipt]]:
    """Only where the file system of the receipt is gone: one that is there speaks for itself.

    Some adapters give one serial number to all their disks: a drive that is seen elsewhere is not this one.
    """
    seen = {mark.uuid for found in (*state.signatures.values(), marks) for mark in found}
    seen |= {device.uuid for device in state.all_devices()}
    kept = {**state.told, **state.receipts}
    return known(device, [(label, one) for label, one in kept.items() if one.uuid not in seen])


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
