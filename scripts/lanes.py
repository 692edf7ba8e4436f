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
    "tls",
    "teardown",
    "walkthrough",
    "galaxy",
    "debian12",
)
# Four restarts of engines, each with its wait: ten minutes.
SOAK_SCENARIOS = ("engine-restart",)

# Files of tests/vm, in this order: the first makes the virtual machines anew, and those after it share them.
VM_TESTS = ("test_lab", "test_ipsec")
# Those for which `make test` has not the time, where processors are emulated.
SOAK_VM_TESTS = (
    "test_wire",
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


# When a lane has its turn: two at a time of what computes, and then, one after another, what uses the lab; beside all
# of them what mostly waits for engines of its own.
COMPUTES, WAITS, IN_THE_LAB = "computes", "waits", "in the lab"


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


@dataclass(frozen=True)
class Result:
    lane: Lane
    failure: str
    seconds: float
    detail: str = ""
    tests: tuple[str, ...] = ()  # the ones that failed, with their reason


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
        if core == "newest" or (root / ".venv" / core / "stamp-test").exists():
            lanes.append(Lane(f"unit ({core})", "unit", ("pytest", "tests/unit"), core, counts_tests=True))
            lanes.append(Lane(f"sanity ({core})", "sanity", ("scripts/sanity", core), core))
    return lanes


def live_lanes(root: Path, soak: bool) -> list[Lane]:
    lanes = [lane for release in ENGINES for lane in engine_lanes(root, release)]
    for name in ("links", "firewall"):
        # In network namespaces of their own.
        folder = root / "tests" / name
        lanes.append(Lane(name, name, ("pytest", f"tests/{name}"), needs=folder, counts_tests=True, turn=WAITS))
    lanes.append(Lane("fresh lab", "molecule", ("make", "lab-down", "lab"), turn=IN_THE_LAB))
    for scenario in (*SCENARIOS, *(SOAK_SCENARIOS if soak else ())):
        folder = root / "molecule" / scenario
        # The lab stays for the next scenario; the last lane takes it down and looks for what is left.
        command = ("molecule", "test", "--scenario-name", scenario, "--destroy", "never")
        lanes.append(
            Lane(f"molecule {scenario}", "molecule", command, needs=folder, counts_tests=True, turn=IN_THE_LAB)
        )
    # They take the lab down.
    lanes.append(Lane("lab", "lab", ("pytest", LAB_DOWN), needs=root / LAB_DOWN, counts_tests=True, turn=IN_THE_LAB))
    return [*lanes, *vm_lanes(root, soak)]


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
            turn=IN_THE_LAB,
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
    named = [f"molecule/{name}" for name in (*SCENARIOS, *SOAK_SCENARIOS)]
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
    started = time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        try:
            code = subprocess.call(
                lane.command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
            )
        except OSError as error:
            return Result(lane, f"cannot run: {error}", 0)
    output = log.read_text(encoding="utf-8", errors="replace")
    failure, detail = verdict(lane, code, output)
    result = Result(lane, failure, time.monotonic() - started, detail, tuple(FAILED_TEST.findall(output)))
    if failure:
        print(f"--- lane {lane.name} {failure}; the end of {log}:\n" + "\n".join(output.splitlines()[-60:]), flush=True)
    else:
        print(f"lane {lane.name}: passed in {result.seconds:.0f} s {detail}", flush=True)
    return result


def run_all(lanes: Sequence[Lane]) -> list[Result]:
    of = {turn: [lane for lane in lanes if lane.turn == turn] for turn in (COMPUTES, WAITS, IN_THE_LAB)}
    with ThreadPoolExecutor(max_workers=2) as computing, ThreadPoolExecutor(max_workers=4) as waiting:
        waited = waiting.map(run, of[WAITS])
        computed = list(computing.map(run, of[COMPUTES]))
        in_the_lab = [run(lane) for lane in of[IN_THE_LAB]]
    return [*computed, *waited, *in_the_lab]


def summarize(results: Sequence[Result], missing: Sequence[str]) -> int:
    print("\n--- summary")
    for result in results:
        state = f"FAILED: {result.failure}" if result.failure else "passed"
        print(f"{result.lane.name:<28} {result.seconds:6.0f} s  {state}  {result.detail}".rstrip())
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
