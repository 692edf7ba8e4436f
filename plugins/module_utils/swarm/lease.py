# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deployment's lease: one run at a time changes what could take servers away.

It is a config of the swarm, which every manager has. Who makes it first has it, since a name is given once. From then
on it stays: its labels say who holds it and until when, and the Engine takes an update of labels only against the
version that was read. So taking, renewing, taking over and letting go are each one compare-and-set, and of two that try
at the same moment one is told so. It holds no secret.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from time import time
from typing import Any, Callable, Optional, TypeVar

from ..engine import Engine, passes, retry_out_of_sequence
from ..errors import Conflict, EngineError, InputError, OverlayError, Refused
from ..wait import wait_until

NAME = "baremetal-overlay-lease"
PREFIX = "baremetal.overlay.lease."
NOTE = b"The lease of baremetal.overlay: its labels say which run may change this deployment. See docs/lease.md.\n"
# Runs that lost the lease and may not know it yet; more than have ever been under way at once.
DISPLACED = 16
# A lease that runs out within a step keeps no other run away from it.
LEAST = 60
# A leader is elected within seconds.
LEADER_TIME = 30
Result = TypeVar("Result")
_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"

HOLDER: dict[str, Any] = {
    "run": {"type": "str", "required": True},
    "controller": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "pid": {"type": "int", "required": True},
    "started": {"type": "str", "default": ""},
    "place": {"type": "str", "default": ""},
}
SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
    "holder": {"type": "dict", "options": HOLDER},
    "seconds": {"type": "int", "default": 1800},
    "takeover": {"type": "str", "default": ""},
    "ended": {"type": "str", "default": ""},
    "looked": {"type": "float"},
    # For the controller, which asks one after another.
    "through": {"type": "list", "elements": "str"},
}


@dataclass(frozen=True)
class Lease:
    """``written``: when its holder last took, renewed or let go of it."""

    run: str
    controller: str
    user: str
    pid: int
    started: str
    place: str
    since: float
    until: float
    written: float
    released: bool = False
    displaced: tuple[str, ...] = ()

    def live(self, now: float) -> bool:
        return not self.released and now < self.until

    @property
    def who(self) -> str:
        return f"{self.user} on {self.controller} (process {self.pid}, run {self.run})"

    def labels(self) -> dict[str, str]:
        times = {name: moment(getattr(self, name)) for name in ("since", "until", "written")}
        words = {name: getattr(self, name) for name in ("run", "controller", "user", "started", "place")}
        own = {**words, **times, "pid": str(self.pid), "displaced": ",".join(self.displaced)}
        own["state"] = "released" if self.released else "held"
        return {f"{PREFIX}{name}": value for name, value in own.items()}

    def shown(self) -> dict[str, Any]:
        """What a module returns of it."""
        times = {name: moment(getattr(self, name)) for name in ("since", "until")}
        names = ("run", "controller", "user", "pid", "started", "place", "released")
        return {**{name: getattr(self, name) for name in names}, **times}


class Held(Refused):
    """It may not be taken. ``facts``: who has it, so that the controller can tell whether that run is still there."""

    def __init__(self, message: str, live: Lease) -> None:
        super().__init__(f"the deployment's lease: {message}")
        self.facts = {"lease": live.shown()}


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime(_FORMAT)


def clock_time(seconds: float) -> str:
    """As an operator reads it."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def _seconds(text: str) -> float:
    return datetime.strptime(text, _FORMAT).replace(tzinfo=timezone.utc).timestamp()


def read(config: Mapping[str, Any]) -> Lease:
    """What a config of that name says; one that says it in another way is not taken for a free lease."""
    labels = config["Spec"].get("Labels") or {}
    own = {name[len(PREFIX) :]: value for name, value in labels.items() if name.startswith(PREFIX)}
    try:
        return Lease(
            run=own["run"],
            controller=own["controller"],
            user=own["user"],
            pid=int(own["pid"]),
            started=own["started"],
            place=own["place"],
            since=_seconds(own["since"]),
            until=_seconds(own["until"]),
            written=_seconds(own["written"]),
            released=own["state"] != "held",
            displaced=tuple(name for name in own["displaced"].split(",") if name),
        )
    except (KeyError, ValueError) as error:
        refused = Refused(
            f'config "{NAME}": its labels are not those of a lease ({error}); no run can tell who holds this '
            f"deployment: make sure that none is under way, then remove it (docker config rm {NAME})"
        )
        refused.facts = {"lease": {}}
        raise refused from error


# --- what becomes of it: pure ------------------------------------------------------------------------------------


def take(live: Optional[Lease], params: Mapping[str, Any], now: float) -> Lease:
    """The lease as the asking run has it; raises where it may not."""
    holder = params["holder"]
    until = now + params["seconds"]
    if live and live.run == holder["run"] and not live.released:
        return replace(live, until=until, written=now)
    asked = Lease(**holder, since=now, until=until, written=now)
    if live is None:
        return asked
    _not_displaced(live, holder)
    if live.live(now) and live.run not in (params["takeover"], params["ended"]):
        raise Held(
            f"{live.who} holds it since {clock_time(live.since)}, until {clock_time(live.until)} at the latest; one "
            "run at a time changes a deployment, and this one has changed nothing: wait until that run has ended, or "
            f"take its lease over by overlay_lease_takeover: {live.run} if it is known to be gone",
            live,
        )
    if params["takeover"] != live.run:
        _not_since(live, params["looked"])
    displaced = live.displaced if live.released else (*live.displaced, live.run)
    return replace(asked, displaced=displaced[-DISPLACED:])


def _not_displaced(live: Lease, holder: Mapping[str, Any]) -> None:
    if holder["run"] in live.displaced:
        raise Held(
            f"this run ({holder['run']}) has lost it, and the last to take it was {live.who}, at "
            f"{clock_time(live.since)}; this run changes nothing more: look at what that one did, then run again",
            live,
        )


def _not_since(live: Lease, looked: Optional[float]) -> None:
    """What was planned before another run's last step may be done already, or no longer be right."""
    if looked is not None and live.written >= looked:
        raise Held(
            f"{live.who} had it until {clock_time(live.written)}, and this run looked at the hosts at "
            f"{clock_time(looked)} already; its plan may be out of date, and nothing was changed: run again",
            live,
        )


