# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What site.yml costs beside the same outcome by stock modules (stock.yml), in pairs that alternate.

It takes labs down and up as it goes and leaves one that site.yml deployed. Cold is a new lab for
each run, with MinIO's image built already; no-op is a run that has nothing to do, on the lab that the same playbook
deployed. Executions are counted in a run of their own, as the account of them slows a run, and so is the memory.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import measure

LOGS = measure.ROOT / "build" / "bench"
VERIFY = measure.ROOT / "playbooks" / "verify.yml"
INVENTORY = ["-i", "inventories/lab"]
OURS = [".venv/newest/bin/ansible-playbook", *INVENTORY, "playbooks/site.yml"]


@dataclass
class Figures:
    """All walls of one playbook, and what the runs of their own found."""

    command: list[str]
    cold: list[float] = field(default_factory=list)
    noop: list[float] = field(default_factory=list)
    executions: dict[str, int] = field(default_factory=dict)
    peak: int = 0


def image() -> tuple[str, str]:
    """The archive of MinIO's image and its ID, as the collection built and kept them."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "baremetal.overlay" / "minio" / "images"
    found = sorted(cache.glob("*/image.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise measure.RunError(f"no image in {cache}; build it first: make demo")
    return str(found[-1].parent / "image.tar.gz"), json.loads(found[-1].read_text())["image_id"]


def stock() -> list[str]:
    """The command of the baseline."""
    archive, image_id = image()
    extra = [
        "-e",
        "@tests/benchmarks/stock_vars.yml",
        "-e",
        f"bench_archive={archive}",
        "-e",
        f"bench_image={image_id}",
    ]
    return [".venv/stock/bin/ansible-playbook", *INVENTORY, "tests/benchmarks/stock.yml", *extra]


def new_lab() -> None:
    """Bare hosts."""
    done = subprocess.run(["make", "lab-down", "lab"], cwd=measure.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise measure.RunError(f"make lab-down lab ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr}")


def one_round(name: str, figures: Figures, noops: int, account: bool) -> None:
    """A new lab, a cold run, and runs that have nothing to do."""
    new_lab()
    cold = measure.run(figures.command, LOGS / f"{name}-cold.log").wall
    figures.cold.append(cold)
    # What settles after a deployment is no part of a no-op.
    measure.unchanged(measure.run(figures.command, LOGS / f"{name}-settle.log"))
    walls = [
        measure.unchanged(measure.run(figures.command, LOGS / f"{name}-noop.log")).wall for _repetition in range(noops)
    ]
    figures.noop += walls
    print(f"  {name:<5} cold {cold:5.1f}  no-op {'  '.join(f'{wall:.1f}' for wall in walls)}", flush=True)
    if account:
        figures.peak = measure.run(figures.command, LOGS / f"{name}-memory.log", memory=True).peak
        verbose = measure.unchanged(measure.run([*figures.command, "-vvv"], LOGS / f"{name}-verbose.log"))
        figures.executions = dict(sorted(measure.executions(verbose.output).items()))


def start_cost() -> float:
    """What Ansible itself takes: its start, the inventory, and the end."""
    command = [OURS[0], *INVENTORY, "tests/benchmarks/nothing.yml"]
    return min(measure.run(command, LOGS / "nothing.log").wall for _repetition in range(3))


def verify() -> None:
    """verify.yml on a healthy cluster, beyond Ansible's own start."""
    command = [OURS[0], *INVENTORY, str(VERIFY)]
    start = start_cost()
    walls = [measure.run(command, LOGS / "verify.log").wall - start for _repetition in range(3)]
    print(f"verify.yml beyond a start of {start:.1f}: {measure.spread(walls)}   wanted: 10")


def report(ours: Figures, theirs: Figures) -> None:
    """The table."""
    print("\nseconds; ratio: the median of the pairs' ratios")
    for title, mine, stock_walls, wanted in (
        ("no-op", ours.noop, theirs.noop, 0.4),
        ("cold", ours.cold, theirs.cold, 0.8),
    ):
        print(f"{title:<6} ours   {measure.spread(mine)}")
        print(f"{title:<6} stock  {measure.spread(stock_walls)}")
        print(f"{title:<6} ratio  {measure.ratio(mine, stock_walls):.2f}   wanted: {wanted}")
    for name, figures in (("ours", ours), ("stock", theirs)):
        counts = "  ".join(f"{address} {count}" for address, count in figures.executions.items())
        print(f"module executions of a no-op, {name:<5}  {counts}")
        print(f"memory peak of all processes, {name:<5}  {figures.peak / 2**20:.0f} MiB")
    print("wanted: 3 executions a worker, 7 on the acting manager, 300 MiB")


def main(rounds: int, noops: int) -> None:
    ours, theirs = Figures(OURS), Figures(stock())
    print(f"{rounds} pairs of new labs, {noops} no-op runs on each; seconds", flush=True)
    for number in range(rounds):
        last = number == rounds - 1
        one_round("stock", theirs, noops, last)
        one_round("ours", ours, noops, last)
    report(ours, theirs)
    if VERIFY.exists():
        verify()
