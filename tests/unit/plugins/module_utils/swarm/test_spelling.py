# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Specifications as the docker CLI and docker_swarm_service send them. tests/engine compares with what they do send."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.service import TABLE
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.spelling import of_a_service, of_a_stack

FIVE = 5_000_000_000


def sent(**options: Any) -> dict[str, Any]:
    """The body of a stack's service."""
    given = {"name": "web", "image": "app", **options}
    want = fields.whole(TABLE, fields.build(TABLE, given))
    return of_a_stack(given)(fields.merge(TABLE, None, want), None)


def test_the_cli_sends_what_says_nothing() -> None:
    body = sent()
    task = body["TaskTemplate"]
    assert task["ContainerSpec"]["Privileges"] == task["Placement"] == task["Resources"] == body["EndpointSpec"] == {}
    assert "RestartPolicy" not in task


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"condition": "any"}, {"Condition": "any"}),
        ({"condition": "on-failure"}, {"Condition": "on-failure"}),
        ({"delay": "5s", "max_attempts": 0}, {"Delay": FIVE, "MaxAttempts": 0}),
        ({"window": "2m"}, {"Window": 120_000_000_000}),
    ],
)
def test_of_a_policy_what_is_given(policy: dict[str, Any], said: dict[str, Any]) -> None:
    assert sent(restart_config=policy)["TaskTemplate"]["RestartPolicy"] == said
    given = fields.build(TABLE, {"name": "web", "restart_config": policy})
    body = of_a_service({"name": "web"}, given)(fields.merge(TABLE, None, given), None)
    assert body["TaskTemplate"]["RestartPolicy"] == said


def test_the_cli_sorts() -> None:
    ports = [{"published_port": 9000, "target_port": 1}, {"published_port": 80, "target_port": 2}]
    body = sent(env=["B=2", "A=1"], cap_add=["SYS_TIME", "CHOWN"], publish=ports, ulimits=["nproc=2", "memlock=1"])
    container = body["TaskTemplate"]["ContainerSpec"]
    assert container["Env"] == ["A=1", "B=2"]
    assert container["CapabilityAdd"] == ["CAP_CHOWN", "CAP_SYS_TIME"]
    assert [one["Name"] for one in container["Ulimits"]] == ["memlock", "nproc"]
    assert [one["PublishedPort"] for one in body["EndpointSpec"]["Ports"]] == [80, 9000]


def test_a_monitor_is_said_where_it_is_given() -> None:
    assert "Monitor" not in sent(update_config={"delay": "1s"})["UpdateConfig"]
    assert sent(update_config={"monitor": "5s", "delay": "1s"})["UpdateConfig"]["Monitor"] == FIVE


def test_constraints_and_capabilities_keep_their_letters() -> None:
    written = {"placement": {"constraints": ["node.role==manager", "node.labels.x != y"]}}
    assert sent(**written)["TaskTemplate"]["Placement"]["Constraints"] == written["placement"]["constraints"]
    params = {"name": "web", "image": "app", "cap_add": ["net_admin"], "cap_drop": ["ALL"], **written}
    given = fields.build(TABLE, params)
    body = of_a_service(params, given)(fields.merge(TABLE, None, given), None)
    container = body["TaskTemplate"]["ContainerSpec"]
    assert (container["CapabilityAdd"], container["CapabilityDrop"]) == (["net_admin"], ["ALL"])
    assert body["TaskTemplate"]["Placement"]["Constraints"] == written["placement"]["constraints"]
    assert not fields.diff(TABLE, given, fields.read(TABLE, body)), "they mean the same"


def test_tasks_are_not_replaced_for_the_sake_of_letters() -> None:
    live = fields.merge(TABLE, None, fields.build(TABLE, {"name": "web", "image": "app", "env": ["B=2", "A=1"]}))
    options = {"name": "web", "image": "app", "env": ["B=2", "A=1"], "labels": {"a": "1"}}
    body = fields.merge(TABLE, live, fields.whole(TABLE, fields.build(TABLE, options)))
    before = copy.deepcopy(body)
    assert of_a_stack(options)(body, live) == before
    assert of_a_service(options, fields.build(TABLE, options))(body, live) == before
