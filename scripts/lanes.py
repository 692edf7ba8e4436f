# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the project's checks as lanes and counts them: `scripts/lanes.py [--soak] [lane or group ...]`.

A lane that cannot run, runs no test or skips one is not green, and neither is a molecule scenario that no lane names.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "logs"
CORES = ("newest", "oldest")
# The ansible-core between them, in the longer lanes.
MIDDLE = "middle"
# The Docker releases of Debian 12 and 13; tests/engine has the one that this machine has not from a root of its own.
ENGINES = ("20.10", "26.1")

# In this order: they share one lab, and `default` brings up the cluster that those after it use.
SCENARIOS = (
    "default",
    "bad-input",
    "unmounted-drive",
    "node-loss",
    "connectivity",
    "firewall",
    "drivers",
    "debian12",
)
# Beside them, on a second machine (scripts/machine) with a lab of its own: first what every ansible-core has to do.
ON_EVERY_CORE = ("default", "connectivity", "firewall")
SCENARIOS_BESIDE = ("confirm", "tls", "teardown", "walkthrough", "galaxy")
SECOND = "second"
# Four restarts of engines, each with its wait: ten minutes. Then clusters from nothing, again and again.
SOAK_SCENARIOS = ("engine-restart", "new-hosts", "operator", "faults")

# Files of tests/vm, in this order: the first makes the virtual machines anew, and those after it share them.
VM_TESTS = ("test_lab", "test_ipsec")
# Those for which `make test` has not the time, where processors are emulated.
SOAK_VM_TESTS = (
    "test_wire",
    "test_ipsec_faults",
    "test_reboot",
    "test_encrypted",
    "test_links",
    "test_discovery",
    "test_drivers",
    "test_ipv6",
)

LAB_DOWN, VM_LAB_DOWN = "tests/lab/test_lab_down.py", "tests/lab/test_vm_lab_down.py"

# Those of tests/engine in which nodes come and go, and updates are watched.
SLOW_ON_ENGINES = ("test_cluster_objects", "test_convergence", "test_managers", "test_network_remake")

# What tests/engine says at its end: which engine it ran on, how many cases.
SAID = re.compile(r"^ran: (.+)$", re.MULTILINE)
# What pytest's summary says of each test that failed.
FAILED_TEST = re.compile(r"^(?:FAILED|ERROR) \S.*$", re.MULTILINE)
PYTEST_LAST_LINE = re.compile(r"^(?:=+ )?((?:\d+ \w+,? ?)+) in [0-9.:]+.*$", re.MULTILINE)


# When a lane has its turn: two at a time of what computes, and then, one after another on each machine, what uses its
# lab; beside all of them what mostly waits for engines of its own. Last and alone, what emulates processors.
COMPUTES, WAITS, IN_THE_LAB, EMULATES = "computes", "waits", "in the lab", "emulates"


@dataclass(frozen=True)
class Lane:
    """One check: what group it belongs to and what has to end with 0."""

    name: str
    group: str
    command: tuple[str, ...]
    core: str = "newest"
    needs: Optional[Path] = None
    counts_tests: bool = False
    turn: str = COMPUTES
    says: str = ""  # how one of the things begins that it must say it ran
    machine: str = ""  # not this one, but one of scripts/machine


@dataclass(frozen=True)
class Result:
    lane: Lane
    failure: str
    seconds: float
    detail: str = ""
    tests: tuple[str, ...] = ()  # the ones that failed, with their reason
    busy: float = 0.0  # the share of this machine's processors that worked meanwhile, whoever they worked for


