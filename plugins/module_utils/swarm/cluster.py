# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The swarm itself: its table, and the plans to make one and to change it. ``membership.py``: joining and leaving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .. import fields
from ..addresses import same
from ..engine import DEFAULT_HOST, Engine, retry_out_of_sequence, worker
from ..errors import EngineError, InputError, NoLeader, NotManager, Refused
from ..host.system import System
from ..rows import KEYED, SET, WRITE_ONLY, Change, Field
from ..units import POSITIVE, TEXT_MAP
from ..versions import gate
from ..wait import wait_until
from . import addresses, membership
from .membership import in_swarm, result, same_swarm, settled, with_port
from .quorum import name_of

_HOUR = 3600 * 1_000_000_000
_DAY = 24 * _HOUR

TABLE = (
    Field("name", "Name", default="default"),
    Field("labels", "Labels", "dict", convert=TEXT_MAP),
    Field("task_history_retention_limit", "Orchestration.TaskHistoryRetentionLimit", "int", default=5, minimum=-1),
    Field("snapshot_interval", "Raft.SnapshotInterval", "int", convert=POSITIVE, default=10_000),
    Field("keep_old_snapshots", "Raft.KeepOldSnapshots", "int"),
    Field("log_entries_for_slow_followers", "Raft.LogEntriesForSlowFollowers", "int", convert=POSITIVE, default=500),
    Field("heartbeat_tick", "Raft.HeartbeatTick", "int", convert=POSITIVE, default=1),
    Field("election_tick", "Raft.ElectionTick", "int", convert=POSITIVE, default=10),
    Field("dispatcher_heartbeat_period", "Dispatcher.HeartbeatPeriod", "int", convert=POSITIVE, default=5_000_000_000),
    Field("node_cert_expiry", "CAConfig.NodeCertExpiry", "int", convert=POSITIVE, default=90 * _DAY, minimum=_HOUR),
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
    "behind_nat": {"type": "bool", "default": False},
    "node_id": {"type": "str"},
    "join_token": {"type": "str", "no_log": True},
    "unlock_key": {"type": "str", "no_log": True},
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


def converge(
    engine: Engine, params: Mapping[str, Any], check_mode: bool, system: Optional[System] = None
) -> dict[str, Any]:
    """``system``: the host that this runs on; without it only what needs no look at it is checked."""
    swarm = engine.call("GET", "/info").get("Swarm") or {}
    if swarm.get("LocalNodeState") == "pending" and not (check_mode or params["force"] or params["state"] == "absent"):
        # An interrupted attempt to join goes on in the background, or a restarted manager looks for the others.
        swarm = settled(engine, params["wait_timeout"])
    locked = swarm.get("LocalNodeState") == "locked" and params["unlock_key"]
    if locked and check_mode:
        # What is behind the lock cannot be told.
        return _unlocked(result([], {}, []))
    if locked:
        swarm = membership.unlock(engine, params["unlock_key"], params["wait_timeout"])
    host = None
    if system and _is_here(params) and not membership.stays(swarm, params):
        host = addresses.look(system)
    if params["state"] == "present":
        done = _present(engine, params, swarm, check_mode, host)
    elif params["state"] == "join":
        done = _join(engine, params, swarm, check_mode, host)
    elif params["state"] == "absent":
        done = membership.leave(engine, params, swarm, check_mode)
    else:
        done = membership.remove(engine, params, check_mode)
    return _unlocked(done) if locked else done


def _is_here(params: Mapping[str, Any]) -> bool:
    """The engine's host is this one where it is reached through a file; elsewhere only the engine can look and try."""
    return str(params.get("docker_host") or DEFAULT_HOST).startswith("unix://")


def _unlocked(done: dict[str, Any]) -> dict[str, Any]:
    diff = {
        "before": {"lock": "locked", **done["diff"]["before"]},
        "after": {"lock": "unlocked", **done["diff"]["after"]},
    }
    return {**done, "changed": True, "actions": ["unlocked the swarm", *done["actions"]], "diff": diff}


def public(live: Mapping[str, Any]) -> dict[str, Any]:
    """The swarm's inspect without what lets others in."""
    return {key: value for key, value in live.items() if key != "JoinTokens"}


# --- state: present ----------------------------------------------------------------------------------------------


def _present(
    engine: Engine,
    params: Mapping[str, Any],
    swarm: Mapping[str, Any],
    check_mode: bool,
    host: Optional[addresses.Host],
) -> dict[str, Any]:
    # A manager that restarted alone stays pending; to go on alone it need not wait.
    here = True if params["force"] and swarm.get("LocalNodeState") == "pending" else in_swarm(swarm)
    update = here and not params["force"]
    if update and not swarm.get("ControlAvailable"):
        raise Refused(worker(swarm))
    (want, founded, entered), warnings = _wanted(engine, params, (TABLE, FOUNDED, () if update else ENTERED), host)
    if update:
        return _update(engine, params, want, founded, swarm, check_mode)
    if founded.get("subnet_size") or founded.get("default_addr_pool"):
        # The Engine takes no notice of a size without a pool, and a pool without a size for one of /0.
        founded = {"subnet_size": addresses.SUBNET_SIZE, "default_addr_pool": [addresses.DEFAULT_POOL], **founded}
    body = {
        **fields.merge(ENTERED, None, entered),
        **fields.merge(FOUNDED, None, founded),
        "ForceNewCluster": here,
        "AutoLockManagers": bool(want.get("autolock_managers")),
        "Spec": fields.merge(TABLE, None, want),
    }
    changes = [Change("swarm", "another" if here else None, "initialised")]
    changes += fields.diff([*TABLE, *FOUNDED], {**want, **founded}, None)
    facts: dict[str, Any] = {"Spec": {**body["Spec"], **_hidden(want)}}
    if here:
        _not_autolocked(engine)
    if not check_mode:
        _initialise(engine, body)
        facts = public(engine.call("GET", "/swarm"))
    return result(changes, facts, ["initialised a swarm"], warnings)


def _wanted(
    engine: Engine,
    params: Mapping[str, Any],
    tables: tuple[Sequence[Field], Sequence[Field], Sequence[Field]],
    host: Optional[addresses.Host],
    violations: Sequence[str] = (),
) -> tuple[list[dict[str, Any]], list[str]]:
    """What is wanted of the swarm, of its making and of the way in, and warnings; what cannot be is said at once."""
    found: list[dict[str, Any]] = []
    said = list(violations)
    for table in tables:
        try:
            found.append(fields.build(table, params))
        except InputError as error:
            found.append({})
            said += error.violations
        said += gate(table, found[-1], engine.api_version)
    others = {}
    if params["state"] == "join":
        remotes = params["remote_addrs"] or []
        others = addresses.taken(found[2], remotes, host, params["behind_nat"], membership.answers)
    checked = addresses.check(found[2], found[1], host, params["behind_nat"], others)
    cert, key = params["signing_ca_cert"], params["signing_ca_key"]
    if key and not cert:
        said.append('option "signing_ca_key" is given without signing_ca_cert; give both')
    if cert and not key and not params["external_cas"]:
        said.append('option "signing_ca_cert" is given without signing_ca_key; give it, or external_cas that sign')
    if said or checked.violations:
        raise InputError([*said, *checked.violations])
    return found, checked.warnings


def _not_autolocked(engine: Engine) -> None:
    """The Engine cannot read an autolocked manager's key for that: it fails, and is in no swarm until it restarts."""
    try:
        live = engine.call("GET", "/swarm")
    except (NoLeader, NotManager):
        return
    if (live["Spec"].get("EncryptionConfig") or {}).get("AutoLockManagers"):
        raise Refused(
            "this host's swarm locks its managers, and the Engine makes no new swarm of a manager that is locked; "
            "turn it off first with autolock_managers: false"
        )


def _initialise(engine: Engine, body: Mapping[str, Any]) -> None:
    try:
        engine.call("POST", "/swarm/init", body)
    except NotManager as error:
        if not body["ForceNewCluster"] or error.state == "active":
            raise
        raise EngineError(
            "the Engine makes no new swarm of a manager whose swarm locks its managers, and has let go of it: restart "
            "the engine (systemctl restart docker), unlock it with unlock_key, and bring back the other managers"
        ) from error


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
        if params["rotate_manager_unlock_key"] and not (spec.get("EncryptionConfig") or {}).get("AutoLockManagers"):
            raise InputError(
                'option "rotate_manager_unlock_key": the managers of this swarm are not locked and have no key; give '
                "autolock_managers: true, or leave the option out"
            )
        if changes and not check_mode:
            # The daemon takes what is not in the spec for zero: it gets the whole live spec, with the changes in it.
            engine.call("POST", "/swarm/update", spec, query={"version": live["Version"]["Index"], **rotations})
        if not check_mode and (changes or live.get("RootRotationInProgress")):
            facts = public(_rooted(engine, params["wait_timeout"]))
        return result(changes, facts, ["changed the swarm"] if changes else [], _address_warning(params, swarm))

    return retry_out_of_sequence(attempt)


def _rooted(engine: Engine, timeout: float) -> dict[str, Any]:
    """The swarm once all its nodes have certificates of its root: a new root is not in force before."""

    def away(_live: Mapping[str, Any]) -> str:
        nodes = [name_of(one) for one in engine.call("GET", "/nodes") if one["Status"]["State"] != "ready"]
        return f"root rotation in progress; nodes that are not ready: {', '.join(sorted(nodes)) or 'none'}"

    return wait_until(
        lambda: dict(engine.call("GET", "/swarm")),
        lambda live: not live.get("RootRotationInProgress"),
        timeout,
        "all nodes to have a certificate of the swarm's new root",
        show=away,
    )


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
    asked = addresses.split(params.get("advertise_addr") or "")[0]
    known = swarm.get("NodeAddr") or ""
    if addresses.is_address(asked) and known and not same(asked, known):
        return [f"this node is known to its swarm as {known}, not as {asked}: to change that it must leave and join"]
    return []


def _hidden(want: Mapping[str, Any], spec: Optional[Mapping[str, Any]] = None) -> dict[str, Any]:
    if not want.get("signing_ca_key"):
        return {}
    config = {key: one for key, one in ((spec or {}).get("CAConfig") or {}).items() if key != "SigningCAKey"}
    return {"CAConfig": config}


# --- state: join -------------------------------------------------------------------------------------------------


def _join(
    engine: Engine,
    params: Mapping[str, Any],
    swarm: Mapping[str, Any],
    check_mode: bool,
    host: Optional[addresses.Host],
) -> dict[str, Any]:
    remotes = [with_port(one) for one in params["remote_addrs"] or []]
    if in_swarm(swarm):
        same_swarm(remotes, swarm)
        return result([], _facts(engine, swarm), [], _address_warning(params, swarm))
    missing = [name for name in ("remote_addrs", "join_token") if not params[name]]
    violations = [] if check_mode else [f'option "{name}" is needed to join a swarm; give it' for name in missing]
    violations += addresses.remotes(params["remote_addrs"] or [])
    (_want, _founded, entered), warnings = _wanted(engine, params, ((), (), ENTERED), host, violations)
    through = ", ".join(remotes)
    facts: dict[str, Any] = {}
    if not check_mode:
        body = {**fields.merge(ENTERED, None, entered), "JoinToken": params["join_token"]}
        reach = membership.unreachable if _is_here(params) else lambda _remote: ""
        through = membership.join_through(engine, body, remotes, params["wait_timeout"], reach)
        facts = _facts(engine, engine.call("GET", "/info")["Swarm"])
    changes = [Change("swarm", None, f"joined through {through}")]
    return result(changes, facts, [f"joined the swarm through {through}"], warnings)


def _facts(engine: Engine, swarm: Mapping[str, Any]) -> dict[str, Any]:
    return public(engine.call("GET", "/swarm")) if swarm.get("ControlAvailable") else {}
