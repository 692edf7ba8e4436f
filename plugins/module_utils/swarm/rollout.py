# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services on a live engine: read them, write them, follow them until they have converged or are gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional, Union

from .. import fields
from ..engine import Engine, passes, retry_out_of_sequence
from ..errors import InputError, NotFound, OverlayError, WaitTimeout
from ..rows import Refs
from ..transport import sdk
from ..wait import Clock, wait_until
from .converge import STARTED, Progress, Verdict, advance, is_job, judge, names_of, needs_waiting, nodes_up, task_errors
from .network_need import members_of, shortage
from .service import TABLE
from .spelling import Spell, as_it_is

# What is wanted of a service, or what says so for the specification that it has at this moment.
Want = Union[Mapping[str, Any], Callable[[Mapping[str, Any]], Mapping[str, Any]]]

INTERVAL = 0.5
# The ID of what a plan will make.
PLACEHOLDER = "(to be made)"
# What every engine has under these names: a service is attached to the cluster's twin of it, which no list shows.
PREDEFINED = ("host", "bridge", "none")


def services(engine: Engine) -> dict[str, dict[str, Any]]:
    return {one["Spec"]["Name"]: one for one in engine.call("GET", "/services", query={"status": True})}


def references(
    engine: Engine, kinds: Iterable[str], wanted_networks: Iterable[str] = (), known: Optional[Refs] = None
) -> Refs:
    """The names and IDs of all networks, secrets, configs: one list a kind, in addition to those that are known."""
    refs = known or Refs()
    for kind in kinds:
        for one in engine.call("GET", f"/{kind}s"):
            if kind != "network" or one.get("Scope") == "swarm":
                refs.add(kind, one["Name"] if kind == "network" else one["Spec"]["Name"], one.get("Id") or one["ID"])
    for name in set(PREDEFINED) & set(wanted_networks):
        predefined(engine, refs, name)
    return refs


def expect(refs: Refs, kind: str, name: str) -> None:
    """A prediction takes what does not exist yet as made by then."""
    try:
        refs.id(kind, name, kind)
    except InputError:
        refs.add(kind, name, PLACEHOLDER)


def login(wanted: bool, image: str) -> Optional[dict[str, str]]:
    """The login that this host's user has for the image's registry, for the nodes to pull with."""
    if not wanted or not image or image.startswith("sha256:"):
        return None
    # Only here is the SDK more than a transport: it knows where docker login keeps what it was told.
    auth = sdk().auth
    registry, _repository = auth.resolve_repository_name(image)
    found = auth.resolve_authconfig(auth.load_config(), registry)
    return {"X-Registry-Auth": auth.encode_header(found).decode()} if found else None


def distribution(engine: Engine, image: str, with_login: bool) -> dict[str, Any]:
    """What the image's registry says of a tag: the Engine asks it, and so reaches what the nodes reach."""
    return dict(engine.call("GET", f"/distribution/{image}/json", headers=login(with_login, image)))


def predefined(engine: Engine, refs: Refs, name: str) -> None:
    try:
        refs.add("network", name, engine.call("GET", f"/networks/{name}", query={"scope": "swarm"})["Id"])
    except NotFound:
        refs.add("network", name, name)


def create(
    engine: Engine,
    want: Mapping[str, Any],
    refs: Refs,
    headers: Optional[Mapping[str, str]] = None,
    spell: Spell = as_it_is,
) -> str:
    body = spell(fields.merge(TABLE, None, want, refs), None)
    return str(engine.call("POST", "/services/create", body=body, headers=headers)["ID"])


def update(
    engine: Engine,
    live: Mapping[str, Any],
    want: Want,
    refs: Refs,
    force: bool = False,
    headers: Optional[Mapping[str, str]] = None,
    spell: Spell = as_it_is,
) -> None:
    """Everything that ``want`` does not name stays; read again and done again if somebody else was faster."""
    path = f"/services/{live['ID']}"
    known: list[Mapping[str, Any]] = [live]

    def attempt() -> None:
        current = known.pop() if known else engine.call("GET", path)
        body = updated(current["Spec"], want, refs, force, spell)
        query = {"version": current["Version"]["Index"]}
        engine.call("POST", f"{path}/update", body=body, query=query, headers=headers)

    retry_out_of_sequence(attempt)


def updated(
    spec: Mapping[str, Any], want: Want, refs: Refs, force: bool = False, spell: Spell = as_it_is
) -> dict[str, Any]:
    """The specification that an update asks for; another ForceUpdate replaces the tasks whatever else there is."""
    wanted = want(spec) if callable(want) else want
    body = spell(fields.merge(TABLE, spec, wanted, refs), spec)
    if is_job(body) and not is_job(spec):
        for option, key in (("update_config", "UpdateConfig"), ("rollback_config", "RollbackConfig")):
            # A job is not updated, and the Engine refuses one that says how.
            if option not in wanted:
                body.pop(key, None)
    if force:
        body["TaskTemplate"]["ForceUpdate"] = body["TaskTemplate"].get("ForceUpdate", 0) + 1
    return body


@dataclass
class Followed:
    """What was seen at ``now`` of the services that are followed, by ID."""

    now: float = 0.0
    progress: dict[str, Progress] = field(default_factory=dict)

    def settled(self) -> bool:
        if not self.progress:
            return False
        return bool(self.failures()) or all(one.converged(self.now) for one in self.progress.values())

    def failures(self) -> dict[str, Verdict]:
        found = {ident: (one.verdict, one.failure(self.now)) for ident, one in self.progress.items()}
        return {ident: replace(verdict, failure=failure) for ident, (verdict, failure) in found.items() if failure}

    def show(self) -> str:
        waiting = [one.verdict.describe() for one in self.progress.values() if not one.converged(self.now)]
        return " | ".join(sorted(waiting)) or "nothing yet"


