# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kills modules in the lab does so before the step that it says, and leaves all else alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
KILLS = ROOT / "tests" / "kills"
MODULE = "ansible_collections.baremetal.overlay.plugins.modules.fake"
# Three steps, beside what Python does for itself and what lies elsewhere.
SOURCE = """
import os, subprocess, sys
folder = sys.argv[1]
open("/dev/null", "w").close()
for name in ("first", "second"):
    with open(f"{folder}/.draft", "w") as draft:
        draft.write(name)
    os.replace(f"{folder}/.draft", f"{folder}/{name}")
subprocess.run(["true"], check=True)
os.remove(f"{folder}/first")
print("the answer")
"""


@pytest.fixture
def fake(tmp_path):
    """A module as Ansible runs one, on a host whose state is in a folder of the test's."""
    state, place, packages = tmp_path / "state", tmp_path / "kills", tmp_path / "packages"
    for folder in (state, place, packages / Path(*MODULE.split(".")[:-1])):
        folder.mkdir(parents=True)
    (packages / Path(*MODULE.split("."))).with_suffix(".py").write_text(SOURCE)
    text = (KILLS / "sitecustomize.py").read_text(encoding="utf-8")
    (place / "sitecustomize.py").write_text(re.sub(r"(?m)^STATE = .*$", f'STATE = ("{state}/",)', text))

    def run(passed=(), kill=True, steps="", name="__main__"):
        told = {"kill": kill, "passed": list(passed), "modules": [], "steps": steps}
        (place / "kills.json").write_text(json.dumps(told))
        (place / "log").unlink(missing_ok=True)
        code = f"import runpy; runpy.run_module({MODULE!r}, run_name={name!r}, alter_sys=True)"
        done = subprocess.run(
            [sys.executable, "-c", code, str(state)],
            env={**os.environ, "PYTHONPATH": f"{place}:{packages}"},
            capture_output=True,
            text=True,
            check=False,
        )
        log = (place / "log").read_text().splitlines() if (place / "log").exists() else []
        seen = [json.loads(line) for line in log]
        return done, sorted(path.name for path in state.iterdir()), [one["step"] for one in seen if one["killed"]]

    run.steps = [f"put {state}/first", f"put {state}/second", f"remove {state}/first", "answer"]
    return run


def test_each_step_is_died_before_once_and_then_it_ends(fake):
    passed, seen = [], []
    while True:
        done, there, died = fake([f"fake: {step}" for step in passed])
        if not died:
            break
        assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")
        passed += died
        seen.append(there)
    assert passed == fake.steps
    # A draft is where a power failure would leave it.
    assert seen == [[".draft"], [".draft", "first"], ["first", "second"], ["second"]]
    assert (done.returncode, done.stdout.strip()) == (0, "the answer")


def test_only_what_is_chosen_is_died_before(fake):
    done, there, died = fake(steps=r"remove .*/first$")
    assert (done.returncode, there) == (-signal.SIGKILL, ["first", "second"])
    assert died == fake.steps[2:3]


def test_without_being_told_nothing_dies(fake):
    done, there, died = fake(kill=False)
    assert (done.returncode, there, died) == (0, ["second"], [])


def test_a_python_that_runs_no_module_of_ours_is_left_alone(tmp_path):
    (tmp_path / "sitecustomize.py").write_text((KILLS / "sitecustomize.py").read_text(encoding="utf-8"))
    (tmp_path / "kills.json").write_text(json.dumps({"kill": True, "passed": [], "modules": [], "steps": ""}))
    done = subprocess.run(
        [sys.executable, "-c", "import os; os.mkdir('/run/no-such/folder') if 0 else os.system('true'); print(1)"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert not (tmp_path / "log").exists()


def test_nothing_of_it_is_in_the_product():
    shipped = [path for folder in ("plugins", "roles", "playbooks") for path in (ROOT / folder).rglob("*")]
    assert not [path for path in shipped if "sitecustomize" in path.name]
