# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The swarm itself: its table, and the plans to make, change, join and leave one."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional

from .. import fields
from ..engine import Engine, retry_out_of_sequence
from ..errors import EngineError, InputError, NotFound, Refused, WaitTimeout
from ..rows import KEYED, SET, WRITE_ONLY, Change, Field
from ..units import POSITIVE, TEXT_MAP
from ..versions import gate
from ..wait import wait_until

_DAY = 24 * 3600 * 1_000_000_000

TABLE = (
    Field("name", "Name", default="default"),
    Field("labels", "Labels", "dict", convert=TEXT_MAP),
    Field("task_history_retention_limit", "Orchestration.TaskHistoryRetentionLimit", "int", default=5),
    Field("snapshot_interval", "Raft.SnapshotInterval", "int", convert=POSITIVE, default=10_000),
    Field("keep_old_snapshots", "Raft.KeepOldSnapshots", "int"),
    Field("log_entries_for_slow_followers", "Raft.LogEntriesForSlowFollowers", "int", convert=POSITIVE, default=500),
    Field("heartbeat_tick", "Raft.HeartbeatTick", "int", convert=POSITIVE, default=1),
    Field("election_tick", "Raft.ElectionTick", "int", convert=POSITIVE, default=10),
    Field("dispatcher_heartbeat_period", "Dispatcher.HeartbeatPeriod", "int", convert=POSITIVE, default=5_000_000_000),
    Field("node_cert_expiry", "CAConfig.NodeCertExpiry", "int", convert=POSITIVE, default=90 * _DAY),
    Field(
        "external_cas",
        "CAConfig.ExternalCAs",
        "list",
        compare=KEYED,
        key=("url",),
        fields=(
            Field("protocol", "Protocol", default="cfssl", choices=("cfssl",)),
            Field("url", "URL", required=True),
            Field("options", "Options", "dict", convert=TEXT_MAP),
            Field("ca_cert", "CACert", since=(1, 30)),
        ),
    ),
    Field("signing_ca_cert", "CAConfig.SigningCACert", mutability=WRITE_ONLY, since=(1, 30)),
    Field("signing_ca_key", "CAConfig.SigningCAKey", mutability=WRITE_ONLY, secret=True, since=(1, 30)),
    Field("ca_force_rotate", "CAConfig.ForceRotate", "int", since=(1, 30)),
    Field("autolock_managers", "EncryptionConfig.AutoLockManagers", "bool"),
    # The Engine stores the task defaults and never shows them again: they go along with every change that is made.
    Field(
        "log_driver",
        "TaskDefaults.LogDriver",
        "dict",
        mutability=WRITE_ONLY,
        fields=(Field("name", "Name"), Field("options", "Options", "dict", convert=TEXT_MAP)),
    ),
)

# What a swarm is made with once and for all.
FOUNDED = (
    Field("default_addr_pool", "DefaultAddrPool", "list", compare=SET, since=(1, 39)),
    Field("subnet_size", "SubnetSize", "int", since=(1, 39)),
    Field("data_path_port", "DataPathPort", "int", since=(1, 40)),
)

# What a node says of itself when it makes or joins a swarm.
ENTERED = (
    Field("listen_addr", "ListenAddr"),
    Field("advertise_addr", "AdvertiseAddr"),
    Field("data_path_addr", "DataPathAddr", since=(1, 30)),
    Field("availability", "Availability", choices=("active", "pause", "drain")),
)

SPEC = {
    "state": {"type": "str", "choices": ["present", "join", "absent", "remove"], "default": "present"},
    "force": {"type": "bool", "default": False},
    "node_id": {"type": "str"},
    "join_token": {"type": "str", "no_log": True},
    "remote_addrs": {"type": "list", "elements": "str"},
    "rotate_worker_token": {"type": "bool", "default": False, "no_log": False},
    "rotate_manager_token": {"type": "bool", "default": False, "no_log": False},
    "rotate_manager_unlock_key": {"type": "bool", "default": False, "no_log": False},
    "wait_timeout": {"type": "int", "default": 120},
    **fields.spec([*ENTERED, *FOUNDED, *TABLE]),
}
SPEC["listen_addr"]["default"] = "0.0.0.0:2377"

