# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images by ID on one host: whether one is there, and loading it from an archive that is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from . import fields, image_archive
from .engine import Engine
from .errors import EngineError, InputError, NotFound
from .rows import Change

SPEC = {
    "archive": {"type": "path", "aliases": ["path"]},
    "image_id": {"type": "str"},
    "remote_src": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present"], "default": "present"},
}

# Loading unpacks hundreds of megabytes before the engine says anything.
_LOAD_TIMEOUT = 900


def converge(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Here ``archive`` lies on the managed host; without one a missing image is only reported, as ``missing``."""
    ident = params["image_id"]
    if params["remote_src"] and params["archive"]:
        ident = image_archive.pick(params["archive"], ident).id
    if not ident:
        raise InputError('option "image_id" is not known; give archive, or the ID beside it')
    live = find(engine, ident)
    if live is not None:
        return {"changed": False, "missing": False, **_told(live)}
    result: dict[str, Any] = {
        "changed": True,
        "missing": True,
        **_told({"Id": ident}),
        "diff": fields.as_diff([Change("image", None, ident)]),
    }
    if check_mode or not params["archive"]:
        return result
    _load(engine, params["archive"], ident)
    live = find(engine, ident)
    if live is None:
        raise EngineError(
            f"image {ident} is not there after its archive was loaded: this engine names images otherwise "
            "(the containerd image store does); turn that store off in daemon.json"
        )
    return {**result, "missing": False, **_told(live)}


def _told(live: Mapping[str, Any]) -> dict[str, Any]:
    """Also as docker_image_load tells it."""
    names = live.get("RepoTags") or [live["Id"]]
    return {"image": live, "image_id": live["Id"], "images": [live], "image_names": names}


def find(engine: Engine, ident: str) -> Optional[dict[str, Any]]:
    try:
        live: dict[str, Any] = engine.call("GET", f"/images/{ident}/json")
    except NotFound:
        return None
    return live if live.get("Id") == ident else None


def _load(engine: Engine, archive: str, ident: str) -> None:
    try:
        with Path(archive).open("rb") as handle:
            said = engine.call("POST", "/images/load", data=handle, query={"quiet": True}, timeout=_LOAD_TIMEOUT)
    except OSError as error:
        raise InputError(f'archive "{archive}" cannot be read on this host: {error}') from error
    # The engine answers 200 before it unpacks: what goes wrong then is a line of the stream.
    for line in said if isinstance(said, list) else [said]:
        if isinstance(line, dict) and line.get("error"):
            raise EngineError(f"image {ident} cannot be loaded: {line['error']}")
