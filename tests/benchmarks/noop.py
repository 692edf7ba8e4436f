# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of site.yml costs where there is nothing to do: time, memory, and module executions on each host.

Run by ``make bench`` against a lab that is deployed. Executions are counted from Ansible's own account of its ssh
calls, in a run of its own, so that the account does not slow the run that is timed.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ["ansible-playbook", "-i", "inventories/lab", "playbooks/site.yml"]
RUNS = 5
# A module is sent over one ssh call each; the call that asks for the connection's home is not one.
EXECUTION = re.compile(r"^<(?P<address>[0-9.]+)> SSH: EXEC .*python3", re.MULTILINE)


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


def run() -> tuple[float, int]:
    """One run: wall seconds, and the peak of its processes' memory in bytes."""
    started, peak = time.monotonic(), 0
    with subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, resident(process.pid))
            time.sleep(0.05)
    if process.returncode:
        sys.exit(f"site.yml ended with {process.returncode}; deploy the lab first: make demo")
    return time.monotonic() - started, peak


def executions() -> Counter[str]:
    """Module executions by the host's address."""
    done = subprocess.run([*COMMAND, "-vvv"], cwd=ROOT, capture_output=True, text=True, check=True)
    if re.search(r"changed=[1-9]", done.stdout):
        sys.exit("site.yml changed something: this is no no-op; run it again")
    return Counter(match["address"] for match in EXECUTION.finditer(done.stdout))


def main() -> None:
    """Print the figures."""
    counted = executions()
    runs = [run() for _run in range(RUNS)]
    walls = sorted(wall for wall, _peak in runs)
    print(f"no-op of site.yml, {RUNS} runs")
    print(f"  wall seconds       min {walls[0]:.1f}  median {statistics.median(walls):.1f}  max {walls[-1]:.1f}")
    print(f"  peak memory        {max(peak for _wall, peak in runs) / 2**20:.0f} MiB, all processes (proportional)")
    for address, count in sorted(counted.items()):
        print(f"  executions         {address}  {count}")


if __name__ == "__main__":
    main()
