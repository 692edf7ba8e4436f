# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the info modules tell of a real swarm of two nodes: the same question on a manager and on a worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import image_info
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine, open_engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError, NotManager
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import (
    network_info,
    node_info,
    service_info,
    stack_info,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.rollout import await_gone
from members import eventually, joined
from private import PrivateEngine, connection
from running import programs

LABEL = "com.docker.stack.namespace"


def told(module: Any, engine: Engine, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    assert not set(options) - set(module.SPEC)
    defaults = {name: one.get("default") for name, one in module.SPEC.items()}
    result: dict[str, Any] = module.gather(engine, {**defaults, **options}, check_mode)
    assert result["changed"] is False
    return result


@pytest.fixture(scope="module")
def worker(swarm_engine: Engine, bare_engine: Engine, engines: list[PrivateEngine]) -> Iterator[Engine]:
    with joined(swarm_engine, bare_engine, engines[0].address, engines[1].address):
        yield bare_engine


@pytest.fixture(scope="module")
def image(swarm_engine: Engine, worker: Engine) -> str:
    return programs(swarm_engine, worker)


def node_of(engine: Engine) -> str:
    return str(engine.call("GET", "/info")["Swarm"]["NodeID"])


@pytest.fixture(scope="module")
def swarm(swarm_engine: Engine, worker: Engine, image: str) -> Iterator[Engine]:
    """A stack "web" with a service on each node, one that fails, one that is prefix of others, and a network."""
    overlay = {"Name": "web_net", "Driver": "overlay", "Attachable": True, "Labels": {LABEL: "web"}}
    network = swarm_engine.call(
        "POST", "/networks/create", {**overlay, "IPAM": {"Config": [{"Subnet": "10.91.0.0/24"}]}}
    )["Id"]
    secret = swarm_engine.call("POST", "/secrets/create", {"Name": "web_s", "Data": "eA==", "Labels": {LABEL: "web"}})
    left = swarm_engine.call("POST", "/configs/create", {"Name": "left_c", "Data": "eA==", "Labels": {LABEL: "left"}})

    def service(name: str, command: list[str], mode: dict[str, Any], **template: Any) -> None:
        body = {
            "Name": name,
            "Labels": {LABEL: "web"} if name.startswith("web_") else {},
            "Mode": mode,
            "EndpointSpec": {"Mode": "dnsrr"},
            "TaskTemplate": {
                "ContainerSpec": {"Image": image, "Command": command, "StopGracePeriod": 10**9},
                "Networks": [{"Target": network}],
                **template,
            },
        }
        swarm_engine.call("POST", "/services/create", body)

    here = {"Constraints": [f"node.id=={node_of(swarm_engine)}"]}
    there = {"Constraints": [f"node.id=={node_of(worker)}"]}
    sleep, once = ["/bin/sleep", "1000"], {"Condition": "none"}
    service("web_a", sleep, {"Replicated": {"Replicas": 2}}, Placement=here)
    service("web_ab", sleep, {"Global": {}}, Placement=there)
    service("fails", ["/bin/false"], {"Replicated": {"Replicas": 1}}, RestartPolicy=once, Placement=there)
    service("job", ["/bin/true"], {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 2}}, Placement=here)
    service("pending", sleep, {"Replicated": {"Replicas": 1}}, Placement={"Constraints": ["node.id==nobody"]})
    yield swarm_engine
    services = swarm_engine.call("GET", "/services")
    for one in services:
        swarm_engine.call("DELETE", f"/services/{one['ID']}")
    swarm_engine.call("DELETE", f"/secrets/{secret['ID']}")
    swarm_engine.call("DELETE", f"/configs/{left['ID']}")
    await_gone(swarm_engine, services, 40)
    eventually(lambda: not worker.call("GET", "/containers/json"))
    swarm_engine.call("DELETE", f"/networks/{network}")


def test_a_services_tasks(swarm: Engine) -> None:
    eventually(lambda: told(service_info, swarm, name="web_a")["replicas"] == {"running": 2, "wanted": 2})
    del swarm.calls[:]
    found = told(service_info, swarm, name="web_a")
    assert swarm.calls == [("GET", "/services"), ("GET", "/tasks"), ("GET", "/nodes")]
    assert found["exists"] and found["service"]["Spec"]["Name"] == "web_a"
    assert [(one["name"], one["slot"], one["state"]) for one in found["tasks"]] == [
        ("web_a.1", 1, "running"),
        ("web_a.2", 2, "running"),
    ]
    running = swarm.call("GET", "/containers/json")
    for one in found["tasks"]:
        container = next(each for each in running if each["Id"] == one["container_id"])
        assert container["Labels"]["com.docker.swarm.task.id"] == one["id"]
        address = container["NetworkSettings"]["Networks"]["web_net"]["IPAddress"]
        assert one["addresses"] == {"web_net": [address]} and address.startswith("10.91.0.")
        assert one["exit_code"] is None and not one["error"] and one["node_id"] == node_of(swarm)


def test_tasks_on_the_other_node(swarm: Engine, worker: Engine) -> None:
    eventually(lambda: told(service_info, swarm, name="web_ab")["replicas"] == {"running": 1, "wanted": 1})
    (task,) = told(service_info, swarm, name="web_ab")["tasks"]
    assert task["name"] == f"web_ab.{node_of(worker)}" and task["slot"] is None
    assert worker.call("GET", f"/containers/{task['container_id']}/json")["State"]["Running"]


def test_a_task_that_failed_and_one_that_finds_no_node(swarm: Engine) -> None:
    def failed() -> list[dict[str, Any]]:
        return [one for one in told(service_info, swarm, name="fails")["tasks"] if one["state"] == "failed"]

    (task,) = eventually(failed)
    assert task["exit_code"] == 1 and task["error"] == "task: non-zero exit (1)"
    found = eventually(lambda: [one for one in told(service_info, swarm, name="pending")["tasks"] if one["error"]])
    assert found[0]["state"] == "pending" and found[0]["node"] is None and found[0]["container_id"] is None
    assert "no suitable node" in found[0]["error"]
    assert told(service_info, swarm, name="pending")["replicas"] == {"running": 0, "wanted": 1}


def test_a_job_tells_what_is_complete(swarm: Engine) -> None:
    eventually(lambda: told(service_info, swarm, name="job")["replicas"]["completed"] == 2)
    assert {one["exit_code"] for one in told(service_info, swarm, name="job")["tasks"]} == {0}


def test_several_services_a_stack_and_what_is_not_there(swarm: Engine) -> None:
    ident = told(service_info, swarm, name="web_a")["service"]["ID"]
    found = told(service_info, swarm, names=["web_ab", ident, "web", "web_"])
    assert [(one["name"], one["exists"]) for one in found["services"]] == [
        ("web_ab", True),
        ("web_a", True),
        ("web", False),
        ("web_", False),
    ]
    assert {one["service"] for one in found["tasks"]} == {"web_a", "web_ab"}
    nobody = told(service_info, swarm, name="web")
    assert (nobody["exists"], nobody["service"], nobody["replicas"], nobody["tasks"]) == (False, None, None, [])
    assert [one["name"] for one in told(service_info, swarm, stack="web")["services"]] == ["web_a", "web_ab"]
    assert told(service_info, swarm, stack="none") == {"changed": False, "services": [], "tasks": []}


def test_an_older_api_is_counted_by_its_tasks(swarm: Engine, engines: list[PrivateEngine]) -> None:
    old = open_engine(connection(engines[0], api_version="1.40"))
    eventually(lambda: told(service_info, old, name="web_a")["replicas"] == {"running": 2, "wanted": 2})
    assert told(service_info, old, name="web_ab")["replicas"] == {"running": 1, "wanted": 1}
    assert "ServiceStatus" not in told(service_info, old, name="web_a")["service"]
    assert told(stack_info, old)["stacks"] == told(stack_info, swarm)["stacks"]


def test_stacks(swarm: Engine) -> None:
    eventually(lambda: told(stack_info, swarm, name=["web"])["stacks"][0]["replicas"] == {"running": 3, "wanted": 3})
    del swarm.calls[:]
    left, web = told(stack_info, swarm)["stacks"]
    assert len(swarm.calls) == 4
    assert (web["Name"], web["Services"], web["networks"], web["secrets"]) == ("web", "2", ["web_net"], ["web_s"])
    assert [(one["name"], one["mode"], one["replicas"]) for one in web["services"]] == [
        ("web_a", "replicated", {"running": 2, "wanted": 2}),
        ("web_ab", "global", {"running": 1, "wanted": 1}),
    ]
    assert (left["name"], left["services"], left["configs"]) == ("left", [], ["left_c"])
    assert told(stack_info, swarm, name=["we", "web"])["missing"] == ["we"]


def test_nodes(swarm: Engine, worker: Engine) -> None:
    nodes = told(node_info, swarm)["nodes"]
    assert {one["ID"] for one in nodes} == {node_of(swarm), node_of(worker)}
    (own,) = told(node_info, swarm, self=True, name=["nobody"])["nodes"]
    assert own["ManagerStatus"]["Leader"] and own["ID"] == node_of(swarm)
    found = told(node_info, swarm, name=[node_of(worker), "nobody", node_of(worker)[:5]])
    assert [one["ID"] for one in found["nodes"]] == [node_of(worker)]
    assert found["missing"] == ["nobody", node_of(worker)[:5]]
    hostname = own["Description"]["Hostname"]
    assert len(told(node_info, swarm, name=[hostname])["nodes"]) == 2, "both engines live on this machine"


def test_a_network_that_both_have_joined(swarm: Engine, worker: Engine, engines: list[PrivateEngine]) -> None:
    addresses = [one.address for one in engines]
    for engine in (swarm, worker):
        eventually(lambda engine=engine: told(network_info, engine, name="web_net")["peers"] == addresses)
        found = told(network_info, engine, name="web_net")
        assert found["exists"] and found["joined"] and not found["msg"]
        assert found["subnets"] == ["10.91.0.0/24"] and len(found["network"]["Peers"]) == 2
        for ident in (found["network"]["Id"], found["network"]["Id"][:12]):
            assert told(network_info, engine, name=ident)["network"]["Name"] == "web_net"
    assert "web_a" in told(network_info, swarm, name="web_net", verbose=True)["network"]["Services"]


def test_a_network_that_nobody_has_joined(swarm: Engine, worker: Engine) -> None:
    ident = swarm.call("POST", "/networks/create", {"Name": "lonely", "Driver": "overlay"})["Id"]
    seen = told(network_info, swarm, name="lonely")
    assert seen["exists"] and not seen["joined"] and not seen["peers"] and "its peers are not known here" in seen["msg"]
    unseen = told(network_info, worker, name="lonely")
    assert (unseen["exists"], unseen["network"]) == (False, None)
    assert 'no network "lonely" is seen from this worker' in unseen["msg"] and ":2377" in unseen["msg"]
    swarm.call("DELETE", f"/networks/{ident}")
    assert told(network_info, swarm, name="lonely")["msg"] == ""


def test_networks_by_name(swarm: Engine) -> None:
    assert told(network_info, swarm, name="web")["exists"] is False
    host = told(network_info, swarm, name="host")
    assert host["joined"] and host["network"]["Driver"] == "host"


def test_a_worker_names_the_managers(worker: Engine, engines: list[PrivateEngine]) -> None:
    for module, options in ((node_info, {}), (service_info, {"name": "x"}), (stack_info, {})):
        with pytest.raises(NotManager, match=f"worker of its swarm.*{engines[0].address}:2377"):
            told(module, worker, **options)


def test_images(swarm: Engine, image: str) -> None:
    swarm.call("POST", f"/images/{image}/tag", query={"repo": "example.org/tools", "tag": "1.0"})
    swarm.call("POST", f"/images/{image}/tag", query={"repo": "cafe", "tag": "latest"})
    names = ["example.org/tools:1.0", "cafe", "docker.io/library/cafe", image, image[7:19]]
    for name in names:
        assert [one["Id"] for one in told(image_info, swarm, name=[name])["images"]] == [image], name
    nobody = ["example.org/tools", "caf", image[7:11], "none:1"]
    assert told(image_info, swarm, name=[*names, *nobody]) == {
        "changed": False,
        "images": told(image_info, swarm, name=[image])["images"],
        "missing": nobody,
    }
    assert [one["Id"] for one in told(image_info, swarm, filters={"reference": "cafe:*"})["images"]] == [image]
    assert told(image_info, swarm, filters={"reference": "nobody"})["images"] == []
    assert image in [one["Id"] for one in told(image_info, swarm)["images"]]


def test_a_bare_host_tells_nothing_in_check_mode(engines: list[PrivateEngine]) -> None:
    gone = open_engine(connection(engines[0], docker_host="unix:///nonexistent.sock"), True)
    assert told(node_info, gone, True)["nodes"] == []
    assert told(service_info, gone, True, name="web")["exists"] is False
    assert told(stack_info, gone, True)["stacks"] == []
    assert told(network_info, gone, True, name="x")["exists"] is False
    assert told(image_info, gone, True, name=["x"])["missing"] == ["x"]


def test_ids_that_begin_alike_are_not_guessed() -> None:
    listed = [{"Id": f"{'a' * 12}{n}", "Name": f"n{n}", "Driver": "overlay", "Scope": "swarm"} for n in range(2)]
    with pytest.raises(InputError, match="2 networks are meant by this"):
        network_info.pick("a" * 12, listed)
