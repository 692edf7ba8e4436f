# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a drive: the thin, dangerous part."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..atomic import named
from ..errors import OverlayError
from . import drive_claim, drive_content, drive_receipts
from .blockdevices import MOUNTINFO, forget_cache, parse_mounts, read_signatures
from .drive_match import Drive, mark_text
from .drive_receipts import Receipt
from .system import System


@dataclass(frozen=True)
class Format:
    """A new file system; the mark lets a later run finish exactly this if it is interrupted."""

    drive: Drive
    boot: str = ""

    @property
    def erase(self) -> bool:
        """Whether there is anything on it."""
        return bool(self.drive.signatures or self.drive.device.children or not self.drive.content.blank)

    @property
    def sentence(self) -> str:
        verb = "ERASE and format" if self.erase else "format"
        return f'{verb} {self.drive.device.path} as XFS labelled "{self.drive.place.label}"'

    def apply(self, system: System) -> None:
        device, place = self.drive.device, self.drive.place
        with drive_claim.only(self.drive, system, "nothing was formatted"):
            system.write(place.mark, mark_text(device, self.boot, self.erase), 0o600)
            if self.erase:
                system.run(("wipefs", "--all", device.path))
            # Without -f: mkfs.xfs looks once more and refuses a device on which it finds anything.
            system.run(("mkfs.xfs", "-q", "-L", place.label, device.path))
            os.sync()
            # Killed before this, the next run finds a drive with its label, and records it then.
            record(system, {place.label: drive_receipts.of(device, _uuid(self.drive, system))})
        settle(system)
        system.remove(place.mark)


def _uuid(drive: Drive, system: System) -> str:
    """Of the file system that was made, read from the device: what is told to be written may be lost on the way."""
    forget_cache(drive.device.path)
    found, unreadable = read_signatures(system, [drive.device.path])
    marks = [mark for marks in found.values() for mark in marks]
    if [(mark.type, mark.label) for mark in marks] != [("xfs", drive.place.label)]:
        words = ", ".join(map(str, marks)) or unreadable.get(drive.device.path) or "nothing"
        raise OverlayError(
            f"{drive.place}: mkfs.xfs ended well, and {words} is on {drive.device.path}; the device does not keep what "
            "is written to it: see `dmesg`, and replace it"
        )
    return marks[0].uuid


def settle(system: System) -> None:
    """Until udev knows what is on the devices now."""
    if system.which("udevadm"):
        system.query(("udevadm", "settle", "--timeout=10"))


def record(system: System, receipts: Mapping[str, Receipt]) -> None:
    """Adds to what this host keeps of its drives, one receipt a label."""
    kept = drive_receipts.parse(system.read(drive_receipts.OWN), drive_receipts.OWN)
    dated = {label: replace(receipt, at=int(time.time())) for label, receipt in receipts.items()}
    system.write(drive_receipts.OWN, drive_receipts.text({**kept, **dated}), 0o600)


@dataclass(frozen=True)
class Record:
    """Receipts of drives that are there: of before there were receipts, or of a run that was killed."""

    receipts: Mapping[str, Receipt]

    @property
    def sentence(self) -> str:
        return f"record in {drive_receipts.OWN} which device is {', '.join(self.receipts)}"

    def apply(self, system: System) -> None:
        record(system, self.receipts)


@dataclass(frozen=True)
class Wipe:
    """All that a look finds goes, the label last: what was on the drive is lost for good."""

    drive: Drive
    # As long as the host keeps receipts, that of an erased drive says so.
    recorded: bool = True

    @property
    def sentence(self) -> str:
        return f"ERASE {self.drive.place}: wipe {self.drive.device.path}"

    def apply(self, system: System) -> None:
        device, label = self.drive.device, self.drive.place.label
        with drive_claim.only(self.drive, system, "it was not wiped"):
            # First: as long as its label is there, that protects it.
            if self.recorded:
                record(system, {label: replace(drive_receipts.of(device, self.drive.uuid), erased=True)})
            drive_content.clear(device.path, device.size)
            system.run(("wipefs", "--all", device.path))
        settle(system)


@dataclass(frozen=True)
class MakeDirectory:
    """A directory of root's, with a mode that nothing inherits."""

    path: str
    mode: int

    @property
    def sentence(self) -> str:
        return f"make {self.path} root:root {self.mode:04o}"

    def apply(self, _system: System) -> None:
        with named(Path(self.path)):
            Path(self.path).mkdir(parents=True, exist_ok=True)
            os.chown(self.path, 0, 0)
            Path(self.path).chmod(self.mode)


@dataclass(frozen=True)
class MountDrive:
    """Mounted as fstab says; then looked at, since systemd may undo a mount whose device it does not know."""

    label: str
    target: str
    number: str

    @property
    def sentence(self) -> str:
        return f"mount {self.label} on {self.target}"

    def apply(self, system: System) -> None:
        system.run(("mount", self.target))
        mounts = parse_mounts(system.read(MOUNTINFO) or "")
        if not any(mount.target == self.target and mount.device == self.number for mount in mounts):
            raise OverlayError(
                f"{self.target}: was mounted, but the device behind it is not the declared one ({self.number}); "
                f'see `findmnt {self.target}` and whether two file systems are labelled "{self.label}"'
            )


@dataclass(frozen=True)
class Own:
    """The root of the file system belongs to MinIO; what is in it is MinIO's affair."""

    target: str
    uid: int
    gid: int
    told: bool = True

    @property
    def sentence(self) -> str:
        return f"give {self.target} to {self.uid}:{self.gid}" if self.told else ""

    def apply(self, _system: System) -> None:
        if not os.path.ismount(self.target):
            raise OverlayError(f"{self.target}: is no longer mounted; its directory keeps belonging to root")
        with named(Path(self.target)):
            os.chown(self.target, self.uid, self.gid)
            Path(self.target).chmod(0o750)
