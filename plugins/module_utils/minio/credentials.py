# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MinIO's root credentials as a host keeps them: a JSON object, and one file for each value, for Swarm secrets.

While they are changed the new ones are staged, in one file beside those that are kept: a killed run leaves both.
Once all servers were proven to work with the new ones, these are promoted, and the staged file goes last.
"""

from __future__ import annotations

import json
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

from .. import atomic, own_directory
from ..errors import InputError, Refused
from ..own_directory import Kind
from ..state_directory import STATE_MODE
from ..swarm.fingerprint import fingerprint

DIRECTORY_MODE, FILE_MODE = STATE_MODE, 0o600
NAMES = ("minio-root-user", "minio-root-password", "minio-root.json")
STAGED = "minio-root-next.json"
KIND = Kind((*NAMES, STAGED), DIRECTORY_MODE)
LEAST = {"user": 3, "password": 8}
# Public, as user and password: every check of ours proves that the pair cannot log in.
DEFAULT = "minioadmin"
# MinIO makes no access key with the first two; the third ends the key in a signature's scope for some clients.
RESERVED = "=,/"
# Control characters, and what separates lines and paragraphs.
CONTROL = ("Cc", "Zl", "Zp")


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
    """What MinIO does not start with, or what no client can log in with; never the value itself."""
    found = [
        f"root_{name}: {sentence}"
        for name, value in (("user", user), ("password", password))
        for sentence in _unusable(name, value)
    ]
    if user == password == DEFAULT:
        found.append(f"root_user, root_password: are {DEFAULT}, MinIO's own default, which is public: give others")
    return found


def _unusable(name: str, value: str) -> Iterator[str]:
    if len(value.strip().encode()) < LEAST[name]:
        yield f"has {len(value.strip())} characters; MinIO takes {LEAST[name]} or more: give a longer one"
    if value != value.strip():
        yield (
            "has a blank or a line break at its beginning or end, which MinIO takes off and clients do not: "
            "take it off (in YAML, | adds a line break and |- does not)"
        )
    if any(unicodedata.category(char) in CONTROL for char in value.strip()):
        yield "has a line break or another control character in it: take it out"
    if name == "user":
        if not value.isascii() or " " in value.strip():
            yield "has a blank or a character outside of ASCII in it, which not every client can sign: take it out"
        found = [char for char in RESERVED if char in value]
        if found:
            yield f"has {' and '.join(found)} in it, which signatures have a use of their own for: take it out"


def parse(text: Union[str, bytes, None]) -> Optional[dict[str, str]]:
    """The pair in a JSON file; None where there is no file."""
    if text is None:
        return None
    try:
        held: Any = json.loads(text)
        return {name: str(held[name]) for name in LEAST}
    except (ValueError, KeyError, TypeError) as error:
        raise Refused("is not a JSON object with user and password") from error


def facts(text: Optional[str]) -> Optional[dict[str, str]]:
    """What the controller may know of a file: the user, and what recognizes the password; nothing of a strange one."""
    try:
        held = parse(text)
    except Refused:
        return {}
    return held and {"user": held["user"], "password": fingerprint(held["password"].encode())}


def read(directory: Path) -> Kept:
    """Look at the host."""
    paths = [directory / name for name in (*NAMES, STAGED)]
    contents = {path: path.read_bytes() if path.is_file() else None for path in paths}
    modes = {path: stat.S_IMODE(path.stat().st_mode) if path.exists() else None for path in [directory, *paths]}
    return Kept(contents, modes)


def plan(directory: Path, kept: Kept, user: str, password: str) -> list[Path]:
    """The paths that have to be made or mended; other credentials than those kept are refused, and those of no use."""
    found = violations(user, password) if kept.contents[directory / NAMES[-1]] is None else []
    if found:
        raise InputError(found)
    _refuse_directory(directory, kept)
    _refuse_others(directory / NAMES[-1], kept, {"user": user, "password": password})
    return _due(directory, kept, wanted(directory, user, password))


def staging(directory: Path, user: str, password: str) -> dict[Path, bytes]:
    """What is to be on the host while the pair takes the place of the one that is kept."""
    found = violations(user, password)
    if found:
        raise InputError(found)
    return {directory / STAGED: wanted(directory, user, password)[directory / NAMES[-1]]}


def plan_staged(directory: Path, kept: Kept, user: str, password: str) -> list[Path]:
    """Whether the pair has still to be staged; what is kept stays."""
    _refuse_directory(directory, kept)
    return _due(directory, kept, staging(directory, user, password))


def staged(directory: Path, kept: Kept) -> Optional[dict[str, str]]:
    """The pair that is staged."""
    try:
        return parse(kept.contents[directory / STAGED])
    except Refused as error:
        raise Refused(f"{directory / STAGED} {error}; remove it, and give the new credentials again") from error


def _due(directory: Path, kept: Kept, want: Mapping[Path, bytes]) -> list[Path]:
    modes = {directory: DIRECTORY_MODE, **dict.fromkeys(want, FILE_MODE)}
    return [
        path for path, mode in modes.items() if kept.modes[path] != mode or kept.contents.get(path) != want.get(path)
    ]


def _refuse_directory(directory: Path, kept: Kept) -> None:
    """Somebody else's directory is neither closed to others nor filled; what is kept there already stays there."""
    settled = kept.contents[directory / NAMES[-1]] is not None and kept.modes[directory] == DIRECTORY_MODE
    if not settled and (refused := own_directory.refusal(directory, KIND)):
        raise Refused(refused)


def _refuse_others(path: Path, kept: Kept, given: dict[str, str]) -> None:
    content = kept.contents[path]
    if content is None:
        return
    try:
        held = parse(content) or {}
    except Refused as error:
        raise Refused(f"{path} {error}; restore it from another manager, or remove it") from error
    differ = [name for name, value in given.items() if held[name] != value]
    if differ:
        raise Refused(
            f"{path} keeps another {' and '.join(differ)} than the one given; it is replaced only by a pair that was "
            "staged and proven: leave minio_root_user and minio_root_password unset, or give those that are kept"
        )


def leftovers(directory: Path) -> list[Path]:
    """What a host that is to keep none still has; the JSON goes last, as by it the others are known."""
    drafts = [directory / f".{name}.new" for name in (STAGED, *NAMES)]
    return [
        *atomic.stale(directory),
        *(path for path in (*drafts, *(directory / name for name in (STAGED, *NAMES))) if path.exists()),
    ]


def apply(directory: Path, changes: list[Path], want: Mapping[Path, bytes]) -> None:
    """Write what is to be written; a file is there with its mode and its whole content, or not at all."""
    if directory in changes:
        own_directory.make(directory, KIND)
    for path, content in want.items():
        if path in changes:
            _write(path, content)


def promote(directory: Path, kept: Kept, pair: Mapping[str, str]) -> None:
    """The staged pair becomes the one that is kept; until the last step a run that is killed is begun again."""
    want = wanted(directory, pair["user"], pair["password"])
    apply(directory, _due(directory, kept, want), want)
    (directory / STAGED).unlink()


def _write(path: Path, content: bytes) -> None:
    atomic.replace(path, content, FILE_MODE)