def follow(
    engine: Engine,
    watched: Mapping[str, bool],
    timeout: float,
    clock: Optional[Clock] = None,
    rollback: bool = False,
) -> dict[str, dict[str, Any]]:
    """Waits until all have converged. ``watched``: service ID → whether this run changed it; by a ``rollback``?

    An engine that restarts meanwhile, or a cluster without a leader, is waited for like any other state.
    """
    if not watched:
        return {}
    clock = clock or Clock()
    seen = Followed()

    def probe() -> Followed:
        nonlocal seen
        seen = _look(engine, watched, seen, clock, rollback)
        return seen

    names = f"{len(watched)} service{'s' if len(watched) > 1 else ''} to converge"
    try:
        wait_until(probe, Followed.settled, timeout, names, INTERVAL, clock, Followed.show, passes)
    except WaitTimeout as error:
        raise WaitTimeout("; ".join([str(error), *_short_of_addresses(engine, watched)]), error.state) from error
    if seen.failures():
        raise OverlayError("; ".join(_explained(engine, seen)))
    return {ident: _counted(one.verdict) for ident, one in seen.progress.items()}


def _counted(verdict: Verdict) -> dict[str, Any]:
    found: dict[str, Any] = {"running": verdict.running, "wanted": verdict.wanted}
    return {**found, "completed": verdict.ended} if verdict.ended else found


def unsettled(engine: Engine, found: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of the services is not where it should be. A list does not count tasks that have ended well."""
    watched = {str(one["ID"]): False for one in found if needs_waiting(one)}
    if not watched:
        return False
    seen = _look(engine, watched, Followed(), Clock(), False)
    return len(seen.progress) < len(watched) or not all(one.verdict.complete for one in seen.progress.values())


def _short_of_addresses(engine: Engine, watched: Iterable[str]) -> list[str]:
    """What no task says: that its network, or its node on that network, has no address for it."""
    try:
        found = engine.call("GET", "/services")
        networks = engine.call("GET", "/networks")
        nodes = engine.call("GET", "/nodes")
    except OverlayError as error:
        return [f"whether its networks have addresses left cannot be told: {error}"]
    members = members_of(found, networks)
    own = {name for one in found if one["ID"] in watched for name in members[one["Spec"]["Name"]].networks}
    sentences = []
    for network in networks:
        if network["Name"] in own and network.get("Scope") == "swarm":
            if not network.get("Driver"):
                sentences.append(f'network "{network["Name"]}" has no addresses: the cluster has not allocated it')
            sentences += filter(None, [shortage(network, members.values(), nodes, surely=False)])
    return sentences


def _explained(engine: Engine, seen: Followed) -> list[str]:
    """With the errors of all tasks: those of an update that was rolled back are no longer up to date."""
    failures = seen.failures()
    tasks = engine.call("GET", "/tasks", query={"filters": {"service": list(failures)}})
    hostnames = names_of(engine.call("GET", "/nodes"))
    sentences = []
    for ident, verdict in failures.items():
        errors = task_errors([task for task in tasks if task["ServiceID"] == ident], hostnames)
        sentences.append("; ".join([f'service "{verdict.name}": {verdict.failure}', *errors]))
    return sentences


def _look(engine: Engine, watched: Mapping[str, bool], before: Followed, clock: Clock, rollback: bool) -> Followed:
    """Three calls, however many services."""
    ids = list(watched)
    try:
        found = engine.call("GET", "/services", query={"filters": {"id": ids}})
        tasks = engine.call("GET", "/tasks", query={"filters": {"service": ids, "_up-to-date": ["true"]}})
        nodes = engine.call("GET", "/nodes")
    except NotFound as error:
        raise OverlayError(f"a service was removed while it was waited for: {error}") from error
    now = clock.now()
    progress = {}
    for service in found:
        ident = service["ID"]
        own = [task for task in tasks if task.get("ServiceID") == ident]
        verdict = judge(service, own, nodes, watched.get(ident, False), rollback)
        progress[ident] = advance(before.progress.get(ident), verdict, now)
    return Followed(now, progress)


def remove(engine: Engine, ident: str) -> None:
    with suppress(NotFound):
        engine.call("DELETE", f"/services/{ident}")


def await_gone(
    engine: Engine, removed: Iterable[Mapping[str, Any]], timeout: float, clock: Optional[Clock] = None
) -> None:
    """Waits until no task of the removed services is left, and on this host no container either.

    The Engine keeps the tasks of a removed job with their containers: there it is enough that none of them runs. It
    keeps those on a node that is down, too, until that node answers again.
    """
    gone = {one["ID"]: one["Spec"] for one in removed}

    def probe() -> list[str]:
        tasks = [task for task in engine.call("GET", "/tasks") if task.get("ServiceID") in gone]
        up = nodes_up(engine.call("GET", "/nodes")) if tasks else set()
        left = []
        for task in tasks:
            spec, state = gone[task["ServiceID"]], task["Status"]["State"]
            over = is_job(spec) and (state not in STARTED or not task.get("NodeID"))
            if not over and (not task.get("NodeID") or task["NodeID"] in up):
                left.append(f'a task of "{spec["Name"]}" is {state}')
        labels = {"label": ["com.docker.swarm.service.id"]}
        for one in engine.call("GET", "/containers/json", query={"all": True, "filters": labels}):
            spec = gone.get(one["Labels"]["com.docker.swarm.service.id"])
            if spec and not (is_job(spec) and one["State"] != "running"):
                left.append(f'a container of "{spec["Name"]}" is {one["State"]}')
        return left

    if gone:
        what = "removed services to be gone"
        wait_until(probe, lambda left: not left, timeout, what, INTERVAL, clock, ", ".join, passes)
