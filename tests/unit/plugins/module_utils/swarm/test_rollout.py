# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Following services: one loop, one clock, an engine that may be away for a while."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError, Unavailable, WaitTimeout
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import rollout
from still_clock import StillClock

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "swarm"


class Scripted(Engine):
    """Answers the lists of services, tasks and nodes from fixtures; ``edit`` changes them as time goes by."""

    def __init__(self, clock: StillClock, *names: str, edit: Callable[[float, dict[str, Any]], None]) -> None:
        super().__init__(None)
        self.clock, self.edit = clock, edit
        self.found = [json.loads((FIXTURES / f"{name}.json").read_text()) for name in names]

    def call(self, verb: str, path: str, *_args: Any, **_more: Any) -> Any:
        self.calls.append((verb, path))
        state: dict[str, Any] = {
            "/services": [one["service"] for one in self.found],
            "/tasks": [task for one in self.found for task in one["tasks"]],
            "/nodes": self.found[0]["nodes"],
            "/networks": [],
        }
        state = copy.deepcopy(state)
        self.edit(self.clock.time, state)
        return state[path]

    @property
    def ids(self) -> list[str]:
        return [one["service"]["ID"] for one in self.found]


def follow(*names: str, edit: Callable[[float, dict[str, Any]], None], timeout: float = 30) -> tuple[Any, Scripted]:
    clock = StillClock()
    engine = Scripted(clock, *names, edit=edit)
    return rollout.follow(engine, dict.fromkeys(engine.ids, True), timeout, clock), engine


def untouched(_now: float, _state: dict[str, Any]) -> None:
    """Nothing changes."""


def test_several_services_are_followed_with_three_calls_a_look() -> None:
    found, engine = follow("replicated", "global", edit=untouched)
    assert [one["running"] for one in found.values()] == [2, 1]
    assert engine.clock.time == 1.0, "both hold for their monitor period at the same time"
    assert len(engine.calls) == 3 * 3


def test_an_engine_that_restarts_is_waited_for() -> None:
    def away(now: float, _state: dict[str, Any]) -> None:
        if 0.5 <= now < 5:
            raise Unavailable("no engine answers", 0, "GET", "/services")

    _found, engine = follow("replicated", edit=away)
    assert engine.clock.time == 5.0


def test_the_deadline_shows_what_was_seen_last() -> None:
    with pytest.raises(
        WaitTimeout, match=r'after 3 s .*1 service to converge; .*"pending": 0 of 1 running; task 1 pend'
    ):
        follow("pending", edit=untouched, timeout=3)


def test_the_deadline_says_where_addresses_are_short() -> None:
    def small(_now: float, state: dict[str, Any]) -> None:
        spec = state["/services"][0]["Spec"]
        spec["TaskTemplate"]["Networks"] = [{"Target": "net1"}, {"Target": "net2"}]
        spec["Mode"] = {"Replicated": {"Replicas": 6}}
        pools = {"Config": [{"Subnet": "10.90.0.0/29", "Gateway": "10.90.0.1"}]}
        overlay = {"Id": "net1", "Name": "inner", "Scope": "swarm", "Driver": "overlay", "IPAM": pools}
        state["/networks"] = [overlay, {"Id": "net2", "Name": "never", "Scope": "swarm", "Driver": ""}]

    with pytest.raises(WaitTimeout, match=r"10.90.0.0/29 has 5 addresses to give, and 7 .* at least a /28") as late:
        follow("pending", edit=small, timeout=3)
    assert 'network "never" has no addresses: the cluster has not allocated it' in str(late.value)


def test_a_failed_update_ends_the_wait_at_once_and_names_the_tasks() -> None:
    with pytest.raises(OverlayError, match=r'"paused": its update is paused .*task 1 on node vm failed: .*exit \(3\)'):
        follow("replicated", "paused", edit=untouched)


def test_nothing_to_follow_costs_nothing() -> None:
    engine = Scripted(StillClock(), edit=untouched)
    assert rollout.follow(engine, {}, 1) == {}
    rollout.await_gone(engine, [], 1)
    assert not engine.calls
