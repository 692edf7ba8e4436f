# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait looks once at least, stops at its deadline, and says what it saw last."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import passes
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import (
    EngineError,
    NotManager,
    OverlayError,
    Refused,
    Unavailable,
    WaitTimeout,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.wait import Held, wait_until
from still_clock import StillClock


def test_returns_the_state_that_was_waited_for() -> None:
    states = iter([1, 2, 3, 4])
    clock = StillClock()
    assert wait_until(lambda: next(states), lambda state: state == 3, 10, "three", clock=clock) == 3
    assert clock.time == 2


def test_says_the_last_state_at_the_deadline() -> None:
    clock = StillClock()
    with pytest.raises(WaitTimeout, match=r"timed out after 2.5 s waiting for the end; last seen: at 2.5") as error:
        wait_until(lambda: clock.time, lambda _now: False, 2.5, "the end", clock=clock, show=lambda now: f"at {now}")
    assert error.value.state == 2.5


def test_no_time_still_looks_once() -> None:
    assert wait_until(lambda: "there", lambda _state: True, 0, "it", clock=StillClock()) == "there"


def test_an_excused_error_is_a_look_that_saw_nothing() -> None:
    def probe() -> str:
        if 1 <= clock.time < 3:
            raise Unavailable("away")
        return f"at {clock.time:g}"

    clock = StillClock()
    assert wait_until(probe, lambda seen: seen == "at 3", 5, "it", clock=clock, excuse=passes) == "at 3"
    clock.time = 0
    with pytest.raises(WaitTimeout, match="last seen: away") as error:
        wait_until(probe, lambda _seen: False, 2, "it", clock=clock, excuse=passes)
    assert error.value.state == "at 0"
    with pytest.raises(Unavailable):
        wait_until(probe, lambda _seen: False, 1, "it", clock=clock)


def not_manager(state: str) -> NotManager:
    error = NotManager(f"state {state}", 503)
    error.state = state
    return error


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (Unavailable("no engine answers"), True),
        (EngineError("rpc error: The swarm does not have a leader", 503), True),
        (EngineError("this host's swarm has no leader", 503), True),
        (EngineError("rpc error: code = DeadlineExceeded desc = context deadline exceeded", 500), True),
        (EngineError("the engine at unix:///s gave no answer in time: 60 s"), True),
        (EngineError("invalid subnet", 400), False),
        (EngineError("no manager took this host into its swarm"), False),
        (EngineError("server error", 500), False),
        (not_manager("active"), False),
        (not_manager("locked"), False),
        (not_manager("inactive"), True),
        (not_manager("pending"), True),
        (Refused("no"), False),
    ],
)
def test_errors_that_waiting_helps_against(error: OverlayError, passing: bool) -> None:
    assert passes(error) is passing


def test_what_is_to_hold_is_believed_after_its_time_without_a_break() -> None:
    clock = StillClock()
    held = Held(5, clock)
    assert held.held(False) and not held.held(True)
    clock.sleep(4)
    assert not held.held(True) and held.held(False)
    clock.sleep(4)
    assert not held.held(True)
    clock.sleep(5)
    assert held.held(True)
