# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make lab-down LAB=vm` leaves no process, network or file of the virtual machines; what they resume from stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1]))

from vm_lab import INVENTORY, lab_of, make

LAB = lab_of(INVENTORY)


def output(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def snapshots() -> list[Path]:
    """What the lab resumes from, before it is taken down once more than needed."""
    found = sorted(LAB.snapshots.glob("*"))
    for _time in range(2):
        make("lab-down")
    assert not LAB.state.exists()
    return found


def test_what_it_resumes_from_stays(snapshots: list[Path]) -> None:
    assert all(path.exists() for path in snapshots)


@pytest.mark.usefixtures("snapshots")
def test_no_network() -> None:
    assert LAB.key not in output("ip", "netns", "list")
    assert LAB.key not in output("ip", "-o", "link", "show")
    for network in LAB.networks:
        assert output("ip", "-4", "route", "show", "root", network) == ""


@pytest.mark.usefixtures("snapshots")
def test_no_process() -> None:
    left = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "qemu-system" in command and str(LAB.base) in command and f"/{LAB.state.name}" in command:
            left.append(command)
    assert left == []