def lint_lanes(root: Path) -> list[Lane]:
    shell = [str(path) for path in tracked(root) if is_shell(root / path)]
    return [
        Lane("ruff check", "lint", ("ruff", "check", ".")),
        Lane("ruff format", "lint", ("ruff", "format", "--check", ".")),
        Lane(
            "mypy",
            "lint",
            (
                *("mypy", "plugins", "roles/lab/files", "scripts/lanes.py", "molecule", "tests/deployment.py"),
                *("scripts/kill_table.py", "tests/kill_table.py"),
                *("tests/vm_lab.py", "tests/lab", "tests/links", "tests/firewall", "tests/benchmarks"),
            ),
        ),
        # Apart: there are several conftest.py.
        Lane("mypy of tests/vm", "lint", ("mypy", "tests/vm")),
        Lane("yamllint", "lint", ("yamllint", "--strict", ".")),
        Lane("ansible-lint", "lint", ("ansible-lint", "--offline", "--profile", "production", "--strict")),
        Lane("shellcheck", "lint", ("shellcheck", *shell)),
        Lane("galaxy-importer", "lint", ("scripts/galaxy",)),
    ]


def core_lanes(root: Path) -> list[Lane]:
    """Unit tests and sanity, once for every ansible-core that has a virtual environment here."""
    lanes = []
    for core in CORES:
        if core == "newest" or has_core(root, core):
            lanes.append(Lane(f"unit ({core})", "unit", ("pytest", "tests/unit"), core, counts_tests=True))
            lanes.append(Lane(f"sanity ({core})", "sanity", ("scripts/sanity", core), core))
    return lanes


def live_lanes(root: Path, soak: bool) -> list[Lane]:
    lanes = [lane for release in ENGINES for lane in engine_lanes(root, release)]
    for name in ("links", "firewall"):
        # In network namespaces of their own.
        folder = root / "tests" / name
        lanes.append(Lane(name, name, ("pytest", f"tests/{name}"), needs=folder, counts_tests=True, turn=WAITS))
    # The second machine reaches no network outside.
    lanes.append(Lane("images", "molecule", ("make", "images")))
    lanes += [*scenario_lanes(root, soak), *beside_lanes(root, soak)]
    # They take the lab down.
    lanes.append(Lane("lab", "lab", ("pytest", LAB_DOWN), needs=root / LAB_DOWN, counts_tests=True, turn=EMULATES))
    return [*lanes, *vm_lanes(root, soak)]


def scenario_lane(root: Path, scenario: str, core: str = "newest", machine: str = "") -> Lane:
    """The lab stays for the next scenario; the last lane takes it down and looks for what is left."""
    where = core if core != "newest" else machine if scenario in ON_EVERY_CORE else ""
    name = f"molecule {scenario}" + (f" ({where})" if where else "")
    command = ("molecule", "test", "--scenario-name", scenario, "--destroy", "never")
    folder = root / "molecule" / scenario
    return Lane(name, "molecule", command, core, folder, counts_tests=True, turn=IN_THE_LAB, machine=machine)


def scenario_lanes(root: Path, soak: bool) -> list[Lane]:
    """In this machine's lab, with the newest ansible-core."""
    fresh = Lane("fresh lab", "molecule", ("make", "lab-down", "lab"), turn=IN_THE_LAB)
    scenarios = (*SCENARIOS, *(SOAK_SCENARIOS if soak else ()))
    return [fresh, *(scenario_lane(root, scenario) for scenario in scenarios)]


def beside_lanes(root: Path, soak: bool) -> list[Lane]:
    """In the second machine's lab: every other ansible-core that is here, then what needs no network outside."""
    lanes = []
    for core in ("oldest", *((MIDDLE,) if soak else ())):
        if has_core(root, core):
            fresh = ("make", "lab-down", "lab")
            lanes.append(Lane(f"fresh lab ({core})", "molecule", fresh, turn=IN_THE_LAB, machine=SECOND))
            lanes += [scenario_lane(root, scenario, core, SECOND) for scenario in ON_EVERY_CORE]
    if not lanes:
        # Where there is one Python there is one core, and nothing has deployed here yet.
        lanes = [scenario_lane(root, "default", machine=SECOND)]
    lanes += [scenario_lane(root, scenario, machine=SECOND) for scenario in SCENARIOS_BESIDE]
    return [*lanes, Lane("second machine down", "molecule", ("scripts/machine", "end", SECOND), turn=IN_THE_LAB)]


