# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stack asks of the cluster, against what is there. Pure: a plan in names, before the objects have IDs.

A stack is whole: what its definition does not say has the server's default. Secrets and configs cannot be changed in
place: new content is a new object, ``<name>_v2`` and so on; services go over to it, then the old one is removed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from .. import fields
from ..errors import InputError
from ..rows import Change, Refs, shown
from ..versions import gate
from . import fingerprint
from .compose import NAMESPACE_LABEL, Blob, Definition, Network
from .network import TABLE as NETWORK_TABLE
from .network import body_of, changes_of
from .rollout import PLACEHOLDER
from .service import TABLE, same_image

BASE_LABEL = "baremetal.overlay.base"
OWN_LABELS = (BASE_LABEL, fingerprint.LABEL)
MAX_BYTES = {"secret": 500 * 1024, "config": 1000 * 1024}


@dataclass
class Live:
    """What the cluster holds, by name. In a ``prediction`` what others make before us may still be missing."""

    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    refs: Refs = field(default_factory=Refs)
    api_version: tuple[int, int] = (1, 41)
    prediction: bool = False


@dataclass
class Step:
    """One change of one object. ``want``: for a service in normal form, otherwise the body that makes the object."""

    kind: str
    name: str
    action: str
    want: dict[str, Any] = field(default_factory=dict)
    before: Any = None
    after: Any = None
    options: tuple[str, ...] = ()
    live: Optional[dict[str, Any]] = None

    def sentence(self) -> str:
        changed = f": {', '.join(self.options)}" if self.options else ""
        return f'{self.action} {self.kind} "{self.name}"{changed}'


@dataclass
class Plan:
    steps: list[Step] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def of(self, *kinds: str, remove: bool = False) -> list[Step]:
        return [step for step in self.steps if step.kind in kinds and (step.action == "remove") == remove]


def plan_stack(
    stack: str, definition: Definition, contents: Mapping[tuple[str, str], Optional[bytes]], live: Live, prune: bool
) -> Plan:
    """``contents``: (kind, name) → data; None where it cannot be known yet."""
    plan = Plan(warnings=list(definition.warnings))
    for network in definition.networks.values():
        _plan_network(plan, network, live)
    current = {
        (kind, blob.name): _plan_blob(plan, kind, blob, contents.get((kind, blob.name)), live)
        for kind, blobs in (("secret", definition.secrets), ("config", definition.configs))
        for blob in blobs.values()
    }
    wanted = {name: _in_use(options, current) for name, options in definition.services.items()}
    for name, options in wanted.items():
        _plan_service(plan, stack, name, options, live)
    for name in sorted(members(live.services, stack) - set(wanted)):
        if prune:
            plan.steps.append(Step("service", name, "remove", before=name, live=live.services[name]))
        else:
            plan.warnings.append(f'service "{name}" is in the stack but not in its definition; prune: true removes it')
    _plan_superseded(plan, definition, current, set(wanted), live)
    return plan


def plan_removal(stack: str, live: Live) -> Plan:
    """Everything that carries the stack's label; volumes stay, as their content would be lost."""
    plan = Plan()
    kinds = (("service", live.services), ("secret", live.secrets), ("config", live.configs), ("network", live.networks))
    for kind, objects in kinds:
        for name in sorted(members(objects, stack)):
            plan.steps.append(Step(kind, name, "remove", before=name, live=objects[name]))
    return plan


def members(objects: Mapping[str, dict[str, Any]], stack: str) -> set[str]:
    return {name for name, one in objects.items() if labels_of(one).get(NAMESPACE_LABEL) == stack}


def labels_of(one: Mapping[str, Any]) -> dict[str, str]:
    return dict(one.get("Spec", one).get("Labels") or {})


def _plan_network(plan: Plan, network: Network, live: Live) -> None:
    there = live.networks.get(network.name)
    if network.external:
        _require(plan, "network", network.name, there is not None, live)
        return
    try:
        want = fields.build(NETWORK_TABLE, network.options, f"networks.{network.key}.")
    except InputError as error:
        plan.violations.extend(error.violations)
        return
    plan.violations.extend(gate(NETWORK_TABLE, want, live.api_version, f"networks.{network.key}."))
    if there is None:
        plan.steps.append(Step("network", network.name, "create", body_of(network.name, want), after=network.options))
        live.refs.add("network", network.name, PLACEHOLDER)
        return
    changes = changes_of(want, there)
    if changes:
        differs = ", ".join(f"{one.option} is {one.before!r}, wanted {one.after!r}" for one in changes)
        plan.violations.append(
            f'network "{network.name}": {differs}; a network cannot be changed in place: '
            "write the definition as the network is, or remove the stack first"
        )


def _require(plan: Plan, kind: str, name: str, there: bool, live: Live) -> None:
    if there or name in ("host", "bridge", "none"):
        return
    if not live.prediction:
        plan.violations.append(f'{kind} "{name}" is external but does not exist; create it first')
        return
    plan.warnings.append(f'{kind} "{name}" is external and does not exist yet; the prediction takes it as made by then')
    live.refs.add(kind, name, PLACEHOLDER)


