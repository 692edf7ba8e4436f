# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a service has converged, as the docker CLI decides it.

Pure: what the Engine answered goes in (service, its tasks with filter ``_up-to-date=true``, nodes), a verdict comes
out. Time comes in as a number, so several services are followed in one loop with one clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_MONITOR = 5.0
NANOSECONDS = 1_000_000_000

# The order in which a task goes through its states; what is not named here is not counted.
STATES = {
    state: number
    for number, state in enumerate(
        (
            "new",
            "allocated",
            "pending",
            "assigned",
            "accepted",
            "preparing",
            "ready",
            "starting",
            "running",
            "complete",
            "shutdown",
            "failed",
            "rejected",
        ),
        start=1,
    )
}
# On a node, and not over yet.
STARTED = ("assigned", "accepted", "preparing", "ready", "starting", "running")
JOB_MODES = ("ReplicatedJob", "GlobalJob")
# The restart conditions under which Swarm starts no other task once one has ended well.
ENDING = ("none", "on-failure")
FAILED_UPDATES = {
    "paused": "its update is paused",
    "rollback_paused": "its rollback is paused",
    "rollback_completed": "its update failed and was rolled back",
}
# To Swarm's updates every task that ends is a failure, whatever its exit code.
EARLY = (
    "; Swarm takes a task that ends within update_config.monitor for one that failed: for tasks that run once give "
    "update_config failure_action: continue, or make the service a job (mode: replicated-job)"
)
# The same states, where the rollback was asked for.
ASKED_FOR = {"rollback_started": "rolling back", "rollback_completed": "completed"}
ERRORS_SHOWN = 3


@dataclass(frozen=True)
class Verdict:
    """What one look at a service says. ``wanted`` is None while the orchestrator has not made any task yet."""

    name: str
    running: int
    wanted: int | None
    hold: float
    update: str = ""
    failure: str = ""
    errors: tuple[str, ...] = ()
    word: str = "running"
    # Why tasks are given up for good, if they stay so: a change that was just made has not replaced them yet.
    over: str = ""
    # Tasks of a service that is no job which ended well, and which its restart policy does not start again.
    ended: int = 0

    @property
    def complete(self) -> bool:
        """While an update is taken back, the tasks that run are not those that were asked for."""
        counted = self.running + self.ended
        return self.wanted is not None and counted == self.wanted and self.update != "rollback_started"

    def describe(self) -> str:
        wanted = "?" if self.wanted is None else str(self.wanted)
        text = f'service "{self.name}": {self.running} of {wanted} {self.word}'
        if self.ended:
            text += f", {self.ended} complete"
        if self.wanted is None:
            text += ", no node takes it"
        if self.update:
            text += f", update {self.update}"
        return text + "".join(f"; {error}" for error in self.errors)


@dataclass(frozen=True)
class Progress:
    """A service that is being followed: the last verdict, and since when it is complete, or over, without a break."""

    verdict: Verdict
    since: float | None = None
    over_since: float | None = None

    def converged(self, now: float) -> bool:
        return self.since is not None and now - self.since >= self.verdict.hold

    def failure(self, now: float) -> str:
        given_up = self.over_since is not None and now - self.over_since >= DEFAULT_MONITOR
        return self.verdict.failure or (self.verdict.over if given_up else "")


def advance(before: Progress | None, verdict: Verdict, now: float) -> Progress:
    """A service that falls back below what is wanted has to hold for the whole monitor period again."""
    whole = verdict.complete and not verdict.failure
    since, over_since = (before.since, before.over_since) if before else (None, None)
    return Progress(verdict, _kept(since, whole, now), _kept(over_since, bool(verdict.over), now))


def _kept(since: float | None, holds: bool, now: float) -> float | None:
    if not holds:
        return None
    return now if since is None else since


def needs_waiting(service: Mapping[str, Any]) -> bool:
    """True for a service of a list call (``status=true``) that is not where its specification wants it."""
    update = (service.get("UpdateStatus") or {}).get("State", "")
    if update not in ("", "completed", "rollback_completed"):
        return True
    status, mode = service.get("ServiceStatus") or {}, service["Spec"].get("Mode") or {}
    running, desired, complete = (status.get(f"{word}Tasks", 0) for word in ("Running", "Desired", "Completed"))
    if "ReplicatedJob" in mode:
        return bool(complete < completions(mode))
    if "GlobalJob" in mode:
        # The Engine wants no more tasks of a job that has done with them.
        return bool(desired or not complete)
    return bool(running != desired)


