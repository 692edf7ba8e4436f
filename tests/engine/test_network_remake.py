# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks in use, made anew on a real engine: every service is afterwards as it was, whoever was interrupted when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import (
    EngineError,
    InputError,
    OverlayError,
    Refused,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import detached, network_remake
from running import Brittle, Interrupted, programs, quick, run_network, run_service, spec_of, tasks_of

NETWORK = "remade"
SUBNET = {"ipam_config": [{"subnet": "10.81.0.0/24"}], "labels": {"a": "1"}}


@pytest.fixture(scope="module")
def image(swarm_engine: Engine) -> str:
    return programs(swarm_engine)


class Cluster:
    """A network between two others, and three services of different kinds that use it."""

    services = ("used-two", "used-global", "used-none")

    def __init__(self, engine: Engine, image: str) -> None:
        self.engine, self.image = engine, image
        for name in ("remade-first", "remade-last"):
            run_network(engine, name=name, driver="overlay")
        run_network(engine, name=NETWORK, driver="overlay", attachable=True, **SUBNET)
        run_service(engine, name="used-two", **quick(
            image, replicas=2, labels={"mine": "1"}, endpoint_mode="dnsrr", placement={"replicas_max_per_node": 2},
            networks=["remade-first", {"name": NETWORK, "aliases": ["b", "a"], "options": {"k": "v"}}, "remade-last"],
        ))  # fmt: skip
        run_service(engine, name="used-global", **quick(image, mode="global", networks=[NETWORK]))
        run_service(engine, name="used-none", **quick(image, replicas=0, networks=[NETWORK]))

    def named(self) -> dict[str, Any]:
        """The specifications with names of networks instead of their IDs."""
        found = json.dumps({name: spec_of(self.engine, name) for name in self.services})
        for one in self.engine.call("GET", "/networks"):
            found = found.replace(one["Id"], one["Name"])
        return dict(json.loads(found))

    def addresses(self) -> dict[str, list[str]]:
        """Service → the addresses of its running tasks in the network."""
        return {
            name: [
                address
                for task in tasks_of(self.engine, name)
                for one in task["NetworksAttachments"]
                if one["Network"]["Spec"]["Name"] == NETWORK and task["Status"]["State"] == "running"
                for address in one["Addresses"]
            ]
            for name in self.services
        }

    def remove(self) -> None:
        for name in self.services:
            run_service(self.engine, name=name, state="absent")
        for name in (NETWORK, "remade-first", "remade-last"):
            run_network(self.engine, name=name, state="absent")


@pytest.fixture(scope="module")
def cluster(swarm_engine: Engine, image: str) -> Iterator[Cluster]:
    made = Cluster(swarm_engine, image)
    yield made
    made.remove()


def leftovers(engine: Engine) -> list[str]:
    labelled = [one["Spec"]["Name"] for one in engine.call("GET", "/services") if detached.LABEL in str(one["Spec"])]
    records = [one["ID"] for one in engine.call("GET", "/configs") if network_remake.RECORD in one["Spec"]["Labels"]]
    return labelled + records


def test_a_network_in_use_is_made_anew_and_every_service_is_as_it_was(cluster: Cluster) -> None:
    before, old = cluster.named(), run_network(cluster.engine, name=NETWORK)["network"]
    change: dict[str, Any] = {"name": NETWORK, "ipam_config": [{"subnet": "10.82.0.0/24"}]}
    with pytest.raises(Refused, match="in use by service used-global, service used-none, service used-two: they would"):
        run_network(cluster.engine, **change)
    assert cluster.named() == before
    predicted = run_network(cluster.engine, True, **change, force=True)
    done = run_network(cluster.engine, **change, force=True)
    assert predicted["actions"] == done["actions"]
    assert done["network"]["Id"] != old["Id"]
    assert (done["network"]["Labels"], done["network"]["Attachable"]) == ({"a": "1"}, True)
    assert cluster.named() == before
    addresses = cluster.addresses()
    assert {name: len(found) for name, found in addresses.items()} == {"used-two": 2, "used-global": 1, "used-none": 0}
    assert all(one.startswith("10.82.0.") for found in addresses.values() for one in found)
    assert not leftovers(cluster.engine)
    assert not run_network(cluster.engine, **change)["changed"]
    for name in cluster.services:
        with pytest.raises(InputError, match="nothing to roll back to"):
            run_service(cluster.engine, name=name, rollback=True)


