# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what we keep in our directory on a host. Only what it names is ever removed from there."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Optional

from .. import own_directory
from ..minio import ca, credentials, tls
from ..state_directory import STATE_DIRECTORY
from .system import System

# Whole trees: what a change saved for its way back.
TREES = ("unconfirmed", "unconfirmed.*")
# Below our directory; a slash at the end is a directory. ``formatting-*`` are the marks of formattings.
NAMES = (
    *("firewall.nft", "firewall.loaded", "ipsec.nft", "ipsec.table", "ipsec.loaded", "ipsec.start"),
    *("firewall-closed.nft", "ipsec-closed.nft"),
    *("links.add", "links.set", "links.fdb", "revert", "engine-installing", "formatting-*"),
    *("drive-receipts.json", "cluster-drive-receipts.json", "swarm-unlock-key"),
    *credentials.NAMES,
    credentials.STAGED,
    *("minio-tls/", "minio-tls/public.crt", "minio-tls/private.key", "minio-tls/CAs/", "minio-tls/CAs/ca.crt"),
    *("minio-tls/..current", "minio-tls/..pair-*/", "minio-tls/..pair-*/public.crt", "minio-tls/..pair-*/private.key"),
    *(".minio-tls.new/", ".minio-tls.new/*"),
)
# What the certificates of our own CAs are called: one that an operator brought is called otherwise.
AUTHORITIES = (tls.CA_NAME.encode(), b"baremetal.overlay IPsec CA")


def is_ours(name: str) -> bool:
    """Whether the record has it: by its path below our directory. A draft is what a killed run left of a file."""
    return any(_matches(name, pattern) for pattern in (*TREES, *NAMES)) or any(
        _matches(name, _draft(pattern)) for pattern in NAMES if not pattern.endswith("/")
    )


def _matches(name: str, pattern: str) -> bool:
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _draft(pattern: str) -> str:
    path = PurePosixPath(pattern)
    return str(path.with_name(f".{path.name}.*"))


def found(directory: str = STATE_DIRECTORY) -> list[str]:
    """All files below it; an empty directory has a slash at its end. No link is followed."""
    top = Path(directory)
    return sorted(_walk(top, top)) if top.is_dir() else []


def _walk(directory: Path, top: Path) -> Iterator[str]:
    for entry in directory.iterdir():
        name = str(entry.relative_to(top))
        if entry.is_symlink() or not entry.is_dir() or any(_matches(name, tree) for tree in TREES):
            yield name
        else:
            inside = list(_walk(entry, top))
            yield from inside or [f"{name}/"]


def kept(names: Sequence[str], keep: Sequence[str]) -> list[str]:
    """Those that are, or lie in, what others still need, however its path is written."""
    places = [own_directory.real(path) for path in keep]
    base = own_directory.real(STATE_DIRECTORY)
    return [name for name in names if any(place in (base / name, *(base / name).parents) for place in places)]


def authorities(directories: Sequence[str]) -> dict[str, Optional[list[str]]]:
    """The files of ours in each directory that is to have a CA; None where the CA is somebody else's.

    A directory in which there is nothing to remove is left out; one of ours that is empty is removed itself.
    """
    looks: dict[str, Optional[list[str]]] = {}
    for directory in directories:
        place = own_directory.real(directory)
        files = [str(path) for path in own_directory.files(place, ca.KIND)]
        if files:
            looks[str(place)] = files if _is_our_authority(place) else None
        elif place.is_dir() and own_directory.is_empty(place) and own_directory.is_ours(place, ca.KIND):
            looks[str(place)] = []
    return looks


def _is_our_authority(place: Path) -> bool:
    """By its certificate; without one, by its directory."""
    certificate = place / ca.CERTIFICATE
    if not certificate.is_file() or (place / own_directory.MARK).is_file():
        return own_directory.is_ours(place, ca.KIND)
    return any(name in _bytes(certificate) for name in AUTHORITIES)


def _bytes(certificate: Path) -> bytes:
    lines = certificate.read_text(encoding="utf-8", errors="replace").splitlines()
    try:
        return base64.b64decode("".join(line for line in lines if line and not line.startswith("-----")))
    except binascii.Error:
        return b""


@dataclass(frozen=True)
class RemoveOurs:
    """Files that the record names, then the directories that they were in, as far as nothing else is left there."""

    path: str
    files: Sequence[str]
    directories: Sequence[str] = ()

    @property
    def sentence(self) -> str:
        return f"remove {self.path}"

    def apply(self, system: System) -> None:
        for file in self.files:
            if any(fnmatchcase(PurePosixPath(file).name, tree) for tree in TREES):
                system.remove_tree(file)
            else:
                system.remove(file)
        for directory in sorted(self.directories, key=len, reverse=True):
            with suppress(OSError):
                Path(directory).rmdir()


@dataclass(frozen=True)
class RemoveAuthority:
    """The files of a CA of ours, and its directory where that was made for it."""

    path: str
    files: Sequence[str]

    @property
    def sentence(self) -> str:
        return f"remove {self.path}"

    def apply(self, _system: System) -> None:
        own_directory.remove(Path(self.path), ca.KIND, self.files)


def removals(names: Sequence[str]) -> list[RemoveOurs]:
    """One step for each entry of our directory."""
    tops: dict[str, list[str]] = {}
    for name in names:
        tops.setdefault(name.split("/")[0], []).append(name)
    return [
        RemoveOurs(
            f"{STATE_DIRECTORY}/{top}",
            [f"{STATE_DIRECTORY}/{name}" for name in inside if not name.endswith("/")],
            [f"{STATE_DIRECTORY}/{parent}" for name in inside for parent in _above(name)],
        )
        for top, inside in tops.items()
    ]


def _above(name: str) -> list[str]:
    own = [name.rstrip("/")] if name.endswith("/") else []
    return [*own, *(str(parent) for parent in PurePosixPath(name).parents if str(parent) != ".")]
