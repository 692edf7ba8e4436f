# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Block devices as lsblk tells them, what lies on them as wipefs finds it, and where they are mounted."""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Optional

from .system import CommandFailed, System

COLUMNS = "NAME,PATH,MAJ:MIN,TYPE,SIZE,RO,SERIAL,WWN,MODEL,FSTYPE,LABEL,UUID,PTTYPE,PARTUUID"
# What the kernel itself knows a mapping or an array by.
STACKED = ("/sys/dev/block/{number}/dm/uuid", "/sys/dev/block/{number}/md/uuid")
MOUNTINFO = "/proc/self/mountinfo"
# Writes what is cached of a block device, and forgets it.
BLKFLSBUF = 0x1261


@dataclass(frozen=True)
class Mount:
    device: str
    target: str
    source: str
    filesystem: str


@dataclass(frozen=True)
class Signature:
    """One mark of a file system, a partition table or the like."""

    type: str
    label: str = ""
    uuid: str = ""

    def __str__(self) -> str:
        return f"{self.type}" + (f' labelled "{self.label}"' if self.label else "")


@dataclass(frozen=True)
class BlockDevice:
    path: str
    number: str
    type: str
    size: int
    readonly: bool = False
    serial: str = ""
    wwn: str = ""
    model: str = ""
    # What udev's database says: may be empty where there is none, so it is never taken for "blank".
    filesystem: str = ""
    label: str = ""
    uuid: str = ""
    partition_table: str = ""
    # Which one it is of its disk, whose serial number and WWN it may have, too.
    partition: str = ""
    children: Sequence[BlockDevice] = ()
    mounts: Sequence[Mount] = field(default=())

    @property
    def family(self) -> list[BlockDevice]:
        """The device and all that is built on it."""
        return [self, *(member for child in self.children for member in child.family)]

    def facts(self) -> dict[str, Any]:
        return {
            "device": self.path,
            "type": self.type,
            "size": self.size,
            "serial": self.serial or None,
            "filesystem": self.filesystem or next((mount.filesystem for mount in self.mounts), None),
            "label": self.label or None,
            "uuid": self.uuid or None,
            "mounted": [mount.target for mount in self.mounts],
        }


def parse_mounts(text: str) -> list[Mount]:
    mounts = []
    for line in text.splitlines():
        left, _dash, right = line.partition(" - ")
        fields, tail = left.split(), right.split()
        mounts.append(Mount(fields[2], _unescape(fields[4]), _unescape(tail[1]), tail[0]))
    return mounts


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)


def parse(text: str, mounts: Sequence[Mount] = ()) -> list[BlockDevice]:
    """The tree of lsblk; a device with two parents appears under both, as lsblk has it."""
    return [_device(entry, mounts) for entry in json.loads(text)["blockdevices"]] if text.strip() else []


def _device(entry: Mapping[str, Any], mounts: Sequence[Mount]) -> BlockDevice:
    number = entry["maj:min"].strip()
    return BlockDevice(
        path=entry["path"],
        number=number,
        type=entry["type"],
        size=int(entry["size"] or 0),
        readonly=entry["ro"] in (True, "1"),
        serial=(entry.get("serial") or "").strip(),
        wwn=(entry.get("wwn") or "").strip(),
        model=(entry.get("model") or "").strip(),
        filesystem=entry.get("fstype") or "",
        label=entry.get("label") or "",
        uuid=entry.get("uuid") or "",
        partition_table=entry.get("pttype") or "",
        partition=entry.get("partuuid") or "",
        children=tuple(_device(child, mounts) for child in entry.get("children", [])),
        mounts=tuple(mount for mount in mounts if mount.device == number),
    )


def read(system: System) -> list[BlockDevice]:
    mounts = parse_mounts(system.read(MOUNTINFO) or "")
    return [_stacked(system, device) for device in parse(system.query(("lsblk", "-J", "-b", "-o", COLUMNS)), mounts)]


def _stacked(system: System, device: BlockDevice) -> BlockDevice:
    """A mapping or an array has no WWN of its own, and an identity that lasts as well."""
    children = tuple(_stacked(system, child) for child in device.children)
    wwn = device.wwn
    if not wwn and device.type not in ("disk", "part", "loop", "rom"):
        texts = (system.read(path.format(number=device.number)) for path in STACKED)
        wwn = next((text.strip() for text in texts if text and text.strip()), "")
    return replace(device, wwn=wwn, children=children)


def parse_signatures(text: str) -> dict[str, list[Signature]]:
    """All signatures by the kernel's name of the device (``sda``, without /dev)."""
    found: dict[str, list[Signature]] = {}
    for entry in json.loads(text)["signatures"] if text.strip() else []:
        signature = Signature(entry["type"], entry.get("label") or "", entry.get("uuid") or "")
        found.setdefault(entry["device"], []).append(signature)
    return found


def read_signatures(system: System, paths: Sequence[str]) -> tuple[dict[str, list[Signature]], dict[str, str]]:
    """Read from the devices themselves, as udev's answer may be old or missing; no answer is not "blank".

    The second value says of each device that cannot be read why not.
    """
    if not paths:
        return {}, {}
    try:
        return parse_signatures(system.run(("wipefs", "--json", *paths))), {}
    except CommandFailed as error:
        if len(paths) == 1:
            return {}, {paths[0]: str(error)}
    found: dict[str, list[Signature]] = {}
    unreadable: dict[str, str] = {}
    for path in paths:
        signatures, wrong = read_signatures(system, [path])
        found.update(signatures)
        unreadable.update(wrong)
    return found, unreadable


def node_number(path: str) -> Optional[str]:
    """``major:minor`` of a block special file; None where there is no such file or it is something else."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    if not stat.S_ISBLK(status.st_mode):
        return None
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"


def is_held(path: str) -> bool:
    """Whether the kernel gives the device to nobody else: mounted (anywhere), part of an array, swap."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_EXCL))
    except OSError:
        return True
    return False


def forget_cache(path: str) -> None:
    """What is read next comes from the device itself, and not from what the kernel remembers of it."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(handle, BLKFLSBUF)
    finally:
        os.close(handle)


def is_unfinished_xfs(path: str) -> bool:
    """mkfs.xfs sets a byte of the superblock first and clears it last."""
    with Path(path).open("rb") as device:
        block = device.read(512)
    return block[:4] == b"XFSB" and len(block) > 126 and block[126] != 0
