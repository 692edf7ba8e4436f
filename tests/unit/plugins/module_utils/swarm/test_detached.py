# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service without one of its networks, and with it again; who uses a network; who is connected to it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.connected import connections
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.detached import (
    LABEL,
    Users,
    attach,
    detach,
    detached_from,
    holding,
    uses,
)

NETWORK = {"Id": "n1", "Name": "storage"}
INGRESS = {"Id": "i1", "Name": "ingress", "Ingress": True}
ATTACHMENTS = [{"Target": "n0"}, {"Target": "n1", "Aliases": ["b", "a"], "DriverOpts": {"k": "v"}}, {"Target": "n2"}]
PORTS = [{"TargetPort": 80, "PublishMode": "ingress"}, {"TargetPort": 81, "PublishMode": "host"}, {"TargetPort": 82}]


def service(mode: dict[str, Any], **template: Any) -> dict[str, Any]:
    return {"Name": "web", "Labels": {"mine": "1"}, "Mode": mode, "TaskTemplate": template}


SPECS: dict[str, dict[str, Any]] = {
    "one of three": service({"Replicated": {"Replicas": 3}}, Networks=ATTACHMENTS),
    "the only one": service({"Replicated": {"Replicas": 0}}, Networks=[{"Target": "n1"}]),
    "by name": service({"Replicated": {}}, Networks=[{"Target": "storage"}]),
    "global": service({"Global": {}}, Networks=ATTACHMENTS),
    "global, constrained": service({"Global": {}}, Networks=ATTACHMENTS,
                                   Placement={"Constraints": ["node.role==worker"], "MaxReplicas": 2}),
    "the old place": {**service({"Global": {}}), "Networks": ATTACHMENTS},
}  # fmt: skip


@pytest.mark.parametrize("kind", SPECS)
def test_what_is_detached_is_at_rest_and_comes_back_as_it_was(kind: str) -> None:
    spec, untouched = SPECS[kind], copy.deepcopy(SPECS[kind])
    resting = detach(spec, NETWORK)
    assert spec == untouched and detached_from(resting) == "storage"
    assert not uses(resting, NETWORK) and resting["Labels"]["mine"] == "1"
    at_rest = resting["Mode"].get("Replicated", {}).get("Replicas") == 0
    assert at_rest or "node.id==nowhere" in resting["TaskTemplate"]["Placement"]["Constraints"]
    back = attach(resting, "new")
    networks = spec["TaskTemplate"].get("Networks") or spec["Networks"]
    found = back["TaskTemplate"].get("Networks") or back["Networks"]
    assert [one["Target"] for one in found] == [{"n1": "new"}.get(one["Target"], one["Target"]) for one in networks]
    assert attach(resting, "n1") == spec


def test_the_routing_mesh_takes_only_the_ports_that_are_published_in_it() -> None:
    spec = {**service({"Replicated": {"Replicas": 1}}), "EndpointSpec": {"Mode": "vip", "Ports": PORTS}}
    assert uses(spec, INGRESS) and not uses(spec, {**INGRESS, "Ingress": False})
    resting = detach(spec, INGRESS)
    assert resting["EndpointSpec"] == {"Mode": "vip", "Ports": PORTS[1:2]}
    assert attach(resting, "i2") == spec


def test_what_was_set_in_between_stays() -> None:
    resting = detach(SPECS["one of three"], NETWORK)
    resting["Mode"] = {"Replicated": {"Replicas": 7}}
    resting["TaskTemplate"]["LogDriver"] = {"Name": "none"}
    resting["Labels"]["more"] = "2"
    back = attach(resting, "new")
    assert back["Mode"] == {"Replicated": {"Replicas": 7}}
    assert back["Labels"] == {"mine": "1", "more": "2"}
    assert back["TaskTemplate"]["LogDriver"] == {"Name": "none"} and len(back["TaskTemplate"]["Networks"]) == 3
    resting["TaskTemplate"]["Networks"] = [{"Target": "other"}]
    assert attach(resting, "new")["TaskTemplate"]["Networks"] == [{"Target": "other"}]


def test_a_service_that_got_its_network_back_too_early_is_detached_again() -> None:
    spec = SPECS["one of three"]
    resting = detach(spec, NETWORK)
    resting["TaskTemplate"]["Networks"] = ATTACHMENTS
    again = detach(resting, NETWORK)
    assert again == detach(spec, NETWORK)
    assert attach(again, "n1") == spec


def test_obstacles() -> None:
    job = {"Spec": service({"GlobalJob": {}}, Networks=[{"Target": "n1"}])}
    other = {"Spec": {**SPECS["global"], "Name": "busy", "Labels": {LABEL: '{"network": "front"}'}}}
    users = Users(({"Spec": SPECS["global"]}, job, other), ("container x",))
    assert users.obstacles("storage") == [
        "container x was attached by hand: disconnect it",
        "service web is a job and would run again: remove it",
        'service busy is still detached from network "front": run the task of that one again',
    ]
    assert len(users.obstacles("front")) == 2
    assert not Users()


def test_tasks_hold_on_to_a_network_while_they_can_be_asked() -> None:
    def task(state: str, node: str, network: str = "n1") -> dict[str, Any]:
        attached = [{"Network": {"ID": network}}]
        return {"ID": f"{state}-{node}", "NodeID": node, "Status": {"State": state}, "NetworksAttachments": attached}

    nodes = [{"ID": "up", "Status": {"State": "ready"}}, {"ID": "down", "Status": {"State": "down"}}]
    tasks = [task("running", "up"), task("shutdown", "up"), task("running", "down"), task("running", "up", "n2")]
    assert holding(NETWORK, tasks, nodes) == ["task running-up is running"]


@pytest.mark.parametrize(
    ("asked", "appends", "connect", "disconnect"),
    [
        (None, False, (), ()),
        ([], False, (), ("one", "two")),
        ([], True, (), ()),
        (["one"], False, (), ("two",)),
        (["three", "0123456789abcdef"], False, ("three",), ("two",)),
        (["0123456789ab", "two"], False, (), ()),
        (["0123", "tw"], True, ("0123", "tw"), ()),
    ],
)
def test_connections(
    asked: list[str] | None, appends: bool, connect: tuple[str, ...], disconnect: tuple[str, ...]
) -> None:
    here = {"0123456789abcdef": {"Name": "one"}, "fedcba9876543210": {"Name": "two"}}
    planned = connections(asked, appends, here)
    assert (planned.connect, planned.disconnect) == (connect, disconnect)
    assert bool(planned.changes()) == bool(planned.actions()) == bool(connect or disconnect)
