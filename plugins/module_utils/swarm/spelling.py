# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's specification as others would send it who mean the same: the docker CLI, docker_swarm_service. Pure.

Swarm compares what a task was made of word by word: an empty object instead of none, or variables in another order,
replace every task. What says nothing is therefore sent as they send it; but only along with what is new, or replaces
the tasks anyway.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

from .. import fields
from ..rows import Field, lookup, place
from .service import CONTAINER, TABLE

# The body, and the specification that it is to replace → the body as others spell it.
Spell = Callable[[dict[str, Any], Optional[Mapping[str, Any]]], dict[str, Any]]
_RESTART = "TaskTemplate.RestartPolicy"
_CONSTRAINTS = "TaskTemplate.Placement.Constraints"
_UPDATES = {"update_config": "UpdateConfig", "rollback_config": "RollbackConfig"}
# What the CLI sends though there be nothing in it.
_ALWAYS = (f"{CONTAINER}.Privileges", "TaskTemplate.Placement", "TaskTemplate.Resources", "EndpointSpec")
# What the CLI sorts, and by what.
_SORTED: Mapping[str, Callable[[Any], Any]] = {
    f"{CONTAINER}.Env": str,
    f"{CONTAINER}.CapabilityAdd": str,
    f"{CONTAINER}.CapabilityDrop": str,
    f"{CONTAINER}.Ulimits": lambda one: one["Name"],
    "EndpointSpec.Ports": lambda one: one.get("PublishedPort", 0),
}


def as_it_is(body: dict[str, Any], _before: Optional[Mapping[str, Any]]) -> dict[str, Any]:
    return body


def of_a_stack(options: Mapping[str, Any]) -> Spell:
    """As ``docker stack deploy`` sends it. ``options``: what the definition says of the service."""
    given = fields.build(TABLE, options)

    def spell(body: dict[str, Any], before: Optional[Mapping[str, Any]]) -> dict[str, Any]:
        if _same_tasks(body, before):
            return body
        found = copy.deepcopy(body)
        for path in _ALWAYS:
            if lookup(found, path) is None:
                place(found, path, {})
        for path, key in _SORTED.items():
            if lookup(found, path):
                place(found, path, sorted(lookup(found, path), key=key))
        for one in lookup(found, f"{CONTAINER}.Mounts") or []:
            if one.get("Type") == "volume" and one.get("Source"):
                one.setdefault("VolumeOptions", {})
        _restart(found, given, before=None)
        for option, name in _UPDATES.items():
            if found.get(name) and "monitor" not in (given.get(option) or {}):
                found[name].pop("Monitor", None)
        _as_written(found, _CONSTRAINTS, (options.get("placement") or {}).get("constraints"))
        return found

    return spell


def of_a_service(params: Mapping[str, Any], given: Mapping[str, Any]) -> Spell:
    """As docker_swarm_service sends it. ``given``: the same options in normal form."""

    def spell(body: dict[str, Any], before: Optional[Mapping[str, Any]]) -> dict[str, Any]:
        if _same_tasks(body, before):
            return body
        found = copy.deepcopy(body)
        _restart(found, given, before)
        _as_written(found, _CONSTRAINTS, (params.get("placement") or {}).get("constraints"))
        for option, key in (("cap_add", "CapabilityAdd"), ("cap_drop", "CapabilityDrop")):
            _as_written(found, f"{CONTAINER}.{key}", params.get(option))
        return found

    return spell


def _same_tasks(body: Mapping[str, Any], before: Optional[Mapping[str, Any]]) -> bool:
    return before is not None and body["TaskTemplate"] == before["TaskTemplate"]


def _restart(body: dict[str, Any], given: Mapping[str, Any], before: Optional[Mapping[str, Any]]) -> None:
    """What is said of it, and no more; the server has defaults for the rest. One that is there is left alone."""
    policy = given.get("restart_config")
    if policy is None or (before is not None and lookup(before, _RESTART) is not None):
        return
    row = _row("restart_config")
    place(body, _RESTART, {one.path: one.convert.encode(policy[one.name]) for one in row if one.name in policy})


def _row(name: str) -> list[Field]:
    (found,) = (one for one in TABLE if isinstance(one, Field) and one.name == name)
    return [one for one in found.fields if isinstance(one, Field)]


def _as_written(body: dict[str, Any], path: str, given: Optional[Sequence[Any]]) -> None:
    """Words of which several spellings mean the same, as the user has them: others compare the letters."""
    (row,) = (one for one in _lists() if one.path == path)
    have = lookup(body, path)
    if given and have and row.convert.decode([str(one) for one in given]) == row.convert.decode(have):
        place(body, path, [str(one) for one in given])


def _lists() -> list[Field]:
    """The rows whose words have several spellings, with whole paths."""
    found = [one for one in TABLE if isinstance(one, Field) and one.name in ("cap_add", "cap_drop")]
    (placement,) = (one for one in TABLE if isinstance(one, Field) and one.name == "placement")
    constraints = next(one for one in placement.fields if isinstance(one, Field) and one.name == "constraints")
    return [*found, Field("constraints", _CONSTRAINTS, "list", convert=constraints.convert)]
