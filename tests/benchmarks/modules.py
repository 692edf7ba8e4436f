# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of one module costs that has nothing to do: ours and community.docker's, on one engine of their own.

Both get the same options, in pairs that alternate; both by the same ansible-playbook, with pipelining, over a local
connection, with the same Python. What the start of Ansible costs by itself is taken off; what it costs to execute a
module that does nothing is printed. The Engine API calls are counted in a run of their own, by a socket in front of the
engine's.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cases
import measure
from proxy import CountingProxy

LOGS = measure.ROOT / "build" / "bench" / "modules"
STOCK = measure.ROOT / ".venv" / "stock" / "bin"
SERVICES = 50
# The least that an execution can cost.
NOTHING = "ansible.builtin.ping"
# Executions in one run of ansible-playbook.
TIMES = 5


@dataclass
class Contest:
    """The same task by two modules."""

    title: str
    ours: str
    theirs: str
    our_options: dict[str, Any]
    their_options: dict[str, Any]
    wanted_ratio: float
    wanted_calls: int
    # Executions in one run of ansible-playbook.
    times: int
    walls: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    calls: dict[str, list[str]] = field(default_factory=dict)

    def options(self, module: str) -> dict[str, Any]:
        return self.our_options if module == self.ours else self.their_options


@contextmanager
def engine() -> Iterator[Path]:
    """The socket of an engine that manages a swarm of its own."""
    sys.path[:0] = [str(measure.ROOT / ".cache" / "collections"), str(measure.ROOT / "tests" / "engine")]
    import private

    with private.two_engines() as engines:
        client = private.connect(engines[0])
        address = f"{engines[0].address}:2377"
        client.call("POST", "/swarm/init", {"ListenAddr": address, "AdvertiseAddr": address})
        for path, body in cases.PREPARATION:
            client.call("POST", path, body)
        yield engines[0].socket


def contests(compose: Path) -> list[Contest]:
    options = cases.service()
    stack: dict[str, Any] = {"compose": [str(compose)]}
    return [
        Contest(
            f"service of {len(options)} options",
            "baremetal.overlay.service",
            "community.docker.docker_swarm_service",
            options,
            options,
            wanted_ratio=0.7,
            wanted_calls=3,
            times=TIMES,
        ),
        Contest(
            f"stack of {SERVICES} services",
            "baremetal.overlay.stack",
            "community.docker.docker_stack",
            {**stack, "name": "ours"},
            {**stack, "name": "theirs", "resolve_image": "never"},
            wanted_ratio=0.2,
            wanted_calls=8,
            times=3,
        ),
    ]


def play(module: str, options: dict[str, Any], url: str, times: int) -> measure.Cost:
    """One run of ansible-playbook that executes the module so often."""
    task = {"name": "Run it", module: {**options, "docker_host": url} if url else {}, "loop": list(range(times))}
    book = {
        "name": "One module",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": str(STOCK / "python")},
        "tasks": [task] if times else [],
    }
    name = module.rpartition(".")[2] if times else "nothing"
    path = LOGS / f"{name}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([book], indent=1), encoding="utf-8")
    return measure.run([str(STOCK / "ansible-playbook"), "-i", "localhost,", str(path)], LOGS / f"{name}.log")


def contend(contest: Contest, socket: Path, rounds: int, start: measure.Cost) -> None:
    """The service is one and the same; of the stack each has its own, as one would replace the other's secret."""
    url = f"unix://{socket}"
    for module in (contest.theirs, contest.ours):
        play(module, contest.options(module), url, 1)
        measure.unchanged(play(module, contest.options(module), url, 1))
        with CountingProxy(socket.with_name(f"{socket.name}p"), socket) as counted:
            measure.unchanged(play(module, contest.options(module), counted.url, 1))
            contest.calls[module] = counted.calls
    for _round in range(rounds):
        for module in (contest.theirs, contest.ours):
            cost = measure.unchanged(play(module, contest.options(module), url, contest.times))
            contest.walls.setdefault(module, []).append((cost.wall - start.wall) / contest.times)
            contest.cpu.setdefault(module, []).append((cost.cpu - start.cpu) / contest.times)


def report(contest: Contest) -> bool:
    """Prints the figures; only the calls can be judged on a machine that does other things too."""
    print(f"\nno-op of a {contest.title}, seconds of one execution beyond the start of Ansible")
    for title, found in (("wall", contest.walls), ("processor", contest.cpu)):
        for module in (contest.ours, contest.theirs):
            print(f"  {title:<10} {module:<40} {spread(found[module])}")
        ratio = measure.ratio(found[contest.ours], found[contest.theirs])
        print(f"  {title:<10} {'ratio, the median of all pairs':<40} {ratio:.2f}   wanted: {contest.wanted_ratio}")
    for module, wanted in ((contest.ours, f"   wanted: {contest.wanted_calls}"), (contest.theirs, "")):
        print(f"  {'calls':<10} {module:<40} {len(contest.calls[module])}{wanted}")
    ours = contest.calls[contest.ours]
    print("             " + ", ".join(sorted({call.partition("?")[0] for call in ours})))
    return len(ours) <= contest.wanted_calls


def spread(walls: list[float]) -> str:
    ordered = sorted(walls)
    return f"min {ordered[0]:5.2f}  median {ordered[len(ordered) // 2]:5.2f}  max {ordered[-1]:5.2f}"


def main(rounds: int) -> bool:
    """Whether every no-op stayed within its calls."""
    with engine() as socket, tempfile.TemporaryDirectory() as folder:
        start = min((play("nothing", {}, "", 0) for _repetition in range(5)), key=lambda cost: cost.wall)
        floor = min(((play(NOTHING, {}, "", TIMES).wall - start.wall) / TIMES) for _repetition in range(rounds))
        print(
            f"{rounds} pairs of runs; a start of Ansible takes {start.wall:.2f} s, {NOTHING} {floor:.2f} s", flush=True
        )
        found = contests(cases.compose(Path(folder), SERVICES))
        for contest in found:
            contend(contest, socket, rounds, start)
        kept = [report(contest) for contest in found]
        return all(kept)
