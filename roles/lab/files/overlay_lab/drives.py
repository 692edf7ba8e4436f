# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sparse files on loop devices: the drives of the lab's hosts, and the only devices it touches."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

from .settings import Drive
from .shell import LabError, run, wait_until

LOOP_CTL_ADD = 0x4C80
LOOP_CTL_REMOVE = 0x4C81


def backing_file(drive: Drive) -> str:
    try:
        return Path(f"/sys/block/loop{drive.loop}/loop/backing_file").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def numbers(drive: Drive) -> tuple[int, int]:
    """Major and minor number as the kernel gives them (a max_part setting shifts the minor)."""
    major, minor = Path(f"/sys/block/loop{drive.loop}/dev").read_text(encoding="utf-8").strip().split(":")
    return int(major), int(minor)


def _control(request: int, loop: int) -> None:
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(control, request, loop)
    finally:
        os.close(control)


def _make_device(drive: Drive) -> None:
    if not Path(f"/sys/block/loop{drive.loop}").exists():
        if not Path("/dev/loop-control").exists():
            run("modprobe", "loop")
        _control(LOOP_CTL_ADD, drive.loop)
    if not Path(drive.device).exists():
        # A machine whose /dev is no devtmpfs.
        run("mknod", "-m", "0660", drive.device, "b", *map(str, numbers(drive)))


def wwn(drive: Drive, folder: Path) -> str:
    """The name that no other disk has: a new file is a new disk, in the slot of the one before."""
    name = (folder / drive.image).with_suffix(".wwn")
    return name.read_text(encoding="ascii") if name.exists() else ""


def ensure(drive: Drive, folder: Path, size: str) -> bool:
    """The drive's file is attached to its loop device."""
    image = folder / drive.image
    attached = backing_file(drive)
    if attached == str(image) and image.exists():
        return False
    if attached:
        raise LabError(
            f"{drive.device}, which the lab uses for {drive.name}, is attached to {attached}: detach it first"
        )
    folder.mkdir(parents=True, exist_ok=True)
    if not image.exists():
        name = image.with_suffix(".wwn")
        name.write_text(f"0x5{secrets.token_hex(8)[1:]}", encoding="ascii")
        unfinished = image.with_suffix(".new")
        run("truncate", f"--size={size}", str(unfinished))
        unfinished.rename(image)
    _make_device(drive)
    if run("losetup", "--direct-io=on", drive.device, str(image), check=False).returncode != 0:
        # A file system without direct I/O (tmpfs, some overlays): slower, otherwise the same.
        run("losetup", drive.device, str(image))
    return True


def remove(drive: Drive, folder: Path) -> bool:
    changed = False
    if backing_file(drive).removesuffix(" (deleted)") == str(folder / drive.image):
        run("losetup", "--detach", drive.device)
        # A host that has just been killed takes a moment to let go of its file systems.
        wait_until(lambda: backing_file(drive), f"end of {drive.device}", 30)
        changed = True
    if not backing_file(drive) and Path(f"/sys/block/loop{drive.loop}").exists():
        _control(LOOP_CTL_REMOVE, drive.loop)
        changed = True
    return changed
