# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and configs: contents under a name. The Engine changes labels of one in place, and nothing else.

Other content is another object: the next version of a rolling one, or the same name again where no service uses it.
A config's content can be read back and is compared. A secret's cannot: a salted label says whether it is the one that
is wanted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from .. import fields
from ..engine import Engine, retry_out_of_sequence
from ..errors import InputError, Refused
from ..rows import RECREATE, Change, Field, Table
from ..units import TEXT_MAP
from ..versions import gate
from .fingerprint import LABEL, fingerprint, matches

# What community.docker writes: an unsalted hash, and a number that the name says too. They are read, never written.
FOREIGN = "ansible_key"
# Labels that say something to us or to docker_secret and docker_config; users neither see nor remove them.
OWN_LABELS = (LABEL, FOREIGN, "ansible_version", "baremetal.overlay.base")
_NAME = re.compile(r"[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?")
_NAME_LENGTH = 64

ROWS = (
    Field("labels", "Labels", "dict", convert=TEXT_MAP),
    Field("template_driver", "Templating.Name", choices=("golang", ""), since=(1, 37), mutability=RECREATE),
)


@dataclass(frozen=True)
class Kind:
    """``limit``: bytes that are too many. ``hidden``: the Engine never shows the content."""

    name: str
    table: Table
    limit: int
    hidden: bool

    @property
    def path(self) -> str:
        return f"/{self.name}s"


@dataclass(frozen=True)
class Asked:
    """What is wanted of the object; ``data`` is None where the content that is there is to stay."""

    name: str
    want: Mapping[str, Any]
    data: Optional[bytes]
    force: bool = False
    replace_labels: bool = False
    rolling: bool = False
    keep: int = -1


@dataclass
class Step:
    """One call. A ``spare`` object is removed only where no service uses it."""

    action: str
    name: str
    live: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    spare: bool = False


@dataclass
class Plan:
    """``ident`` and ``name``: of the object that holds the content, as far as it is there already."""

    name: str
    ident: str = ""
    steps: list[Step] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def spec(kind: Kind) -> dict[str, Any]:
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
        "data": {"type": "str", "no_log": kind.hidden},
        "data_is_b64": {"type": "bool", "default": False},
        "data_src": {"type": "path"},
        "labels_state": {"type": "str", "choices": ["merge", "replace"], "default": "merge"},
        "force": {"type": "bool", "default": False},
        "rolling_versions": {"type": "bool", "default": False},
        "versions_to_keep": {"type": "int", "default": 5},
        **fields.spec(kind.table),
    }


# --- what is asked for --------------------------------------------------------------------------------------------


def asked_of(kind: Kind, params: Mapping[str, Any], api_version: tuple[int, int]) -> Asked:
    """All violations at once, before anything is read from the cluster."""
    if params["state"] == "absent":
        return Asked(params["name"], {}, None, rolling=params["rolling_versions"])
    violations: list[str] = []
    want: dict[str, Any] = {}
    data: Optional[bytes] = None
    try:
        want = fields.build(kind.table, params)
    except InputError as error:
        violations += error.violations
    try:
        data = data_of(kind, params)
    except InputError as error:
        violations += error.violations
    violations += [*gate(kind.table, want, api_version), *_impossible(kind, params["name"], data)]
    if violations:
        raise InputError(violations)
    return Asked(
        params["name"],
        want,
        data,
        force=params["force"],
        replace_labels=params["labels_state"] == "replace",
        rolling=params["rolling_versions"],
        keep=params["versions_to_keep"],
    )


def data_of(kind: Kind, params: Mapping[str, Any]) -> Optional[bytes]:
    where = f'{kind.name} "{params["name"]}"'
    if params["data_src"] is not None:
        try:
            content = Path(params["data_src"]).read_bytes()
        except OSError as error:
            raise InputError(
                f"{where}: data_src {params['data_src']} cannot be read on this host: {error.strerror}"
            ) from error
    elif params["data"] is not None:
        content = str(params["data"]).encode()
    else:
        return None
    if not params["data_is_b64"] or params["data_src"] is not None:
        return content
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        # The error would quote the data.
        raise InputError(f"{where}: data is not Base64; encode it, or drop data_is_b64") from error


