# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes as the managers know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine import Engine
from .node import candidates

SPEC: dict[str, Any] = {
    "name": {"type": "list", "elements": "str"},
    "self": {"type": "bool", "default": False},
}


def gather(engine: Engine, params: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    nodes = engine.call("GET", "/nodes")
    names = params["name"]
    if params["self"]:
        names = [(engine.call("GET", "/info").get("Swarm") or {}).get("NodeID", "")]
    if names is None:
        return {"changed": False, "nodes": nodes, "missing": []}
    found: list[Mapping[str, Any]] = []
    missing = []
    for name in names:
        meant = candidates(name, nodes)
        found += [one for one in meant if one not in found]
        missing += [] if meant else [name]
    return {"changed": False, "nodes": found, "missing": missing}
