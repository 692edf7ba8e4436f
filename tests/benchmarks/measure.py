# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one run of Ansible costs: wall time, memory of all its processes, module executions on each host."""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parents[2]
# A module is sent over one ssh call each; the call that asks for the connection's home is not one.
EXECUTION = re.compile(r"^<(?P<address>[0-9.]+)> SSH: EXEC .*python3", re.MULTILINE)
CHANGE = re.compile(r"changed=[1-9]")


class RunError(Exception):
    """A run that is no measurement, with the end of what it said."""


@dataclass(frozen=True)
class Cost:
    """One run: seconds, those of them that its processes computed, and the peak of their memory in bytes."""

    wall: float
    peak: int
    output: str
    cpu: float = 0.0


def family(root: int) -> set[int]:
    """A process and all that descend from it: Ansible's workers are leaders of sessions of their own."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry.parent.name))
    found, ahead = set(), [root]
    while ahead:
        one = ahead.pop()
        found.add(one)
        ahead += children.get(one, [])
    return found


def resident(root: int) -> int:
    """The resident memory in bytes of a process and its descendants, shared pages divided among their users."""
    total = 0
    for one in family(root):
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(value) for value in re.findall(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)) * 1024
    return total


def run(command: Sequence[str], log: Path, memory: bool = False) -> Cost:
    """Run a command to its end. Looking at its memory costs processor time: not part of every measurement."""
    started, computed, peak = time.monotonic(), _computed(), 0
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
        while memory and process.poll() is None:
            peak = max(peak, resident(process.pid))
            time.sleep(0.05)
        code = process.wait()
    wall, output = time.monotonic() - started, log.read_text(encoding="utf-8", errors="replace")
    if code:
        raise RunError(f"{' '.join(command)} ended with {code}; the end of {log}:\n{output[-2000:]}")
    return Cost(wall, peak, output, _computed() - computed)


def _computed() -> float:
    """Processor time of all processes that this one has waited for, and of those that they have."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def unchanged(cost: Cost) -> Cost:
    """That run, which has to be a no-op."""
    if CHANGE.search(cost.output):
        raise RunError("a run that had nothing to do changed something: it is no measurement of a no-op")
    return cost


def executions(output: str) -> Counter[str]:
    """Module executions by the host's address, from what Ansible says with -vvv."""
    return Counter(match["address"] for match in EXECUTION.finditer(output))


def spread(values: Sequence[float]) -> str:
    """Least, median and most."""
    return f"min {min(values):5.1f}  median {statistics.median(values):5.1f}  max {max(values):5.1f}"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Optional[float]:
    """The median of the ratios of the pairs, which were measured one after the other."""
    return statistics.median(a / b for a, b in zip(ours, theirs)) if theirs else None