def judge(
    service: dict[str, Any],
    tasks: list[dict[str, Any]],
    nodes: list[dict[str, Any]],
    changed: bool = True,
    rollback: bool = False,
) -> Verdict:
    """``changed``: this run changed the service, so a failed update is a failure even if the tasks recovered since.

    ``rollback``: this run asked for the rollback, which otherwise is what a failed update comes to.
    """
    current = _current(service, tasks)
    counted, wanted = _count(service, current, nodes)
    ended = _ended(service, current, nodes)
    # Also where all run at this moment: tasks that fail and start again do so between their failures.
    errors = task_errors(tasks, names_of(nodes))
    status = service.get("UpdateStatus") or {}
    update = status.get("State", "")
    if rollback:
        update = ASKED_FOR.get(update, update)
    coming = _coming(current) if ended and not errors else 0
    lacking, failure = counted + ended + coming != wanted, ""
    if update in FAILED_UPDATES and _is_failure(update, ended, lacking, changed):
        message = status.get("Message", "")
        failure = FAILED_UPDATES[update] + (f" ({message})" if message else "")
        failure += EARLY if may_end(service["Spec"]) and not errors else ""
    job = is_job(service["Spec"])
    return Verdict(
        name=service["Spec"]["Name"],
        running=counted,
        wanted=wanted,
        hold=0.0 if job else _hold(service, ended, wanted, changed),
        update="" if update == "completed" else update,
        failure=failure,
        over=_given_up(service, current, nodes) if update in ("", "completed") else "",
        errors=errors,
        word="complete" if job else "running",
        ended=ended,
    )


def _is_failure(update: str, ended: int, lacking: bool, changed: bool) -> bool:
    """What was rolled back before this run is on its way; what is paused stays where it is.

    An update pauses, too, where a task has ended well before its time: no harm where no other is left to be updated.
    """
    if update == "paused" and ended and not lacking:
        return False
    return changed or (lacking and update != "rollback_completed")


def _hold(service: dict[str, Any], ended: int, wanted: int | None, changed: bool) -> float:
    """What has ended does not fall back; but a change that was just made may be about to start it again."""
    if ended and not changed and ended == wanted:
        return 0.0
    return max(_monitor(service), DEFAULT_MONITOR if ended else 0.0)


def nodes_up(nodes: list[dict[str, Any]]) -> set[str]:
    return {node["ID"] for node in nodes if (node.get("Status") or {}).get("State") != "down"}


def names_of(nodes: list[dict[str, Any]]) -> dict[str, str]:
    return {node["ID"]: (node.get("Description") or {}).get("Hostname", node["ID"]) for node in nodes}


def task_errors(tasks: list[dict[str, Any]], hostnames: dict[str, str]) -> tuple[str, ...]:
    """The newest distinct errors: which task, on which node, in which state, what it said, its exit code."""
    seen: list[str] = []
    for task in sorted(tasks, key=lambda task: (task.get("Status") or {}).get("Timestamp", ""), reverse=True):
        status = task.get("Status") or {}
        error = status.get("Err", "")
        if not error:
            continue
        node = hostnames.get(task.get("NodeID", ""), "")
        where = f" on node {node}" if node else ""
        code = (status.get("ContainerStatus") or {}).get("ExitCode", 0)
        exit_code = f", exit code {code}" if code and f"({code})" not in error else ""
        sentence = f"task {_slot(task)}{where} {status.get('State')}: {error}{exit_code}"
        if sentence not in seen:
            seen.append(sentence)
        if len(seen) == ERRORS_SHOWN:
            break
    return tuple(seen)


def _slot(task: dict[str, Any]) -> str:
    return str(task.get("Slot") or task.get("ID", "")[:12])


def is_job(spec: Mapping[str, Any]) -> bool:
    return any(mode in spec.get("Mode", {}) for mode in JOB_MODES)


def _monitor(service: dict[str, Any]) -> float:
    monitor = (service["Spec"].get("UpdateConfig") or {}).get("Monitor") or 0
    return monitor / NANOSECONDS if monitor else DEFAULT_MONITOR


