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
from . import config, fingerprint, secret
from .blob import BASE_LABEL, FOREIGN, REPLACES, told_by_labels
from .compose.definition import NAMESPACE_LABEL, Blob, Definition, Network
from .compose.names import impossible
from .network import TABLE as NETWORK_TABLE
from .network import body_of, changes_of, lost
from .network_pools import overlaps_of, pool_violations
from .rollout import PLACEHOLDER, PREDEFINED
from .service import TABLE, same_image
from .service_rules import published_by, publishing, refusals, taken
from .spelling import Spell, as_it_is, of_a_stack

OWN_LABELS = (BASE_LABEL, fingerprint.LABEL)
VERSION = re.compile(r"_v(\d+)")
Contents = dict[tuple[str, str], Optional[bytes]]
LIMITS = {kind.name: kind.limit for kind in (secret.KIND, config.KIND)}


@dataclass
class Live:
    """What the cluster holds, by name. In a ``prediction`` what others make before us may still be missing."""

    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    networks: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Networks of this host alone, which no service can use.
    local: set[str] = field(default_factory=set)
    refs: Refs = field(default_factory=Refs)
    api_version: tuple[int, int] = (1, 41)
    prediction: bool = False
    # Secrets without a label of ours: whether they hold what is wanted, where the Engine was asked.
    held: dict[str, bool] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = getattr(self, f"{kind}s")
        return found


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
    done: bool = False
    # As what the Engine is sent a service, in the words of the docker CLI.
    spell: Spell = as_it_is

    def sentence(self) -> str:
        changed = f": {', '.join(self.options)}" if self.options else ""
        return f'{self.action} {self.kind} "{self.name}"{changed}'


@dataclass
class Plan:
    steps: list[Step] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def remove(self, kind: str, name: str, live: Live) -> None:
        self.steps.append(Step(kind, name, "remove", before=name, live=live.of(kind)[name]))

    def of(self, *kinds: str, remove: bool = False) -> list[Step]:
        return [step for step in self.steps if step.kind in kinds and (step.action == "remove") == remove]


def plan_stack(stack: str, definition: Definition, contents: Contents, live: Live, prune: bool) -> Plan:
    """``contents``: (kind, name) → data; None where it cannot be known yet."""
    plan = Plan(warnings=list(definition.warnings))
    for network in definition.networks.values():
        _plan_network(plan, network, live)
    current = {
        (kind, blob.name): _plan_blob(plan, kind, blob, contents.get((kind, blob.name)), live, stack)
        for kind, blob in definition.blobs()
    }
    wanted = {name: _in_use(options, current) for name, options in definition.services.items()}
    for name, options in wanted.items():
        _plan_service(plan, stack, name, options, live)
    _check_ports(plan, live)
    for name in sorted(members(live.services, stack) - set(wanted)):
        if prune:
            plan.remove("service", name, live)
        else:
            plan.warnings.append(f'service "{name}" is in the stack but not in its definition; prune: true removes it')
    _plan_superseded(plan, definition, current, live)
    if prune:
        _plan_pruned(plan, stack, definition, current, live)
    return plan


def plan_removal(stack: str, live: Live) -> Plan:
    """Everything that carries the stack's label; volumes stay, as their content would be lost."""
    plan = Plan()
    ours = members(live.services, stack)
    others = [one for name, one in live.services.items() if name not in ours]
    for kind in ("service", "secret", "config", "network"):
        for name in sorted(members(live.of(kind), stack)):
            if kind != "service" and name in _used(kind, others, live.refs):
                plan.warnings.append(f'{kind} "{name}" stays: a service that is not of the stack uses it')
            else:
                plan.remove(kind, name, live)
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
    where = f"networks.{network.key}."
    plan.violations.extend(gate(NETWORK_TABLE, want, live.api_version, where))
    if there is None:
        body = body_of(network.name, want)
        others = [*live.networks.values(), *(step.want for step in plan.of("network"))]
        plan.violations += [*pool_violations(body, where), *lost(want, None, where), *overlaps_of(body, others, where)]
        plan.steps.append(Step("network", network.name, "create", body, after=network.options))
        live.refs.add("network", network.name, PLACEHOLDER)
        return
    changes = changes_of(want, there)
    if changes:
        _plan_other_network(plan, network.name, changes)


def _plan_other_network(plan: Plan, name: str, changes: list[Change]) -> None:
    """The one place that decides about a network that is there and is not as it is wanted."""
    differs = ", ".join(f"{one.option} is {one.before!r}, wanted {one.after!r}" for one in changes)
    plan.violations.append(
        f'network "{name}": {differs}; a network cannot be changed in place: '
        "write the definition as the network is, or remove the stack first"
    )


