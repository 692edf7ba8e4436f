# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``leftovers``: what runs left that were killed, with keys and credentials in it.

Only what is ours by its name, and what no process that lives is about to put in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import atomic
from ..ipsec import files
from ..minio import pair
from ..minio.ca import CERTIFICATE as CA_CERTIFICATE
from ..minio.ca import KEY as CA_KEY
from ..minio.certificate import Store
from ..minio.credentials import NAMES, STAGED
from ..state_directory import STATE_DIRECTORY
from . import confirm, tls_files
from .ipsec_state import REMAINS
from .revert_script import LOCK, STATE
from .steps import Plan, RemoveTree
from .system import RUN_DIRECTORY, System

SPEC: dict[str, Any] = {"directories": {"type": "list", "elements": "path", "default": []}}
# Where files of ours with secrets in them are written, wherever else the inventory has some.
DIRECTORIES = (
    STATE_DIRECTORY,
    f"{STATE_DIRECTORY}/ca",
    f"{STATE_DIRECTORY}/ipsec-ca",
    tls_files.DIRECTORY,
    RUN_DIRECTORY,
    *(str(Path(path).parent) for path in (files.CONF, files.KEY, files.CERTIFICATE, files.TRUST)),
)
# What drafts were called before their names said whose they are.
FORMER = tuple(f".{name}.new" for name in (*NAMES, STAGED, CA_KEY, CA_CERTIFICATE))
# Saved for the way back of a change, or about to be put in place by it.
SAVED = (*(f"{STATE}.{name}" for name in ("new", "confirmed", "reverted")), *REMAINS)


@dataclass(frozen=True)
class RemoveStale(RemoveTree):
    """Left by a run that was killed."""

    @property
    def sentence(self) -> str:
        return f"remove {self.path}, which a run that was killed left"


@dataclass(frozen=True)
class RemoveSaved(RemoveStale):
    """While nobody is at work with the way back, and no change waits for its confirmation."""

    def apply(self, system: System) -> None:
        with system.lock(LOCK) as free:
            if free and confirm.read(system) is None:
                super().apply(system)


def read(options: Mapping[str, Any], system: System) -> list[RemoveStale]:
    """What is to go; nothing where a change of the firewall or of IPsec waits for its confirmation."""
    found = dict.fromkeys(str(path) for path in _stale([*DIRECTORIES, *options["directories"]]))
    saved = [path for path in SAVED if system.is_there(path) and path not in found]
    waits = confirm.read(system) is not None
    return [*map(RemoveStale, found), *([] if waits else map(RemoveSaved, saved))]


def _stale(directories: Sequence[str]) -> Iterator[Path]:
    for directory in map(Path, dict.fromkeys(directories)):
        yield from atomic.stale(directory)
        yield from (path for name in FORMER if (path := directory / name).is_file())
    for store in (Path(tls_files.DIRECTORY), Path(files.STORE)):
        yield from pair.stale_pairs(store)
        for inner in sorted(store.glob(f"{pair.PREFIX}*")) if store.is_dir() else ():
            yield from atomic.stale(inner)
    # Where keys wait for their certificates: a run that goes on makes them later than this.
    pending = (Store(Path(tls_files.DIRECTORY), -1).pending, Path(files.PENDING))
    yield from (path for path in pending if path.exists())


def plan(options: Mapping[str, Any], system: System) -> Plan:
    """A removal for each."""
    return Plan(steps=list(read(options, system)))