def _current(service: dict[str, Any], tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tasks with known states; for a job only those of its present run."""
    known = [
        task
        for task in tasks
        if task.get("DesiredState") in STATES and (task.get("Status") or {}).get("State") in STATES
    ]
    if not is_job(service["Spec"]):
        return known
    run = _iteration(service.get("JobStatus"))
    return [task for task in known if "JobIteration" in task and _index(task["JobIteration"]) == run]


def _iteration(job_status: Any) -> int:
    return _index((job_status or {}).get("JobIteration"))


def _index(version: Any) -> int:
    return int((version or {}).get("Index", 0))


def completions(mode: Mapping[str, Any]) -> int:
    """How many tasks of a replicated job have to complete: as many as run at once, unless it is said."""
    job = mode["ReplicatedJob"] or {}
    return int(job.get("TotalCompletions", job.get("MaxConcurrent", 1)))


def _count(service: dict[str, Any], tasks: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> tuple[int, int | None]:
    """How many count, and how many are wanted."""
    mode, up = service["Spec"].get("Mode") or {}, nodes_up(nodes)
    if "ReplicatedJob" in mode:
        return sum(map(_complete, _lowest(tasks, "Slot"))), completions(mode)
    if "GlobalJob" in mode:
        on_nodes = _lowest([task for task in tasks if task.get("NodeID") in up], "NodeID")
        return sum(map(_complete, on_nodes)), len(on_nodes) or None
    placed = _placed(mode, tasks, nodes)
    wanted = int((mode["Replicated"] or {}).get("Replicas", 1)) if "Replicated" in mode else len(placed) or None
    return sum(map(_running, placed)), wanted


def _placed(mode: Mapping[str, Any], tasks: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The task of each slot or node of a service that is no job."""
    up = nodes_up(nodes)
    if "Replicated" in mode:
        return _lowest([task for task in tasks if not task.get("NodeID") or task["NodeID"] in up], "Slot")
    on_nodes = _lowest([task for task in tasks if task.get("NodeID") in up], "NodeID")
    # A task that was stopped and not replaced is on a node that no longer qualifies (drained, label gone).
    # One that failed before its node was drained is over just as well.
    drained = {node["ID"] for node in nodes if (node.get("Spec") or {}).get("Availability") == "drain"}
    return [
        task
        for task in on_nodes
        if task["Status"]["State"] != "shutdown" and not (_over(task) and task["NodeID"] in drained)
    ]


def _given_up(service: dict[str, Any], tasks: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> str:
    """Swarm replaces a task in the step in which it gives it up: one that is over and the last of its slot stays so."""
    if is_job(service["Spec"]):
        return ""
    bad = ("failed", "rejected") if may_end(service["Spec"]) else ("failed", "rejected", "complete")
    over = [one for one in _placed(service["Spec"].get("Mode") or {}, tasks, nodes) if _over(one)]
    ended = sum(task["Status"]["State"] in bad for task in over)
    return f"{ended} of its tasks ended, and its restart policy starts no other" if ended else ""


def _ended(service: dict[str, Any], tasks: list[dict[str, Any]], nodes: list[dict[str, Any]]) -> int:
    """How many tasks have done what they were for. While an update goes on, they may be those that it replaces."""
    update = (service.get("UpdateStatus") or {}).get("State", "")
    if not may_end(service["Spec"]) or update in ("updating", "rollback_started"):
        return 0
    placed = _placed(service["Spec"].get("Mode") or {}, tasks, nodes)
    return sum(_over(one) and _complete(one) for one in placed)


def may_end(spec: Mapping[str, Any]) -> bool:
    """Of a service, no job, whose tasks run once: one that has ended well is not started again."""
    policy = (spec.get("TaskTemplate") or {}).get("RestartPolicy") or {}
    return not is_job(spec) and policy.get("Condition") in ENDING


def _coming(tasks: list[dict[str, Any]]) -> int:
    """Slots or nodes whose task is on its way to run."""
    return sum(
        STATES[one["Status"]["State"]] < STATES["running"] and STATES[one["DesiredState"]] <= STATES["running"]
        for one in _lowest(tasks, "Slot" if any(one.get("Slot") for one in tasks) else "NodeID")
    )


def _lowest(tasks: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """One task a slot or node: the one with the lowest desired state, then with the lowest state."""
    chosen: dict[Any, dict[str, Any]] = {}
    for task in tasks:
        other = chosen.get(task.get(key))
        if other is None or _rank(task) < _rank(other):
            chosen[task.get(key)] = task
    return list(chosen.values())


def _rank(task: dict[str, Any]) -> tuple[int, int]:
    return STATES[task["DesiredState"]], STATES[task["Status"]["State"]]


def _running(task: dict[str, Any]) -> bool:
    return STATES[task["DesiredState"]] <= STATES["running"] and bool(task["Status"]["State"] == "running")


def _over(task: dict[str, Any]) -> bool:
    """Nobody wants it to run, and it does not."""
    return min(_rank(task)) > STATES["running"]


def _complete(task: dict[str, Any]) -> bool:
    return bool(task["Status"]["State"] == "complete")
