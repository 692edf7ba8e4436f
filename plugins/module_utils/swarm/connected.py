# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of this host that are connected to a network by hand. Those of services are none of its business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional

from ..engine import Engine
from ..errors import InputError, NotFound
from ..rows import Change
from .detached import container_of, endpoints

SPEC: dict[str, Any] = {
    "connected": {"type": "list", "elements": "str", "aliases": ["containers"]},
    "appends": {"type": "bool", "default": False, "aliases": ["incremental"]},
}
_SHORT_ID = 12


@dataclass(frozen=True)
class Connections:
    connect: tuple[str, ...] = ()
    disconnect: tuple[str, ...] = ()
    before: tuple[str, ...] = ()

    def actions(self) -> list[str]:
        return [f"disconnected container {one}" for one in self.disconnect] + [
            f"connected container {one}" for one in self.connect
        ]

    def changes(self) -> list[Change]:
        if not (self.connect or self.disconnect):
            return []
        after = [one for one in self.before if one not in self.disconnect] + list(self.connect)
        return [Change("connected", sorted(self.before), sorted(after))]


def connections(asked: Optional[list[str]], appends: bool, here: Mapping[str, Mapping[str, Any]]) -> Connections:
    """``here``: container ID → its endpoint. What is not given is left as it is."""
    if asked is None:
        return Connections()
    meant = {name: {ident for ident, one in here.items() if _is(name, ident, one)} for name in asked}
    stays = {ident for idents in meant.values() for ident in idents}
    return Connections(
        tuple(name for name, idents in meant.items() if not idents),
        () if appends else tuple(one["Name"] for ident, one in here.items() if ident not in stays),
        tuple(one["Name"] for one in here.values()),
    )


def _is(name: str, ident: str, endpoint: Mapping[str, Any]) -> bool:
    return name in (endpoint.get("Name"), ident) or (len(name) >= _SHORT_ID and ident.startswith(name))


def plan(engine: Engine, params: Mapping[str, Any], live: Optional[Mapping[str, Any]], check_mode: bool) -> Connections:
    """``live``: the network, if it is there and stays."""
    if params["connected"] is None:
        return Connections()
    here: dict[str, Mapping[str, Any]] = {}
    if live is not None:
        tasks = engine.call("GET", "/tasks") if live.get("Scope") == "swarm" else []
        of_services = {container_of(task) for task in tasks if task.get("ServiceID")}
        found = endpoints(engine.call("GET", f"/networks/{live['Id']}"))
        here = {ident: one for ident, one in found.items() if ident not in of_services}
    planned = connections(params["connected"], params["appends"], here)
    known = {name: _networks_of(engine, name) for name in planned.connect}
    missing = [] if check_mode else [name for name, networks in known.items() if networks is None]
    if missing:
        raise InputError(
            [f'option "connected": container "{name}" does not exist on this host; create it first' for name in missing]
        )
    if live is None:
        return planned
    # A container that does not run has no endpoint, and gets the one that it is connected to when it starts.
    meant = {live["Name"], live["Id"]}
    return replace(planned, connect=tuple(name for name in planned.connect if not meant & set(known[name] or ())))


def apply(engine: Engine, planned: Connections, network_id: str) -> None:
    for name in planned.disconnect:
        engine.call("POST", f"/networks/{network_id}/disconnect", {"Container": name, "Force": True})
    for name in planned.connect:
        engine.call("POST", f"/networks/{network_id}/connect", {"Container": name})


def _networks_of(engine: Engine, name: str) -> Optional[Mapping[str, Any]]:
    """The networks that a container is connected to, by name; None where there is no such container."""
    try:
        found = engine.call("GET", f"/containers/{name}/json")
    except NotFound:
        return None
    return dict(found["NetworkSettings"]["Networks"] or {})