# A note, three services detached, deleted, created, three attached, three written again, the note forgotten.
@pytest.mark.parametrize("fatal", range(13))
def test_whoever_was_interrupted_runs_again_and_completes(cluster: Cluster, fatal: int) -> None:
    before = cluster.named()
    internal = not run_network(cluster.engine, name=NETWORK)["network"]["Internal"]
    change: dict[str, Any] = {"name": NETWORK, "internal": internal, "force": True}
    with pytest.raises(Interrupted):
        run_network(Brittle(cluster.engine, fatal), **change)  # type: ignore[arg-type]
    if 1 < fatal < 9:  # at least one service waits
        with pytest.raises(Refused, match=r"is being made anew and these services wait for it: .*used-"):
            run_network(cluster.engine, name=NETWORK, state="absent")
    assert run_network(cluster.engine, **change)["changed"]
    live = run_network(cluster.engine, name=NETWORK)["network"]
    assert (live["Internal"], live["Attachable"], live["Labels"], live["Driver"]) == (
        internal,
        True,
        {"a": "1"},
        "overlay",
    )
    assert cluster.named() == before
    assert {name: len(found) for name, found in cluster.addresses().items()} == {
        "used-two": 2,
        "used-global": 1,
        "used-none": 0,
    }
    assert not leftovers(cluster.engine)
    assert not run_network(cluster.engine, **change)["changed"]


def test_what_somebody_else_sets_while_a_service_is_detached_stays(cluster: Cluster) -> None:
    engine, before = cluster.engine, cluster.named()
    internal = not run_network(engine, name=NETWORK)["network"]["Internal"]
    with pytest.raises(Interrupted):
        run_network(Brittle(engine, 4), name=NETWORK, internal=internal, force=True)  # type: ignore[arg-type]
    run_service(engine, name="used-two", replicas=1, labels={"mine": "2"})
    run_network(engine, name=NETWORK, internal=internal, force=True)
    after = cluster.named()
    assert after["used-two"]["Mode"] == {"Replicated": {"Replicas": 1}}
    assert after["used-two"]["Labels"] == {"mine": "2"}
    assert after["used-two"]["TaskTemplate"] == before["used-two"]["TaskTemplate"]
    run_service(engine, name="used-two", replicas=2, labels={"mine": "1"})
    assert cluster.named() == before


