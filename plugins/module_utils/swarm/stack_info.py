# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks: what carries their label, by kind. One call a kind, however many stacks there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine import Engine
from . import tasks
from .converge import may_end
from .tasks import STACK_LABEL

SPEC: dict[str, Any] = {"name": {"type": "list", "elements": "str"}}


def gather(engine: Engine, params: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    services = engine.call("GET", "/services", query={"status": True, "filters": {"label": [STACK_LABEL]}})
    counted = [one for one in services if "ServiceStatus" not in one or may_end(one["Spec"])]
    made = engine.call("GET", "/tasks") if counted else []
    others = {
        kind: engine.call("GET", f"/{kind}", query={"filters": {"label": [STACK_LABEL]}})
        for kind in ("networks", "secrets", "configs")
    }
    found = stacks([tasks.brief(one, made) | {"stack": tasks.stack_of(one)} for one in services], others)
    wanted = params["name"]
    return {
        "changed": False,
        "stacks": [one for one in found if wanted is None or one["name"] in wanted],
        "missing": sorted(set(wanted or []) - {one["name"] for one in found}),
    }


def stacks(services: list[dict[str, Any]], others: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One entry a stack; also one whose services are gone, while something else of it is left."""
    found: dict[str, dict[str, Any]] = {}

    def of(name: str) -> dict[str, Any]:
        return found.setdefault(name, {"name": name, "services": [], **{kind: [] for kind in others}})

    for service in services:
        name = service.pop("stack")
        of(name)["services"].append(service)
    for kind, objects in others.items():
        for one in objects:
            spec = one.get("Spec", one)
            of(spec["Labels"][STACK_LABEL])[kind].append(spec["Name"])
    return [_summed(found[name]) for name in sorted(found)]


def _summed(stack: dict[str, Any]) -> dict[str, Any]:
    services = sorted(stack["services"], key=lambda one: str(one["name"]))
    lists = {kind: sorted(stack[kind]) for kind in ("networks", "secrets", "configs")}
    sums = {word: sum(one["replicas"][word] for one in services) for word in ("running", "wanted")}
    # As the docker CLI prints a stack, which is what docker_stack_info hands on.
    said = {"Name": stack["name"], "Services": str(len(services))}
    return {**said, "name": stack["name"], "services": services, "replicas": sums, **lists}
