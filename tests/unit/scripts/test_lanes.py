# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as green."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "scripts" / "lanes.py"
SPEC = importlib.util.spec_from_file_location("lanes", SOURCE)
assert SPEC is not None and SPEC.loader is not None
lanes = importlib.util.module_from_spec(SPEC)
sys.modules["lanes"] = lanes
SPEC.loader.exec_module(lanes)


@pytest.mark.parametrize(
    ("code", "output", "failure"),
    [
        (0, "....\n12 passed in 0.41s", ""),
        (0, "=== 12 passed, 3 warnings in 71.20s (0:01:11) ===", ""),
        (0, "12 passed, 1 skipped in 0.41s", "did not run every test"),
        (0, "12 passed, 4 deselected in 0.41s", "did not run every test"),
        (0, "nothing to see", "ran no test"),
        (1, "1 failed, 11 passed in 0.41s", "ended with 1"),
    ],
)
def test_verdict_on_a_lane_of_tests(code: int, output: str, failure: str) -> None:
    lane = lanes.Lane("unit", "unit", ("pytest",), counts_tests=True)
    assert lanes.verdict(lane, code, output)[0] == failure


@pytest.mark.parametrize(
    ("ran", "failure"),
    [
        ("ran: engine 26.1.5+dfsg1\n", ""),
        ("ran: engine 20.10.24+dfsg1\n", "did not run on engine 26.1"),
        ("", "did not run on engine 26.1"),
    ],
)
def test_a_lane_of_an_engine_ran_on_that_engine(ran: str, failure: str) -> None:
    lane = lanes.engine_lanes(lanes.ROOT, "26.1")[0]
    found, detail = lanes.verdict(lane, 0, f"....\n{ran}12 passed in 0.41s")
    assert found == failure
    assert detail == "; ".join(["12 passed", *(line.removeprefix("ran: ") for line in ran.splitlines())])


def test_a_scenario_that_no_lane_runs_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (*lanes.SCENARIOS, *lanes.SCENARIOS_BESIDE, "forgotten"):
        folder = tmp_path / "molecule" / name
        folder.mkdir(parents=True)
        (folder / "molecule.yml").write_text("---\n")
    machines = tmp_path / "tests" / "vm"
    machines.mkdir(parents=True)
    for name in ("conftest", *lanes.VM_TESTS, *lanes.SOAK_VM_TESTS, "test_forgotten"):
        (machines / f"{name}.py").touch()
    assert lanes.unlisted(tmp_path) == ["molecule/forgotten", "tests/vm/test_forgotten"]
    lane = lanes.Lane("lint", "lint", ("true",))
    assert lanes.summarize([lanes.Result(lane, "", 1)], lanes.unlisted(tmp_path)) == 1
    assert "1 passed, 2 failed" in capsys.readouterr().out


def test_every_scenario_of_the_project_is_in_a_lane() -> None:
    assert lanes.unlisted(lanes.ROOT) == []


def test_the_second_machine_runs_what_every_core_has_to_do(tmp_path: Path) -> None:
    for core in lanes.CORES:
        (tmp_path / ".venv" / core).mkdir(parents=True)
        (tmp_path / ".venv" / core / "stamp-test").touch()
    names = [lane.name for lane in lanes.beside_lanes(tmp_path, soak=False)]
    assert names[1:4] == [f"molecule {scenario} (oldest)" for scenario in ("default", "connectivity", "firewall")]
    (tmp_path / ".venv" / "oldest" / "stamp-test").unlink()
    alone = lanes.beside_lanes(tmp_path, soak=False)
    assert alone[0].name == "molecule default (second)" and alone[-1].command == ("scripts/machine", "end", "second")
    assert {lane.machine for lane in alone[:-1]} == {"second"}


def test_how_busy_the_processors_were() -> None:
    assert lanes.share((100, 50), (200, 75)) == 0.75
    assert lanes.share((100, 50), (100, 50)) == 0
    total, idle = lanes.processors()
    assert 0 <= idle <= total


def test_a_lane_that_cannot_run_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "LOGS", tmp_path)
    gone = lanes.Lane("engine", "engine", ("true",), needs=tmp_path / "gone")
    assert "is not there" in lanes.run(gone).failure
    assert "cannot run" in lanes.run(lanes.Lane("x", "lint", (str(tmp_path / "no-such-command"),))).failure


def test_nothing_run_is_not_green() -> None:
    assert lanes.summarize([], []) == 1


def test_the_summary_names_the_tests_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lanes, "LOGS", tmp_path)
    said = "FAILED tests/test_it.py::test_one - assert 1 == 2\n1 failed, 3 passed in 0.41s"
    result = lanes.run(lanes.Lane("links", "links", ("sh", "-c", f"echo '{said}'; exit 1"), counts_tests=True))
    capsys.readouterr()
    assert lanes.summarize([result], []) == 1
    summary = capsys.readouterr().out.splitlines()
    assert "    FAILED tests/test_it.py::test_one - assert 1 == 2" in summary
    assert summary[-1] == "0 passed, 1 failed"
