# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories whose place an operator gives: made by us and marked, or somebody else's, which are left as they are.

A mode, an owner and a removal are for directories of ours only. In one of somebody else's, such as /root or
/etc/ssl/private, nobody would get in any more, or everything would go that is not ours.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from . import atomic
from .errors import Refused
from .state_directory import STATE_DIRECTORY, make_directories

MARK = ".baremetal-overlay"
MARKED = "Made by baremetal.overlay, which sets the mode of this directory and removes it when it is empty.\n"


@dataclass(frozen=True)
class Kind:
    """What we keep in a directory: the names of the files, as patterns, and who may enter it."""

    files: Sequence[str]
    mode: int = 0o700


def real(path: str) -> Path:
    """The directory itself, however it is written: with ``..``, a slash at its end, or by a link."""
    return Path(os.path.realpath(path))


def is_ours(directory: Path, kind: Kind) -> bool:
    """By its place or our mark, or by what earlier releases made: ours alone, with the mode that they gave it.

    A directory that is still empty is one that a run was about to mark.
    """
    place = real(str(directory))
    if Path(STATE_DIRECTORY) in (place, *place.parents) or (place / MARK).is_file():
        return True
    try:
        status, names = place.stat(), [entry.name for entry in place.iterdir()]
    except OSError:
        return False
    owned = (stat.S_IMODE(status.st_mode), status.st_uid) == (kind.mode, os.geteuid())
    return owned and all(_is_file_of_ours(name, kind) for name in names)


def _is_file_of_ours(name: str, kind: Kind) -> bool:
    """With the drafts that a killed run leaves of it."""
    return name == MARK or any(fnmatchcase(name, file) or fnmatchcase(name, f".{file}.*") for file in kind.files)


def refusal(directory: Path, kind: Kind) -> str:
    """Why the directory may not be made ours; empty where it may."""
    place = real(str(directory))
    if not place.exists() or (place.is_dir() and is_ours(place, kind)):
        return ""
    called = str(directory) if place == directory else f"{directory} ({place})"
    if not place.is_dir():
        return f"{called}: is no directory; give one that is not there yet"
    status, names = (
        place.stat(),
        sorted(entry.name for entry in place.iterdir() if not _is_file_of_ours(entry.name, kind)),
    )
    held = f", with {', '.join(names[:3])}" + (" and more" if len(names) > 3 else "") if names else ""
    return (
        f"{called}: exists (mode {stat.S_IMODE(status.st_mode):04o}, owner {status.st_uid}{held}), and was not "
        f"made by this collection, which would take it for itself with mode {kind.mode:04o}; give a directory that is "
        f"not there yet, for example {directory}/baremetal-overlay"
    )


def make(directory: Path, kind: Kind) -> None:
    """Ours, with its mode and its mark; refused where it is somebody else's."""
    refused = refusal(directory, kind)
    if refused:
        raise Refused(refused)
    make_directories(directory, kind.mode)
    with atomic.named(directory):
        directory.chmod(kind.mode)
    place = real(str(directory))
    if Path(STATE_DIRECTORY) not in (place, *place.parents) and not (place / MARK).is_file():
        atomic.replace(place / MARK, MARKED.encode(), 0o600)


def files(directory: Path, kind: Kind) -> list[Path]:
    """Those of ours that are there, with drafts of them; our mark is none of them."""
    place = real(str(directory))
    if not place.is_dir():
        return []
    return sorted(entry for entry in place.iterdir() if entry.name != MARK and _is_file_of_ours(entry.name, kind))


def is_empty(place: Path) -> bool:
    """But for our mark."""
    return all(entry.name == MARK for entry in place.iterdir())


def remove_empty(directory: Path, kind: Kind) -> None:
    """A directory of ours in which nothing but our mark is left; a link that leads to it stays."""
    place = real(str(directory))
    if place.is_dir() and is_ours(place, kind) and is_empty(place):
        (place / MARK).unlink(missing_ok=True)
        place.rmdir()
