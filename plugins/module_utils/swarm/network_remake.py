# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network that is in use, made anew: note, detach, delete, create, attach, each waited for.

Whoever is interrupted in the middle runs again and completes. For that, what the network is to be is noted in a config
of the swarm before anything changes, and forgotten once every service has its network back: between deleting and
creating there is neither a network nor, where no service uses it, anything else that could remember. What each service
was like is on the service (``detached.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Callable, Optional

from ..engine import Engine, passes, retry_out_of_sequence
from ..errors import Conflict, NotFound, NotManager, OverlayError, Unallocated, WaitTimeout
from ..wait import wait_until
from . import record, rollout
from .detached import LABEL, Users, attach, detach, detached_from, endpoints, holding, users_of, uses
from .network_pools import exhausted, overlaps_of, pool_violations, subnets_of

RECORD = "baremetal.overlay.network"
INTERVAL = 0.5
# Seconds that a busy cluster may take to allocate a network: usually it is a fraction of one.
ALLOCATION_TIME = 30


def find_users(engine: Engine, live: Mapping[str, Any]) -> Users:
    swarm = live.get("Scope") == "swarm"
    services = engine.call("GET", "/services") if swarm else []
    tasks = engine.call("GET", "/tasks") if swarm else []
    return users_of(live, services, tasks, _inspect(engine, live))


def of_the_cluster(body: Mapping[str, Any]) -> bool:
    """Whether what is to be made is a network that services can have."""
    return bool(body.get("Scope", "swarm" if body.get("Driver") == "overlay" else "local") == "swarm")


def remake(
    engine: Engine,
    live: Mapping[str, Any],
    body: Mapping[str, Any],
    users: Users,
    timeout: float,
    former: Mapping[str, Any],
) -> dict[str, Any]:
    """``live`` as ``body`` says; ``former`` is the body that makes what it was."""
    # A network of one host has no services that would wait for it.
    if live.get("Scope") == "swarm" and of_the_cluster(body):
        record.note(engine, RECORD, str(body["Name"]), body)
    for service in users.services:
        _change(engine, service["ID"], lambda one: detach(one["Spec"], live) if uses(one["Spec"], live) else None)
    delete(engine, live, timeout)
    try:
        made = make(engine, body, timeout)
    except OverlayError as error:
        if isinstance(error, Conflict) or passes(error):
            # Another run made it, or nobody could make any now: the note says what is to be.
            raise
        _restore(engine, former, timeout)
        raise OverlayError(
            f'network "{body["Name"]}" could not be replaced and is again what it was: {error}; mend that, and run '
            "again"
        ) from error
    return complete(engine, made, body, timeout)


def _restore(engine: Engine, former: Mapping[str, Any], timeout: float) -> None:
    """The services have their network back, where a new one cannot be had."""
    if of_the_cluster(former):
        record.note(engine, RECORD, str(former["Name"]), former)
    complete(engine, None, former, timeout)


def complete(
    engine: Engine, live: Optional[Mapping[str, Any]], body: Mapping[str, Any], timeout: float
) -> dict[str, Any]:
    """Whatever is still to be done once the old network is gone."""
    ident = live["Id"] if live else make(engine, body, timeout)["Id"]
    made = await_allocated(engine, ident, timeout)
    if made.get("Scope") != "swarm":
        return made
    back = [one["ID"] for one in waiting(engine, str(made["Name"]))]
    for service in back:
        _change(engine, service, lambda one: attach(one["Spec"], ident) if detached_from(one["Spec"]) else None)
    # Those whom an interrupted run had attached already are waited for by this one.
    users = {one["ID"]: one["ID"] in back for one in engine.call("GET", "/services") if uses(one["Spec"], made)}
    for service in users:
        _change(engine, service, _again)
    rollout.follow(engine, users, timeout)
    record.forget(engine, RECORD, str(made["Name"]))
    return dict(engine.call("GET", f"/networks/{ident}"))


def waiting(engine: Engine, network: str) -> list[dict[str, Any]]:
    """The services that are detached from the network."""
    found = engine.call("GET", "/services", query={"filters": {"label": [LABEL]}})
    return [one for one in found if detached_from(one["Spec"]) == network]


def unfinished(engine: Engine, network: str) -> Optional[dict[str, Any]]:
    """What a network is to be that somebody began to make anew."""
    try:
        return record.find(engine, RECORD, network)
    except NotManager:
        # No such network was begun from here.
        return None


def allocated(live: Mapping[str, Any]) -> bool:
    """A network of the cluster has neither driver nor addresses until its leader has allocated it."""
    return bool(live.get("Driver"))


def await_allocated(engine: Engine, ident: str, timeout: float) -> dict[str, Any]:
    """The network once it has its addresses, which takes the cluster a moment or does not happen at all."""
    try:
        return wait_until(
            lambda: dict(engine.call("GET", f"/networks/{ident}")),
            allocated,
            min(timeout, ALLOCATION_TIME),
            "",
            interval=0.1,
            excuse=passes,
        )
    except WaitTimeout as error:
        if not isinstance(error.state, Mapping):
            raise OverlayError(
                f'network "{ident}": the engine does not tell whether it is allocated: {error}'
            ) from error
        raise Unallocated(
            f'network "{error.state["Name"]}" has no addresses: the cluster has not allocated it, and no task on it '
            "can start; remove it (module network, state: absent), and make it with a subnet that no other network has"
        ) from error


def make(engine: Engine, body: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """A new network; one that the cluster does not allocate is removed again."""
    ident = str(engine.call("POST", "/networks/create", body)["Id"])
    try:
        return await_allocated(engine, ident, timeout)
    except Unallocated as error:
        raise _taken_back(engine, ident, body, timeout) from error


def _taken_back(engine: Engine, ident: str, body: Mapping[str, Any], timeout: float) -> OverlayError:
    """Removes a network without addresses, and says why it has none."""
    with suppress(NotFound):
        engine.call("DELETE", f"/networks/{ident}")
    return OverlayError(
        f'network "{body["Name"]}": the cluster did not allocate it within {min(timeout, ALLOCATION_TIME):g} s, so '
        f"it was removed again: {_reason(engine, body)}"
    )


def _reason(engine: Engine, body: Mapping[str, Any]) -> str:
    """Why a network has no addresses. The Engine does not tell: the cluster's leader writes it to its log."""
    networks = [one for one in engine.call("GET", "/networks") if one["Name"] != body["Name"]]
    found = pool_violations(body) + overlaps_of(body, networks)
    if not subnets_of(body):
        swarm = engine.call("GET", "/swarm")
        found += exhausted(swarm.get("DefaultAddrPool") or [], swarm.get("SubnetSize") or 0, networks)
    return "; ".join(found) or "the log of the cluster's leader says why (journalctl -u docker)"


def delete(engine: Engine, live: Mapping[str, Any], timeout: float) -> None:
    """Once no task holds on to it. The cluster forgets a network before its engines do: wait until it is gone here."""
    name, ident = live["Name"], live["Id"]
    wait_until(
        lambda: _holders(engine, live),
        lambda holders: not holders,
        timeout,
        f'network "{name}" to be without endpoints',
        INTERVAL,
        show=", ".join,
        excuse=passes,
    )
    with suppress(NotFound):
        engine.call("DELETE", f"/networks/{ident}")
    wait_until(
        lambda: [one["Id"] for one in engine.call("GET", "/networks", query={"filters": {"id": [ident]}})],
        lambda ids: ident not in ids,
        timeout,
        f'network "{name}" to be gone',
        INTERVAL,
        excuse=passes,
    )


def _holders(engine: Engine, live: Mapping[str, Any]) -> list[str]:
    tasks = engine.call("GET", "/tasks") if live.get("Scope") == "swarm" else []
    nodes = engine.call("GET", "/nodes") if holding(live, tasks, []) else []
    here = [f"container {one.get('Name')} is attached" for one in endpoints(_inspect(engine, live)).values()]
    return holding(live, tasks, nodes) + here


def _inspect(engine: Engine, live: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return dict(engine.call("GET", f"/networks/{live['Id']}"))
    except NotFound:
        return {}


def _again(service: Mapping[str, Any]) -> Optional[Mapping[str, Any]]:
    """The same once more, so that a rollback does not lead back to what the service was like while it was detached."""
    return service["Spec"] if detached_from(service.get("PreviousSpec") or {}) else None


def _change(engine: Engine, ident: str, change: Callable[[Mapping[str, Any]], Optional[Mapping[str, Any]]]) -> None:
    """A service to the specification that ``change`` makes of what it is at this moment; None leaves it as it is."""
    path = f"/services/{ident}"

    def attempt() -> None:
        current = engine.call("GET", path)
        body = change(current)
        if body is not None:
            engine.call("POST", f"{path}/update", body=body, query={"version": current["Version"]["Index"]})

    with suppress(NotFound):
        retry_out_of_sequence(attempt)
