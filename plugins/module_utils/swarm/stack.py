# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack on a live engine: read once, plan, apply, wait until what was changed has converged."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Optional

from ..engine import Engine
from ..errors import Conflict, EngineError, InputError, NotFound, OutOfSequence
from ..wait import Clock, wait_until
from . import data_path, rollout
from .compose.definition import Definition, Given, Namespace, convert
from .compose.environment import Files
from .converge import needs_waiting
from .network_remake import allocated, await_allocated, make
from .stack_contents import ask_for_content, contents_of, files_of, texts_of
from .stack_images import resolve
from .stack_plan import Live, Plan, Step, plan_removal, plan_stack
from .stack_room import check_room

# What refers to others is made after them, and goes before them.
MAKE = ("network", "secret", "config")
REMOVAL_INTERVAL = 0.5
# Another run may make or remove between our look and our change: look again, plan again. Two that want the same make
# each other's plans shorter; only one that does not get shorter is a try that failed.
TRIES = 5


def run(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """The module ``stack``."""
    if params["state"] == "absent":
        return _absent(engine, params, check_mode)
    params = texts_of(params)
    namespace = Namespace(params["name"], params["namespace_prefix"])
    files = files_of(params)
    given = Given(params["variables"], files, params["image_map"], params["strict"])
    definition = convert(_definitions(params["compose"]), namespace, given)
    plan, live = _planned(engine, params, definition, files, check_mode)
    converged: dict[str, dict[str, Any]] = {}
    if not check_mode:
        if _waits(params):
            converged = _wait(engine, definition, plan, live, params["wait_timeout"])
        remove(engine, plan.of("secret", "config", "network", remove=True), plan, params["wait_timeout"])
    return _result(plan, definition, live, converged)


def _waits(params: Mapping[str, Any]) -> bool:
    """docker_stack's word for it, where it is given, is its opposite."""
    return bool(params["wait"]) if params["detach"] is None else not params["detach"]


def _planned(
    engine: Engine, params: Mapping[str, Any], definition: Definition, files: Files, check_mode: bool
) -> tuple[Plan, Live]:
    """The plan, and but in check mode it is carried out up to what is removed in the end."""
    done: list[Step] = []
    tries, left = 0, 0
    while True:
        tries += 1
        live = look(engine, check_mode, {one.name for one in definition.networks.values() if one.external})
        plan = Plan()
        try:
            plan = _plan(engine, params, definition, files, live)
            if len(plan.steps) < left:
                tries = 1
            left = len(plan.steps)
            if not check_mode:
                apply(engine, plan, live, params)
        except (Conflict, OutOfSequence, NotFound):
            if tries == TRIES:
                raise
        else:
            plan.steps = done + plan.steps
            return plan, live
        done += [step for step in plan.steps if step.done]


def _plan(engine: Engine, params: Mapping[str, Any], definition: Definition, files: Files, live: Live) -> Plan:
    for name in {one.name for one in definition.networks.values()} & set(live.networks):
        if not allocated(live.networks[name]):
            # What a prediction finds so will not be waited for: it is told as it is.
            timeout = 0 if live.prediction else params["wait_timeout"]
            live.networks[name] = await_allocated(engine, ident(live.networks[name]), timeout)
    contents, violations = contents_of(definition, params, files, live.prediction)
    if not violations and not live.prediction:
        ask_for_content(engine, definition, contents, live)
    unresolved = resolve(engine, definition, live, params)
    plan = plan_stack(params["name"], definition, contents, live, params["prune"])
    plan.warnings.extend(unresolved)
    if plan.of("network", "service"):
        check_room(plan, live, engine.call("GET", "/nodes"))
    for step in plan.of("network"):
        plan.violations += data_path.refusals(step.want, lambda: engine.call("GET", "/info"))
    if violations + plan.violations:
        raise InputError(violations + plan.violations)
    if not _waits(params):
        _keep_superseded(engine, plan, definition, live)
    return plan


def _keep_superseded(engine: Engine, plan: Plan, definition: Definition, live: Live) -> None:
    """An update that nobody waits for may be taken back, and then needs what it replaced."""
    kept = plan.of("secret", "config", remove=True)
    ours = [one for name, one in live.services.items() if name in definition.services]
    if kept and (any(step.live for step in plan.of("service")) or rollout.unsettled(engine, ours)):
        plan.steps = [step for step in plan.steps if step not in kept]
        plan.warnings.extend(
            f'{step.kind} "{step.name}" stays until a run finds the services converged' for step in kept
        )


def _definitions(compose: list[Any]) -> list[Mapping[str, Any]]:
    """The action plugin has read the files; a path that arrives here was meant for it."""
    strange = [str(one) for one in compose if not isinstance(one, Mapping)]
    if strange or not compose:
        raise InputError(
            f'option "compose": {strange[0]!r} is not a mapping; give mappings, or paths of files on the controller'
            if strange
            else 'option "compose" is empty; give at least one definition'
        )
    return list(compose)


def look(engine: Engine, check_mode: bool, wanted_networks: set[str]) -> Live:
    """One list a kind, however much there is. Services first: only a manager answers, and says so if it is none."""
    live = Live(services=rollout.services(engine), api_version=engine.api_version)
    for network in engine.call("GET", "/networks"):
        if network.get("Scope") == "swarm":
            live.networks[network["Name"]] = network
            live.refs.add("network", network["Name"], network["Id"])
        else:
            live.local.add(network["Name"])
    for kind, found in (("secret", live.secrets), ("config", live.configs)):
        for one in engine.call("GET", f"/{kind}s"):
            found[one["Spec"]["Name"]] = one
            live.refs.add(kind, one["Spec"]["Name"], one["ID"])
    for name in set(rollout.PREDEFINED) & wanted_networks:
        rollout.predefined(engine, live.refs, name)
    live.prediction = check_mode
    return live


def apply(engine: Engine, plan: Plan, live: Live, params: Mapping[str, Any]) -> None:
    for step in plan.of(*MAKE):
        if step.kind == "network":
            live.refs.add(step.kind, step.name, ident(make(engine, step.want, params["wait_timeout"])))
        elif step.action == "create":
            made = engine.call("POST", f"/{step.kind}s/create", body=step.want)
            live.refs.add(step.kind, step.name, ident(made))
        elif step.live:
            query = {"version": step.live["Version"]["Index"]}
            engine.call("POST", f"/{step.kind}s/{ident(step.live)}/update", body=step.want, query=query)
        step.done = True
    services = plan.of("service")
    updates = [step for step in services if step.live]
    for step in services:
        if not step.live:
            headers = rollout.login(params["with_registry_auth"], step.want["image"])
            step.live = {"ID": rollout.create(engine, step.want, live.refs, headers, step.spell)}
            step.done = True
    size = params["serial"] or len(updates) or 1
    for start in range(0, len(updates), size):
        _update(engine, updates[start : start + size], live, params)
    for step in plan.of("service", remove=True):
        rollout.remove(engine, ident(step.live))
        step.done = True


def _update(engine: Engine, steps: list[Step], live: Live, params: Mapping[str, Any]) -> None:
    """One batch. The next one must not begin before these run again."""
    for step in steps:
        headers = rollout.login(params["with_registry_auth"], step.want["image"])
        rollout.update(engine, step.live or {}, step.want, live.refs, headers=headers, spell=step.spell)
        step.done = True
    if params["serial"]:
        rollout.follow(engine, {ident(step.live): True for step in steps}, params["wait_timeout"])


def ident(one: Optional[Mapping[str, Any]]) -> str:
    """The ID as networks (Id) and Swarm's own objects (ID) have it."""
    return str((one or {}).get("ID") or (one or {})["Id"])


def removed_services(plan: Plan) -> list[dict[str, Any]]:
    return [step.live for step in plan.of("service", remove=True) if step.live]


def _wait(engine: Engine, definition: Definition, plan: Plan, live: Live, timeout: float) -> dict[str, dict[str, Any]]:
    """Follows what this run changed, and what it found not where it should be."""
    watched = {
        service["ID"]: False
        for name, service in live.services.items()
        if name in definition.services and needs_waiting(service)
    }
    watched.update({ident(step.live): True for step in plan.of("service")})
    converged = rollout.follow(engine, watched, timeout)
    rollout.await_gone(engine, removed_services(plan), timeout)
    return converged


def remove(engine: Engine, steps: list[Step], plan: Plan, timeout: float, clock: Optional[Clock] = None) -> None:
    """What a stopping task holds on to is tried again; what a service still uses stays, with a warning."""
    left = list(steps)

    def attempt() -> list[str]:
        reasons = []
        for step in list(left):
            try:
                _delete(engine, step)
            except EngineError as error:
                if "in use by the following service" not in error.message:
                    reasons.append(f'{step.kind} "{step.name}": {error.message}')
                    continue
                plan.warnings.append(f'{step.kind} "{step.name}" stays: {error.message}')
                plan.steps.remove(step)
            left.remove(step)
        return reasons

    if left:
        wait_until(attempt, lambda failed: not failed, timeout, "objects to be removable", REMOVAL_INTERVAL, clock)
        _await_networks_gone(engine, steps, timeout, clock)


def _await_networks_gone(engine: Engine, steps: list[Step], timeout: float, clock: Optional[Clock]) -> None:
    """The cluster forgets a network before its engines do: a new one of its name would find the old one."""
    gone = {ident(step.live) for step in steps if step.kind == "network"}

    def left() -> list[str]:
        return [one["Name"] for one in engine.call("GET", "/networks") if one["Id"] in gone]

    if gone:
        wait_until(left, lambda names: not names, timeout, "removed networks to be gone", REMOVAL_INTERVAL, clock)


def _delete(engine: Engine, step: Step) -> None:
    with suppress(NotFound):
        engine.call("DELETE", f"/{step.kind}s/{ident(step.live)}")


def _absent(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    live = look(engine, check_mode, set())
    plan = plan_removal(params["name"], live)
    # docker_stack's way of saying how long.
    retried = params["absent_retries"] * params["absent_retries_interval"]
    if not check_mode:
        apply(engine, plan, live, params)
        if retried or _waits(params):
            rollout.await_gone(engine, removed_services(plan), retried or params["wait_timeout"])
        left = plan.of("secret", "config", "network", remove=True)
        remove(engine, left, plan, retried or params["wait_timeout"])
    return _result(plan, None, live, {})


def _result(
    plan: Plan, definition: Optional[Definition], live: Live, converged: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for step in plan.steps:
        for side, value in ((before, step.before), (after, step.after)):
            if value is not None:
                side.setdefault(f"{step.kind}s", {})[step.name] = value
    found: dict[str, Any] = {
        "changed": bool(plan.steps),
        "plan": [step.sentence() for step in plan.steps],
        "warnings": plan.warnings,
        "diff": {"before": before, "after": after},
        "services": _services(plan, definition, live, converged),
    }
    if plan.steps:
        found["stack_spec_diff"] = {"before": before.get("services", {}), "after": after.get("services", {})}
    return found


def _services(
    plan: Plan, definition: Optional[Definition], live: Live, converged: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """Name → its ID (none yet in a prediction), whether it changed, and how many tasks run of how many."""
    changed = {step.name: step for step in plan.of("service")}
    found = {}
    for name in definition.services if definition else ():
        one = changed[name].live if name in changed else live.services[name]
        service_id = (one or {}).get("ID")
        status = (live.services.get(name) or {}).get("ServiceStatus") or {}
        counted = {"running": status.get("RunningTasks"), "wanted": status.get("DesiredTasks")}
        found[name] = {"id": service_id, "changed": name in changed, **converged.get(str(service_id), counted)}
    return found
