# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convergence, judged on answers of a real engine (20.10)."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.converge import (
    Verdict,
    advance,
    judge,
    needs_waiting,
)

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "swarm"


def load(name: str) -> dict[str, Any]:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def verdict_of(name: str, **more: Any) -> Verdict:
    return judge(**load(name), **more)


@pytest.mark.parametrize(
    ("name", "running", "wanted", "complete", "hold"),
    [
        ("replicated", 2, 2, True, 1.0),
        ("global", 1, 1, True, 1.0),
        ("replicated-job", 3, 3, True, 0.0),
        ("global-job", 1, 1, True, 0.0),
        ("pending", 0, 1, False, 5.0),
        ("failing", 0, 1, False, 5.0),
        ("paused", 0, 1, False, 5.0),
    ],
)
def test_counts(name: str, running: int, wanted: int, complete: bool, hold: float) -> None:
    verdict = verdict_of(name)
    assert (verdict.running, verdict.wanted, verdict.complete, verdict.hold) == (running, wanted, complete, hold)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pending", "task 1 pending: no suitable node (scheduling constraints not satisfied on 1 node)"),
        ("failing", "task 1 on node vm failed: task: non-zero exit (3)"),
        ("paused", "task 1 on node vm failed: task: non-zero exit (3)"),
    ],
)
def test_errors_say_task_node_and_reason(name: str, said: str) -> None:
    assert said in verdict_of(name).describe()


def test_failed_updates() -> None:
    assert "update is paused" in verdict_of("paused").failure
    assert "rolled back" in verdict_of("rolled-back").failure
    assert "update is paused" in verdict_of("paused", changed=False).failure, "its tasks still do not run"


def test_an_update_that_failed_before_this_run_is_none_of_its_business_if_what_runs_is_what_it_wants() -> None:
    found = load("replicated")
    found["service"]["UpdateStatus"] = {"State": "rollback_completed"}
    assert judge(**found).failure
    assert not judge(**found, changed=False).failure
    found["tasks"][0]["Status"]["State"] = "starting"
    verdict = judge(**found, changed=False)
    assert not verdict.failure and not verdict.complete, "what it was rolled back to is still starting"


def test_a_rollback_that_was_asked_for_is_an_update_like_others() -> None:
    found = load("replicated")
    found["service"]["UpdateStatus"] = {"State": "rollback_completed"}
    assert judge(**found, rollback=True).complete
    found["service"]["UpdateStatus"]["State"] = "rollback_started"
    assert judge(**found, rollback=True).complete and "rolling back" in judge(**found, rollback=True).describe()
    found["service"]["UpdateStatus"]["State"] = "rollback_paused"
    assert "its rollback is paused" in judge(**found, rollback=True).failure


def test_an_update_that_is_being_taken_back_is_not_complete() -> None:
    found = load("rolled-back")
    found["service"]["UpdateStatus"]["State"] = "rollback_started"
    assert not judge(**found).complete


def test_nodes_that_are_down_are_ignored() -> None:
    for name, wanted in (("replicated", 2), ("global", None)):
        found = load(name)
        found["nodes"][0]["Status"]["State"] = "down"
        verdict = judge(**found)
        assert (verdict.running, verdict.wanted, verdict.complete) == (0, wanted, False)


def test_the_lowest_state_of_a_slot_counts() -> None:
    """With start-first, the old task still runs while the new one starts."""
    found = load("replicated")
    newer = copy.deepcopy(found["tasks"][0])
    newer["ID"], newer["Status"]["State"] = "newer", "starting"
    found["tasks"].append(newer)
    assert judge(**found).running == 1


def test_a_task_that_was_stopped_for_good_does_not_count_in_a_global_service() -> None:
    found = load("global")
    drained = copy.deepcopy(found["tasks"][0])
    drained.update(ID="drained", NodeID="other", DesiredState="shutdown")
    drained["Status"]["State"] = "shutdown"
    found["tasks"].append(drained)
    found["nodes"].append({"ID": "other", "Status": {"State": "ready"}})
    assert judge(**found).complete


def test_a_task_that_failed_before_its_node_was_drained_does_not_count_in_a_global_service() -> None:
    found = load("global")
    failed = copy.deepcopy(found["tasks"][0])
    failed.update(ID="failed", NodeID="other", DesiredState="shutdown")
    failed["Status"]["State"] = "failed"
    found["tasks"].append(failed)
    node = {"ID": "other", "Status": {"State": "ready"}, "Spec": {"Availability": "active"}}
    found["nodes"].append(node)
    assert not judge(**found).complete
    node["Spec"] = {"Availability": "drain"}
    assert judge(**found).complete


@pytest.mark.parametrize(("mode", "said"), [("replicated", "1 of its tasks ended"), ("global", "1 of its tasks ended")])
def test_a_task_that_nothing_follows_ends_the_wait(mode: str, said: str) -> None:
    found = load(mode)
    last = found["tasks"][0]
    last["Status"]["State"] = "failed"
    assert not judge(**found).over, "it is about to be replaced"
    last["DesiredState"] = "shutdown"
    assert said in judge(**found).over
    first = advance(None, judge(**found), 10.0)
    assert not first.failure(14.9), "what was just changed may be about to replace it"
    assert said in advance(first, judge(**found), 15.0).failure(15.0)
    found["service"]["UpdateStatus"] = {"State": "updating"}
    assert not judge(**found).over, "the update says what comes of it"
    next_one = copy.deepcopy(last)
    next_one.update(ID="next", DesiredState="ready")
    next_one["Status"]["State"] = "new"
    del found["service"]["UpdateStatus"]
    found["tasks"].append(next_one)
    assert not judge(**found).over
    assert not advance(first, judge(**found), 15.0).failure(15.0)


