# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One secret or config in a live swarm. The Engine changes labels of one in place, and nothing else.

Other content is another object: the next version of a rolling one, or the same name again where no service uses it
(``blob_replace.py``).
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from .. import fields
from ..engine import Engine, retry_out_of_sequence
from ..errors import Conflict, InputError, Refused
from ..rows import Change
from .blob import (
    FOREIGN,
    FOREIGN_NUMBER,
    OWN_LABELS,
    Asked,
    Kind,
    asked_of,
    content_of,
    foreign,
    holds,
    number_of,
    read,
    shown,
    users_of,
    versions_of,
)
from .blob_replace import NAME_ROOM, create, drafts_of, remove, replace
from .fingerprint import LABEL, fingerprint

# How many times another run may be ahead of this one.
TRIES = 3


@dataclass
class Step:
    """One change. A ``spare`` object is removed only where no service uses it; ``replace`` removes and creates."""

    action: str
    name: str
    live: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    spare: bool = False

    def sentences(self, kind: Kind) -> list[str]:
        words = ("remove", "create") if self.action == "replace" else (self.action,)
        return [f'{word} {kind.name} "{self.name}"' for word in words]


@dataclass
class Plan:
    """``ident`` and ``name``: of the object that holds the content, as far as it is there already."""

    name: str
    ident: str = ""
    steps: list[Step] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def there(asked: Asked, listed: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The object that is meant, or all its versions."""
    if asked.rolling:
        return versions_of(asked.name, listed)
    return [one for one in listed if one["Spec"]["Name"] == asked.name]


def plan_present(kind: Kind, asked: Asked, listed: Sequence[Mapping[str, Any]]) -> Plan:
    found, drafts = there(asked, listed), drafts_of(asked.name, listed)
    plan = _plan_change(kind, asked, found[-1]) if found else _plan_new(kind, asked, drafts)
    plan.steps += [Step("remove", one["Spec"]["Name"], one, spare=True) for one in drafts]
    if asked.rolling and asked.keep >= 0:
        made = sum(step.action == "create" for step in plan.steps)
        spare = found[: max(0, len(found) + made - max(asked.keep, 1))]
        plan.steps += [Step("remove", one["Spec"]["Name"], one, spare=True) for one in spare]
    return plan


def plan_absent(asked: Asked, listed: Sequence[Mapping[str, Any]]) -> Plan:
    found = [*there(asked, listed), *drafts_of(asked.name, listed)]
    plan = Plan(asked.name, steps=[Step("remove", one["Spec"]["Name"], one) for one in found])
    plan.changes = [Change("exists", True, False)] if plan.steps else []
    return plan


def _plan_new(kind: Kind, asked: Asked, drafts: Sequence[Mapping[str, Any]] = ()) -> Plan:
    name = f"{asked.name}_v1" if asked.rolling else asked.name
    if asked.data is None and drafts and not kind.hidden:
        # A run ended between removing and making: what it was about to make is what stays as it is.
        asked = dataclasses.replace(asked, want={**read(kind, drafts[0]), **asked.want}, data=content_of(drafts[0]))
    if asked.data is None and not _driven(asked.want):
        other = ", data_src or driver" if kind.hidden else " or data_src"
        raise InputError(f'{kind.name} "{name}" does not exist and cannot be made without content; give data{other}')
    step = Step("create", name, body=body_of(kind, name, asked.want, asked.data, int(asked.rolling)))
    changes = [Change("exists", False, True), *fields.diff(kind.table, asked.want, None)]
    if asked.data is not None:
        changes.append(Change("data", None, shown(kind, asked.data)))
    return Plan(name, steps=[step], changes=changes)


def _plan_change(kind: Kind, asked: Asked, live: Mapping[str, Any]) -> Plan:
    name, have, want = live["Spec"]["Name"], read(kind, live), dict(asked.want)
    if "labels" in want and not asked.replace_labels:
        want["labels"] = {**have["labels"], **want["labels"]}
    changes = fields.diff(kind.table, want, have)
    known = True if asked.data is None else holds(kind, live, asked.data)
    other = asked.force or known is False or any(one.recreate for one in changes)
    if known is False:
        changes.append(_content_change(kind, live, asked.data or b""))
    plan = Plan(name, live["ID"], changes=changes)
    if known is None and not asked.force:
        plan.warnings.append(f'{kind.name} "{name}" has no label that tells its data; it was taken for equal: '
                             "force replaces it")  # fmt: skip
    if other:
        return _plan_anew(kind, asked, live, {**have, **want}, plan)
    if changes:
        plan.steps.append(Step("update", name, live, _relabelled(kind, live, want, asked.data if known else None)))
    return plan


def _plan_anew(kind: Kind, asked: Asked, live: Mapping[str, Any], want: Mapping[str, Any], plan: Plan) -> Plan:
    """Another object, in which what is not named is as it was."""
    data = asked.data
    if data is None and not _driven(want):
        if kind.hidden:
            raise InputError(
                f'secret "{plan.name}" cannot be made anew without its data, which no engine tells; '
                "give data or data_src"
            )
        data = content_of(live)
    number = number_of(asked.name, plan.name) + 1 if asked.rolling else 0
    name = f"{asked.name}_v{number}" if number else plan.name
    plan.changes = [Change("name", plan.name, name)] * asked.rolling + plan.changes or [
        Change("made anew", False, True)
    ]
    action = "create" if asked.rolling else "replace"
    plan.steps = [Step(action, name, live, body_of(kind, name, want, data, number))]
    plan.name, plan.ident = name, ""
    return plan


def _content_change(kind: Kind, live: Mapping[str, Any], data: bytes) -> Change:
    if kind.hidden:
        return Change("data", "(hidden)", "(hidden, another)")
    return Change("data", shown(kind, content_of(live)), shown(kind, data))


def _driven(want: Mapping[str, Any]) -> bool:
    """Whether a driver has the content, and not the cluster."""
    return bool((want.get("driver") or {}).get("name"))


def body_of(kind: Kind, name: str, want: Mapping[str, Any], data: Optional[bytes], number: int = 0) -> dict[str, Any]:
    """``number``: the version's."""
    body = {**fields.merge(kind.table, None, want), "Name": name}
    own = {FOREIGN_NUMBER: str(number)} if number else {}
    if data is not None and not _driven(want):
        body["Data"] = base64.b64encode(data).decode()
        own.update({LABEL: fingerprint(data)} if kind.hidden else {FOREIGN: foreign(data)})
    return {**body, "Labels": {**(body.get("Labels") or {}), **own}} if own else body


def _relabelled(
    kind: Kind, live: Mapping[str, Any], want: Mapping[str, Any], data: Optional[bytes]
) -> Mapping[str, Any]:
    """The whole object with other labels; where a secret holds ``data``, a salted hash replaces an unsalted one."""
    labels = live["Spec"].get("Labels") or {}
    own = {key: labels[key] for key in OWN_LABELS if key in labels}
    if kind.hidden and data is not None and own.pop(FOREIGN, None):
        own[LABEL] = fingerprint(data)
    elif not kind.hidden:
        own[FOREIGN] = foreign(content_of(live))
    body = fields.merge(kind.table, live["Spec"], want)
    return {**body, "Labels": {**(body.get("Labels") or {}), **own}}


# --- doing it -----------------------------------------------------------------------------------------------------


def converge(kind: Kind, engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    asked = asked_of(kind, params, engine.api_version)

    def attempt() -> Plan:
        # The beginning is enough for the Engine's filter, and finds drafts of long names, too.
        listed = engine.call("GET", kind.path, query={"filters": {"name": [asked.name[:NAME_ROOM]]}})
        plan = plan_absent(asked, listed) if params["state"] == "absent" else plan_present(kind, asked, listed)
        plan.steps = _allowed(kind, engine, plan.steps)
        if not check_mode:
            _apply(kind, engine, plan)
        return plan

    plan = _over_conflicts(attempt)
    result: dict[str, Any] = {
        "changed": bool(plan.steps),
        f"{kind.name}_id": plan.ident,
        f"{kind.name}_name": plan.name,
        "actions": [sentence for step in plan.steps for sentence in step.sentences(kind)],
        "warnings": plan.warnings,
    }
    if plan.steps:
        removed = [step.name for step in plan.steps if step.spare]
        result["diff"] = fields.as_diff(plan.changes + [Change("old versions", removed, [])] * bool(removed))
    return result


def _over_conflicts(attempt: Callable[[], Plan]) -> Plan:
    """Where somebody else made one since it was listed, that one is compared with what is wanted."""
    for _again in range(TRIES - 1):
        try:
            return retry_out_of_sequence(attempt)
        except Conflict:
            continue
    return retry_out_of_sequence(attempt)


def _allowed(kind: Kind, engine: Engine, steps: list[Step]) -> list[Step]:
    """Without the spare objects that services use; refused where one in use has to go."""
    goes = [step for step in steps if step.action in ("remove", "replace")]
    if not goes:
        return steps
    users = users_of(kind, engine.call("GET", "/services"))
    what = "replaced" if any(step.action == "replace" for step in steps) else "removed"
    hint = "take it from them first" if what == "removed" else (
        f"with rolling_versions: true a {kind.name} of the next version's name is made; give them that"
    )  # fmt: skip
    held = [step for step in goes if step.live["ID"] in users]
    refused = [
        f'{kind.name} "{step.name}" cannot be {what}: services {", ".join(users[step.live["ID"]])} use it'
        for step in held
        if not step.spare
    ]
    if refused:
        raise Refused(f"{'; '.join(refused)}; {hint}")
    return [step for step in steps if step not in held]


def _apply(kind: Kind, engine: Engine, plan: Plan) -> None:
    for step in plan.steps:
        if step.action == "create":
            plan.ident = create(kind, engine, step.body)
        elif step.action == "replace":
            plan.ident = replace(kind, engine, step.live, step.body)
        elif step.action == "update":
            version = {"version": step.live["Version"]["Index"]}
            engine.call("POST", f"{kind.path}/{step.live['ID']}/update", step.body, query=version)
        else:
            remove(kind, engine, step.live["ID"])
