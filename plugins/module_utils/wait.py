# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way to wait: look, decide, sleep, and say at the deadline what was seen last."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

from .errors import OverlayError, WaitTimeout

State = TypeVar("State")


def never(_error: OverlayError) -> bool:
    return False


class Clock:
    """The time that tests replace."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def wait_until(
    probe: Callable[[], State],
    done: Callable[[State], bool],
    timeout: float,
    what: str,
    interval: float = 1.0,
    clock: Clock | None = None,
    show: Callable[[State], object] = lambda state: state,
    excuse: Callable[[OverlayError], bool] = never,
) -> State:
    """Returns the first state that ``done`` accepts; looks at least once, and once more at the deadline.

    ``what`` completes "timed out waiting for …"; ``show`` makes the last state short enough to read. A look that ends
    with an error that ``excuse`` accepts has seen nothing, and is followed by another one.
    """
    clock = clock or Clock()
    deadline = clock.now() + timeout
    state: State | None = None
    while True:
        try:
            state = probe()
            if done(state):
                return state
            seen = str(show(state))
        except OverlayError as error:
            if not excuse(error):
                raise
            seen = str(error)
        left = deadline - clock.now()
        if left <= 0:
            raise WaitTimeout(f"timed out after {timeout:g} s waiting for {what}; last seen: {seen}", state)
        clock.sleep(min(interval, left))


class Held:
    """What is only believed once it has been seen for some seconds without a break; what is not seen needs no time."""

    def __init__(self, seconds: float, clock: Clock | None = None) -> None:
        self._seconds = seconds
        self._clock = clock or Clock()
        self._since: float | None = None

    def held(self, seen: bool) -> bool:
        if not seen:
            self._since = None
            return True
        now = self._clock.now()
        self._since = now if self._since is None else self._since
        return now - self._since >= self._seconds
