# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network as this host's engine sees it, and what it cannot see.

Subnets are known wherever the network is; peers only where an engine has joined it, which it does for its first task or
container there. A worker does not even know that an overlay exists until then, a manager knows all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Optional

from ..engine import Engine
from ..errors import InputError

SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "verbose": {"type": "bool", "default": False},
}
_SHORT_ID = re.compile(r"[0-9a-z]{12,}")


def gather(engine: Engine, params: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    name = params["name"]
    listed = engine.call("GET", "/networks", query={"filters": {"name": [name]}})
    found = pick(name, listed)
    if found is None and _SHORT_ID.fullmatch(name):
        found = pick(name, engine.call("GET", "/networks", query={"filters": {"id": [name]}}))
    live: Optional[dict[str, Any]] = None
    if found is not None:
        live = engine.call("GET", f"/networks/{found['Id']}", query={"verbose": params["verbose"] or None})
    result = {"changed": False, "exists": live is not None, "network": live, **brief(live), "joined": joined(live)}
    if result["joined"]:
        return {**result, "msg": ""}
    return {**result, "msg": limits(live, engine.call("GET", "/info").get("Swarm") or {}, name)}


def pick(name: str, listed: list[dict[str, Any]]) -> Optional[dict[str, Any]]:
    """By exact name, by ID, or by at least twelve characters that an ID begins with."""
    found = [one for one in listed if name == one["Name"]] or [one for one in listed if name == one["Id"]]
    if not found and _SHORT_ID.fullmatch(name):
        found = [one for one in listed if one["Id"].startswith(name)]
    if len(found) > 1:
        shown = ", ".join(f"{one['Id']} ({one['Driver']}, {one['Scope']})" for one in found)
        raise InputError(f'network "{name}": {len(found)} networks are meant by this: {shown}; give the ID of one')
    return found[0] if found else None


def joined(live: Optional[Mapping[str, Any]]) -> bool:
    """Whether this engine takes part in it: always in a network of its own, in the cluster's once it has peers."""
    return live is not None and (live.get("Scope") != "swarm" or bool(live.get("Peers")))


def brief(live: Optional[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What is asked for most, as lists."""
    ipam = ((live or {}).get("IPAM") or {}).get("Config") or []
    peers = (live or {}).get("Peers") or []
    return {
        "subnets": [one["Subnet"] for one in ipam if one.get("Subnet")],
        "peers": sorted({one["IP"] for one in peers}),
    }


def limits(live: Optional[Mapping[str, Any]], swarm: Mapping[str, Any], name: str) -> str:
    """What this host cannot say, and who can."""
    worker = swarm.get("LocalNodeState") == "active" and not swarm.get("ControlAvailable")
    if live is not None:
        return (
            f'network "{name}" is known here by what the cluster says of it; this node has joined it with no task or '
            "container, so its peers are not known here: ask a host that has one"
        )
    if worker:
        managers = ", ".join(sorted(one.get("Addr", "") for one in swarm.get("RemoteManagers") or []))
        return (
            f'no network "{name}" is seen from this worker, which sees an overlay only while a task or container of '
            f"its own uses it; whether it exists in the cluster is known by the managers: {managers or 'unknown'}"
        )
    return ""
