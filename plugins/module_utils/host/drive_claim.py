# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The moment before a device loses its content: it is looked at once more, under a lock, and has to be what it was."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import OverlayError
from . import drive_state
from .blockdevices import forget_cache
from .drive_match import Drive
from .system import RUN_DIRECTORY, System

# One run at a time gives drives their content on a host.
LOCK = f"{RUN_DIRECTORY}/drives.lock"
# udev holds a device for as long as it looks at it.
SECONDS = 10


@contextmanager
def only(seen: Drive, system: System, undone: str) -> Iterator[None]:
    """Inside, the device is the one that was looked at, unchanged; its name stays with it as long as it is open.

    ``undone`` says what was not done where it is another.
    """
    with system.lock(LOCK) as is_mine:
        if not is_mine:
            raise OverlayError(
                f"{seen.place}: another run works on this host's drives; {undone}: run again when it ended"
            )
        with _claimed(seen, undone):
            forget_cache(seen.device.path)
            now, wrong = drive_state.again(seen, system)
            if now is None:
                raise OverlayError(f"{wrong}; {undone}")
            if differences := changes(seen, now):
                raise OverlayError(
                    f"{seen.place}: has changed since it was looked at ({'; '.join(differences)}); {undone}: "
                    "see `lsblk -o NAME,SERIAL,LABEL`, then run again"
                )
            yield


def changes(seen: Drive, now: Drive) -> list[str]:
    """What tells two looks at one declaration apart, as words. Pure."""
    pairs = [(*pair, name) for name, *pair in _compared(seen, now)]
    found = [f"{name} was {before or 'none'}, is {after or 'none'}" for before, after, name in pairs if before != after]
    if now.held:
        found.append(f"{now.device.path} came into use")
    return found


def _compared(seen: Drive, now: Drive) -> list[tuple[str, str, str]]:
    before, after = seen.device, now.device
    return [
        ("its device", f"{before.path} ({before.number})", f"{after.path} ({after.number})"),
        ("its type", before.type + before.readonly * ", read-only", after.type + after.readonly * ", read-only"),
        ("its serial number", before.serial, after.serial),
        ("its WWN", before.wwn, after.wwn),
        ("its partition", before.partition, after.partition),
        ("its size", str(before.size), str(after.size)),
        ("what is on it", _on_it(seen), _on_it(now)),
    ]


def _on_it(drive: Drive) -> str:
    marks = sorted(f"{mark} {mark.uuid}".strip() for mark in drive.signatures)
    partitions = [child.path for child in drive.device.children]
    # The samples of a drive of ours are not looked at: it carries its label.
    return ", ".join(filter(None, [*marks, *partitions, "" if drive.ours else str(drive.content)]))


@contextmanager
def _claimed(seen: Drive, undone: str) -> Iterator[None]:
    """The device is open, so that the kernel gives its name to no other, and locked, so that udev leaves it alone."""
    path = seen.device.path
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise OverlayError(f"{seen.place}: {path} cannot be opened ({error.strerror}); {undone}") from error
    try:
        status = os.fstat(handle)
        number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        if not stat.S_ISBLK(status.st_mode) or number != seen.device.number:
            raise OverlayError(
                f"{seen.place}: {path} is {number} now and was {seen.device.number}; {undone}: run again"
            )
        deadline = time.monotonic() + SECONDS
        while not _flock(handle):
            if time.monotonic() >= deadline:
                raise OverlayError(
                    f"{seen.place}: another program holds a lock on {path}; {undone}: see `fuser {path}`"
                )
            time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _flock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