def _impossible(kind: Kind, name: str, data: Optional[bytes]) -> Iterable[str]:
    if not _NAME.fullmatch(name) or len(name) > _NAME_LENGTH:
        yield (
            f'{kind.name} "{name}": the name must be letters, digits, "-", "_" and ".", begin and end with a letter or '
            f"digit, and have at most {_NAME_LENGTH} characters"
        )
    if data is not None and not 0 < len(data) < kind.limit:
        yield f'{kind.name} "{name}": its data has {len(data)} bytes; 1 to {kind.limit - 1} are possible'


# --- what is there ------------------------------------------------------------------------------------------------


def versions_of(name: str, listed: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The objects ``<name>_v<number>``, oldest first. The Engine's filter finds all names that begin like it."""
    found = [(number_of(name, one["Spec"]["Name"]), one) for one in listed]
    return [one for number, one in sorted(found, key=lambda pair: pair[0]) if number]


def number_of(name: str, version: str) -> int:
    """0 for what is no version of this name."""
    found = re.fullmatch(re.escape(name) + r"_v([1-9]\d*)", version)
    return int(found.group(1)) if found else 0


def holds(kind: Kind, live: Mapping[str, Any], data: bytes) -> Optional[bool]:
    """Whether the object holds this content; None where nothing tells."""
    if not kind.hidden:
        return content_of(live) == data
    return labelled(live["Spec"].get("Labels") or {}, data)


def labelled(labels: Mapping[str, str], data: bytes) -> Optional[bool]:
    """What the labels of a secret say of its content, which nobody can read back."""
    if LABEL in labels:
        return matches(labels[LABEL], data)
    if FOREIGN in labels:
        return hmac.compare_digest(hashlib.sha224(data).hexdigest(), labels[FOREIGN])
    return None


def content_of(live: Mapping[str, Any]) -> bytes:
    return base64.b64decode(live["Spec"].get("Data") or "")


def shown(kind: Kind, data: Optional[bytes]) -> Any:
    """A config's content as a diff prints it: by lines, so that the one that differs can be seen."""
    if data is None or kind.hidden:
        return "(hidden)" if data is not None else None
    try:
        lines = data.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        return f"({len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()})"
    return lines[0] if len(lines) == 1 else lines


def users_of(kind: Kind, services: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Object ID → the names of the services that use it."""
    found: dict[str, set[str]] = {}
    word = kind.name.capitalize()
    for service in services:
        container = service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}
        used = {one.get(f"{word}ID") for one in container.get(f"{word}s") or []}
        # A credential spec, too, may be a config.
        used.add(((container.get("Privileges") or {}).get("CredentialSpec") or {}).get("Config"))
        for ident in used - {None, ""}:
            found.setdefault(str(ident), set()).add(service["Spec"]["Name"])
    return {ident: sorted(names) for ident, names in found.items()}


def read(kind: Kind, live: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the object, without the labels that are ours."""
    have = fields.read(kind.table, live["Spec"])
    return {**have, "labels": {key: one for key, one in have["labels"].items() if key not in OWN_LABELS}}


# --- what to do ---------------------------------------------------------------------------------------------------


def there(asked: Asked, listed: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The object that is meant, or all its versions."""
    if asked.rolling:
        return versions_of(asked.name, listed)
    return [one for one in listed if one["Spec"]["Name"] == asked.name]


def plan_present(kind: Kind, asked: Asked, listed: Sequence[Mapping[str, Any]]) -> Plan:
    found = there(asked, listed)
    plan = _plan_change(kind, asked, found[-1]) if found else _plan_new(kind, asked)
    if asked.rolling and asked.keep >= 0:
        made = sum(step.action == "create" for step in plan.steps)
        spare = found[: max(0, len(found) + made - max(asked.keep, 1))]
        plan.steps += [Step("remove", one["Spec"]["Name"], one, spare=True) for one in spare]
    return plan


def plan_absent(asked: Asked, listed: Sequence[Mapping[str, Any]]) -> Plan:
    plan = Plan(asked.name, steps=[Step("remove", one["Spec"]["Name"], one) for one in there(asked, listed)])
    plan.changes = [Change("exists", True, False)] if plan.steps else []
    return plan


def _plan_new(kind: Kind, asked: Asked) -> Plan:
    name = f"{asked.name}_v1" if asked.rolling else asked.name
    if asked.data is None and not _driven(asked.want):
        other = ", data_src or driver" if kind.hidden else " or data_src"
        raise InputError(f'{kind.name} "{name}" does not exist and cannot be made without content; give data{other}')
    step = Step("create", name, body=body_of(kind, name, asked.want, asked.data))
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
    name = f"{asked.name}_v{number_of(asked.name, plan.name) + 1}" if asked.rolling else plan.name
    plan.changes = [Change("name", plan.name, name)] * asked.rolling + plan.changes or [
        Change("made anew", False, True)
    ]
    plan.steps = [] if asked.rolling else [Step("remove", plan.name, live)]
    plan.steps.append(Step("create", name, body=body_of(kind, name, want, data)))
    plan.name, plan.ident = name, ""
    return plan


def _content_change(kind: Kind, live: Mapping[str, Any], data: bytes) -> Change:
    if kind.hidden:
        return Change("data", "(hidden)", "(hidden, another)")
    return Change("data", shown(kind, content_of(live)), shown(kind, data))


def _driven(want: Mapping[str, Any]) -> bool:
    """Whether a driver has the content, and not the cluster."""
    return bool((want.get("driver") or {}).get("name"))


def body_of(kind: Kind, name: str, want: Mapping[str, Any], data: Optional[bytes]) -> dict[str, Any]:
    body = {**fields.merge(kind.table, None, want), "Name": name}
    if data is not None and not _driven(want):
        body["Data"] = base64.b64encode(data).decode()
        if kind.hidden:
            body["Labels"] = {**(body.get("Labels") or {}), LABEL: fingerprint(data)}
    return body


def _relabelled(
    kind: Kind, live: Mapping[str, Any], want: Mapping[str, Any], data: Optional[bytes]
) -> Mapping[str, Any]:
    """The whole object with other labels; where it holds ``data``, a salted hash replaces an unsalted one."""
    labels = live["Spec"].get("Labels") or {}
    own = {key: labels[key] for key in OWN_LABELS if key in labels}
    if kind.hidden and data is not None and own.pop(FOREIGN, None):
        own[LABEL] = fingerprint(data)
    body = fields.merge(kind.table, live["Spec"], want)
    return {**body, "Labels": {**(body.get("Labels") or {}), **own}}


# --- doing it -----------------------------------------------------------------------------------------------------


def converge(kind: Kind, engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    asked = asked_of(kind, params, engine.api_version)

    def attempt() -> Plan:
        listed = engine.call("GET", kind.path, query={"filters": {"name": [asked.name]}})
        plan = plan_absent(asked, listed) if params["state"] == "absent" else plan_present(kind, asked, listed)
        plan.steps = _allowed(kind, engine, plan.steps)
        if not check_mode:
            _apply(kind, engine, plan)
        return plan

    plan = retry_out_of_sequence(attempt)
    result: dict[str, Any] = {
        "changed": bool(plan.steps),
        f"{kind.name}_id": plan.ident,
        f"{kind.name}_name": plan.name,
        "actions": [f'{step.action} {kind.name} "{step.name}"' for step in plan.steps],
        "warnings": plan.warnings,
    }
    if plan.steps:
        removed = [step.name for step in plan.steps if step.spare]
        result["diff"] = fields.as_diff(plan.changes + [Change("old versions", removed, [])] * bool(removed))
    return result


def _allowed(kind: Kind, engine: Engine, steps: list[Step]) -> list[Step]:
    """Without the spare objects that services use; refused where one in use has to go."""
    if not any(step.action == "remove" for step in steps):
        return steps
    users = users_of(kind, engine.call("GET", "/services"))
    what = "replaced" if any(step.action == "create" for step in steps) else "removed"
    hint = "take it from them first" if what == "removed" else (
        f"with rolling_versions: true a {kind.name} of the next version's name is made; give them that"
    )  # fmt: skip
    held = [step for step in steps if step.action == "remove" and step.live["ID"] in users]
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
            plan.ident = engine.call("POST", f"{kind.path}/create", step.body)["ID"]
        elif step.action == "update":
            version = {"version": step.live["Version"]["Index"]}
            engine.call("POST", f"{kind.path}/{step.live['ID']}/update", step.body, query=version)
        else:
            engine.call("DELETE", f"{kind.path}/{step.live['ID']}")
