# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What MinIO writes on the drives of a pool that it takes for the first time, written for it where it cannot.

MinIO formats the drives of a new pool only when all of them answer (cmd/prepare-storage.go, release
RELEASE.2026-02-12T20-18-48Z): with a host away it waits without end. Given the identities of all drives of the pool on
those that are there, it starts as it does after the loss of a host, and takes the blank drives of the others later, as
it takes replaced ones.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import Refused
from .ca import write as write_file

META, FILE = ".minio.sys", "format.json"
# How MinIO chooses the erasure set of an object, of new pools.
ALGORITHM = "SIPMOD+PARITY"
# MinIO's own identities are random ones.
OURS = 5


def identity(seed: str, name: str) -> str:
    """An identity that tells that it is none of MinIO's own making."""
    return str(uuid.uuid5(uuid.UUID(seed), name))


def is_ours(identity_text: str) -> bool:
    try:
        return uuid.UUID(identity_text).version == OURS
    except ValueError:
        return False


def new_sets(sizes: Sequence[int], seed: str) -> list[list[str]]:
    """An identity for every drive of a pool, set by set."""
    return [[identity(seed, f"{number} {place}") for place in range(size)] for number, size in enumerate(sizes)]


def document(deployment: str, sets: Sequence[Sequence[str]], this: str) -> dict[str, Any]:
    """The format of one drive, as MinIO has it."""
    return {
        "version": "1",
        "format": "xl",
        "id": deployment,
        "xl": {"version": "3", "this": this, "sets": [list(one) for one in sets], "distributionAlgo": ALGORITHM},
    }


def is_due(directory: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether the drive is still to be formatted; Refused where it is not the blank drive that was meant."""
    if not directory.is_mount():
        raise Refused(f"{directory}: no drive is mounted there; run site.yml again, which mounts it")
    path = directory / META / FILE
    if path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
        if not _is(text, wanted):
            raise Refused(
                f"{directory}: MinIO formatted this drive since it was looked at ({META}/{FILE}); "
                "nothing was written: run again, so that it is looked at once more"
            )
        return False
    found = sorted(entry.name for entry in directory.iterdir() if entry.name != META)
    if found:
        raise Refused(
            f"{directory}: has no {META}/{FILE}, and holds {', '.join(found[:3])}; only a blank drive is formatted for "
            "MinIO: move that away, or bring the absent hosts, so that MinIO decides"
        )
    return True


def _is(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        found = json.loads(text)
        return bool(found["id"] == wanted["id"] and found["xl"]["this"] == wanted["xl"]["this"])
    except (ValueError, KeyError, TypeError):
        return False


def apply(directory: Path, wanted: Mapping[str, Any], owner: int) -> None:
    """The file is there whole, or not at all; both belong to MinIO."""
    meta = directory / META
    meta.mkdir(mode=0o755, exist_ok=True)
    os.chown(meta, owner, owner)
    write_file(meta / FILE, json.dumps(wanted, separators=(",", ":")).encode(), 0o644, owner)
