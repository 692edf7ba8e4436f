# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of a manager and a worker: when they have converged, what they say when they do not, who else is at them."""

from __future__ import annotations

import multiprocessing
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError, OverlayError, WaitTimeout
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import node, service_info
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.service import TABLE
from ansible_collections.baremetal.overlay.plugins.module_utils.wait import wait_until
from private import PrivateEngine
from running import given, programs, quick, run_network, run_service, spec_of, tasks_of

FALSE = ["/bin/false"]


class Pair:
    def __init__(self, engines: list[PrivateEngine], manager: Engine, worker: Engine) -> None:
        self.first, self.second = engines
        self.manager, self.worker = manager, worker
        token = manager.call("GET", "/swarm")["JoinTokens"]["Worker"]
        address = f"{self.second.address}:2377"
        remotes = [f"{self.first.address}:2377"]
        body = {"ListenAddr": address, "AdvertiseAddr": address, "RemoteAddrs": remotes, "JoinToken": token}
        worker.call("POST", "/swarm/join", body)
        self.image = programs(manager, worker)
        self.ids = [engine.call("GET", "/info")["Swarm"]["NodeID"] for engine in (manager, worker)]

    def part(self) -> None:
        self.worker.call("POST", "/swarm/leave", query={"force": True})
        self.manager.call("DELETE", f"/nodes/{self.ids[1]}", query={"force": True})

    def service(self, name: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        return run_service(self.manager, check_mode, name=name, wait_timeout=60, **options)

    def state_of(self, ident: str) -> str:
        return str(self.manager.call("GET", f"/nodes/{ident}")["Status"]["State"])

    def set_node(self, engine: Engine, **options: Any) -> None:
        node.converge(engine, given(node.SPEC, hostname=self.ids[1], wait_timeout=60, **options), False)


def normal(result: dict[str, Any]) -> dict[str, Any]:
    """What a result says that the service is, in the words of the options."""
    return fields.read(TABLE, result["swarm_service"]["Spec"])


@pytest.fixture(scope="module")
def pair(engines: list[PrivateEngine], swarm_engine: Engine, bare_engine: Engine) -> Iterator[Pair]:
    """The second engine is a worker of the first one's swarm, and afterwards outside again."""
    made = Pair(engines, swarm_engine, bare_engine)
    yield made
    made.part()


@pytest.fixture
def name(pair: Pair, request: pytest.FixtureRequest) -> Iterator[str]:
    """A service's name of each test's own; the service is gone afterwards."""
    chosen = f"s{zlib.crc32(request.node.name.encode())}"
    yield chosen
    pair.service(chosen, state="absent")
    assert chosen not in [one["Spec"]["Name"] for one in pair.manager.call("GET", "/services")]


# --- what an update comes to -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["replicated", "global"])
@pytest.mark.parametrize(("action", "said"), [("pause", "its update is paused"), ("rollback", "was rolled back")])
def test_a_failed_update_says_which_task_failed_where_and_why(
    pair: Pair, name: str, mode: str, action: str, said: str
) -> None:
    options = quick(pair.image, mode=mode, update_config={"failure_action": action, "monitor": "3s"})
    pair.service(name, **options)
    with pytest.raises(OverlayError) as failed:
        pair.service(name, command=FALSE)
    for part in (f'service "{name}": ', said, " on node ", "non-zero exit (1)"):
        assert part in str(failed.value)
    if action == "rollback":
        assert spec_of(pair.manager, name)["TaskTemplate"]["ContainerSpec"]["Command"] == options["command"]
        # The tasks that the rollback brings back may still be on their way.
        assert not pair.service(name, **options)["changed"]
        pair.manager.calls.clear()
        assert not pair.service(name, **options)["changed"]
        assert len(pair.manager.calls) == 1, "what is as it should be is not waited for, however it came to be so"


def test_start_first_converges_once_the_new_task_has_taken_over(pair: Pair, name: str) -> None:
    pair.service(name, **quick(pair.image, update_config={"order": "start-first"}))
    (old,) = tasks_of(pair.manager, name)
    assert pair.service(name, env={"A": "1"})["changed"]
    (new,) = tasks_of(pair.manager, name)
    assert new["ID"] != old["ID"] and new["Status"]["State"] == "running"


def test_to_none_and_back(pair: Pair, name: str) -> None:
    pair.service(name, **quick(pair.image, replicas=3))
    for replicas in (0, 2, 1):
        assert pair.service(name, replicas=replicas)["changed"]
        assert len(tasks_of(pair.manager, name)) == replicas
        assert not pair.service(name, replicas=replicas)["changed"]


def test_a_task_that_fits_nowhere_says_why(pair: Pair, name: str) -> None:
    options = quick(pair.image, placement={"constraints": ["node.labels.nowhere == 1"]})
    with pytest.raises(WaitTimeout, match=r"0 of 1 running; task 1 pending: no suitable node \(scheduling constraints"):
        run_service(pair.manager, name=name, wait_timeout=4, **options)
    with pytest.raises(WaitTimeout, match="no suitable node"):
        run_service(pair.manager, name=name, wait_timeout=2)


@pytest.mark.parametrize("mode", ["replicated", "global"])
def test_tasks_that_are_not_started_again_end_the_wait(pair: Pair, name: str, mode: str) -> None:
    options = quick(pair.image, mode=mode, command=FALSE, restart_config={"condition": "none"})
    said = r"of its tasks ended, and its restart policy starts no other; .* exit \(1\)"
    with pytest.raises(OverlayError, match=said) as ended:
        pair.service(name, **options)
    assert not isinstance(ended.value, WaitTimeout)


@pytest.mark.parametrize(("mode", "condition"), [("replicated", "on-failure"), ("global", "none")])
def test_tasks_that_ended_well_and_run_once_have_converged(pair: Pair, name: str, mode: str, condition: str) -> None:
    once = {"condition": condition, "delay": "0s"}
    options = quick(pair.image, mode=mode, command=["/bin/sleep", "0.2"], restart_config=once)
    if mode == "replicated":
        options["replicas"] = 2
    for command in (options["command"], ["/bin/sleep", "0.3"]):
        options["command"] = command
        assert pair.service(name, **options)["changed"]
        tasks = pair.manager.call("GET", "/tasks", query={"filters": {"service": [name], "_up-to-date": ["true"]}})
        assert [one["Status"]["State"] for one in tasks].count("complete") >= 2
        started = time.monotonic()
        assert not pair.service(name, **options)["changed"]
        assert time.monotonic() - started < 4, "what is over for good is not watched"
    told = service_info.gather(pair.manager, {"name": name, "names": None, "stack": None}, False)
    assert told["replicas"]["completed"] == 2


def test_a_task_that_runs_once_and_fails_is_tried_as_often_as_its_policy_says(pair: Pair, name: str) -> None:
    policy = {"condition": "on-failure", "max_attempts": 2, "delay": "0s"}
    options = quick(pair.image, command=FALSE, restart_config=policy)
    for _run in range(2):
        with pytest.raises(OverlayError, match="1 of its tasks ended, and its restart policy starts no other"):
            pair.service(name, **options)


@pytest.mark.parametrize("mode", ["replicated-job", "global-job"])
def test_a_job_that_still_runs_is_waited_for_by_whoever_looks(pair: Pair, name: str, mode: str) -> None:
    options = quick(pair.image, mode=mode, command=["/bin/sleep", "4"], restart_config={"condition": "none"})
    options.pop("update_config")
    if mode == "replicated-job":
        options.update(total_completions=3, max_concurrent=2)
    assert pair.service(name, wait=False, **options)["changed"]
    assert not pair.service(name, **options)["changed"]
    query = {"status": True, "filters": {"name": [name]}}
    (found,) = pair.manager.call("GET", "/services", query=query)
    assert found["ServiceStatus"]["CompletedTasks"] == (3 if mode == "replicated-job" else 2)
    pair.manager.calls.clear()
    assert not pair.service(name, **options)["changed"]
    assert len(pair.manager.calls) == 1


# --- taken back, and done again ----------------------------------------------------------------------------------


def test_rollback_takes_the_last_change_back_once(pair: Pair, name: str) -> None:
    with pytest.raises(InputError, match="does not exist, so it cannot be rolled back"):
        pair.service(name, rollback=True)
    options = quick(pair.image, replicas=2, rollback_config={"monitor": "1s", "parallelism": 0})
    first = normal(pair.service(name, **options))
    with pytest.raises(InputError, match="has no other previous specification: there is nothing to roll back to"):
        pair.service(name, rollback=True)
    pair.service(name, replicas=1, env={"A": "1"})
    with pytest.raises(InputError, match=r'takes the whole service back; remove option "image"; .*"replicas"'):
        pair.service(name, rollback=True, image=pair.image, replicas=1)
    predicted = pair.service(name, check_mode=True, rollback=True)
    assert normal({"swarm_service": {"Spec": spec_of(pair.manager, name)}}) != first
    done = pair.service(name, rollback=True)
    assert done["changes"] == predicted["changes"] == ["env", "replicas"]
    assert normal(done) == normal(predicted) == first
    assert len(tasks_of(pair.manager, name)) == 2
    assert not pair.service(name, rollback=True)["changed"]
    assert not pair.service(name, **options)["changed"]


def test_rollback_of_an_update_that_is_paused(pair: Pair, name: str) -> None:
    options = quick(pair.image, update_config={"monitor": "3s"})
    pair.service(name, **options)
    with pytest.raises(OverlayError, match="its update is paused"):
        pair.service(name, command=FALSE)
    assert pair.service(name, rollback=True)["changes"] == ["command"]
    assert not pair.service(name, **options)["changed"]


def test_force_update_replaces_tasks_and_is_predicted(pair: Pair, name: str) -> None:
    pair.service(name, **quick(pair.image))
    (old,) = tasks_of(pair.manager, name)
    results = [pair.service(name, check_mode=check_mode, force_update=True) for check_mode in (True, False)]
    assert [one["swarm_service"]["Spec"]["TaskTemplate"]["ForceUpdate"] for one in results] == [1, 1]
    assert [task["ID"] for task in tasks_of(pair.manager, name)] != [old["ID"]]


# --- networks of a live service ----------------------------------------------------------------------------------


def test_networks_are_added_and_removed_without_naming_the_rest(pair: Pair, name: str) -> None:
    for network in ("live-a", "live-b", "live-c"):
        run_network(pair.manager, name=network, driver="overlay")
    pair.service(name, **quick(pair.image, networks=[{"name": "live-a", "aliases": ["x"], "options": {"k": "v"}}]))

    def attached() -> list[tuple[str, list[str]]]:
        names = {one["Id"]: one["Name"] for one in pair.manager.call("GET", "/networks")}
        found = spec_of(pair.manager, name)["TaskTemplate"]["Networks"]
        return [(names[one["Target"]], one.get("Aliases", [])) for one in found]

    steps: tuple[tuple[dict[str, Any], list[str], list[tuple[str, list[str]]]], ...] = (
        (
            {"networks": ["live-b"], "networks_state": "merge"},
            ["networks[live-b]"],
            [("live-a", ["x"]), ("live-b", [])],
        ),
        (
            {"networks": [{"name": "live-b", "aliases": ["y"]}], "networks_state": "merge"},
            ["networks[live-b].aliases"],
            [("live-a", ["x"]), ("live-b", ["y"])],
        ),
        (
            {"networks": ["live-c"], "networks_state": "merge", "networks_to_remove": ["live-a", "live-c", "gone"]},
            ["networks[live-c]", "networks[live-a]"],
            [("live-b", ["y"]), ("live-c", [])],
        ),
        ({"networks_to_remove": ["live-c"]}, ["networks[live-c]"], [("live-b", ["y"])]),
        ({"networks": ["live-a"]}, ["networks[live-a]", "networks[live-b]"], [("live-a", [])]),
    )
    for options, changes, after in steps:
        predicted = pair.service(name, check_mode=True, **options)
        done = pair.service(name, **options)
        assert sorted(done["changes"]) == sorted(predicted["changes"]) == sorted(changes)
        assert normal(predicted) == normal(done)
        assert (done["diff"], attached()) == (predicted["diff"], after)
        assert not pair.service(name, **options)["changed"]
    (task,) = tasks_of(pair.manager, name)
    assert [one["Network"]["Spec"]["Name"] for one in task["NetworksAttachments"]] == ["live-a"]


def test_nothing_to_do_costs_two_calls(pair: Pair, name: str) -> None:
    run_network(pair.manager, name="calls", driver="overlay")
    for kind in ("secret", "config"):
        pair.manager.call("POST", f"/{kind}s/create", {"Name": f"{name}-{kind}", "Data": "eA=="})
    options = quick(
        pair.image, networks=["calls"], networks_state="merge", secrets=[{"secret_name": f"{name}-secret"}],
        configs=[{"config_name": f"{name}-config"}],
    )  # fmt: skip
    pair.service(name, **options)
    pair.manager.calls.clear()
    assert not pair.service(name, **options)["changed"]
    assert pair.manager.calls == [("GET", "/services"), ("GET", "/networks")]


# --- others are at it, too ---------------------------------------------------------------------------------------

Outcome = tuple[str, Any]


def _in_a_process(start: Any, answer: Any, url: str, options: dict[str, Any]) -> None:
    from ansible_collections.baremetal.overlay.plugins.module_utils.engine import connection_spec, open_engine

    engine = open_engine({**{key: one.get("default") for key, one in connection_spec().items()}, "docker_host": url})
    start.wait()
    try:
        run = run_network if "driver" in options else run_service
        answer.put(("done", run(engine, **options)["changed"]))
    except OverlayError as error:
        answer.put(("failed", str(error)))


def at_once(pair: Pair, *runs: dict[str, Any]) -> list[Outcome]:
    """Each run in a process of its own, all of them at the same moment."""
    context = multiprocessing.get_context("fork")
    start, answers = context.Barrier(len(runs)), context.Queue()
    processes = [context.Process(target=_in_a_process, args=(start, answers, pair.first.url, one)) for one in runs]
    for process in processes:
        process.start()
    found = [answers.get(timeout=120) for _process in processes]
    for process in processes:
        process.join(10)
    return found


def test_two_who_make_the_same_service_at_once(pair: Pair, name: str) -> None:
    options = {"name": name, **quick(pair.image)}
    outcomes = at_once(pair, options, options, options)
    assert {outcome for outcome, _said in outcomes} == {"done"}
    assert len([one for one in pair.manager.call("GET", "/services") if one["Spec"]["Name"] == name]) == 1


def test_two_who_make_the_same_network_at_once(pair: Pair) -> None:
    options = {"name": "at-once", "driver": "overlay", "attachable": True}
    outcomes = at_once(pair, options, options, options)
    assert sorted(outcomes) == [("done", False), ("done", False), ("done", True)], outcomes
    assert run_network(pair.manager, name="at-once", state="absent")["changed"]


def test_two_who_add_different_things_at_once_both_get_them(pair: Pair, name: str) -> None:
    for network in ("both-a", "both-b"):
        run_network(pair.manager, name=network, driver="overlay")
    pair.service(name, **quick(pair.image))
    runs = [{"name": name, "networks": [one], "networks_state": "merge"} for one in ("both-a", "both-b")]
    assert at_once(pair, *runs, {"name": name, "hostname": "h"}) == [("done", True)] * 3
    template = spec_of(pair.manager, name)["TaskTemplate"]
    assert (len(template["Networks"]), template["ContainerSpec"]["Hostname"]) == (2, "h")


def test_of_two_who_want_different_things_at_once_one_is_told(pair: Pair, name: str) -> None:
    pair.service(name, **quick(pair.image, hostname="before", update_config={"monitor": "4s"}))
    outcomes = at_once(pair, {"name": name, "hostname": "one"}, {"name": name, "hostname": "other"})
    assert sorted(outcome for outcome, _said in outcomes) == ["done", "failed"]
    (said,) = (said for outcome, said in outcomes if outcome == "failed")
    assert f'service "{name}": somebody else changed it after this run did: hostname is ' in said


def test_names_that_begin_other_names(pair: Pair, name: str) -> None:
    longer = f"{name}-longer"
    pair.service(longer, **quick(pair.image))
    assert not pair.service(name, state="absent")["changed"]
    assert pair.service(name, **quick(pair.image, replicas=0))["changed"]
    assert pair.service(name, state="absent")["changed"]
    assert len(tasks_of(pair.manager, longer)) == 1
    pair.service(longer, state="absent")


# --- engines that come and go ------------------------------------------------------------------------------------


def meanwhile(action: Callable[[], None], work: Callable[[], Any]) -> Any:
    """``work``, while ``action`` happens two seconds later. An engine ends with the thread that starts it: not here."""
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        time.sleep(2)
        action()
        return working.result()


def test_a_wait_goes_on_when_the_engine_restarts(pair: Pair, name: str) -> None:
    pair.service(name, **quick(pair.image))
    slow = {"update_config": {"monitor": "8s", "failure_action": "continue"}, "env": {"A": "1"}}
    done = meanwhile(pair.first.restart, lambda: pair.service(name, **slow))
    assert done["changed"]
    assert not pair.service(name, **slow)["changed"]


def test_a_manager_that_does_not_lead_and_a_cluster_without_a_leader(pair: Pair, name: str) -> None:
    pair.set_node(pair.manager, role="manager")
    try:
        wait_until(
            lambda: pair.worker.call("GET", "/info")["Swarm"]["ControlAvailable"], bool, 60, "the second manager", 0.2
        )
        assert not pair.worker.call("GET", f"/nodes/{pair.ids[1]}")["ManagerStatus"].get("Leader")
        assert run_service(pair.worker, name=name, **quick(pair.image))["changed"]
        slow = {"update_config": {"monitor": "8s", "failure_action": "continue"}, "env": {"A": "1"}}
        # One of two managers is no majority: until it is back, no one leads.
        done = meanwhile(pair.first.restart, lambda: run_service(pair.worker, name=name, wait_timeout=90, **slow))
        assert done["changed"]
        assert not run_service(pair.worker, name=name, **slow)["changed"]
        assert run_service(pair.worker, name=name, state="absent")["changed"]
    finally:
        pair.set_node(pair.manager, role="worker")


def test_a_node_that_is_down_is_not_waited_for(pair: Pair, name: str) -> None:
    run_network(pair.manager, name="half-down", driver="overlay")
    pair.service(name, **quick(pair.image, mode="global", networks=["half-down"]))
    assert len(tasks_of(pair.manager, name)) == 2
    pair.second.stop()
    try:
        wait_until(lambda: pair.state_of(pair.ids[1]), lambda state: state == "down", 60, "the node to be down")
        assert pair.service(name, env={"A": "1"})["changed"]
        assert run_network(pair.manager, name="half-down", internal=True, force=True)["changed"]
        assert pair.service(name, state="absent")["changed"]
        assert run_network(pair.manager, name="half-down", state="absent")["changed"]
    finally:
        (pair.second.folder / "log").unlink()
        pair.second.start()


def test_a_drained_node_does_not_count(pair: Pair, name: str) -> None:
    pair.service(name, **quick(pair.image, mode="global"))
    pair.set_node(pair.manager, availability="drain")
    try:
        assert pair.service(name, env={"A": "1"})["changed"]
        assert [task["NodeID"] for task in tasks_of(pair.manager, name)] == [pair.ids[0]]
    finally:
        pair.set_node(pair.manager, availability="active")