def _require(plan: Plan, kind: str, name: str, there: bool, live: Live) -> None:
    if there or name in PREDEFINED:
        return
    if kind == "network" and name in live.local:
        plan.violations.append(
            f'network "{name}" is external, and of this host alone; services need one of scope swarm: '
            "make an overlay of another name"
        )
        return
    if not live.prediction:
        plan.violations.append(f'{kind} "{name}" is external but does not exist; create it first')
        return
    plan.warnings.append(f'{kind} "{name}" is external and does not exist yet; the prediction takes it as made by then')
    live.refs.add(kind, name, PLACEHOLDER)


def _plan_blob(plan: Plan, kind: str, blob: Blob, data: Optional[bytes], live: Live, stack: str) -> str:
    """The name of the object that holds the content: the one that is there, or the next version."""
    objects = live.of(kind)
    if blob.external:
        _require(plan, kind, blob.name, blob.name in objects, live)
        return blob.name
    versions = versions_of(objects, blob.name)
    latest = versions[-1] if versions else None
    if latest and labels_of(objects[latest]).get(NAMESPACE_LABEL, stack) != stack:
        plan.violations.append(f'{kind} "{latest}": it exists and is not part of stack "{stack}"; rename yours')
        return latest
    if latest and (data is None or _holds(plan, kind, objects[latest], blob, data, live)):
        _plan_labels(plan, kind, latest, objects[latest], blob, data)
        return latest
    limit = LIMITS[kind]
    if data is not None and not 0 < len(data) < limit and not blob.driver:
        plan.violations.append(f'{kind} "{blob.name}": {len(data)} bytes; from 1 to {limit - 1} are possible')
    name = _next_name(latest, blob.name, {*objects, *(step.name for step in plan.of(kind))})
    problem = impossible(kind, name)
    if problem:
        plan.violations.append(f'{kind} "{blob.name}": its next version {problem}')
    step = Step(kind, name, "create", _body(kind, name, blob, data or b""), latest, name)
    step.options = ("its content changed",) if latest else ()
    plan.steps.append(step)
    live.refs.add(kind, name, PLACEHOLDER)
    return name


def versions_of(objects: Mapping[str, Mapping[str, Any]], base: str) -> list[str]:
    """Oldest first: the object of that name, and those that were made as later versions of it."""
    found = []
    for name, one in objects.items():
        made_for = labels_of(one).get(BASE_LABEL, name)
        if made_for == base and (name == base or VERSION.fullmatch(name[len(base) :])):
            found.append(name)
    return sorted(found, key=lambda name: _number(name, base))


def _number(name: str, base: str) -> int:
    return 1 if name == base else int(name[len(base) + 2 :])


def _next_name(latest: Optional[str], base: str, taken: set[str]) -> str:
    """A version's name may be taken by an object that is none of ours."""
    number = _number(latest, base) + 1 if latest else 1
    while (name := f"{base}_v{number}" if number > 1 else base) in taken:
        number += 1
    return name


def _holds(plan: Plan, kind: str, one: Mapping[str, Any], blob: Blob, data: bytes, live: Live) -> bool:
    spec = one["Spec"]
    if ((spec.get("Templating") or {}).get("Name") or None) != blob.template_driver:
        return False
    if blob.driver:
        driver = spec.get("Driver") or {}
        return (driver.get("Name"), driver.get("Options") or {}) == (blob.driver["name"], blob.driver["options"])
    if kind == "config":
        return base64.b64decode(spec.get("Data", "")) == data
    known = told_by_labels(labels_of(one), data)
    known = live.held.get(spec["Name"]) if known is None else known
    if known is None:
        plan.warnings.append(
            f'secret "{spec["Name"]}" has no label that tells its content; the prediction takes it for equal'
        )
    return known is not False


def _plan_labels(plan: Plan, kind: str, name: str, one: dict[str, Any], blob: Blob, data: Optional[bytes]) -> None:
    labels = labels_of(one)
    before = {key: value for key, value in labels.items() if key not in OWN_LABELS}
    if before != blob.labels:
        own = {key: labels[key] for key in OWN_LABELS if key in labels}
        body = {**one["Spec"], "Labels": {**_labels(kind, blob, data), **blob.labels, **own}}
        # docker_secret's is an unsalted hash of the content.
        told = {key: "(hidden)" if key == FOREIGN else value for key, value in before.items()}
        plan.steps.append(Step(kind, name, "update", body, told, blob.labels, ("labels",), one))


