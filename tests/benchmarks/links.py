# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a thousand peers of a kernel overlay cost one host: all of them at once, and a look that finds nothing to do.

Beside it, in the same run and the same namespace, one call of `bridge` for each peer, as scripts do it.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import measure

PEERS, ROUNDS = 1000, 5
# Seconds that are promised.
APPLIED, LOOKED = 2.0, 0.5


def _options(host: Any) -> dict[str, Any]:
    options: dict[str, Any] = host.options([])
    peers = [{"number": number, "address": f"198.19.{number >> 8}.{number & 255}"} for number in range(2, PEERS + 2)]
    return {**options, "subnet": "10.78.0.0/16", "peers": peers}


def _timed(work: Callable[[], Any]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _clear(host: Any) -> None:
    from ansible_collections.baremetal.overlay.plugins.module_utils.host.links_plan import GROUP

    if host.state("ovl0").ours:
        host.ip("link", "delete", "group", str(GROUP))
    host.started = False


def _one_call_a_peer(host: Any, options: dict[str, Any]) -> None:
    for peer in options["peers"]:
        entry = ("00:00:00:00:00:00", "dev", "ovl0-vx", "self", "permanent", "dst", peer["address"])
        host.system.run(("bridge", "fdb", "append", *entry))


def main() -> bool:
    """Prints the table; whether what is promised is kept."""
    sys.path[:0] = [str(measure.ROOT / ".cache" / "collections"), str(measure.ROOT / "tests" / "links")]
    from field import laid_out

    applied, looked, calls = [], [], []
    with laid_out(hosts=1) as field:
        host = field.hosts[0]
        options = _options(host)
        for _round in range(ROUNDS):
            _clear(host)
            applied.append(_timed(lambda: host.apply(options)))
            looked.append(_timed(lambda: _expect_nothing(host, options)))
            _clear(host)
            host.apply({**options, "peers": []})
            calls.append(_timed(lambda: _one_call_a_peer(host, options)))
    rows = {
        f"{PEERS} peers by the section links, from nothing": statistics.median(applied),
        "the same with nothing to do": statistics.median(looked),
        f"{PEERS} calls of `bridge fdb`, half of the entries": statistics.median(calls),
    }
    print(f"Kernel overlay, medians of {ROUNDS} rounds, in seconds")
    for title, seconds in rows.items():
        print(f"  {title:<52} {seconds:7.3f}")
    first, none, single = rows.values()
    print(f"  one call a peer takes {single / first:.0f} times as long")
    kept = first <= APPLIED and none <= LOOKED
    print(f"  promised: {APPLIED} s and {LOOKED} s: {'kept' if kept else 'NOT KEPT'}")
    return kept


def _expect_nothing(host: Any, options: dict[str, Any]) -> None:
    plan = host.plan(options)
    if plan.steps:
        raise measure.RunError(f"links: a second run would {'; '.join(plan.sentences)}")
