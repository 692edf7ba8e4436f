# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are there whole or not at all, after a power failure too, and what keeps them from it is said with its name."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Optional

from .errors import OverlayError

# The file that it is for, the process that writes it, and a random word.
DRAFT = re.compile(r"\..+\.(\d+)\.[a-z0-9_]{8}$")
# Seconds by which the time of a file and that of a process may differ.
CLOCK_ERROR = 60
FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """The kernel's refusal to change a path becomes a sentence; of a write it does not even say which file it was."""
    try:
        yield
    except OSError as error:
        raise OverlayError(_sentence(path, error)) from error


def _sentence(path: Path, error: OSError) -> str:
    place = _mount_point(path)
    if error.errno in FULL:
        return (
            f"{path}: the file system at {place} has no room left ({error.strerror}); what was there stays as it is: "
            f"make room at {place} (`df -h {place}; df -i {place}`), and run again"
        )
    if error.errno == errno.EROFS:
        return (
            f"{path}: the file system at {place} is read-only, so nothing can be changed there; the kernel does that "
            f"after an error of a disk (see `dmesg`): mend it, make {place} writable, and run again"
        )
    return f"{path}: cannot be changed ({error.strerror or error}); the file system is the one at {place}"


def _mount_point(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> str:
    """Where the file system of a path is mounted, a part of one that is mounted once more included (proc(5))."""
    place = os.path.realpath(path)
    try:
        lines = mountinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "/"
    targets = [re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split()[4]) for line in lines]
    above = [one for one in targets if place == one or place.startswith(one.rstrip("/") + "/")]
    return max(above, key=len, default="/")


def replace(path: Path, content: bytes, mode: int, owner: int = -1, draft: Optional[Path] = None) -> None:
    """At no moment the file is absent, half written or open to others; once this returns, it outlives a power failure.

    What writers that were killed have left beside it goes; a ``draft`` with a name of its own is taken from them.
    """
    with named(path):
        if draft is None:
            sweep(path.parent)
            handle, name = tempfile.mkstemp(dir=str(path.parent), prefix=f".{path.name}.{os.getpid()}.")
            draft = Path(name)
        else:
            draft.unlink(missing_ok=True)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as stream:
                os.fchown(stream.fileno(), owner, owner)
                os.fchmod(stream.fileno(), mode)
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                draft.unlink()
            raise
        sync_directory(path.parent)


def sweep(directory: Path) -> None:
    """Drafts of processes that are no more: there may be keys in them."""
    for entry in stale(directory):
        entry.unlink(missing_ok=True)


def stale(directory: Path) -> list[Path]:
    """Those drafts; none where there is no such directory."""
    try:
        entries = sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [entry for entry in entries if (found := DRAFT.match(entry.name)) and not _writes(int(found[1]), entry)]


def _writes(pid: int, draft: Path) -> bool:
    """Whether that process made it: after a restart of the machine, and else in time, its number is another one's."""
    try:
        since_boot = int(Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[19])
        made = draft.stat().st_mtime
    except (FileNotFoundError, ProcessLookupError):
        return False
    told = Path("/proc/stat").read_text().splitlines()
    booted = next(int(line.split()[1]) for line in told if line.startswith("btime "))
    # The kernel tells both in seconds, and a clock may have been set in between.
    return booted + since_boot / os.sysconf("SC_CLK_TCK") <= made + CLOCK_ERROR


def sync_directory(path: Path) -> None:
    """A new name is on the disk only once its directory is."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
