# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a drive: the thin, dangerous part."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..atomic import named
from ..errors import OverlayError
from .blockdevices import MOUNTINFO, is_held, parse_mounts
from .system import System


@dataclass(frozen=True)
class Format:
    """A new file system; the mark lets a later run finish exactly this if it is interrupted."""

    device: str
    label: str
    mark: str
    identity: str
    erase: bool = False

    @property
    def sentence(self) -> str:
        return f'{"ERASE and format" if self.erase else "format"} {self.device} as XFS labelled "{self.label}"'

    def apply(self, system: System) -> None:
        if is_held(self.device):
            raise OverlayError(f"{self.device}: came into use since it was checked; nothing was formatted")
        system.write(self.mark, self.identity, 0o600)
        if self.erase:
            system.run(("wipefs", "--all", self.device))
        # Without -f: mkfs.xfs looks once more and refuses a device on which it finds anything.
        system.run(("mkfs.xfs", "-q", "-L", self.label, self.device))
        os.sync()
        if system.which("udevadm"):
            system.query(("udevadm", "settle", "--timeout=10"))
        system.remove(self.mark)


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
