# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts' clocks beside each other, as far as anything about them is proven.

Each clock was read between two readings of the controller's, and so long after the module had started there: its
offset lies in an interval. Two clocks differ for
certain by the gap between their intervals, and by no more than that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule, group_hosts

# MinIO refuses requests that are 15 minutes off, from clients and from other servers. A third of that leaves as much
# again to clients on either side.
LIMIT = 300.0
# The newest version of an object is the one with the latest time, whichever server wrote it.
NOTEWORTHY = 2.0


@dataclass(frozen=True)
class Offset:
    """How far a host's clock is ahead of the controller's: between least and most seconds."""

    host: str
    least: float
    most: float

    @property
    def middle(self) -> float:
        """The best guess."""
        return (self.least + self.most) / 2

    def ahead_of(self, other: Offset) -> float:
        """The seconds that are proven: positive ahead, negative behind, 0 where both may be equal."""
        return max(0.0, self.least - other.most) - max(0.0, other.least - self.most)


def offsets(cluster: Cluster) -> list[Offset]:
    """Of every host whose clock was read between two stamps."""
    found = []
    for host in cluster.seen:
        own, stamps = host.facts.get("clock") or {}, (host.report or {}).get("clock") or {}
        if own.get("time") and stamps:
            found.append(offset(host.name, own, stamps))
    return found


def offset(name: str, own: Mapping[str, Any], stamps: Mapping[str, float]) -> Offset:
    """``own``: what the host read; ``stamps``: the controller's time before and after."""
    sent = stamps["sent"] + own.get("age", 0)
    return Offset(name, own["time"] - stamps["received"], own["time"] - sent)


def reference(found: list[Offset]) -> Offset:
    """The clock in the middle; of two in the middle, the one nearer to the controller's."""
    ordered = sorted(found, key=lambda offset: offset.middle)
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    return min(middle, key=lambda offset: abs(offset.middle))


def _differing(cluster: Cluster, above: float, below: float = float("inf")) -> Iterator[tuple[Offset, Offset, float]]:
    found = offsets(cluster)
    if not found:
        return
    base = reference(found)
    for offset in found:
        gap = offset.ahead_of(base)
        if above < abs(gap) <= below:
            yield offset, base, gap


def words(offset: Offset, base: Offset) -> str:
    """How far one clock is from another, and how sure that is."""
    apart = offset.middle - base.middle
    unsure = (offset.most - offset.least + base.most - base.least) / 2
    way = "ahead of" if apart > 0 else "behind"
    return f"its clock is {abs(apart):.0f} s (± {max(unsure, 1):.0f} s) {way} that of {base.host}"


def clocks_agree(cluster: Cluster) -> Iterator[str]:
    """Servers refuse each other's requests, and clients', when clocks are far apart."""
    for offset, base, _gap in _differing(cluster, LIMIT):
        yield (
            f"{offset.host}: {words(offset, base)}; at most {LIMIT:.0f} s are allowed, as MinIO refuses requests that "
            "are 15 minutes off; set the clock, and keep it by chrony or systemd-timesyncd"
        )


def clocks_drift(cluster: Cluster) -> Iterator[str]:
    """Close enough to run, too far apart to order what is written."""
    for offset, base, _gap in _differing(cluster, NOTEWORTHY, LIMIT):
        yield (
            f"{offset.host}: {words(offset, base)}; versions of an object that are written through both in that time "
            "may stand in the wrong order: keep the clocks in step by chrony or systemd-timesyncd"
        )


def clocks_are_kept(cluster: Cluster) -> Iterator[str]:
    """Clocks that agree today drift apart where nothing keeps them."""
    loose = [host.name for host in cluster.seen if (host.facts.get("clock") or {}).get("synchronized") is False]
    yield from group_hosts(
        (name, "no time service keeps the clock in step, says the kernel; run chrony or systemd-timesyncd")
        for name in loose
    )


RULES: tuple[Rule, ...] = (clocks_agree,)
ADVICE: tuple[Rule, ...] = (clocks_drift, clocks_are_kept)
