# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MinIO's root credentials as a host keeps them: a JSON object, and one file for each value, for Swarm secrets."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from ..errors import InputError, Refused
from ..state_directory import STATE_MODE, make_directories

DIRECTORY_MODE, FILE_MODE = STATE_MODE, 0o600
NAMES = ("minio-root-user", "minio-root-password", "minio-root.json")
LEAST = {"user": 3, "password": 8}


@dataclass(frozen=True)
class Kept:
    """What is on the host: contents and modes by path; no content is None."""

    contents: dict[Path, Optional[bytes]] = field(repr=False)
    modes: dict[Path, Optional[int]]


def wanted(directory: Path, user: str, password: str) -> dict[Path, bytes]:
    """What is to be on the host. The JSON comes last: where it is, the others are."""
    document = json.dumps({"user": user, "password": password}, indent=2) + "\n"
    return dict(zip((directory / name for name in NAMES), (user.encode(), password.encode(), document.encode())))


def violations(user: str, password: str) -> list[str]:
    """What MinIO would refuse; never the value itself."""
    return [
        f"root_{name}: has {len(value)} characters; MinIO takes {LEAST[name]} or more: give a longer one"
        for name, value in (("user", user), ("password", password))
        if len(value) < LEAST[name]
    ]


def read(directory: Path) -> Kept:
    """Look at the host."""
    paths = [directory / name for name in NAMES]
    contents = {path: path.read_bytes() if path.is_file() else None for path in paths}
    modes = {path: stat.S_IMODE(path.stat().st_mode) if path.exists() else None for path in [directory, *paths]}
    return Kept(contents, modes)


def plan(directory: Path, kept: Kept, user: str, password: str) -> list[Path]:
    """The paths that have to be made or mended; other credentials than those kept are refused."""
    found = violations(user, password)
    if found:
        raise InputError(found)
    want = wanted(directory, user, password)
    _refuse_others(directory / NAMES[-1], kept, {"user": user, "password": password})
    modes = {directory: DIRECTORY_MODE, **dict.fromkeys(want, FILE_MODE)}
    return [
        path for path, mode in modes.items() if kept.modes[path] != mode or kept.contents.get(path) != want.get(path)
    ]


def _refuse_others(path: Path, kept: Kept, given: dict[str, str]) -> None:
    content = kept.contents[path]
    if content is None:
        return
    try:
        held: Any = json.loads(content)
        differ = [name for name, value in given.items() if held[name] != value]
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(
            f"{path} is not a JSON object with user and password; restore it from another manager, or remove it"
        ) from error
    if differ:
        raise Refused(
            f"{path} keeps another {' and '.join(differ)} than the one given; the root credentials of a deployment "
            "are not changed this way: leave minio_root_user and minio_root_password unset, or give those that are kept"
        )


def leftovers(directory: Path) -> list[Path]:
    """What a host that is to keep none still has; the JSON goes last, as by it the others are known."""
    return [path for name in NAMES if (path := directory / name).exists()]


def apply(directory: Path, changes: list[Path], user: str, password: str) -> None:
    """Write what is to be written; a file is there with its mode and its whole content, or not at all."""
    if directory in changes:
        make_directories(directory, DIRECTORY_MODE)
        directory.chmod(DIRECTORY_MODE)
    for path, content in wanted(directory, user, password).items():
        if path in changes:
            _write(path, content)


def _write(path: Path, content: bytes) -> None:
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)
