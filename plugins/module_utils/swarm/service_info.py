# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services with what they were told, how many tasks run, and what became of each task: three calls, however many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ..engine import Engine
from . import tasks
from .tasks import STACK_LABEL

SPEC: dict[str, Any] = {
    "name": {"type": "str"},
    "names": {"type": "list", "elements": "str"},
    "stack": {"type": "str"},
}

OPTIONS: dict[str, Any] = {
    "mutually_exclusive": [["name", "names", "stack"]],
    "required_one_of": [["name", "names", "stack"]],
}


def gather(engine: Engine, params: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    wanted = params["names"] if params["name"] is None else [params["name"]]
    found = _services(engine, wanted, params["stack"])
    ids = [one["ID"] for one in found.values() if one]
    made = engine.call("GET", "/tasks", query={"filters": {"service": ids}}) if ids else []
    nodes = engine.call("GET", "/nodes") if made else []
    services = [_told(name, one, made) for name, one in found.items()]
    result = {"changed": False, "services": services, "tasks": tasks.view(made, filter(None, found.values()), nodes)}
    if params["name"] is None:
        return result
    return {**result, **{key: services[0][key] for key in ("exists", "service", "replicas")}}


def _services(engine: Engine, names: Optional[list[str]], stack: Optional[str]) -> dict[str, Optional[dict[str, Any]]]:
    """What was asked for → the live service."""
    if names is not None:
        return named(engine, names)
    query = {"status": True, "filters": {"label": [f"{STACK_LABEL}={stack}"]}}
    listed = engine.call("GET", "/services", query=query)
    return {one["Spec"]["Name"]: one for one in sorted(listed, key=lambda one: str(one["Spec"]["Name"]))}


def named(engine: Engine, names: list[str]) -> dict[str, Optional[dict[str, Any]]]:
    """By exact name or ID. The Engine's filter by name also finds what begins like it."""
    listed = engine.call("GET", "/services", query={"status": True, "filters": {"name": names}})
    found = {name: _exact(name, listed) for name in names}
    missing = [name for name, one in found.items() if one is None]
    if missing:
        by_id = engine.call("GET", "/services", query={"status": True, "filters": {"id": missing}})
        found.update({name: _exact(name, by_id) for name in missing})
    return found


def _exact(name: str, listed: list[dict[str, Any]]) -> Optional[dict[str, Any]]:
    return next((one for one in listed if name in (one["Spec"]["Name"], one["ID"])), None)


def _told(name: str, service: Optional[dict[str, Any]], made: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": service["Spec"]["Name"] if service else name,
        "exists": service is not None,
        "service": service,
        "replicas": tasks.counts(service, made) if service else None,
    }