def once(mode: str, condition: str, *states: str) -> dict[str, Any]:
    """A service whose tasks run once, in a slot or on a node each, and are over in these states."""
    found = load(mode)
    found["service"]["Spec"]["TaskTemplate"]["RestartPolicy"] = {"Condition": condition}
    template = found["tasks"][0]
    found["tasks"] = []
    for number, state in enumerate(states, 1):
        task = copy.deepcopy(template)
        task["ID"] = f"task{number}"
        task["DesiredState"] = "running" if state in ("running", "starting") else "shutdown"
        task["Status"]["State"] = state
        if mode == "replicated":
            task["Slot"] = number
        found["tasks"].append(task)
    return found


@pytest.mark.parametrize("condition", ["none", "on-failure"])
@pytest.mark.parametrize(
    ("mode", "states"),
    [("replicated", ("complete", "complete")), ("replicated", ("complete", "running")), ("global", ("complete",))],
)
def test_tasks_that_ended_well_and_are_not_started_again_have_converged(
    mode: str, condition: str, states: tuple[str, ...]
) -> None:
    verdict = judge(**once(mode, condition, *states))
    assert verdict.complete and not verdict.over and not verdict.failure
    assert (verdict.ended, verdict.hold) == (states.count("complete"), 5.0)
    assert f"{verdict.ended} complete" in verdict.describe()


def test_what_has_ended_is_believed_at_once_by_a_run_that_changed_nothing() -> None:
    assert judge(**once("replicated", "none", "complete", "complete"), changed=False).hold == 0.0
    assert judge(**once("replicated", "none", "complete", "running"), changed=False).hold == 5.0


@pytest.mark.parametrize(
    ("condition", "states", "ended"),
    [("none", ("complete", "failed"), 1), ("on-failure", ("failed", "failed"), 2), ("any", ("complete", "running"), 1)],
)
def test_tasks_that_ended_badly_or_should_go_on_have_not(condition: str, states: tuple[str, ...], ended: int) -> None:
    verdict = judge(**once("replicated", condition, *states))
    assert not verdict.complete
    assert f"{ended} of its tasks ended" in verdict.over


def test_while_an_update_goes_on_what_has_ended_may_be_what_it_replaces() -> None:
    found = once("replicated", "none", "complete", "complete")
    found["service"]["UpdateStatus"] = {"State": "updating"}
    assert not judge(**found).complete


def test_an_update_that_pauses_because_tasks_ended_well_is_no_failure_once_all_are_there() -> None:
    message = "update paused due to failure or early termination of task x"
    paused = {"State": "paused", "Message": message}
    found = once("replicated", "none", "complete", "complete")
    found["service"]["UpdateStatus"] = paused
    assert judge(**found).complete and not judge(**found).failure
    found = once("replicated", "none", "complete", "starting")
    found["service"]["UpdateStatus"] = paused
    assert not judge(**found).complete and not judge(**found).failure, "the other one is on its way"
    found["tasks"].pop()
    assert "give update_config failure_action: continue" in judge(**found).failure
    found = once("replicated", "none", "complete", "failed")
    found["service"]["UpdateStatus"] = paused
    found["tasks"][1]["Status"]["Err"] = "task: non-zero exit (3)"
    assert "update is paused" in judge(**found).failure and "continue" not in judge(**found).failure


def test_tasks_of_an_earlier_run_of_a_job_do_not_count() -> None:
    found = load("replicated-job")
    found["service"]["JobStatus"] = {"JobIteration": {"Index": 7}}
    assert judge(**found).running == 0


def test_it_has_to_hold_for_the_monitor_period_without_a_break() -> None:
    good, bad = verdict_of("replicated"), Verdict("replicated", 1, 2, 1.0)
    first = advance(None, good, 10.0)
    assert not first.converged(10.9)
    assert advance(first, good, 11.0).converged(11.0)
    fallen = advance(first, bad, 10.5)
    again = advance(fallen, good, 10.6)
    assert not again.converged(11.1)
    assert again.converged(11.6)


@pytest.mark.parametrize(
    ("name", "waits"),
    [("replicated", False), ("global", False), ("replicated-job", False), ("pending", True), ("paused", True)],
)
def test_what_a_list_call_says_is_enough_to_know_whether_to_wait(name: str, waits: bool) -> None:
    assert needs_waiting(load(name)["service"]) is waits


@pytest.mark.parametrize(
    ("mode", "complete", "desired", "waits"),
    [
        ({"ReplicatedJob": {"TotalCompletions": 3}}, 2, 1, True),
        ({"ReplicatedJob": {"TotalCompletions": 3}}, 3, 1, False),
        ({"ReplicatedJob": {"MaxConcurrent": 2}}, 2, 0, False),
        ({"GlobalJob": {}}, 1, 1, True),
        ({"GlobalJob": {}}, 2, 0, False),
        ({"GlobalJob": {}}, 0, 0, True),
    ],
)
def test_a_job_is_waited_for_until_it_is_complete(
    mode: dict[str, Any], complete: int, desired: int, waits: bool
) -> None:
    status = {"CompletedTasks": complete, "DesiredTasks": desired, "RunningTasks": 0}
    assert needs_waiting({"Spec": {"Mode": mode}, "ServiceStatus": status}) is waits


@pytest.mark.parametrize(("state", "waits"), [("rollback_completed", False), ("rollback_paused", True)])
def test_what_was_rolled_back_long_ago_is_not_waited_for(state: str, waits: bool) -> None:
    assert needs_waiting({**load("replicated")["service"], "UpdateStatus": {"State": state}}) is waits
