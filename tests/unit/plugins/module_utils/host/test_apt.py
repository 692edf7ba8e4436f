# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of apt and dpkg while another program has their locks: it is waited for, named, and cleaned up after."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import WaitTimeout
from ansible_collections.baremetal.overlay.plugins.module_utils.host import apt, packages
from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import CommandFailed, System
from ansible_collections.baremetal.overlay.plugins.module_utils.wait import Clock

INSTALL = ("apt-get", "install", "-y", "jq")
CONFIGURE = " ".join(apt.CONFIGURE)
# As apt 2.6 and 3.0, apt-mark and dpkg 1.21 and 1.22 say it.
WORDS = [
    "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (apt-get)\n"
    "E: Unable to lock directory /var/lib/apt/lists/",
    "E: Could not get lock /var/lib/dpkg/lock-frontend - open (11: Resource temporarily unavailable)\n"
    "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?",
    "dpkg: error: dpkg frontend lock was locked by another process with pid 812",
    "dpkg: error: dpkg frontend lock is locked by another process",
]
# Takes a lock as apt does, says so, and keeps it until its input ends.
HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


class Ticking(Clock):
    """Time passes in sleep alone; at a given moment something happens."""

    def __init__(self, at=None, happens=lambda: None):
        self.time, self.at, self.happens = 0.0, at, happens

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds
        if self.at is not None and self.time >= self.at:
            self.at = None
            self.happens()


@pytest.mark.parametrize("path", apt.LOCKS)
def test_each_lock_is_waited_for_and_its_holder_named(fake_system, path):
    system = fake_system(files={"/proc/812/cmdline": "apt-get\0update\0"})
    system.holders[path] = 812
    clock = Ticking(43, system.holders.clear)
    apt.run(system, INSTALL, clock)
    assert clock.time == 43
    assert system.ran == [CONFIGURE, " ".join(INSTALL)]
    assert system.warnings == [f"waited 43 s for the package manager: process 812 (`apt-get update`) held {path}"]


def test_without_another_nothing_waits_and_nothing_is_repaired(fake_system):
    system = fake_system()
    apt.run(system, INSTALL, Ticking())
    assert (system.ran, system.warnings) == ([" ".join(INSTALL)], [])


def test_a_holder_that_does_not_end_is_named(fake_system):
    system = fake_system(files={"/proc/812/cmdline": "/usr/bin/unattended-upgrade\0"})
    system.holders[apt.LOCKS[0]] = 812
    clock = Ticking()
    with pytest.raises(
        WaitTimeout, match=r"process 812 \(`/usr/bin/unattended-upgrade`\) holds .*lock-frontend"
    ) as error:
        apt.run(system, INSTALL, clock)
    assert (clock.time, system.ran) == (apt.PATIENCE, [])
    assert "wait until it ends" in str(error.value) and "run again" in str(error.value)


def test_a_holder_of_another_namespace_is_a_holder(fake_system):
    system = fake_system()
    system.holders[apt.LOCKS[2]] = 0
    assert str(apt.held(system)) == "a process that this host cannot name holds /var/lib/apt/lists/lock"


@pytest.mark.parametrize("words", WORDS)
def test_who_was_faster_is_waited_for_as_well(fake_system, words):
    """Nobody has it at the look, somebody at the command."""
    system = fake_system(failing=["jq"], words=words)
    apt.run(system, INSTALL, Ticking())
    assert system.ran == [" ".join(INSTALL)] * 2


def test_locks_that_are_always_taken_end_with_the_words_of_the_command(fake_system):
    system = fake_system(failing=["jq"] * 2000, words=WORDS[0])
    with pytest.raises(CommandFailed, match="process 812"):
        apt.run(system, INSTALL, Ticking())


def test_another_failure_is_no_lock(fake_system):
    system = fake_system(failing=["jq"], words="E: Unable to locate package jq")
    with pytest.raises(CommandFailed, match="locate"):
        apt.run(system, INSTALL, Ticking())
    assert len(system.ran) == 1


@pytest.mark.parametrize(
    "step",
    [
        packages.Install(["jq"]),
        packages.repair({"jq": packages.Package("1", False, "unpacked")}, ["jq"]),
        packages.hold(["jq"], {}),
        packages.unhold(["jq"]),
    ],
)
def test_every_step_of_packages_waits(fake_system, step, monkeypatch):
    system = fake_system()
    system.holders[apt.LOCKS[1]] = 812
    monkeypatch.setattr(apt, "Clock", lambda: Ticking(5, system.holders.clear))
    step.apply(system)
    assert system.warnings and system.ran[0] == CONFIGURE


def test_a_real_lock_is_seen_with_its_holder(tmp_path):
    system, path = System(None), tmp_path / "lock"
    assert system.holder(str(path)) is None
    path.touch()
    assert system.holder(str(path)) is None
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        assert system.holder(str(path)) == other.pid != os.getpid()
        other.stdin.close()
    assert system.holder(str(path)) is None