def has_core(root: Path, core: str) -> bool:
    return (root / ".venv" / core / "stamp-test").exists()


def vm_lanes(root: Path, soak: bool) -> list[Lane]:
    """Last, when nothing else computes: processors may be emulated."""
    files = [f"tests/vm/{name}.py" for name in (*VM_TESTS, *(SOAK_VM_TESTS if soak else ()))]
    return [
        Lane(
            f"vm {re.sub('^test_(vm_)?', '', Path(file).stem).replace('_', ' ')}",
            "vm",
            ("pytest", file),
            needs=root / file,
            counts_tests=True,
            turn=EMULATES,
        )
        for file in (*files, VM_LAB_DOWN)
    ]


def engine_lanes(root: Path, release: str) -> list[Lane]:
    """Two halves that take about as long, as they mostly wait for clusters to agree; no file is in neither."""
    folder = root / "tests" / "engine"
    slow = [f"tests/engine/{name}.py" for name in SLOW_ON_ENGINES]
    halves = {"clusters": slow, "objects": ["tests/engine", *(f"--ignore={path}" for path in slow)]}
    return [
        Lane(
            f"engine ({release}) {half}",
            "engine",
            ("pytest", *what, "--engine", release),
            needs=folder,
            counts_tests=True,
            turn=WAITS,
            says=f"engine {release}.",
        )
        for half, what in halves.items()
    ]


def unlisted(root: Path) -> list[str]:
    """Scenarios, and files of tests/vm, that no lane runs."""
    found = {f"molecule/{path.parent.name}" for path in root.glob("molecule/*/molecule.yml")}
    found |= {f"tests/vm/{path.stem}" for path in root.glob("tests/vm/test_*.py")}
    named = [f"molecule/{name}" for name in (*SCENARIOS, *SCENARIOS_BESIDE, *SOAK_SCENARIOS)]
    return sorted(found - {*named, *(f"tests/vm/{name}" for name in (*VM_TESTS, *SOAK_VM_TESTS))})


def tracked(root: Path) -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listing.split("\0") if name]


def is_shell(path: Path) -> bool:
    if path.suffix == ".sh":
        return True
    if path.suffix or not path.is_file():
        return False
    with path.open("rb") as file:
        return re.match(rb"#!(/bin/|/usr/bin/env )(ba)?sh\b", file.readline()) is not None


def verdict(lane: Lane, code: int, output: str) -> tuple[str, str]:
    """What is wrong (nothing: an empty string), and what the lane counted."""
    ran = SAID.findall(output)
    detail = "; ".join(line.strip() for line in [*PYTEST_LAST_LINE.findall(output), *ran])
    if code != 0:
        return f"ended with {code}", detail
    if lane.counts_tests and not PYTEST_LAST_LINE.search(output):
        return "ran no test", detail
    if lane.says and not any(one.startswith(lane.says) for one in ran):
        return f"did not run on {lane.says.rstrip('.')}", detail
    if lane.counts_tests and re.search(r"\b(skipped|deselected)\b", detail):
        return "did not run every test", detail
    return "", detail


