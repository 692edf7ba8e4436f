# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make lab-down` leaves nothing of the lab behind: looked for in the kernel, not in what the lab remembers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "roles" / "lab" / "files"))

from overlay_lab import engine, settings
from overlay_lab.shell import docker

ROOT = Path(__file__).resolve().parents[2]
CACHE = settings.cache_folder()
BRIDGE = Path(f"/sys/class/net/{settings.BRIDGE}")


@contextmanager
def an_engine() -> Iterator[None]:
    """One that answers for what lies on this machine's disk: as the lab starts it, where nobody runs one."""
    CACHE.mkdir(parents=True, exist_ok=True)
    engine.ensure(CACHE)
    try:
        yield
    finally:
        engine.stop_own(CACHE)


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
    assert not BRIDGE.exists()
    with an_engine():
        for listing in (("ps", "-aq"), ("network", "ls", "-q"), ("volume", "ls", "-q")):
            for mark in (f"label={settings.LABEL}", f"name={settings.NETWORK}"):
                assert docker(*listing, "--filter", mark).stdout == ""


@pytest.mark.usefixtures("down")
def test_no_mount_or_loop_device() -> None:
    assert [line for line in Path("/proc/mounts").read_text().splitlines() if str(CACHE) in line] == []
    assert loop_devices() == []


@pytest.mark.usefixtures("down")
def test_no_process() -> None:
    assert processes() == []
