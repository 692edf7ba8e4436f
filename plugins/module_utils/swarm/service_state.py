# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One service on a live engine: what is named is made so, what is not named stays; then it is waited for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from .. import fields
from ..engine import Engine
from ..errors import Conflict, EngineError, InputError, OutOfSequence, OverlayError
from ..image_names import digested, is_tag
from ..rows import Change, OneOf, Refs, lookup
from ..versions import gate, unkept
from . import rollout, service_anew
from .converge import needs_waiting
from .detached import LABEL
from .network_need import member, members_of, mesh_of, shortage
from .service import MODE, TABLE, same_image
from .service_defaults import completed
from .service_rules import published_by, refusals, taken
from .spelling import of_a_service

UNCHANGED_REPLICAS = -1
# The Engine's words for a service whose last change was taken back, by itself or because it was asked to.
ROLLED_BACK = ("rollback_started", "rollback_paused", "rollback_completed")


def run(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """The module ``service``."""
    try:
        return _run(engine, params, check_mode)
    except Conflict:
        # Somebody else made it since it was looked for: it is changed to what is wanted.
        return _run(engine, params, check_mode)


def _run(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    name = params["name"]
    found = engine.call("GET", "/services", query={"status": True, "filters": {"name": [name]}})
    live = next((one for one in found if one["Spec"]["Name"] == name), None)
    if params["state"] == "absent":
        return _absent(engine, params, live, check_mode)
    if params["rollback"]:
        return _roll_back(engine, params, live, check_mode)
    begun = service_anew.complete(engine, name, _login(params), check_mode) if live is None else None
    live = live or begun
    params, warnings = for_mode(params, live)
    wanted = Wanted(params, _resolved(engine, params, fields.build(TABLE, options_of(params))))
    violations = gate(TABLE, wanted.given, engine.api_version)
    if live is None and not wanted.given.get("image"):
        violations.append(f'service "{name}" does not exist and cannot be made without an image; give option "image"')
    if violations:
        raise InputError(violations)
    result = _converge(engine, wanted, live, check_mode)
    if begun:
        result.update(changed=True, rebuilt=True)
    return {**result, "warnings": [*warnings, *result.get("warnings", [])]}


def _resolved(engine: Engine, params: Mapping[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """With the digest that the registry has for the image's tag, where that is asked for."""
    image = given.get("image")
    if not params.get("resolve_image") or not image or not is_tag(image) or engine.fresh:
        return given
    try:
        answer = rollout.distribution(engine, image, params["with_registry_auth"])
    except EngineError as error:
        raise OverlayError(
            f'option "resolve_image": image "{image}" cannot be resolved to a digest: {error}; correct the image, give '
            "with_registry_auth: true where its registry wants a login, or leave the option out"
        ) from error
    return {**given, "image": digested(image, answer)}


class Wanted:
    """What the options ask for; part of it depends on what the service is at the moment."""

    def __init__(self, params: Mapping[str, Any], given: dict[str, Any]) -> None:
        self.params, self.given, self.refs = params, given, Refs()
        self.spell = of_a_service(params, given)

    def look_up(self, engine: Engine, everything: bool) -> None:
        """To compare, the names of networks are enough, if any are at stake: a service keeps those of the rest."""
        credentials = (self.given.get("privileges") or {}).get("credential_spec") or {}
        named = self._named()
        kinds = ["network"] if "networks" in self.given or self.params["networks_to_remove"] else []
        kinds += ["config"] if credentials.get("config") else []
        if everything:
            kinds = [kind for kind in ("secret", "config") if f"{kind}s" in self.given and kind not in kinds]
        rollout.references(engine, kinds, named["network"].values() if "network" in kinds else (), self.refs)
        if engine.fresh:
            # A prediction for a host that is still bare takes what does not exist yet as made by then.
            for kind, known in named.items():
                for name in known.values():
                    rollout.expect(self.refs, kind, name)

    def _named(self) -> dict[str, dict[str, str]]:
        """What the options refer to: kind → where it is named → its name."""
        credentials = (self.given.get("privileges") or {}).get("credential_spec") or {}
        named = {"network": {f"networks[{one['name']}].name": one["name"] for one in self.given.get("networks", [])}}
        for kind in ("secret", "config"):
            names = [one[f"{kind}_name"] for one in self.given.get(f"{kind}s", [])]
            named[kind] = {f"{kind}s[{name}].{kind}_name": name for name in names}
        if credentials.get("config"):
            named["config"]["privileges.credential_spec.config"] = credentials["config"]
        return named

    def missing(self) -> list[str]:
        """A sentence for each thing that the options refer to and that is not there."""
        found = []
        for kind, known in self._named().items():
            for where, name in known.items():
                try:
                    self.refs.id(kind, name, where)
                except InputError as error:
                    found += error.violations
        return found

    def of(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """What is wanted of a service that is as ``spec`` says."""
        want, have = dict(self.given), fields.read(TABLE, spec, self.refs)
        if want.get("image"):
            want["image"] = same_image(want["image"], have["image"])
        networks = networks_of(self.params, want.get("networks"), have["networks"], self.refs)
        if networks is not None:
            want["networks"] = networks
        if "labels" in want and LABEL in have["labels"]:
            # The network that is being made anew finds its services by it.
            want["labels"] = {**want["labels"], LABEL: have["labels"][LABEL]}
        return want

    def differences(self, spec: Optional[Mapping[str, Any]]) -> list[Change]:
        if spec is None:
            return fields.diff(TABLE, self.given, None)
        return fields.diff(TABLE, self.of(spec), fields.read(TABLE, spec, self.refs))


def networks_of(
    params: Mapping[str, Any], given: Optional[list[dict[str, Any]]], have: list[dict[str, Any]], refs: Refs
) -> Optional[list[dict[str, Any]]]:
    """The whole list that ``networks``, ``networks_state`` and ``networks_to_remove`` come to; None leaves it alone."""
    merged = params["networks_state"] == "merge"
    if given is not None and not merged:
        return given
    if given is None and not params["networks_to_remove"]:
        return None
    named = {one["name"]: one for one in given or []}
    unwanted = {refs.name("network", str(name)) for name in params["networks_to_remove"] or []}
    kept = [named.pop(one["name"], one) for one in have if one["name"] in named or one["name"] not in unwanted]
    return kept + list(named.values())


def _converge(engine: Engine, wanted: Wanted, live: Optional[dict[str, Any]], check_mode: bool) -> dict[str, Any]:
    params = wanted.params
    wanted.look_up(engine, everything=False)
    changes = wanted.differences(live and live["Spec"])
    rebuilt = any(change.recreate for change in changes) and live is not None
    changed = bool(changes) or live is None or params["force_update"]
    after = live or {}
    warnings: list[str] = []
    if changed:
        wanted.look_up(engine, everything=True)
        predicted = _predicted(engine, wanted, live, changes)
        warnings = _room(engine, predicted)
    if changed and check_mode:
        after = {**after, "Spec": completed(predicted)}
    elif changed:
        after = _apply(engine, wanted, live, rebuilt)
    if params["wait"] and not check_mode and (changed or needs_waiting(after)):
        rollout.follow(engine, {after["ID"]: changed}, params["wait_timeout"])
    if changed and not check_mode:
        after = _verified(engine, wanted, after["ID"])
    if params["force_update"] and live and not rebuilt:
        before = live["Spec"]["TaskTemplate"].get("ForceUpdate", 0)
        changes.append(Change("force_update", before, before + 1))
    return {
        "changed": changed,
        "changes": [change.option for change in changes],
        "rebuilt": rebuilt,
        "diff": fields.as_diff(changes),
        "swarm_service": after,
        **({"warnings": warnings} if warnings else {}),
    }


def _room(engine: Engine, spec: Mapping[str, Any]) -> list[str]:
    """Refuses a service for which its networks have no addresses; warns where they may not."""
    if not (lookup(spec, "TaskTemplate.Networks") or lookup(spec, "EndpointSpec.Ports")):
        return []
    networks = [one for one in engine.call("GET", "/networks") if one.get("Scope") == "swarm"]
    refs = Refs({"network": {one["Name"]: one["Id"] for one in networks}})
    own = member(fields.read(TABLE, spec, refs), mesh_of(networks))
    used = [one for one in networks if one["Name"] in own.networks]
    if not used:
        return []
    members = {**members_of(engine.call("GET", "/services"), networks), own.name: own}
    nodes = engine.call("GET", "/nodes")
    short = [found for one in used if (found := shortage(one, members.values(), nodes))]
    if short:
        raise InputError(short)
    return [found for one in used if (found := shortage(one, members.values(), nodes, surely=False))]


def _predicted(
    engine: Engine, wanted: Wanted, live: Optional[Mapping[str, Any]], changes: list[Change]
) -> dict[str, Any]:
    """The specification that is asked for. What the Engine would refuse of it is refused here, in any mode."""
    missing = wanted.missing()
    if missing:
        raise InputError(missing)
    if live is None:
        spec = wanted.spell(fields.merge(TABLE, None, wanted.given, wanted.refs), None)
    else:
        spec = rollout.updated(live["Spec"], wanted.of, wanted.refs, wanted.params["force_update"], wanted.spell)
    service = fields.read(TABLE, spec, wanted.refs)
    refused = refusals(service)
    if any(change.option.startswith(("publish", "mode")) for change in changes):
        refused += taken(service, published_by(engine.call("GET", "/services")))
    if refused:
        raise InputError(refused)
    return spec


def _verified(engine: Engine, wanted: Wanted, service_id: str) -> dict[str, Any]:
    """The Engine's own inspect. What was asked for and is not there was changed by somebody else meanwhile, who had it
    before them; or the engine never had it.
    """
    found = dict(engine.call("GET", f"/services/{service_id}", query={"insertDefaults": True}))
    name, previous, left = found["Spec"]["Name"], found.get("PreviousSpec"), wanted.differences(found["Spec"])
    if left and previous and not wanted.differences(previous):
        lost = "; ".join(f"{one.option} is {one.before!r}, wanted {one.after!r}" for one in left)
        raise OverlayError(
            f'service "{name}": somebody else changed it after this run did: {lost}; '
            "let one of them want it, then run again"
        )
    if left:
        raise OverlayError(f'service "{name}": {"; ".join(unkept(left))}')
    return found


def for_mode(params: Mapping[str, Any], live: Optional[Mapping[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """The options with ``replicas`` as docker_swarm_service takes them in each mode, and warnings.

    -1 is not given, of a job it is the number of completions, and where a task runs on each node it says nothing.
    """
    replicas, mode = params["replicas"], params["mode"]
    mode = mode or fields.read([MODE], live["Spec"] if live else {})["mode"]
    if replicas == UNCHANGED_REPLICAS:
        return {**params, "replicas": None}, []
    if replicas is None or mode == "replicated" or (params["mode"] is None and mode != "replicated-job"):
        return dict(params), []
    if mode != "replicated-job":
        said = f'option "replicas" says nothing in mode {mode}, in which one task runs on each node; leave it out'
        return {**params, "replicas": None}, [said]
    completions = params["total_completions"]
    if completions not in (None, replicas):
        raise InputError(
            f'option "replicas": {replicas} is the number of completions of a job, and total_completions says '
            f"{completions}; give one of them"
        )
    return {**params, "replicas": None, "total_completions": replicas}, []


def options_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the table, with the files of variables read."""
    options = dict(params)
    if options["env_files"] is not None:
        variables: dict[str, str] = {}
        for path in options["env_files"]:
            variables.update(_variables(path))
        given = fields.build(TABLE, {"env": options["env"]})["env"] if options["env"] is not None else []
        variables.update(dict(line.partition("=")[::2] for line in given))
        options["env"] = variables
    return options


def _variables(path: str) -> dict[str, str]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f'option "env_files": {path} cannot be read on this host: {error}') from error
    stripped = [(number, line.strip()) for number, line in enumerate(lines, start=1)]
    found = [(number, *line.partition("=")) for number, line in stripped if line and not line.startswith("#")]
    wrong = [number for number, name, equals, _value in found if not name or not equals]
    if wrong:
        # A line may hold a password: only where it is is told.
        where = ", ".join(str(number) for number in wrong)
        raise InputError(f'option "env_files": {path} has no KEY=VALUE in line {where}; give each line a name and "="')
    return {name: value for _number, name, _equals, value in found}


def _login(params: Mapping[str, Any]) -> Optional[Mapping[str, str]]:
    return rollout.login(params["with_registry_auth"], params["image"] or "")


def _apply(engine: Engine, wanted: Wanted, live: Optional[dict[str, Any]], rebuilt: bool) -> dict[str, Any]:
    params, refs = wanted.params, wanted.refs
    headers = _login(params)
    if live is None:
        return {"ID": rollout.create(engine, wanted.given, refs, headers, wanted.spell)}
    if not rebuilt:
        rollout.update(engine, live, wanted.of, refs, params["force_update"], headers, wanted.spell)
        return live
    body = rollout.updated(live["Spec"], wanted.of, refs, spell=wanted.spell)
    return service_anew.rebuild(engine, live, body, headers, params["wait_timeout"])


def _roll_back(
    engine: Engine, params: Mapping[str, Any], live: Optional[dict[str, Any]], check_mode: bool
) -> dict[str, Any]:
    """Back to the previous specification, once: a service whose last change was taken back is there already."""
    name = params["name"]
    previous, state = (live or {}).get("PreviousSpec"), ((live or {}).get("UpdateStatus") or {}).get("State", "")
    violations = [f'option "rollback" takes the whole service back; remove option "{one}"' for one in _beside(params)]
    if live is None:
        violations.append(f'service "{name}" does not exist, so it cannot be rolled back; create it first')
    elif previous in (None, live["Spec"]) and state not in ROLLED_BACK:
        violations.append(
            f'service "{name}" has no other previous specification: there is nothing to roll back to; '
            'remove option "rollback"'
        )
    if violations or live is None:
        raise InputError(violations)
    changes: list[Change] = []
    changed = state not in ROLLED_BACK
    if changed and previous:
        refs = rollout.references(engine, ["network"])
        changes = fields.diff(TABLE, fields.read(TABLE, previous, refs), fields.read(TABLE, live["Spec"], refs))
    after = {**live, "Spec": previous} if changed else live
    if changed and not check_mode:
        _take_back(engine, live)
    if params["wait"] and not check_mode and (changed or needs_waiting(live)):
        rollout.follow(engine, {live["ID"]: changed}, params["wait_timeout"], rollback=True)
    if changed and not check_mode:
        after = dict(engine.call("GET", f"/services/{live['ID']}", query={"insertDefaults": True}))
    return {
        "changed": changed,
        "changes": [change.option for change in changes],
        "rebuilt": False,
        "diff": fields.as_diff(changes),
        "swarm_service": after,
    }


def _take_back(engine: Engine, live: Mapping[str, Any]) -> None:
    """The change that was looked at, and no later one."""
    query = {"version": live["Version"]["Index"], "rollback": "previous"}
    try:
        engine.call("POST", f"/services/{live['ID']}/update", body=live["Spec"], query=query)
    except OutOfSequence as error:
        raise OverlayError(
            f'service "{live["Spec"]["Name"]}": somebody else changed it just now; look at that change, then run again'
        ) from error


def _beside(params: Mapping[str, Any]) -> list[str]:
    """What is given beside the name, and cannot be wanted of the previous specification too."""
    names = [name for row in TABLE for name in ((row.name, *row.options()) if isinstance(row, OneOf) else (row.name,))]
    names += ["env_files", "networks_to_remove", "force_update"]
    return [name for name in names if name != "name" and params.get(name) not in (None, False)]


def _absent(
    engine: Engine, params: Mapping[str, Any], live: Optional[dict[str, Any]], check_mode: bool
) -> dict[str, Any]:
    result = {"changed": live is not None, "changes": [], "rebuilt": False, "swarm_service": {}}
    if not check_mode:
        service_anew.forget(engine, params["name"])
    if live is None:
        return result
    if not check_mode:
        rollout.remove(engine, live["ID"])
        if params["wait"]:
            rollout.await_gone(engine, [live], params["wait_timeout"])
    return {**result, "diff": fields.as_diff([Change("exists", True, False)])}
