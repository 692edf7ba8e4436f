# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets for what reads files only, on the controller: nothing of them is left, whatever ends the run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

FILES_PREFIX = "baremetal.overlay."


@contextmanager
def as_files(*texts: str) -> Iterator[list[str]]:
    """OpenSSL reads files only: these are memory of this process, and gone with it whatever ends it."""
    if not hasattr(os, "memfd_create"):
        with _as_real_files(*texts) as paths:
            yield paths
        return
    handles = []
    try:
        for text in texts:
            handles.append(os.memfd_create("baremetal.overlay"))
            os.write(handles[-1], text.encode())
        yield [f"/proc/self/fd/{handle}" for handle in handles]
    finally:
        for handle in handles:
            os.close(handle)


@contextmanager
def _as_real_files(*texts: str) -> Iterator[list[str]]:
    """Where the controller is not Linux: of this user alone, and gone at once, or with the next run."""
    for left in Path(gettempdir()).glob(f"{FILES_PREFIX}*"):
        if not _is_alive(left.name.removeprefix(FILES_PREFIX).partition(".")[0]):
            shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(prefix=f"{FILES_PREFIX}{os.getpid()}.") as directory:
        paths = [Path(directory) / str(number) for number in range(len(texts))]
        for path, text in zip(paths, texts):
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
        yield [str(path) for path in paths]


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
