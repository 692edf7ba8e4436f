# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host comes into a swarm, out of it, and past its lock."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import Any, Callable

from .. import fields
from ..addresses import endpoint
from ..engine import UNLOCK, Engine, managers
from ..errors import EngineError, InputError, Refused, WaitTimeout
from ..rows import Change
from ..wait import wait_until
from . import node
from .addresses import is_address, split
from .quorum import managers_of

Swarm = Mapping[str, Any]


def in_swarm(swarm: Swarm) -> bool:
    """Whether the host is in a swarm; what is neither in nor out is refused."""
    state = swarm.get("LocalNodeState")
    if state in ("active", "inactive"):
        return bool(state == "active")
    if state == "locked":
        raise Refused(f"this host's swarm is locked since its engine restarted; {UNLOCK}")
    why = f": {swarm['Error']}" if swarm.get("Error") else ""
    raise Refused(f"this host's swarm state is {state}{why}; wait until it is settled, or leave with state: absent")


def stays(swarm: Swarm, params: Mapping[str, Any]) -> bool:
    """Whether nothing is entered: what only counts there need not be looked at."""
    return params["state"] in ("absent", "remove") or (swarm.get("LocalNodeState") == "active" and not params["force"])


def settled(engine: Engine, timeout: float) -> dict[str, Any]:
    return wait_until(
        lambda: engine.call("GET", "/info")["Swarm"],
        lambda seen: seen["LocalNodeState"] != "pending",
        timeout,
        "this host to be an active node of the swarm",
        show=lambda seen: f"state {seen['LocalNodeState']}{': ' + seen['Error'] if seen.get('Error') else ''}",
    )


def unlock(engine: Engine, key: str, timeout: float) -> dict[str, Any]:
    """The swarm's state once it is unlocked."""
    try:
        engine.call("POST", "/swarm/unlock", {"UnlockKey": key})
    except EngineError as error:
        if error.status not in (400, 401):
            raise
        raise InputError(
            f'option "unlock_key": the engine says "{error.message}"; give the key that baremetal.overlay.swarm_info '
            "returns on another manager, with unlock_key: true"
        ) from error
    return settled(engine, timeout)


def result(
    changes: list[Change], facts: Mapping[str, Any], actions: list[str], warnings: Iterable[str] = ()
) -> dict[str, Any]:
    return {
        "changed": bool(changes),
        "actions": actions,
        "swarm_facts": facts,
        "diff": fields.as_diff(changes),
        "warnings": list(warnings),
    }


# --- join --------------------------------------------------------------------------------------------------------


def join_through(
    engine: Engine, body: Mapping[str, Any], remotes: Iterable[str], timeout: float, reach: Callable[[str], str]
) -> str:
    """The engine itself only ever tries the first address: try them one by one, those that answer at all."""
    failed = []
    for remote in remotes:
        why = reach(remote)
        if not why:
            why = _join_one(engine, {**body, "RemoteAddrs": [remote]}, timeout)
        if not why:
            return remote
        failed.append(f"{remote}: {why}")
    raise EngineError(f"no manager took this host into its swarm: {'; '.join(failed)}")


def _join_one(engine: Engine, body: Mapping[str, Any], timeout: float) -> str:
    """Why it did not work, or nothing. An attempt that goes on in the background is waited for, then called off."""
    why = ""
    try:
        engine.call("POST", "/swarm/join", body, timeout=max(timeout, 60))
    except EngineError as error:
        why = error.message
    try:
        swarm = settled(engine, timeout)
    except WaitTimeout as error:
        swarm = error.state
    if swarm["LocalNodeState"] == "active":
        return ""
    if swarm["LocalNodeState"] == "pending" and swarm.get("NodeID"):
        # Taken back now, a new manager would count in raft for good: with few of them that is the quorum.
        raise WaitTimeout(
            f"{body['RemoteAddrs'][0]} took this host into its swarm as node {swarm['NodeID']}, and in {timeout:g} s "
            "it did not become active; it goes on in the background: run this again to wait for it",
            swarm,
        )
    if swarm["LocalNodeState"] != "inactive":
        engine.call("POST", "/swarm/leave", query={"force": True})
    return why or swarm.get("Error") or f"state {swarm['LocalNodeState']}"


