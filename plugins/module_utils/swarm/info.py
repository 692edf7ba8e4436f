# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is in a swarm, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ..engine import Engine
from ..errors import OverlayError
from .cluster import public
from .converge import names_of
from .quorum import hostname_of

_KINDS = ("nodes", "services", "tasks")

# What is told of the host even where the rest cannot be.
UNKNOWN = {"can_talk_to_docker": False, "docker_swarm_active": False, "docker_swarm_manager": False}

SPEC: dict[str, Any] = {
    **{kind: {"type": "bool", "default": False} for kind in _KINDS},
    **{f"{kind}_filters": {"type": "dict"} for kind in _KINDS},
    "unlock_key": {"type": "bool", "default": False, "no_log": False},
    "join_tokens": {"type": "bool", "default": False, "no_log": False},
    "verbose_output": {"type": "bool", "default": False},
}


def gather(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    swarm = engine.call("GET", "/info").get("Swarm") or {}
    state = swarm.get("LocalNodeState")
    result: dict[str, Any] = {
        "changed": False,
        "can_talk_to_docker": not engine.fresh,
        "docker_swarm_active": state in ("active", "pending", "locked"),
        "docker_swarm_manager": bool(state == "active" and swarm.get("ControlAvailable")),
        "swarm_facts": {},
    }
    if check_mode and state == "inactive":
        # A swarm that is only planned has nothing to tell yet.
        empty: dict[str, Any] = {kind: [] for kind in _KINDS if params[kind]}
        return {**result, **empty, **({"join_tokens": {}} if params["join_tokens"] else {})}
    try:
        live = engine.call("GET", "/swarm")
        lists = {kind: _list(engine, kind, params) for kind in _KINDS if params[kind]}
        if params["unlock_key"]:
            result["swarm_unlock_key"] = (engine.call("GET", "/swarm/unlockkey") or {}).get("UnlockKey") or None
    except OverlayError as error:
        error.facts = {key: result[key] for key in UNKNOWN}
        raise
    if params["join_tokens"]:
        result["join_tokens"] = live["JoinTokens"]
    return {**result, "swarm_facts": public(live), **lists}


def _list(engine: Engine, kind: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    query: dict[str, Any] = {"filters": filters_of(params[f"{kind}_filters"] or {})}
    if kind == "services":
        # How many tasks a global service comes to, only its status says.
        query["status"] = True
    found: list[dict[str, Any]] = engine.call("GET", f"/{kind}", query=query)
    if params["verbose_output"]:
        return found
    brief: Callable[[Mapping[str, Any]], dict[str, Any]] = {"nodes": node, "services": service}.get(kind, task)
    if kind == "tasks":
        names = names_of(engine.call("GET", "/nodes"))
        return [{**brief(one), "Node": names.get(one.get("NodeID", ""))} for one in found]
    return [brief(one) for one in found]


def filters_of(given: Mapping[str, Any]) -> dict[str, list[str]]:
    """Values become lists of strings; booleans are spelt as the Engine spells them."""
    return {
        str(key): [str(one).lower() if isinstance(one, bool) else str(one) for one in _as_list(value)]
        for key, value in given.items()
    }


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def node(one: Mapping[str, Any]) -> dict[str, Any]:
    manager = one.get("ManagerStatus") or {}
    return {
        "ID": one["ID"],
        "Hostname": hostname_of(one),
        "Status": one["Status"]["State"],
        "Availability": one["Spec"]["Availability"],
        "ManagerStatus": "Leader" if manager.get("Leader") else manager.get("Reachability"),
        "EngineVersion": ((one.get("Description") or {}).get("Engine") or {}).get("EngineVersion", ""),
    }


def service(one: Mapping[str, Any]) -> dict[str, Any]:
    mode, settings = next(iter((one["Spec"].get("Mode") or {"Replicated": {}}).items()))
    return {
        "ID": one["ID"],
        "Name": one["Spec"]["Name"],
        "Mode": mode,
        "Replicas": (settings or {}).get("Replicas", (one.get("ServiceStatus") or {}).get("DesiredTasks")),
        "Image": (one["Spec"]["TaskTemplate"].get("ContainerSpec") or {}).get("Image"),
        "Ports": (one["Spec"].get("EndpointSpec") or {}).get("Ports") or [],
    }


def task(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ID": one["ID"],
        "ContainerID": (one["Status"].get("ContainerStatus") or {}).get("ContainerID"),
        "Image": (one["Spec"].get("ContainerSpec") or {}).get("Image"),
        "DesiredState": one["DesiredState"],
        "CurrentState": one["Status"]["State"],
        "Error": one["Status"].get("Err"),
    }