def test_a_network_that_cannot_be_made_anew_is_what_it_was(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every service has its network back: the look that would have refused it came before the pool was taken."""
    before, call = cluster.named(), Engine.call
    former = run_network(cluster.engine, name=NETWORK)["network"]

    def taken(engine: Engine, verb: str, path: str, body: Any = None, **more: Any) -> Any:
        if path == "/networks/create" and "10.83.0.0/24" in str(body):
            raise EngineError("the pool is taken", 400, verb, path)
        return call(engine, verb, path, body, **more)

    monkeypatch.setattr(Engine, "call", taken)
    with pytest.raises(OverlayError, match=r"could not be replaced and is again what it was: .*the pool is taken"):
        run_network(cluster.engine, name=NETWORK, ipam_config=[{"subnet": "10.83.0.0/24"}], force=True)
    assert cluster.named() == before
    after = run_network(cluster.engine, name=NETWORK)["network"]
    assert {key: former[key] for key in ("Labels", "Attachable", "IPAM", "Options")} == {
        key: after[key] for key in ("Labels", "Attachable", "IPAM", "Options")
    }
    assert not leftovers(cluster.engine)


def test_a_container_attached_by_hand_is_refused_with_consent_too(cluster: Cluster) -> None:
    engine = cluster.engine
    body = {"Image": cluster.image, "Cmd": ["/bin/sleep", "1000"], "HostConfig": {"NetworkMode": NETWORK}}
    ident = engine.call("POST", "/containers/create", body, query={"name": "by-hand"})["Id"]
    engine.call("POST", f"/containers/{ident}/start")
    before = cluster.named()
    for options in ({"internal": True, "force": True}, {"internal": False, "force": True}):
        if run_network(engine, name=NETWORK)["network"]["Internal"] != options["internal"]:
            with pytest.raises(Refused, match="container by-hand was attached by hand: disconnect it"):
                run_network(engine, name=NETWORK, **options)
    assert cluster.named() == before
    engine.call("DELETE", f"/containers/{ident}", query={"force": True})


def test_what_would_be_a_network_of_one_host_is_refused_to_services(cluster: Cluster) -> None:
    before = cluster.named()
    with pytest.raises(Refused, match="services need a network of the cluster"):
        run_network(cluster.engine, name=NETWORK, driver="bridge", force=True)
    assert cluster.named() == before


def test_without_services_it_may_become_a_network_of_one_host(swarm_engine: Engine) -> None:
    run_network(swarm_engine, name="moves", driver="overlay")
    made = run_network(swarm_engine, name="moves", driver="bridge", force=True)
    assert made["network"]["Scope"] == "local"
    assert not leftovers(swarm_engine)
    run_network(swarm_engine, name="moves", state="absent")


def test_a_job_is_refused_because_it_would_run_again(cluster: Cluster) -> None:
    engine = cluster.engine
    run_network(engine, name="of-a-job", driver="overlay")
    job = quick(cluster.image, command=["/bin/true"], restart_config={"condition": "none"}, networks=["of-a-job"])
    job.pop("update_config")
    run_service(engine, name="job", mode="replicated-job", **job)
    with pytest.raises(Refused, match="service job is a job and would run again: remove it"):
        run_network(engine, name="of-a-job", internal=True, force=True)
    run_service(engine, name="job", state="absent")
    assert run_network(engine, name="of-a-job", internal=True, force=True)["changed"]
    run_network(engine, name="of-a-job", state="absent")


def test_two_networks_of_one_service_are_made_anew_one_after_the_other(cluster: Cluster) -> None:
    engine, before = cluster.engine, cluster.named()
    with pytest.raises(Interrupted):
        run_network(Brittle(engine, 2), name="remade-first", internal=True, force=True)  # type: ignore[arg-type]
    with pytest.raises(Refused, match='still detached from network "remade-first": run the task of that one again'):
        run_network(engine, name="remade-last", internal=True, force=True)
    for name in ("remade-first", "remade-last"):
        assert run_network(engine, name=name, internal=True, force=True)["changed"]
    assert cluster.named() == before


def test_the_routing_meshs_network_is_made_anew(swarm_engine: Engine, image: str) -> None:
    run_service(swarm_engine, name="published", **quick(image, publish=[
        {"published_port": 8080, "target_port": 80},
        {"published_port": 8081, "target_port": 81, "mode": "host"},
    ]))  # fmt: skip
    before = spec_of(swarm_engine, "published")
    change: dict[str, Any] = {
        "name": "ingress",
        "ingress": True,
        "driver_options": {"com.docker.network.driver.mtu": 1400},
        "ipam_config": [{"subnet": "10.83.0.0/24"}],
    }
    with pytest.raises(Refused, match="in use by service published"):
        run_network(swarm_engine, **change)
    made = run_network(swarm_engine, **change, force=True)["network"]
    assert made["Ingress"] and made["IPAM"]["Config"][0]["Subnet"] == "10.83.0.0/24"
    assert spec_of(swarm_engine, "published") == before
    assert not run_network(swarm_engine, **change)["changed"]
    (task,) = tasks_of(swarm_engine, "published")
    assert any(address.startswith("10.83.") for one in task["NetworksAttachments"] for address in one["Addresses"])
    run_service(swarm_engine, name="published", state="absent")


def test_removal_waits_for_the_endpoints_of_tasks_that_are_still_stopping(swarm_engine: Engine, image: str) -> None:
    run_network(swarm_engine, name="slow-end", driver="overlay")
    # sleep as a container's first process does not hear SIGTERM: it takes the whole grace period.
    run_service(swarm_engine, name="slow", **quick(image, networks=["slow-end"], stop_grace_period="4s"))
    run_service(swarm_engine, name="slow", state="absent", wait=False)
    assert run_network(swarm_engine, name="slow-end", state="absent")["changed"]
    running = swarm_engine.call("GET", "/containers/json")
    assert not [one for one in running if "slow." in str(one["Names"])]
    assert "slow-end" not in [one["Name"] for one in swarm_engine.call("GET", "/networks")]


def test_containers_are_connected_and_disconnected_by_name(swarm_engine: Engine, image: str) -> None:
    for name in ("conn-home", "conn"):
        run_network(swarm_engine, name=name, driver="overlay", attachable=True)
    run_service(swarm_engine, name="conn-service", **quick(image, networks=["conn"]))
    for name in ("conn-one", "conn-two"):
        body = {"Image": image, "Cmd": ["/bin/sleep", "1000"], "HostConfig": {"NetworkMode": "conn-home"}}
        ident = swarm_engine.call("POST", "/containers/create", body, query={"name": name})["Id"]
        swarm_engine.call("POST", f"/containers/{ident}/start")
    with pytest.raises(InputError, match='option "connected": container "conn-none" does not exist on this host'):
        run_network(swarm_engine, name="conn", connected=["conn-one", "conn-none"])
    steps: tuple[tuple[dict[str, Any], list[str]], ...] = (
        ({"connected": ["conn-one"]}, ["connected container conn-one"]),
        ({"connected": ["conn-two"], "appends": True}, ["connected container conn-two"]),
        ({"connected": ["conn-two"]}, ["disconnected container conn-one"]),
        ({"connected": []}, ["disconnected container conn-two"]),
    )
    for options, actions in steps:
        predicted = run_network(swarm_engine, True, name="conn", **options)
        done = run_network(swarm_engine, name="conn", **options)
        assert (done["actions"], done["diff"]) == (actions, predicted["diff"])
        assert not run_network(swarm_engine, name="conn", **options)["changed"]
    assert len(tasks_of(swarm_engine, "conn-service")) == 1
    for name in ("conn-one", "conn-two"):
        swarm_engine.call("DELETE", f"/containers/{name}", query={"force": True})
    run_service(swarm_engine, name="conn-service", state="absent")
    for name in ("conn-home", "conn"):
        run_network(swarm_engine, name=name, state="absent")


def test_a_container_that_does_not_run_is_connected_once(swarm_engine: Engine, image: str) -> None:
    run_network(swarm_engine, name="conn-idle", driver="bridge")
    swarm_engine.call("POST", "/containers/create", {"Image": image, "Cmd": ["/bin/true"]}, query={"name": "idle"})
    asked = {"name": "conn-idle", "connected": ["idle"]}
    assert run_network(swarm_engine, True, **asked)["actions"] == ["connected container idle"]
    assert run_network(swarm_engine, **asked)["actions"] == ["connected container idle"]
    assert "conn-idle" in swarm_engine.call("GET", "/containers/idle/json")["NetworkSettings"]["Networks"]
    again = run_network(swarm_engine, **asked)
    assert not again["changed"] and "diff" not in again
    swarm_engine.call("DELETE", "/containers/idle")
    run_network(swarm_engine, name="conn-idle", state="absent")