def unreachable(remote: str) -> str:
    """Why nothing at that address takes a connection of this host; empty where something does."""
    host, _colon, port = remote.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5):
            return ""
    except (OSError, ValueError) as error:
        return f"cannot be reached ({error})"


def answers(host: str, port: str) -> bool:
    """Whether something takes a connection there."""
    return not unreachable(endpoint(host, port))


def same_swarm(remotes: list[str], swarm: Swarm) -> None:
    """A host of another swarm is refused. Where names were given instead of addresses, nothing can be said."""
    known = managers(swarm)
    if (
        remotes
        and known
        and all(is_address(split(one)[0]) for one in remotes)
        and not set(map(with_port, remotes)) & set(map(with_port, known))
    ):
        raise Refused(
            f"this host is in another swarm already (its managers: {', '.join(known)}; wanted: {', '.join(remotes)}); "
            "if that swarm may lose it, let it leave first with state: absent"
        )


def with_port(remote: str) -> str:
    """The same text for the same manager, however it was written."""
    host, port = split(remote)
    return endpoint(host, port or 2377)


# --- leave -------------------------------------------------------------------------------------------------------


def leave(engine: Engine, params: Mapping[str, Any], swarm: Swarm, check_mode: bool) -> dict[str, Any]:
    state = swarm.get("LocalNodeState")
    if state == "inactive":
        return result([], {}, [])
    if state == "locked" and not params["force"]:
        in_swarm(swarm)
    changes: list[Change] = []
    warnings: list[str] = []
    if swarm.get("ControlAvailable"):
        changes, warnings = _step_down(engine, params, swarm["NodeID"], check_mode)
    if not check_mode:
        engine.call("POST", "/swarm/leave", query={"force": params["force"]})
        wait_until(
            lambda: engine.call("GET", "/info")["Swarm"]["LocalNodeState"],
            lambda seen: seen == "inactive",
            params["wait_timeout"],
            "this host to have left its swarm",
        )
    return result([*changes, Change("swarm", state, "left")], {}, ["left the swarm"], warnings)


def _step_down(
    engine: Engine, params: Mapping[str, Any], ident: str, check_mode: bool
) -> tuple[list[Change], list[str]]:
    """A manager hands its tasks over and leaves raft first: a member that only goes away counts as one that failed."""
    try:
        known = managers_of(engine.call("GET", "/nodes"))
        why = known.why_needed(ident)
        if why and not params["force"]:
            raise Refused(
                f"this host cannot leave its swarm: {why}; promote another node or bring managers back first, or "
                "give the swarm up with force: true"
            )
        if why:
            # A last manager has nobody to hand over to.
            return [], [f"left although {why}"] if known.without(ident).names else []
        done = node.change(engine, ident, params["wait_timeout"], check_mode, availability="drain", role="worker")
    except (EngineError, WaitTimeout) as error:
        if not params["force"]:
            raise
        # Consent covers it: what could not be done in order is told.
        return [], [f"left without handing over: {error}"]
    changes = [
        Change(name.partition(".")[2], before, done["diff"]["after"][name])
        for name, before in done["diff"]["before"].items()
    ]
    return changes, [*done["warnings"], *([known.caution(ident)] if known.caution(ident) else [])]


def remove(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    ident = params["node_id"]
    if not ident:
        raise InputError('option "node_id" is needed to remove a node; give its ID or host name')
    done = node.change(engine, ident, params["wait_timeout"], check_mode, state="absent", force=params["force"])
    before = list(done["diff"]["before"].values())
    changes = [Change(f"node {ident}", one, None) for one in before]
    return result(changes, {}, [f"removed node {ident}"] if changes else [], done["warnings"])