# --- the swarm ---------------------------------------------------------------------------------------------------


def find(engine: Engine) -> Optional[dict[str, Any]]:
    """The filter finds all names that begin like it."""
    listed = engine.call("GET", "/configs", query={"filters": {"name": [NAME]}})
    return next((one for one in listed if one["Spec"]["Name"] == NAME), None)


def _write(engine: Engine, config: Optional[Mapping[str, Any]], lease: Lease) -> None:
    if config is None:
        body = {"Name": NAME, "Labels": lease.labels(), "Data": base64.b64encode(NOTE).decode()}
        engine.call("POST", "/configs/create", body)
        return
    body = {**config["Spec"], "Labels": {**(config["Spec"].get("Labels") or {}), **lease.labels()}}
    engine.call("POST", f"/configs/{config['ID']}/update", body, query={"version": config["Version"]["Index"]})


def converge(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Between two leaders a manager says so, and is asked again; a host in no swarm says that it is ``outside``."""
    if not params["holder"]:
        raise InputError('option "holder": is not given; run this as a task, which says itself who asks')
    if params["seconds"] < LEAST:
        raise InputError(
            f'option "seconds": is {params["seconds"]}, and no step is as short; give {LEAST} or more, in an inventory '
            "as overlay_lease_seconds"
        )
    step = _hold if params["state"] == "present" else _release
    found: list[dict[str, Any]] = []
    try:
        wait_until(
            lambda: found.append(step(engine, params, check_mode)),
            lambda _nothing: True,
            LEADER_TIME,
            "a manager that has a leader",
            excuse=lambda error: passes(error) and not _is_outside(error),
        )
    except EngineError as error:
        error.facts = {"outside": _is_outside(error)}
        raise
    return found[0]


def _is_outside(error: OverlayError) -> bool:
    """Whether there is no swarm here, or no engine."""
    return getattr(error, "state", "") == "inactive" or bool(getattr(error, "absent", False))


def _hold(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    taken: list[bool] = []

    def attempt() -> Lease:
        config = find(engine)
        live = read(config) if config else None
        lease = take(live, params, time())
        taken[:] = [live is None or live.run != lease.run or live.released]
        if not check_mode:
            _write(engine, config, lease)
        return lease

    try:
        lease = _retried(attempt)
    except Held as error:
        if not check_mode:
            raise
        return {"changed": False, "taken": False, "lease": error.facts["lease"], "warnings": [str(error)]}
    return {"changed": taken[0], "taken": taken[0] and not check_mode, "lease": lease.shown()}


def _release(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    def attempt() -> dict[str, Any]:
        config = find(engine)
        live = read(config) if config else None
        if not config or not live or live.released or live.run != params["holder"]["run"]:
            # It has gone to another run, which keeps it.
            return {"changed": False, "taken": False, "lease": live.shown() if live else {}}
        now = time()
        freed = replace(live, released=True, until=now, written=now)
        if not check_mode:
            _write(engine, config, freed)
        return {"changed": True, "taken": False, "lease": freed.shown()}

    return _retried(attempt)


def _retried(attempt: Callable[[], Result]) -> Result:
    """Who lost the race for it reads who has it."""
    try:
        return retry_out_of_sequence(attempt)
    except Conflict:
        return retry_out_of_sequence(attempt)
