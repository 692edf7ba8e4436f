# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of services, tasks, stacks, nodes and networks, on the answers of a real engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import (
    network_info,
    node_info,
    service_info,
    stack_info,
    task_exec,
    tasks,
)

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures"
STATUS = {
    "replicated": {"running": 2, "wanted": 2},
    "pending": {"running": 0, "wanted": 1},
    "failing": {"running": 0, "wanted": 1},
    "global": {"running": 1, "wanted": 1},
    "global-job": {"running": 0, "wanted": 0, "completed": 1},
    "replicated-job": {"running": 0, "wanted": 2, "completed": 3},
}


def answer(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


class Scripted(Engine):
    def __init__(self, **answers: Any) -> None:
        super().__init__(None, api_version="1.41")
        self.answers = answers
        self.queries: list[Any] = []

    def call(self, verb: str, path: str, *_args: Any, **more: Any) -> Any:
        self.calls.append((verb, path))
        self.queries.append((more.get("query") or {}).get("filters"))
        found = self.answers[path.strip("/").replace("/", "_")]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.mark.parametrize("name", STATUS)
def test_counts_and_modes(name: str) -> None:
    service = answer(f"swarm/{name}")["service"]
    assert tasks.counts(service, None) == STATUS[name]
    assert tasks.mode_of(service["Spec"]) == (
        name if name in ("global", "global-job", "replicated-job") else "replicated"
    )


@pytest.mark.parametrize("name", ["replicated", "pending", "failing", "global"])
def test_tasks_are_counted_where_the_engine_does_not(name: str) -> None:
    found = answer(f"swarm/{name}")
    del found["service"]["ServiceStatus"]
    other = {**found["tasks"][0], "ServiceID": "other"}
    # The task of a container that was attached to a network by hand is of no service.
    attached = {key: value for key, value in other.items() if key != "ServiceID"}
    assert tasks.counts(found["service"], [*found["tasks"], other, attached]) == STATUS[name]
    assert tasks.counts(found["service"], None) == {"running": None, "wanted": None}


def test_of_each_slot_the_newest_task_comes_first() -> None:
    found = answer("swarm/failing")
    told = tasks.view(found["tasks"], [found["service"]], found["nodes"])
    assert [one["name"] for one in told] == ["failing.1"] * len(found["tasks"])
    assert [one["timestamp"] for one in told] == sorted((one["timestamp"] for one in told), reverse=True)
    waiting = next(one for one in told if one["state"] == "ready")
    assert (waiting["exit_code"], waiting["container_id"], waiting["node"]) == (None, None, "vm")
    failed = next(one for one in told if one["state"] == "failed")
    assert (failed["exit_code"], failed["error"]) == (3, "task: non-zero exit (3)")
    assert len(failed["container_id"]) == 64


def test_names_and_addresses_of_tasks() -> None:
    (task,) = tasks.view(answer("engine/tasks"), answer("engine/services"), answer("engine/nodes"))
    assert (task["name"], task["addresses"]) == ("web.1", {"storage": ["10.77.0.5"]})
    found = answer("swarm/global")
    (one,) = tasks.view(found["tasks"], [found["service"]], [])
    assert one["name"] == f"global.{one['node_id']}" and one["node"] == one["node_id"], (
        "a node that is gone has no name"
    )
    placeless = {**found["tasks"][0], "NodeID": ""}
    assert tasks.view([placeless], [], [])[0]["node"] is None


def test_a_service_costs_three_calls_and_one_that_is_not_there_two() -> None:
    found = answer("swarm/replicated")
    engine = Scripted(services=[found["service"]], tasks=found["tasks"], nodes=found["nodes"])
    told = service_info.gather(engine, {"name": "replicated", "names": None, "stack": None}, False)
    assert told["exists"] and told["service"] == found["service"] and len(told["tasks"]) == 2
    assert [path for _verb, path in engine.calls] == ["/services", "/tasks", "/nodes"]
    assert engine.queries[:2] == [{"name": ["replicated"]}, {"service": [found["service"]["ID"]]}]
    engine = Scripted(services=[found["service"]])
    told = service_info.gather(engine, {"name": "replicate", "names": None, "stack": None}, False)
    assert not told["exists"] and told["replicas"] is None
    assert engine.queries == [{"name": ["replicate"]}, {"id": ["replicate"]}]


def test_a_stack_is_what_carries_its_label() -> None:
    label = {"com.docker.stack.namespace": "web"}
    services = [answer(f"swarm/{name}")["service"] for name in ("replicated", "global", "replicated-job")]
    for one in services:
        one["Spec"]["Labels"] = label
    network = {**answer("engine/network_inspect"), "Labels": label}
    secret = {"Spec": {"Name": "s", "Labels": {"com.docker.stack.namespace": "gone"}}}
    engine = Scripted(services=services, networks=[network], secrets=[secret], configs=[])
    gone, web = stack_info.gather(engine, {"name": None}, False)["stacks"]
    assert (gone["name"], gone["services"], gone["secrets"], gone["replicas"]["wanted"]) == ("gone", [], ["s"], 0)
    assert [one["name"] for one in web["services"]] == ["global", "replicated", "replicated-job"]
    assert web["replicas"] == {"running": 3, "wanted": 5} and web["Services"] == "3" and web["networks"] == ["storage"]
    assert len(engine.calls) == 4


def test_nodes_are_told_in_the_order_asked_for() -> None:
    (one,) = answer("engine/nodes")
    other = {**one, "ID": "other", "Description": {"Hostname": "other"}}
    engine = Scripted(nodes=[one, other], info={"Swarm": {"NodeID": "other"}})
    told = node_info.gather(engine, {"name": ["other", "none", one["ID"], "vm"], "self": False}, False)
    assert [each["ID"] for each in told["nodes"]] == ["other", one["ID"]] and told["missing"] == ["none"]
    assert [each["ID"] for each in node_info.gather(engine, {"name": None, "self": True}, False)["nodes"]] == ["other"]


WORKER = {"LocalNodeState": "active", "RemoteManagers": [{"Addr": "10.0.0.2:2377"}, {"Addr": "10.0.0.1:2377"}]}


def test_a_network_and_what_this_host_cannot_see() -> None:
    live = answer("engine/network_inspect")
    engine = Scripted(networks=answer("engine/networks"), **{f"networks_{live['Id']}": live})
    told = network_info.gather(engine, {"name": "storage", "verbose": False}, False)
    assert (told["exists"], told["joined"], told["subnets"], told["peers"], told["msg"]) == (
        True,
        True,
        ["10.77.0.0/24"],
        ["10.99.0.1"],
        "",
    )
    assert len(engine.calls) == 2
    unjoined = {key: value for key, value in live.items() if key != "Peers"}
    engine = Scripted(networks=[live], info={"Swarm": {}}, **{f"networks_{live['Id']}": unjoined})
    told = network_info.gather(engine, {"name": live["Id"], "verbose": False}, False)
    assert told["exists"] and not told["joined"] and "its peers are not known here" in told["msg"]
    engine = Scripted(networks=[live], info={"Swarm": WORKER})
    told = network_info.gather(engine, {"name": "stor", "verbose": False}, False)
    assert not told["exists"] and "known by the managers: 10.0.0.1:2377, 10.0.0.2:2377" in told["msg"]


def test_a_network_is_picked_by_name_before_id() -> None:
    ids = {"aaaaaaaaaaaa1": "one", "aaaaaaaaaaaa2": "two", "bbbbbbbbbbbb1": "aaaaaaaaaaaa1", "c1": "twin", "c2": "twin"}
    listed = [{"Id": ident, "Name": name, "Driver": "overlay", "Scope": "swarm"} for ident, name in ids.items()]
    assert (network_info.pick("aaaaaaaaaaaa1", listed) or {})["Id"] == "bbbbbbbbbbbb1"
    assert (network_info.pick("bbbbbbbbbbbb", listed) or {})["Id"] == "bbbbbbbbbbbb1"
    assert network_info.pick("bbbbbbbb", listed) is None
    for name in ("aaaaaaaaaaaa", "twin"):
        with pytest.raises(InputError, match=r"2 networks are meant by this: .*; give the ID of one"):
            network_info.pick(name, listed)


# --- where a command is to run ------------------------------------------------------------------------------------


def exec_params(**options: Any) -> dict[str, Any]:
    defaults = {name: one.get("default") for name, one in task_exec.SPEC.items()}
    return {**defaults, "service": "failing", "argv": ["true"], **options}


def test_the_task_that_runs_is_found_with_its_node() -> None:
    found = answer("swarm/replicated")
    there = {"services": [found["service"]], "tasks": found["tasks"], "nodes": found["nodes"]}
    engine = Scripted(**there)
    place = task_exec.find(engine, exec_params(service="replicated", slot=2))
    assert (place["task"], place["node"], place["node_addresses"]) == ("replicated.2", "vm", ["10.98.0.1"])
    assert engine.queries[1] == {"service": [found["service"]["ID"]]}, "the filter takes the beginning of an ID, too"
    engine = Scripted(**there, info={"Swarm": {"NodeID": "another"}})
    assert task_exec.run(engine, exec_params(service="replicated"), False)["elsewhere"]


def test_where_no_task_runs_the_tasks_are_told() -> None:
    found = answer("swarm/failing")
    engine = Scripted(services=[found["service"]], tasks=found["tasks"], nodes=found["nodes"])
    with pytest.raises(
        InputError, match=r'"failing": no such task runs; its tasks: failing.1 on vm is ready; failing.1 on'
    ):
        task_exec.find(engine, exec_params())
    with pytest.raises(InputError, match='option "command" cannot be split into words'):
        task_exec.command_of(exec_params(argv=None, command="echo 'a"))
    with pytest.raises(InputError, match='service "failing" does not exist'):
        task_exec.find(Scripted(services=[]), exec_params())


@pytest.mark.parametrize(
    ("node", "addresses"),
    [
        ({"Status": {"Addr": "10.0.0.1"}, "ManagerStatus": {"Addr": "10.0.0.1:2377"}}, ["10.0.0.1"]),
        ({"Status": {"Addr": "0.0.0.0"}, "ManagerStatus": {"Addr": "[fd00::1]:2377"}}, ["fd00::1"]),
        ({"Status": {"Addr": "127.0.0.1"}, "ManagerStatus": {"Addr": "10.0.0.1:2377"}}, ["127.0.0.1", "10.0.0.1"]),
        ({"Status": {}, "ManagerStatus": None}, []),
    ],
)
def test_addresses_of_a_node(node: dict[str, Any], addresses: list[str]) -> None:
    assert task_exec.addresses_of(node) == addresses


def test_a_command_is_put_together() -> None:
    params = exec_params(argv=None, command="sh -c 'a  b'", env={"A": 1}, secret_env={"B": "2"}, secret_stdin="x")
    command = task_exec.command_of(params)
    assert (command.argv, command.env, command.stdin) == (["sh", "-c", "a  b"], ["A=1", "B=2"], b"x\n")
    assert command.body()["AttachStdin"] and "WorkingDir" not in command.body()
    assert not task_exec.command_of(exec_params()).body()["AttachStdin"]
    for options in ({"argv": []}, {"env": {"A": True}}, {"command_timeout": -1}):
        with pytest.raises(InputError):
            task_exec.command_of(exec_params(**options))
