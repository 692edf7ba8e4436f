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
    """By its place or our mark, or by what earlier releases made: files of ours alone, with the mode that they gave it.

    An empty directory is somebody's: Debian has /etc/ssl/private as they had theirs.
    """
    place = real(str(directory))
    if Path(STATE_DIRECTORY) in (place, *place.parents) or (place / MARK).is_file():
        return True
    try:
        status, names = place.stat(), [entry.name for entry in place.iterdir()]
    except OSError:
        return False
    owned = (stat.S_IMODE(status.st_mode), status.st_uid) == (kind.mode, os.geteuid())
    return owned and bool(names) and all(_is_file_of_ours(name, kind) for name in names)


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
    place = real(str(directory))
    if not place.exists() and Path(STATE_DIRECTORY) not in place.parents:
        _make_marked(place, kind)
    make_directories(place, kind.mode)
    with atomic.named(place):
        place.chmod(kind.mode)


def _make_marked(place: Path, kind: Kind) -> None:
    """There with its mark, or not at all: a run that is killed leaves nothing that the next one does not know."""
    make_directories(place.parent)
    draft = place.with_name(f".{place.name}.made")
    make_directories(draft, kind.mode)
    atomic.replace(draft / MARK, MARKED.encode(), 0o600)
    with atomic.named(place):
        draft.rename(place)
        atomic.sync_directory(place.parent)


def files(directory: Path, kind: Kind) -> list[Path]:
    """Those of ours that are there, with drafts of them; our mark is none of them."""
    place = real(str(directory))
    if not place.is_dir():
        return []
    return sorted(entry for entry in place.iterdir() if entry.name != MARK and _is_file_of_ours(entry.name, kind))


def is_empty(place: Path) -> bool:
    """But for our mark."""
    return all(entry.name == MARK for entry in place.iterdir())


def remove(directory: Path, kind: Kind, names: Sequence[str]) -> None:
    """Files of ours, then a directory of ours in which nothing but our mark is left; a link that leads to it stays.

    Whether it is ours is asked before, as what earlier releases made is known by what is in it.
    """
    place = real(str(directory))
    ours = place.is_dir() and place != Path(STATE_DIRECTORY) and is_ours(place, kind)
    for name in names:
        Path(name).unlink(missing_ok=True)
    if ours and is_empty(place):
        (place / MARK).unlink(missing_ok=True)
        place.rmdir()