_ROTATIONS = {
    "rotate_worker_token": "rotateWorkerToken",
    "rotate_manager_token": "rotateManagerToken",
    "rotate_manager_unlock_key": "rotateManagerUnlockKey",
}


def converge(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    swarm = engine.call("GET", "/info").get("Swarm") or {}
    if swarm.get("LocalNodeState") == "pending" and not check_mode:
        # An earlier, interrupted attempt to join goes on in the background.
        swarm = _settled(engine, params["wait_timeout"])
    action = {"present": _present, "join": _join, "absent": _leave, "remove": _remove}[params["state"]]
    return action(engine, params, swarm, check_mode)


def in_swarm(swarm: Mapping[str, Any]) -> bool:
    """Whether the host is in a swarm; what is neither in nor out is refused."""
    state = swarm.get("LocalNodeState")
    if state in ("active", "inactive"):
        return bool(state == "active")
    if state == "locked":
        raise Refused("this host's swarm is locked since its engine restarted; unlock it with its unlock key")
    why = f": {swarm['Error']}" if swarm.get("Error") else ""
    raise Refused(f"this host's swarm state is {state}{why}; wait until it is settled, or leave with state: absent")


def public(live: Mapping[str, Any]) -> dict[str, Any]:
    """The swarm's inspect without what lets others in."""
    return {key: value for key, value in live.items() if key != "JoinTokens"}


# --- state: present ----------------------------------------------------------------------------------------------


def _present(engine: Engine, params: Mapping[str, Any], swarm: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    want = fields.build(TABLE, params)
    founded = fields.build(FOUNDED, params)
    unknown = gate([*TABLE, *FOUNDED], {**want, **founded}, engine.api_version)
    if unknown:
        raise InputError(unknown)
    if in_swarm(swarm) and not params["force"]:
        if not swarm.get("ControlAvailable"):
            managers = ", ".join(_managers(swarm))
            raise Refused(f"this host is a worker of its swarm; run this on one of its managers: {managers}")
        return _update(engine, params, want, founded, swarm, check_mode)
    body = {
        **fields.merge(ENTERED, None, fields.build(ENTERED, params)),
        **fields.merge(FOUNDED, None, founded),
        "ForceNewCluster": bool(params["force"] and in_swarm(swarm)),
        "AutoLockManagers": bool(want.get("autolock_managers")),
        "Spec": fields.merge(TABLE, None, want),
    }
    changes = [Change("swarm", "another" if body["ForceNewCluster"] else None, "initialised")]
    changes += fields.diff([*TABLE, *FOUNDED], {**want, **founded}, None)
    facts: dict[str, Any] = {"Spec": {**body["Spec"], **_hidden(want)}}
    if not check_mode:
        engine.call("POST", "/swarm/init", body)
        facts = public(engine.call("GET", "/swarm"))
    return _result(changes, facts, ["initialised a swarm"])


def _update(
    engine: Engine,
    params: Mapping[str, Any],
    want: dict[str, Any],
    founded: Mapping[str, Any],
    swarm: Mapping[str, Any],
    check_mode: bool,
) -> dict[str, Any]:
    rotations = {key: True for option, key in _ROTATIONS.items() if params.get(option)}

    def attempt() -> dict[str, Any]:
        live = engine.call("GET", "/swarm")
        _founded_stays(founded, live)
        wanted, changes = _against(want, live)
        changes += [Change(option, None, "rotated") for option in _ROTATIONS if params.get(option)]
        spec = fields.merge(TABLE, live["Spec"], wanted)
        facts = {**public(live), "Spec": {**spec, **_hidden(wanted, spec)}}
        if changes and not check_mode:
            # The daemon takes what is not in the spec for zero: it gets the whole live spec, with the changes in it.
            engine.call("POST", "/swarm/update", spec, query={"version": live["Version"]["Index"], **rotations})
            facts = public(engine.call("GET", "/swarm"))
        return _result(changes, facts, ["changed the swarm"] if changes else [])

    result = retry_out_of_sequence(attempt)
    result["warnings"] = _address_warning(params, swarm)
    return result


def _against(want: Mapping[str, Any], live: Mapping[str, Any]) -> tuple[dict[str, Any], list[Change]]:
    """The signing CA is not in the spec that the engine shows: compare the certificate with the trust root."""
    wanted = dict(want)
    changes = fields.diff(TABLE, wanted, fields.read(TABLE, live["Spec"]))
    trusted = (live.get("TLSInfo") or {}).get("TrustRoot", "").strip()
    if wanted.get("signing_ca_cert"):
        if wanted["signing_ca_cert"].strip() == trusted:
            wanted.pop("signing_ca_cert")
            wanted.pop("signing_ca_key", None)
        else:
            changes.append(Change("signing_ca_cert", trusted, wanted["signing_ca_cert"].strip()))
    return wanted, changes


def _founded_stays(founded: Mapping[str, Any], live: Mapping[str, Any]) -> None:
    """What cannot be changed is refused where it differs, not ignored."""
    have = fields.read(FOUNDED, live)
    differs = [change for change in fields.diff(FOUNDED, founded, have) if have[change.option]]
    if differs:
        raise InputError(
            [
                f"the swarm was made with {one.option} {one.before}, wanted is {one.after}; this cannot be changed "
                f"later: give {one.before}, or leave the option out"
                for one in differs
            ]
        )


def _address_warning(params: Mapping[str, Any], swarm: Mapping[str, Any]) -> list[str]:
    asked = (params.get("advertise_addr") or "").rsplit(":", 1)[0]
    known = swarm.get("NodeAddr") or ""
    if _is_address(asked) and known and asked != known:
        return [f"this node is known to its swarm as {known}, not as {asked}: to change that it must leave and join"]
    return []


def _hidden(want: Mapping[str, Any], spec: Optional[Mapping[str, Any]] = None) -> dict[str, Any]:
    if not want.get("signing_ca_key"):
        return {}
    config = {key: one for key, one in ((spec or {}).get("CAConfig") or {}).items() if key != "SigningCAKey"}
    return {"CAConfig": config}


# --- state: join -------------------------------------------------------------------------------------------------


def _join(engine: Engine, params: Mapping[str, Any], swarm: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    remotes = [with_port(one) for one in params["remote_addrs"] or []]
    if in_swarm(swarm):
        _same_swarm(remotes, swarm)
        return {**_result([], {}, []), "warnings": _address_warning(params, swarm)}
    missing = [name for name in ("remote_addrs", "join_token") if not params[name]]
    if missing and not check_mode:
        raise InputError([f'option "{name}" is needed to join a swarm; give it' for name in missing])
    entered = fields.build(ENTERED, params)
    unknown = gate(ENTERED, entered, engine.api_version)
    if unknown:
        raise InputError(unknown)
    changes = [Change("swarm", None, f"joined through {', '.join(remotes)}")]
    if check_mode:
        return _result(changes, {}, [f"joined the swarm of {', '.join(remotes)}"])
    body = {**fields.merge(ENTERED, None, entered), "JoinToken": params["join_token"]}
    through = join_through(engine, body, remotes, params["wait_timeout"])
    return _result([Change("swarm", None, f"joined through {through}")], {}, [f"joined the swarm through {through}"])


def join_through(
    engine: Engine,
    body: Mapping[str, Any],
    remotes: Iterable[str],
    timeout: float,
    reach: Optional[Callable[[str], str]] = None,
) -> str:
    """The engine itself only ever tries the first address: try them one by one, those that answer at all."""
    failed = []
    for remote in remotes:
        why = (reach or _unreachable)(remote)
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
        swarm = _settled(engine, timeout)
    except WaitTimeout as error:
        swarm = error.state
    if swarm["LocalNodeState"] == "active":
        return ""
    if swarm["LocalNodeState"] != "inactive":
        engine.call("POST", "/swarm/leave", query={"force": True})
    return why or swarm.get("Error") or f"state {swarm['LocalNodeState']}"


def _settled(engine: Engine, timeout: float) -> dict[str, Any]:
    return wait_until(
        lambda: engine.call("GET", "/info")["Swarm"],
        lambda seen: seen["LocalNodeState"] != "pending",
        timeout,
        "this host to be an active node of the swarm",
        show=lambda seen: f"state {seen['LocalNodeState']}{': ' + seen['Error'] if seen.get('Error') else ''}",
    )


def _unreachable(remote: str) -> str:
    host, _colon, port = remote.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5):
            return ""
    except (OSError, ValueError) as error:
        return f"cannot be reached ({error})"


def _same_swarm(remotes: list[str], swarm: Mapping[str, Any]) -> None:
    """A host of another swarm is refused. Where names were given instead of addresses, nothing can be said."""
    known = _managers(swarm)
    if (
        remotes
        and known
        and all(_is_address(one.rpartition(":")[0]) for one in remotes)
        and not set(remotes) & set(known)
    ):
        raise Refused(
            f"this host is in another swarm already (its managers: {', '.join(known)}; wanted: {', '.join(remotes)}); "
            "if that swarm may lose it, let it leave first with state: absent"
        )


def _managers(swarm: Mapping[str, Any]) -> list[str]:
    return sorted(one["Addr"] for one in swarm.get("RemoteManagers") or [])


def with_port(remote: str) -> str:
    bare = remote.count(":") > 1 and not remote.startswith("[")
    host = f"[{remote}]" if bare else remote
    return host if host.rpartition(":")[2].isdigit() and not host.endswith("]") else f"{host}:2377"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


# --- state: absent and remove ------------------------------------------------------------------------------------


def _leave(engine: Engine, params: Mapping[str, Any], swarm: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    if swarm.get("LocalNodeState") == "inactive":
        return _result([], {}, [])
    if swarm.get("ControlAvailable") and not params["force"]:
        raise Refused(
            f"this host is one of {swarm.get('Managers', '?')} managers of its swarm; leaving can cost the quorum: "
            "demote it first, or allow it with force: true"
        )
    if not check_mode:
        engine.call("POST", "/swarm/leave", query={"force": params["force"]})
        wait_until(
            lambda: engine.call("GET", "/info")["Swarm"]["LocalNodeState"],
            lambda state: state == "inactive",
            params["wait_timeout"],
            "this host to have left its swarm",
        )
    return _result([Change("swarm", swarm.get("LocalNodeState"), "left")], {}, ["left the swarm"])


def _remove(engine: Engine, params: Mapping[str, Any], _swarm: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    ident = params["node_id"]
    if not ident:
        raise InputError('option "node_id" is needed to remove a node; give its ID or host name')
    try:
        node = engine.call("GET", f"/nodes/{ident}")
    except NotFound:
        return _result([], {}, [])
    if not check_mode:
        if not params["force"]:
            wait_until(
                lambda: engine.call("GET", f"/nodes/{ident}")["Status"]["State"],
                lambda state: state == "down",
                params["wait_timeout"],
                f'node "{ident}" to be down (it must leave first; force: true removes it as it is)',
            )
        engine.call("DELETE", f"/nodes/{node['ID']}", query={"force": params["force"]})
    return _result([Change(f"node {ident}", node["Status"]["State"], None)], {}, [f"removed node {ident}"])


def _result(changes: list[Change], facts: Mapping[str, Any], actions: list[str]) -> dict[str, Any]:
    return {"changed": bool(changes), "actions": actions, "swarm_facts": facts, "diff": fields.as_diff(changes)}
