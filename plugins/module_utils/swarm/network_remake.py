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

import base64
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Callable, Optional

from ..engine import Engine, passes, retry_out_of_sequence
from ..errors import NotFound, NotManager
from ..wait import wait_until
from . import rollout
from .detached import LABEL, Users, attach, detach, detached_from, endpoints, holding, users_of, uses

RECORD = "baremetal.overlay.network"
INTERVAL = 0.5


def find_users(engine: Engine, live: Mapping[str, Any]) -> Users:
    swarm = live.get("Scope") == "swarm"
    services = engine.call("GET", "/services") if swarm else []
    tasks = engine.call("GET", "/tasks") if swarm else []
    return users_of(live, services, tasks, _inspect(engine, live))


def remake(
    engine: Engine, live: Mapping[str, Any], body: Mapping[str, Any], users: Users, timeout: float
) -> dict[str, Any]:
    """``live`` as ``body`` says."""
    if live.get("Scope") == "swarm":
        _note(engine, body)
    for service in users.services:
        _change(engine, service["ID"], lambda one: detach(one["Spec"], live) if uses(one["Spec"], live) else None)
    delete(engine, live, timeout)
    return complete(engine, None, body, timeout)


def complete(
    engine: Engine, live: Optional[Mapping[str, Any]], body: Mapping[str, Any], timeout: float
) -> dict[str, Any]:
    """Whatever is still to be done once the old network is gone."""
    ident = live["Id"] if live else engine.call("POST", "/networks/create", body)["Id"]
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
    _forget(engine, str(made["Name"]))
    return dict(engine.call("GET", f"/networks/{ident}"))


def waiting(engine: Engine, network: str) -> list[dict[str, Any]]:
    """The services that are detached from the network."""
    found = engine.call("GET", "/services", query={"filters": {"label": [LABEL]}})
    return [one for one in found if detached_from(one["Spec"]) == network]


def unfinished(engine: Engine, network: str) -> Optional[dict[str, Any]]:
    """What a network is to be that somebody began to make anew."""
    try:
        found = _records(engine, network)
    except NotManager:
        # No such network was begun from here.
        return None
    return dict(json.loads(base64.b64decode(found[0]["Spec"]["Data"]))) if found else None


def allocated(live: Mapping[str, Any]) -> bool:
    """A network of the cluster has neither driver nor addresses until its leader has allocated it."""
    return bool(live.get("Driver"))


def await_allocated(engine: Engine, ident: str, timeout: float) -> dict[str, Any]:
    return wait_until(
        lambda: engine.call("GET", f"/networks/{ident}"),
        allocated,
        timeout,
        f'network "{ident}" to be allocated by the cluster',
        interval=0.1,
        show=lambda live: f"{live['Name']}: driver {live.get('Driver')!r}, IPAM {live.get('IPAM')}",
        excuse=passes,
    )


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


def _records(engine: Engine, network: str) -> list[dict[str, Any]]:
    return list(engine.call("GET", "/configs", query={"filters": {"label": [f"{RECORD}={network}"]}}))


def _note(engine: Engine, body: Mapping[str, Any]) -> None:
    name = str(body["Name"])
    if unfinished(engine, name) == body:
        return
    _forget(engine, name)
    # A config's name is short and of few characters; a network's need not be.
    config = f"{RECORD}.{hashlib.sha256(name.encode()).hexdigest()[:24]}"
    data = base64.b64encode(json.dumps(body).encode()).decode()
    engine.call("POST", "/configs/create", {"Name": config, "Labels": {RECORD: name}, "Data": data})


def _forget(engine: Engine, network: str) -> None:
    for one in _records(engine, network):
        with suppress(NotFound):
            engine.call("DELETE", f"/configs/{one['ID']}")
