# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key of a swarm that locks its managers: kept on each of them as the root credentials are, and used there.

It never leaves the host: a manager reads it from its own engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from ..engine import Engine
from ..errors import InputError
from ..state_directory import STATE_DIRECTORY
from . import membership

if TYPE_CHECKING:
    from ..host.system import System

NAME = "swarm-unlock-key"
PATH = f"{STATE_DIRECTORY}/{NAME}"
MODE = 0o600
# What a host says of the key that it keeps.
NONE, CURRENT, STALE, KEPT = "none", "current", "stale", "kept"

SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["absent", "present", "unlocked"], "default": "present"},
    "path": {"type": "path", "default": PATH},
    "key": {"type": "str", "no_log": True},
    "wait_timeout": {"type": "int", "default": 120},
}


def judge(kept: Optional[str], live: Optional[str]) -> str:
    """``live``: the swarm's; empty where it locks nothing, None where this host cannot tell."""
    if kept is None:
        return NONE
    if live is None:
        return KEPT
    return CURRENT if live and kept.strip() == live else STALE


def converge(engine: Engine, params: Mapping[str, Any], check_mode: bool, system: System) -> dict[str, Any]:
    """One of the three; none of them says the key."""
    step = {"present": _present, "unlocked": _unlocked, "absent": _absent}[params["state"]]
    actions = step(engine, params, check_mode, system)
    return {"changed": bool(actions), "actions": actions}


def _present(engine: Engine, params: Mapping[str, Any], check_mode: bool, system: System) -> list[str]:
    path, kept = params["path"], system.read(params["path"])
    swarm = engine.call("GET", "/info").get("Swarm") or {}
    if check_mode and not swarm.get("ControlAvailable"):
        # Not a manager yet: it has no key before it is one.
        return [f"keep the unlock key in {path}"]
    live = str((engine.call("GET", "/swarm/unlockkey") or {}).get("UnlockKey") or "")
    if check_mode and not live and kept is None:
        # The swarm is only planned to lock its managers: it has no key before that.
        return [f"keep the unlock key in {path}"]
    if not live:
        return _absent(engine, params, check_mode, system)
    if judge(kept, live) == CURRENT and system.mode(path) == MODE:
        return []
    if not check_mode:
        system.write(path, f"{live}\n", MODE)
    return [f"keep the unlock key in {path}"]


def _absent(_engine: Engine, params: Mapping[str, Any], check_mode: bool, system: System) -> list[str]:
    if not system.exists(params["path"]):
        return []
    if not check_mode:
        system.remove(params["path"])
    return [f"remove {params['path']}"]


def _unlocked(engine: Engine, params: Mapping[str, Any], check_mode: bool, system: System) -> list[str]:
    if (engine.call("GET", "/info").get("Swarm") or {}).get("LocalNodeState") != "locked":
        return []
    key = params["key"] or (system.read(params["path"]) or "").strip()
    if not key:
        raise InputError(
            f"this host's swarm is locked, and {params['path']} keeps no key; take it from another manager (docker "
            "swarm unlock-key), and give it to docker swarm unlock"
        )
    if not check_mode:
        membership.unlock(engine, key, params["wait_timeout"])
    return ["unlock the swarm"]
