# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Engine adds to a specification, for predictions: an inspect with insertDefaults shows it. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

SECOND = 1_000_000_000
UPDATE = {
    "Parallelism": 1,
    "FailureAction": "pause",
    "Monitor": 5 * SECOND,
    "MaxFailureRatio": 0,
    "Order": "stop-first",
}
DEFAULTS: dict[str, Any] = {
    "Labels": {},
    "TaskTemplate": {
        "ContainerSpec": {"StopGracePeriod": 10 * SECOND, "DNSConfig": {}, "Isolation": "default"},
        "Resources": {},
        "RestartPolicy": {"Condition": "any", "Delay": 5 * SECOND, "MaxAttempts": 0},
        "Placement": {},
        "ForceUpdate": 0,
        "Runtime": "container",
    },
    "UpdateConfig": UPDATE,
    "RollbackConfig": UPDATE,
}
MODE = {"Replicated": {"Replicas": 1}}


def completed(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The specification as the Engine would show it."""
    found = _over(DEFAULTS, spec)
    mode = {arm: dict(given or {}) for arm, given in (spec.get("Mode") or MODE).items()}
    if "ReplicatedJob" in mode:
        at_once = mode["ReplicatedJob"].setdefault("MaxConcurrent", 1)
        mode["ReplicatedJob"].setdefault("TotalCompletions", at_once)
    if "Replicated" in mode:
        mode["Replicated"].setdefault("Replicas", 1)
    if found.get("EndpointSpec"):
        found["EndpointSpec"] = {"Mode": "vip", **found["EndpointSpec"]}
    container = found["TaskTemplate"]["ContainerSpec"]
    if container.get("Mounts"):
        container["Mounts"] = [_mount(one) for one in container["Mounts"]]
    privileges = container.get("Privileges") or {}
    moded = {name: privileges[name] for name in ("Seccomp", "AppArmor") if privileges.get(name)}
    if moded:
        container["Privileges"] = {
            **privileges, **{name: {"Mode": "default", **given} for name, given in moded.items()}
        }  # fmt: skip
    return {**found, "Mode": mode}


def _mount(given: Mapping[str, Any]) -> dict[str, Any]:
    """The Engine takes a consistency, and keeps none for services."""
    found = {key: one for key, one in given.items() if key != "Consistency"}
    if found.get("BindOptions"):
        found["BindOptions"] = {"Propagation": "rprivate", **found["BindOptions"]}
    return found


def _over(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = copy.deepcopy(dict(defaults))
    for key, value in given.items():
        below = found.get(key)
        found[key] = _over(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return found
