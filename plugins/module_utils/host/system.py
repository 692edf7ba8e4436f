# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only door from a section to the host: files and commands, so that tests give both as plain data."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from .. import atomic
from ..errors import OverlayError
from ..ipsec import vici
from ..state_directory import make_directories

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

# Ours on every managed host, for what must not survive a reboot.
RUN_DIRECTORY = "/run/baremetal-overlay"
# Where root's programs are; a user who becomes root by su keeps a PATH without them.
ROOTS_PROGRAMS = "/usr/sbin:/sbin"


# A struct flock of the kernel, with files of any size: what, from where, first byte, length (0: all of it), whose.
FLOCK = "hhqqi"


class CommandFailed(OverlayError):
    """A command of an applier did not end with 0."""


class System:
    """Reads return None or an empty text where there is nothing: only writes may fail."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module

    def _run(self, argv: Sequence[str], **how: Any) -> tuple[int, str, str]:
        # As it is written: Ansible would fill in what looks like a variable or a home.
        how |= {"path_prefix": ROOTS_PROGRAMS, "expand_user_and_vars": False}
        found: tuple[int, str, str] = self._module.run_command(list(argv), **how)
        return found

    def query(self, argv: Sequence[str]) -> str:
        """What a reading command prints; empty where the host does not have it or it does not know."""
        if not self.which(argv[0]):
            return ""
        code, out, _err = self._run(argv)
        return out if code == 0 else ""

    def answer(self, argv: Sequence[str]) -> str:
        """What a reading command prints, whatever it ends with: some tell what they found by their exit status."""
        _code, out, _err = self._run(argv)
        return str(out)

    def run(self, argv: Sequence[str], env: Optional[Mapping[str, str]] = None, data: Optional[str] = None) -> str:
        """A changing command; anything but 0 is an error that carries its last words. ``data`` is what it reads."""
        code, out, err = self._run(argv, environ_update=dict(env or {}), data=data)
        if code != 0:
            words = (err.strip() or out.strip() or "no output")[-1500:]
            raise CommandFailed(f"`{' '.join(argv)}` ended with {code}: {words}")
        return out

    def refusal(self, argv: Sequence[str], data: str) -> str:
        """Why a checking command does not accept what is given to it; empty where it does, or where it is not here."""
        if not self.which(argv[0]):
            return ""
        code, out, err = self._run(argv, data=data)
        return "" if code == 0 else (err.strip() or out.strip() or f"it ended with {code}")[-1500:]

    def charon(self) -> vici.Session:
        """strongSwan's daemon; an error where none answers."""
        return vici.Session()

    def which(self, program: str) -> Optional[str]:
        return self._module.get_bin_path(program, opt_dirs=["/usr/sbin", "/sbin", "/usr/local/sbin"])

    def read(self, path: str) -> Optional[str]:
        """The text of a file; None where there is none."""
        try:
            return Path(path).read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def room(self, path: str) -> Optional[float]:
        """The percentage of a file system that is free; None where it does not say."""
        try:
            found = os.statvfs(path)
        except OSError:
            return None
        return 100 * found.f_bavail / found.f_blocks if found.f_blocks else None

    def mode(self, path: str) -> Optional[int]:
        """Who may do what with a file or directory; None where there is none."""
        try:
            return stat.S_IMODE(Path(path).stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def is_there(self, path: str) -> bool:
        """As ``exists``, for the link itself where it is one."""
        return os.path.lexists(path)

    @property
    def process(self) -> str:
        """This one: its number, and when it was started, as the kernel gives numbers again."""
        after_name = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        return f"{os.getpid()} {after_name.split()[19]}"

    @contextmanager
    def lock(self, path: str, seconds: float = 5) -> Iterator[bool]:
        """Whether nobody else has the lock within that time; the kernel takes it back from who dies.

        Whoever may open it could hold it, so nobody but root may.
        """
        make_directories(Path(path).parent)
        deadline = time.monotonic() + seconds
        with atomic.named(Path(path)):
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        yield False
                        return
                    time.sleep(0.05)
                else:
                    yield True
                    return

    def holder(self, path: str) -> Optional[int]:
        """The process that holds a lock of fcntl on a file: 0 where it cannot be seen from here, None without any."""
        try:
            with Path(path).open("rb") as file:
                asked = struct.pack(FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
                kind, *_range, pid = struct.unpack(FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            # A user who may not look at it may not lock it either, and never waits for it.
            return None
        return None if kind == fcntl.F_UNLCK else max(pid, 0)

    def warn(self, words: str) -> None:
        """Shown with the task's result, which is not worse for it."""
        self._module.warn(words)

    def names(self, path: str) -> list[str]:
        """What is in a directory; nothing where there is none."""
        try:
            return sorted(entry.name for entry in Path(path).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def resolve(self, path: str) -> str:
        return os.path.realpath(path)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Replaces a file in one step: at no moment is it absent or half written."""
        make_directories(Path(path).parent)
        atomic.replace(Path(path), text.encode("utf-8"), mode)
        self._module.set_default_selinux_context(path, False)

    def remove(self, path: str) -> None:
        with atomic.named(Path(path)):
            Path(path).unlink(missing_ok=True)

    def remove_tree(self, path: str) -> None:
        """A file, or a directory with all that is in it; a mount in there is an error, not emptied."""
        if Path(path).is_dir() and not Path(path).is_symlink():
            mounted = [str(inner) for inner in (Path(path), *Path(path).rglob("*")) if inner.is_mount()]
            if mounted:
                raise OverlayError(f"{path}: {mounted[0]} is mounted there; unmount it first")
            with atomic.named(Path(path)):
                shutil.rmtree(path)
        else:
            self.remove(path)