def _labels(kind: str, blob: Blob, data: Optional[bytes]) -> dict[str, str]:
    labels = {**blob.labels, BASE_LABEL: blob.name}
    if kind == "secret" and data:
        labels[fingerprint.LABEL] = fingerprint.fingerprint(data)
    return labels


def _body(kind: str, name: str, blob: Blob, data: bytes) -> dict[str, Any]:
    labels = _labels(kind, blob, data)
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
    plan.violations.extend(where + sentence for sentence in refusals(want))
    there = live.services.get(name)
    if there is None:
        plan.steps.append(Step("service", name, "create", want, None, shown(TABLE, want), spell=of_a_stack(options)))
        return
    if name not in members(live.services, stack):
        plan.violations.append(f'{where}it exists and is not part of stack "{stack}"; remove it or rename yours')
        return
    have = fields.read(TABLE, there["Spec"], live.refs)
    image = same_image(want["image"], have["image"])
    if image != want["image"]:
        # Who had the tag resolved was told the image's platforms, too.
        want["image"], want["placement"]["platforms"] = image, have["placement"]["platforms"]
    changes = fields.diff(TABLE, want, have)
    plan.violations.extend(where + _immutable(change) for change in changes if change.recreate)
    if changes:
        changed = fields.as_diff(changes)
        options_changed = tuple(change.option for change in changes)
        plan.steps.append(
            Step(
                "service",
                name,
                "update",
                want,
                changed["before"],
                changed["after"],
                options_changed,
                there,
                spell=of_a_stack(options),
            )
        )


def _check_ports(plan: Plan, live: Live) -> None:
    """A service that goes still has its ports when others come."""
    steps = plan.of("service")
    known = published_by(one for name, one in live.services.items() if name not in {step.name for step in steps})
    for step in steps:
        plan.violations.extend(f'service "{step.name}": {said}' for said in taken(step.want, known))
        known[step.name] = publishing(step.want)


def _immutable(change: Change) -> str:
    return (
        f"{change.option} cannot be changed from {change.before} to {change.after} on a live service; "
        "remove the service first, or give it another name"
    )


def _plan_superseded(plan: Plan, definition: Definition, current: Mapping[tuple[str, str], str], live: Live) -> None:
    """Earlier versions of what the definition names, unless a service that stays as it is still uses them."""
    staying = _staying(plan, definition, live)
    for kind, blob in definition.blobs():
        for name in [] if blob.external else versions_of(live.of(kind), blob.name):
            if name != current[(kind, blob.name)] and name not in _used(kind, staying):
                plan.remove(kind, name, live)


def _plan_pruned(
    plan: Plan, stack: str, definition: Definition, current: Mapping[tuple[str, str], str], live: Live
) -> None:
    """Networks, secrets and configs of the stack that its definition no longer has."""
    staying = _staying(plan, definition, live)
    kept = {"network": {*definition.networks, *definition.unused}, "secret": set(), "config": set()}
    for kind, blob in definition.blobs():
        kept[kind] |= {blob.name, current[(kind, blob.name)], *versions_of(live.of(kind), blob.name)}
    for kind, names in kept.items():
        # A copy that a broken-off replacement left may be the only one, and whoever made it takes it away.
        copies = {name for name, one in live.of(kind).items() if REPLACES in labels_of(one)}
        for name in sorted(members(live.of(kind), stack) - names - copies):
            if name in _used(kind, staying, live.refs):
                plan.warnings.append(f'{kind} "{name}" is no longer in the definition; it stays: a service uses it')
            else:
                plan.remove(kind, name, live)


def _staying(plan: Plan, definition: Definition, live: Live) -> list[Mapping[str, Any]]:
    """Services that are neither of the definition nor removed."""
    going = {step.name for step in plan.of("service", remove=True)}
    return [one for name, one in live.services.items() if name not in definition.services and name not in going]


def _used(kind: str, services: Iterable[Mapping[str, Any]], refs: Optional[Refs] = None) -> set[str]:
    if kind == "network":
        targets = [one for service in services for one in service["Spec"]["TaskTemplate"].get("Networks") or []]
        return {(refs or Refs()).name(kind, one.get("Target", "")) for one in targets}
    field_name = f"{kind.capitalize()}s"
    return {
        reference.get(f"{kind.capitalize()}Name", "")
        for service in services
        for reference in service["Spec"]["TaskTemplate"].get("ContainerSpec", {}).get(field_name) or []
    }