def run(lane: Lane) -> Result:
    if lane.needs and not lane.needs.exists():
        return Result(lane, f"cannot run: {lane.needs} is not there", 0)
    log = LOGS / (re.sub(r"\W+", "-", lane.name).strip("-") + ".log")
    environment = {**os.environ, "PATH": f"{ROOT / '.venv' / lane.core / 'bin'}:{os.environ['PATH']}"}
    environment |= {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "NO_COLOR": "1", "PY_COLORS": "0"}
    print(f"lane {lane.name}: started", flush=True)
    command = ("scripts/machine", "run", lane.machine, *lane.command) if lane.machine else lane.command
    started, worked = time.monotonic(), processors()
    with log.open("w", encoding="utf-8") as file:
        try:
            code = subprocess.call(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
            )
        except OSError as error:
            return Result(lane, f"cannot run: {error}", 0)
    output = log.read_text(encoding="utf-8", errors="replace")
    failure, detail = verdict(lane, code, output)
    seconds, busy = time.monotonic() - started, share(worked, processors())
    result = Result(lane, failure, seconds, detail, tuple(FAILED_TEST.findall(output)), busy)
    if failure:
        print(f"--- lane {lane.name} {failure}; the end of {log}:\n" + "\n".join(output.splitlines()[-60:]), flush=True)
    else:
        print(f"lane {lane.name}: passed in {result.seconds:.0f} s {detail}", flush=True)
    return result


def processors() -> tuple[int, int]:
    """Time that this machine's processors have had, and what of it they were idle, in ticks (proc(5))."""
    ticks = [int(tick) for tick in Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0].split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]


def share(before: tuple[int, int], after: tuple[int, int]) -> float:
    """How busy they were in between."""
    total = after[0] - before[0]
    return 1 - (after[1] - before[1]) / total if total else 0.0


def run_all(lanes: Sequence[Lane]) -> list[Result]:
    of = {turn: [lane for lane in lanes if lane.turn == turn] for turn in (COMPUTES, WAITS, IN_THE_LAB, EMULATES)}
    machines: dict[bool, list[Lane]] = {True: [], False: []}
    for lane in of[IN_THE_LAB]:
        machines[SECOND in (lane.machine, *lane.command)].append(lane)
    with ThreadPoolExecutor(max_workers=2) as computing, ThreadPoolExecutor(max_workers=4) as waiting:
        waited = waiting.map(run, of[WAITS])
        # What takes longest begins first.
        computed = list(computing.map(run, sorted(of[COMPUTES], key=lambda lane: lane.group != "molecule")))
        beside = computing.submit(lambda: [run(lane) for lane in machines[True]])
        in_the_lab = [run(lane) for lane in machines[False]]
        in_the_lab += beside.result()
        emulated = [run(lane) for lane in of[EMULATES]]
    return [*computed, *waited, *in_the_lab, *emulated]


def summarize(results: Sequence[Result], missing: Sequence[str]) -> int:
    print(f"\n--- summary: {'lane':<16} seconds, share of the processors meanwhile, result")
    for result in results:
        state = f"FAILED: {result.failure}" if result.failure else "passed"
        print(f"{result.lane.name:<28} {result.seconds:6.0f} s {result.busy:4.0%}  {state}  {result.detail}".rstrip())
        # The end of a long run is what is kept of it.
        for test in result.tests if result.failure else ():
            print(f"    {test}")
    for name in missing:
        print(f"{name:<28}           FAILED: no lane runs it; name it in {Path(__file__).name}")
    failed = sum(1 for result in results if result.failure) + len(missing)
    print(f"{len(results) + len(missing) - failed} passed, {failed} failed")
    return 1 if failed or not results else 0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--soak", action="store_true", help="the long lanes too")
    parser.add_argument("names", nargs="*", help="only the lanes or groups of these names")
    options = parser.parse_args(arguments)
    if options.soak:
        # Tests that do more then look for it.
        os.environ["OVERLAY_SOAK"] = "1"
    lanes = [*lint_lanes(ROOT), *core_lanes(ROOT), *live_lanes(ROOT, options.soak)]
    known = {lane.name for lane in lanes} | {lane.group for lane in lanes}
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"no such lane: {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
    chosen = [lane for lane in lanes if not options.names or {lane.name, lane.group} & set(options.names)]
    LOGS.mkdir(parents=True, exist_ok=True)
    missing = unlisted(ROOT) if not options.names or {"molecule", "vm"} & set(options.names) else []
    return summarize(run_all(chosen), missing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
