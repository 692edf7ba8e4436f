# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make lab-down LAB=vm` leaves no process, network or file of the virtual machines; what they resume from stays."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# In hexadecimal, the management network of inventories/lab_vm.
KEY = "ac1f4e00"


def output(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def snapshots() -> list[Path]:
    """What the lab resumes from, before it is taken down once more than needed."""
    cache = Path(output("make", "-s", "-C", str(ROOT), "lab-cache", "LAB=vm").strip())
    found = sorted(cache.parent.glob("snapshots/*"))
    for _time in range(2):
        output("make", "-C", str(ROOT), "lab-down", "LAB=vm")
    assert not cache.exists()
    return found


def test_what_it_resumes_from_stays(snapshots: list[Path]) -> None:
    assert all(path.exists() for path in snapshots)


@pytest.mark.usefixtures("snapshots")
def test_no_network() -> None:
    assert KEY not in output("ip", "netns", "list")
    assert KEY not in output("ip", "-o", "link", "show")
    assert "172.31.78." not in output("ip", "-4", "route", "show")


@pytest.mark.usefixtures("snapshots")
def test_no_process() -> None:
    left = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "qemu-system" in command and "/172.31.78.0" in command:
            left.append(command)
    assert left == []