def _plan_blob(plan: Plan, kind: str, blob: Blob, data: Optional[bytes], live: Live) -> str:
    """The name of the object that holds the content: the one that is there, or the next version."""
    objects = live.secrets if kind == "secret" else live.configs
    if blob.external:
        _require(plan, kind, blob.name, blob.name in objects, live)
        return blob.name
    versions = versions_of(objects, blob.name)
    latest = versions[-1] if versions else None
    if latest and (data is None or _holds(kind, objects[latest], blob, data)):
        _plan_labels(plan, kind, latest, objects[latest], blob)
        return latest
    if data is not None and not 0 < len(data) <= MAX_BYTES[kind] and not blob.driver:
        plan.violations.append(f'{kind} "{blob.name}": {len(data)} bytes; from 1 to {MAX_BYTES[kind]} are possible')
    name = f"{blob.name}_v{_number(latest, blob.name) + 1}" if latest else blob.name
    step = Step(kind, name, "create", _body(kind, name, blob, data or b""), latest, name)
    step.options = ("its content changed",) if latest else ()
    plan.steps.append(step)
    live.refs.add(kind, name, PLACEHOLDER)
    return name


def versions_of(objects: Iterable[str], base: str) -> list[str]:
    """Oldest first."""
    found = [name for name in objects if name == base or re.fullmatch(re.escape(base) + r"_v\d+", name)]
    return sorted(found, key=lambda name: _number(name, base))


def _number(name: str, base: str) -> int:
    return 1 if name == base else int(name[len(base) + 2 :])


def _holds(kind: str, one: Mapping[str, Any], blob: Blob, data: bytes) -> bool:
    spec = one["Spec"]
    if ((spec.get("Templating") or {}).get("Name") or None) != blob.template_driver:
        return False
    if blob.driver:
        return (spec.get("Driver") or {}).get("Name") == blob.driver["name"]
    if kind == "config":
        return base64.b64decode(spec.get("Data", "")) == data
    return fingerprint.matches(labels_of(one).get(fingerprint.LABEL), data)


def _plan_labels(plan: Plan, kind: str, name: str, one: dict[str, Any], blob: Blob) -> None:
    labels = labels_of(one)
    own = {key: labels[key] for key in OWN_LABELS if key in labels}
    before = {key: value for key, value in labels.items() if key not in OWN_LABELS}
    if before != blob.labels:
        body = {**one["Spec"], "Labels": {**blob.labels, **own}}
        plan.steps.append(Step(kind, name, "update", body, before, blob.labels, ("labels",), one))


def _body(kind: str, name: str, blob: Blob, data: bytes) -> dict[str, Any]:
    labels = {**blob.labels, BASE_LABEL: blob.name}
    if kind == "secret" and data:
        labels[fingerprint.LABEL] = fingerprint.fingerprint(data)
    body: dict[str, Any] = {"Name": name, "Labels": labels, "Data": base64.b64encode(data).decode()}
    if blob.driver:
        body["Driver"] = {"Name": blob.driver["name"], "Options": blob.driver["options"]}
    if blob.template_driver:
        body["Templating"] = {"Name": blob.template_driver}
    return body


def _in_use(options: dict[str, Any], current: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """The service's options with the names of the versions that hold the content now."""
    found = dict(options)
    for kind in ("secret", "config"):
        found[f"{kind}s"] = [
            {**one, f"{kind}_name": current[(kind, one[f"{kind}_name"])]} for one in options[f"{kind}s"]
        ]
    return found


def _plan_service(plan: Plan, stack: str, name: str, options: dict[str, Any], live: Live) -> None:
    where = f'service "{name}": '
    try:
        want = fields.whole(TABLE, fields.build(TABLE, options))
    except InputError as error:
        plan.violations.extend(where + violation for violation in error.violations)
        return
    plan.violations.extend(where + sentence for sentence in gate(TABLE, want, live.api_version))
    there = live.services.get(name)
    if there is None:
        plan.steps.append(Step("service", name, "create", want, None, shown(TABLE, want)))
        return
    if name not in members(live.services, stack):
        plan.violations.append(f'{where}it exists and is not part of stack "{stack}"; remove it or rename yours')
        return
    have = fields.read(TABLE, there["Spec"], live.refs)
    want["image"] = same_image(want["image"], have["image"])
    changes = fields.diff(TABLE, want, have)
    plan.violations.extend(where + _immutable(change) for change in changes if change.recreate)
    if changes:
        changed = fields.as_diff(changes)
        options_changed = tuple(change.option for change in changes)
        plan.steps.append(
            Step("service", name, "update", want, changed["before"], changed["after"], options_changed, there)
        )


def _immutable(change: Change) -> str:
    return (
        f"{change.option} cannot be changed from {change.before} to {change.after} on a live service; "
        "remove the service first, or give it another name"
    )


def _plan_superseded(
    plan: Plan, definition: Definition, current: Mapping[tuple[str, str], str], ours: set[str], live: Live
) -> None:
    """Earlier versions of what the definition names, unless a service outside the stack still uses them."""
    for kind, blobs in (("secret", definition.secrets), ("config", definition.configs)):
        objects = live.secrets if kind == "secret" else live.configs
        foreign = _used(kind, (one for name, one in live.services.items() if name not in ours))
        for blob in blobs.values():
            if blob.external:
                continue
            for name in versions_of(objects, blob.name):
                if name != current[(kind, blob.name)] and name not in foreign:
                    plan.steps.append(Step(kind, name, "remove", before=name, live=objects[name]))


def _used(kind: str, services: Iterable[Mapping[str, Any]]) -> set[str]:
    field_name = f"{kind.capitalize()}s"
    return {
        reference.get(f"{kind.capitalize()}Name", "")
        for service in services
        for reference in service["Spec"]["TaskTemplate"].get("ContainerSpec", {}).get(field_name) or []
    }
