# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a thousand peers of the firewall cost one host: the whole table at once, and a look that finds nothing to do.

Beside it, in the same run and the same namespace, one call of `nft add element` for each peer, as scripts do it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import measure

PEERS, ROUNDS, NAMESPACE = 1000, 5, "firewall-bench"
# Seconds that are promised.
APPLIED, LOOKED = 2.0, 0.5
OPTIONS: dict[str, Any] = {
    "client_networks": ["192.0.2.0/24"],
    # Every second address: none of them are one network.
    "peers": [f"198.{18 + number // 30000}.{number // 120 % 250}.{2 * (number % 120) + 1}" for number in range(PEERS)],
    "client_ports": [9000, 9001],
    "cluster_tcp_ports": [2377, 7946],
    "cluster_udp_ports": [4789, 7946],
    "container_interfaces": ["docker0", "docker_gwbridge"],
    "gre_vsid": None,
    "overlay_interfaces": [],
    "overlay_networks": [],
    "drop_interfaces": ["eth0"],
    "management_networks": ["192.0.2.0/28"],
    "management_ports": [22],
    "controller_manages": True,
    "allowed": [],
    "extra_rules": [],
}


def _nft(*words: str, text: str | None = None) -> str:
    command = ["ip", "netns", "exec", NAMESPACE, "nft", *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise measure.RunError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")
    return done.stdout


@contextmanager
def _namespace() -> Iterator[None]:
    # One may be left of a run that was killed.
    subprocess.run(["ip", "netns", "delete", NAMESPACE], check=False, stderr=subprocess.DEVNULL)
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "netns", "delete", NAMESPACE], check=True)


def _timed(work: Callable[[], Any]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def main() -> bool:
    """Prints the table; whether what is promised is kept."""
    sys.path.insert(0, str(measure.ROOT / ".cache" / "collections"))
    from ansible_collections.baremetal.overlay.plugins.module_utils.host import firewall, firewall_rules, nft_table

    def load() -> None:
        _nft("-f", "-", text=firewall_rules.ruleset(OPTIONS))

    def look() -> str:
        firewall_rules.ruleset(OPTIONS)
        return nft_table.receipt("", _nft("-j", "list", "table", *firewall.TABLE.words))

    applied, looked, seen = [], [], set()
    with _namespace():
        for _round in range(ROUNDS):
            applied.append(_timed(load))
            looked.append(_timed(lambda: seen.add(look())))
        if len(seen) != 1:
            raise measure.RunError("firewall: a second look sees another table")
        _nft("-f", "-", text=firewall_rules.ruleset({**OPTIONS, "peers": []}))
        calls = _timed(lambda: _one_call_a_peer(OPTIONS["peers"]))
    rows = {
        f"the table with {PEERS} peers, in one transaction": statistics.median(applied),
        "a look that finds nothing to do": statistics.median(looked),
        f"{PEERS} calls of `nft add element` (one round)": calls,
    }
    print(f"Firewall, medians of {ROUNDS} rounds, in seconds")
    for title, seconds in rows.items():
        print(f"  {title:<52} {seconds:7.3f}")
    first, none, single = rows.values()
    print(f"  one call a peer takes {single / first:.0f} times as long")
    kept = first <= APPLIED and none <= LOOKED
    print(f"  promised: {APPLIED} s and {LOOKED} s: {'kept' if kept else 'NOT KEPT'}")
    return kept


def _one_call_a_peer(peers: list[str]) -> None:
    for peer in peers:
        _nft("add", "element", "inet", "baremetal_overlay", "peers4", f"{{ {peer} }}")
