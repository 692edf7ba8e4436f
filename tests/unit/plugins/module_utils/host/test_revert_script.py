# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script by which a host takes back a change, run by a real shell on files of the test's own."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import confirm, revert_script
from ansible_collections.baremetal.overlay.plugins.module_utils.host.confirm import ShellStep
from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import RUN_DIRECTORY
from ansible_collections.baremetal.overlay.plugins.module_utils.state_directory import STATE_DIRECTORY
from systemd_stub import Systemd

# Who applies a change: he says who he is, and has the lock.
HOLDER = """
import sys, time
from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import System
system = System.__new__(System)
with system.lock(sys.argv[1]):
    print(system.process, flush=True)
    time.sleep(99)
"""


class Host:
    """A state directory, a run directory and a systemd that writes down what it is told."""

    def __init__(self, root: Path) -> None:
        self.root, self.etc, self.run = root, root / "etc", root / "run"
        self.etc.mkdir()
        text = revert_script.SCRIPT.replace(STATE_DIRECTORY, str(self.etc)).replace(RUN_DIRECTORY, str(self.run))
        self.script = self.etc / "revert"
        self.script.write_text(text)
        self.log = root / "log"
        self.log.touch()
        self.systemd = Systemd(root, self.log)
        # Between two tries.
        self.systemd.program("sleep", f'#!/bin/sh\necho "sleep $*" >> {self.log}\n')
        self.state = self.etc / "unconfirmed"
        self.lock = self.run / Path(revert_script.LOCK).name
        self.changed, self.made, self.link = root / "changed", root / "sub" / "made", root / "link"

    def change(self) -> None:
        """As a module leaves it: one file changed, one made, a link removed."""
        self.state.mkdir()
        self.changed.write_text("new")
        self.made.parent.mkdir()
        self.made.write_text("made")
        (self.state / "file0").write_text("old")
        (self.state / "file0").chmod(0o600)
        (self.state / "file2").symlink_to("/somewhere/else")
        texts = {
            "token": "abc",
            "process": "1 1",
            "paths": f"0 {self.changed}\n1 {self.made}\n2 {self.link}\n",
        }
        for name, text in texts.items():
            (self.state / name).write_text(text)
        self.step("undo000", f'echo "undo $(cat {self.changed}) $state" >> {self.log}')
        self.step("redo000", f'echo "redo $(cat {self.changed})" >> {self.log}')

    def step(self, name: str, shell: str) -> None:
        (self.state / name).write_text(ShellStep(f"do {name}", shell).text)

    def revert(self, *arguments: str) -> int:
        done = subprocess.run(
            ["sh", str(self.script), *arguments], env=self.systemd.environment, check=False, timeout=60,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.said = done.stderr
        return done.returncode

    @property
    def told(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def host(tmp_path):
    made = Host(tmp_path)
    made.change()
    return made


def is_as_before(host):
    return (
        host.changed.read_text() == "old"
        and host.changed.stat().st_mode & 0o777 == 0o600
        and not host.made.exists()
        and host.link.is_symlink()
        and not host.state.exists()
        and not (host.etc / "unconfirmed.reverted").exists()
    )


def test_kernel_files_units_in_that_order(host):
    assert host.revert("abc") == 0
    assert is_as_before(host)
    assert host.told == [f"undo new {host.state}", "systemctl daemon-reload", "redo old"]
    assert (host.run / "reverted").read_text().startswith("abc 20")


def test_at_boot_only_the_files_are_put_back(host):
    assert host.revert("boot") == 0
    assert is_as_before(host)
    assert host.told == []


def test_a_token_of_another_change_does_nothing(host):
    assert host.revert("other") == 0
    assert host.changed.read_text() == "new"
    assert host.state.exists()


def test_after_the_confirmation_there_is_nothing_to_do(host):
    host.state.rename(host.etc / "unconfirmed.confirmed")
    assert host.revert("abc") == 0
    assert host.changed.read_text() == "new"
    assert not (host.run / "reverted").exists()


@pytest.mark.parametrize("part", ["undo000", "redo000"])
def test_what_fails_is_tried_again_with_all_that_it_needs(host, part):
    host.step(part, "echo no room >&2; exit 3")
    assert host.revert("abc") == revert_script.GAVE_UP
    assert host.said == f"not done: do {part} (ended with 3): no room\n"
    assert host.changed.read_text() == "old", "what could be put back was"
    assert host.state.exists()
    host.step(part, "")
    assert host.revert("abc") == 0
    assert is_as_before(host)


def test_whatever_one_step_meets_the_others_are_done(host):
    for name in ("undo000", "redo000", "redo001"):
        host.step(name, f"echo {name} >> {host.log}; false; echo not reached >> {host.log}")
    host.step("redo010", f"echo last >> {host.log}")
    assert host.revert("abc") != 0
    assert host.told == ["undo000", "systemctl daemon-reload", "redo000", "redo001", "last"]
    assert [line.partition(" (")[0] for line in host.said.splitlines()] == [
        "not done: do undo000", "not done: do redo000", "not done: do redo001"
    ]  # fmt: skip


def test_it_gives_up_after_its_tries_and_says_what_is_left(host):
    host.step("redo000", f"echo try >> {host.log}; exit 1")
    assert host.revert("abc", "3") == revert_script.GAVE_UP
    assert host.told.count("try") == 3
    assert host.told.count(f"sleep {revert_script.PAUSE}") == 2
    assert host.said.count("do redo000") == 3
    # A restart of the host still puts files back, and ends it.
    assert host.revert("boot") == 0
    assert is_as_before(host)


def test_what_is_done_at_the_second_try_ends_it(host):
    host.step("redo000", f"[ -e {host.root}/seen ] || {{ touch {host.root}/seen; exit 1; }}")
    assert host.revert("abc", "3") == 0
    assert is_as_before(host)


def test_a_step_that_never_ends_is_ended(host):
    """As of a charon that hangs; here with a shorter patience."""
    host.script.write_text(host.script.read_text().replace(f"timeout -k 5 {revert_script.STEP} ", "timeout -k 1 0.2 "))
    host.step("redo000", "exec tail -f /dev/null")
    host.step("redo001", f"echo after >> {host.log}")
    assert host.revert("abc") == revert_script.GAVE_UP
    assert host.told[-1] == "after"
    assert "do redo000 (ended with 124)" in host.said


@pytest.mark.parametrize("unit", ["not loaded", "never started", "started, and its file is gone"])
def test_a_unit_is_stopped_whatever_systemd_knows_of_it(host, unit):
    if unit != "not loaded":
        host.systemd.load("x.service")
    if unit.startswith("started"):
        host.systemd.start("x.service")
        host.systemd.forget("x.service")
    (host.state / "redo000").write_text(confirm.stopped("x.service").text)
    assert host.revert("abc") == 0, host.said
    assert "systemctl stop x.service" in host.told
    assert not host.systemd.is_started("x.service")
    assert is_as_before(host)


def test_a_unit_that_cannot_be_stopped_is_left_to_do(host):
    host.systemd.program("systemctl", '#!/bin/sh\n[ "$1" != stop ] || exit 4\n')
    (host.state / "redo000").write_text(confirm.stopped("x.service").text)
    assert host.revert("abc") == revert_script.GAVE_UP
    assert "stop x.service (ended with" in host.said


def test_steps_that_an_earlier_release_saved_are_done_too(host):
    for name in ("undo000", "redo000"):
        (host.state / name).unlink()
        (host.state / name[:4]).write_text(f"set -eu\necho {name} >> {host.log}\n")
    assert host.revert("abc") == 0
    assert host.told == ["undo000", "systemctl daemon-reload", "redo000"]


def test_a_copy_that_fails_half_way_replaces_nothing(host):
    """As on a file system that is full."""
    host.systemd.program("cp", '#!/bin/sh\nfor last; do :; done\nprintf ol > "$last"\nexit 1\n')
    assert host.revert("abc") != 0
    assert host.changed.read_text() == "new"
    assert not (host.root / "changed.reverted").exists()
    assert f"not done: put back {host.changed}" in host.said
    (host.systemd.programs / "cp").unlink()
    assert host.revert("abc") == 0
    assert is_as_before(host)


@pytest.fixture
def holder(host):
    """Somebody who does not end by himself."""
    command = [sys.executable, "-c", HOLDER, str(host.lock)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    (host.state / "process").write_text(process.stdout.readline().strip())
    yield process
    process.kill()
    process.communicate()


def test_whoever_is_stuck_in_the_change_does_not_stop_it(host, holder):
    """The lock belongs to whoever applies the change; it goes with him."""
    assert host.revert("abc") == 0
    assert holder.wait(5) == -9
    assert is_as_before(host)
    with host.lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_who_has_the_number_of_one_that_ended_is_left_alone(host, holder):
    number, started = (host.state / "process").read_text().split()
    (host.state / "process").write_text(f"{number} {int(started) - 1}")
    assert host.revert("abc") != 0
    assert holder.poll() is None
    assert host.state.exists(), "it is tried again"


def test_nobody_else_can_hold_the_lock(host):
    assert host.revert("abc") == 0
    assert host.lock.stat().st_mode & 0o777 == 0o600
