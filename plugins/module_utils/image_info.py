# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that are on a host, by name, by ID, or by the Engine's filters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Optional

from .engine import Engine
from .errors import NotFound
from .image_names import familiar, untagged
from .swarm.info import filters_of

SPEC: dict[str, Any] = {
    "name": {"type": "list", "elements": "str"},
    "filters": {"type": "dict"},
}
OPTIONS: dict[str, Any] = {"mutually_exclusive": [["name", "filters"]]}

_ID = re.compile(r"(sha256:)?[0-9a-f]{12,64}")


def gather(engine: Engine, params: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    if params["name"] is not None:
        found = {name: inspect(engine, name) for name in params["name"]}
    else:
        listed = engine.call("GET", "/images/json", query={"filters": filters_of(params["filters"] or {})})
        found = {one["Id"]: inspect(engine, one["Id"]) for one in listed}
    images: list[dict[str, Any]] = []
    for one in found.values():
        if one is not None and one not in images:
            images.append(one)
    return {"changed": False, "images": images, "missing": [name for name, one in found.items() if one is None]}


def inspect(engine: Engine, name: str) -> Optional[dict[str, Any]]:
    """The image of this name or ID. The Engine also takes a name for the beginning of an ID: that is not meant."""
    try:
        live: dict[str, Any] = engine.call("GET", f"/images/{name}/json")
    except NotFound:
        return None
    return live if is_called(live, name) else None


def is_called(image: Mapping[str, Any], name: str) -> bool:
    if _ID.fullmatch(name) and str(image["Id"]).startswith(f"sha256:{name.rpartition(':')[2]}"):
        return True
    known = {familiar(one) for one in (*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ()))}
    wanted = familiar(name)
    if "@" in wanted:
        # A tag beside a digest says nothing more.
        repository, _at, digest = wanted.partition("@")
        return f"{untagged(repository)}@{digest}" in known
    return wanted in known
