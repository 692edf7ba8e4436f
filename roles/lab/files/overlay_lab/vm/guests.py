# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests of a lab: resumed from what was saved after their first boot, or booted from their own disks.

A folder of a guest without the file `up` is one that an interrupted run left: it is made anew.
"""

from __future__ import annotations

import shlex
import shutil
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..shell import LabError, run, say, wait_until
from . import clock, emulator, image, network, qemu, snapshot
from .settings import Guest, VmLab

# Emulated, a kernel and its services take half a minute when nothing else computes, and ten when all does.
BOOT = 1200.0


def _disks(guest: Guest) -> list[str]:
    return ["root", *guest.drives]


def each(lab: VmLab, work: Callable[[Guest], Any]) -> list[Any]:
    """The same for all guests at a time."""
    with ThreadPoolExecutor(max_workers=len(lab.guests) or 1) as pool:
        return list(pool.map(work, lab.guests))


def _overlay(lab: VmLab, guest: Guest, source: Path, folder: Path) -> None:
    """New disks that hold what differs from those of the source."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(source / "initramfs", folder / "initramfs")
    for name in _disks(guest):
        emulator.create_disk(lab.base, folder / f"{name}.qcow2", backing=(source / f"{name}.qcow2", "qcow2"))


def _no_answer(guest: Guest, folder: Path) -> str:
    if not qemu.pid(folder):
        console = folder / "console.log"
        end = console.read_text(encoding="utf-8", errors="replace")[-500:] if console.exists() else ""
        raise LabError(f"the guest {guest.name} has ended; its console said at last: {end}")
    try:
        with socket.create_connection((guest.management, 22), timeout=5) as connection:
            return "" if connection.recv(4) == b"SSH-" else "port 22 speaks no ssh"
    except OSError as error:
        return f"ssh at {guest.management}: {error}"


def _up(guest: Guest, folder: Path, ssh: Path) -> None:
    wait_until(lambda: _no_answer(guest, folder), f"guest {guest.name}", BOOT, 0.1)
    clock.set_now(guest, ssh)


def make_snapshot(lab: VmLab, accel: str, wanted: Path) -> None:
    """Boot every guest once, wait until its services are up, and write down memory and disks."""
    work = wanted.with_name(wanted.name + ".new")
    for guest in lab.guests:
        qemu.kill(work / guest.name)
    shutil.rmtree(work, ignore_errors=True)
    snapshot.prepare(lab, image.folder(lab.debian, lab.images), work)
    say(f"guests: booting {len(lab.guests)} for the first time ({accel}); the next time they resume from here")
    try:
        for guest in lab.guests:
            command = qemu.arguments(lab, guest, accel, image.folder(lab.debian, lab.images))
            qemu.start(lab, work / guest.name, command)
        each(lab, lambda guest: _up(guest, work / guest.name, work / "ssh"))
        each(lab, lambda guest: snapshot.settle(guest, work / "ssh"))
        each(lab, lambda guest: snapshot.save(work / guest.name))
    finally:
        for guest in lab.guests:
            qemu.kill(work / guest.name)
    work.rename(wanted)
    snapshot.forget_older(lab, wanted)


def _resume(lab: VmLab, guest: Guest, accel: str, saved: Path) -> None:
    folder = lab.state / guest.name
    qemu.kill(folder)
    _overlay(lab, guest, saved / guest.name, folder)
    command = qemu.arguments(lab, guest, accel, image.folder(lab.debian, lab.images))
    qemu.start(lab, folder, command, "-incoming", f"exec:cat {shlex.quote(str(saved / guest.name / snapshot.MEMORY))}")
    with qemu.monitor(folder) as monitor:
        wait_until(lambda: _loading(monitor), f"memory of guest {guest.name}", 120, 0.05)
        # It was stopped to be saved, and comes back as it was.
        monitor.call("cont")


def _loading(monitor: qemu.Monitor) -> str:
    status = str(monitor.call("query-status")["status"])
    return status if status == "inmigrate" else ""


def _ensure(lab: VmLab, guest: Guest, accel: str, saved: Path) -> bool:
    folder = lab.state / guest.name
    done = folder / "up"
    if done.exists() and qemu.pid(folder):
        wait_until(lambda: _no_answer(guest, folder), f"guest {guest.name}", BOOT, 0.1)
        return False
    if done.exists():
        say(f"guest {guest.name}: it does not run; booting it from its own disks")
        qemu.start(lab, folder, qemu.arguments(lab, guest, accel, image.folder(lab.debian, lab.images)))
    else:
        _resume(lab, guest, accel, saved)
    _up(guest, folder, lab.state / "ssh")
    done.touch()
    return True


def ensure(lab: VmLab) -> bool:
    """All guests run and answer, with the right time. Those that exist are kept as they are."""
    accel = qemu.accelerator(lab, image.folder(lab.debian, lab.images))
    changed = snapshot.note_use(lab, snapshot.folder(lab, accel))
    saved = snapshot.used_by(lab)
    changed |= network.ensure(lab)
    if not saved.exists():
        make_snapshot(lab, accel, saved)
    changed |= snapshot.copy_access(lab, saved)
    return any([changed, *each(lab, lambda guest: _ensure(lab, guest, accel, saved))])


def folders(lab: VmLab) -> Sequence[Path]:
    """Where guests of this lab may run, whatever an older inventory called them."""
    found = [path.parent for path in lab.state.glob("*/pid")]
    return [*found, *(path.parent for path in lab.snapshots.glob(f"{snapshot.prefix(lab)}*.new/*/pid"))]


def remove(lab: VmLab) -> bool:
    """Processes, network and files of this lab; images and what guests resume from stay."""
    killed = [qemu.kill(folder) for folder in folders(lab)]
    changed = any(killed)
    changed |= network.remove(lab)
    if lab.state.exists():
        for control in (lab.state / "cp").glob("*"):
            run("ssh", "-o", f"ControlPath={control}", "-O", "exit", "lab", check=False)
        shutil.rmtree(lab.state)
        changed = True
    return changed
