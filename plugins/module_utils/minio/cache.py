# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Things that are made once and kept by the content of their inputs; a kill at any moment leaves nothing half made."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Optional


def default_root() -> Path:
    """Where this user keeps caches."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "baremetal.overlay" / "minio"


class Cache:
    """Directories under one root, each named by a kind and a key."""

    def __init__(self, root: Optional[Path] = None) -> None:
        self.root = root or default_root()

    def find(self, kind: str, key: str) -> Optional[Path]:
        """The finished entry, if there is one."""
        entry = self.root / kind / key
        return entry if entry.is_dir() else None

    def make(self, kind: str, key: str, fill: Callable[[Path], None]) -> Path:
        """The entry, filled in a directory of its own first and renamed when it is whole."""
        entry = self.root / kind / key
        if entry.is_dir():
            return entry
        work = entry.with_name(f".work-{key}")
        # Whoever holds the lock is alone, so what lies there was left by a run that was killed.
        remove(work)
        work.mkdir(parents=True)
        try:
            fill(work)
            sync(work)
            work.rename(entry)
        except BaseException:
            remove(work)
            raise
        return entry

    @contextmanager
    def locked(self, waiting: Callable[[], None]) -> Iterator[None]:
        """One at a time; ``waiting`` is called where another one is at it. A killed owner's lock is free at once."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def sync(directory: Path) -> None:
    """Have the files on the disk before their name says that they are whole."""
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())


def remove(directory: Path) -> None:
    """Remove a tree, Go's write-protected directories included."""
    for path, _directories, _files in os.walk(directory):
        Path(path).chmod(0o700)
    shutil.rmtree(directory, ignore_errors=True)
