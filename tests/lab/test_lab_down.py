# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make lab-down` leaves nothing of the lab behind: looked for in the kernel, not in what the lab remembers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "baremetal.overlay" / "lab"
BRIDGE = Path("/sys/class/net/br-overlay-lab")


def output(*command: str) -> str:
    """What a command prints, or nothing where it is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""


def loop_devices() -> list[str]:
    """Loop devices on files of the lab."""
    backing = Path("/sys/block").glob("loop*/loop/backing_file")
    return [str(path) for path in backing if str(CACHE) in path.read_text()]


def processes() -> list[str]:
    """Processes that run in the lab's containers or with files of the lab, but for those of this test."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            cgroup = (entry / "cgroup").read_text()
        except OSError:
            continue
        if str(CACHE) in command or "overlay-lab" in command or "overlay-lab" in cgroup:
            found.append(f"{entry.name} {command}")
    return found


@pytest.fixture(scope="module")
def down() -> None:
    """The lab, taken down once more than needed: the second time finds nothing to do."""
    for _time in range(2):
        done = subprocess.run(["make", "lab-down"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("down")
def test_no_container_network_or_volume() -> None:
    for listing in (("ps", "-aq"), ("network", "ls", "-q"), ("volume", "ls", "-q")):
        assert output("docker", *listing, "--filter", "label=baremetal.overlay.lab") == ""
        assert output("docker", *listing, "--filter", "name=overlay-lab") == ""
    assert not BRIDGE.exists()


@pytest.mark.usefixtures("down")
def test_no_mount_or_loop_device() -> None:
    assert [line for line in Path("/proc/mounts").read_text().splitlines() if str(CACHE) in line] == []
    assert loop_devices() == []


@pytest.mark.usefixtures("down")
def test_no_process() -> None:
    assert processes() == []
