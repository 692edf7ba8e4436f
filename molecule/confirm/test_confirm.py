# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody is locked out: changes that cut ssh, runs that die in the middle, hosts that are restarted meanwhile."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = "inet baremetal_overlay"
PENDING = "/etc/baremetal-overlay/unconfirmed/token"
REVERT_TIMER = "baremetal-overlay-revert.timer"
SECONDS = 15
# Somebody else is to manage the host from now on, says whoever types this; and he is wrong.
CUTS_SSH = {
    "firewall_default_drop_interfaces": ["eth0"],
    "firewall_management_networks": ["203.0.113.0/24"],
    "firewall_controller_manages": False,
    "firewall_confirm_timeout": SECONDS,
}
# What is in force, what is loaded at boot, whether that is whole, and whether a change still waits.
STATE = f"""
sha256sum /etc/baremetal-overlay/firewall.nft /etc/baremetal-overlay/firewall.loaded
nft -s list table {TABLE} | sha256sum
nft list chain {TABLE} arrives | grep -o '91[0-9][0-9]'
grep -o 'tcp dport.*jump' /etc/baremetal-overlay/firewall.nft
systemctl is-active baremetal-overlay-firewall
systemctl is-enabled baremetal-overlay-firewall
ls -d /etc/baremetal-overlay/unconfirmed* 2>/dev/null
true
"""
ROLE_ALONE = "- {hosts: 'managers:workers', gather_facts: false, roles: [baremetal.overlay.firewall]}\n"
# When the controller dies: so many seconds after it began, or after the first host is known to be armed.
MOMENTS = [
    *(("began", seconds) for seconds in (0.3, 1.0, 1.5, 2.0, 2.5)),
    *(("armed", seconds) for seconds in (0.0, 0.2, 0.5, 1.0, 2.0)),
]
# Each takes as long as a host waits: three of them in every run, all ten in the long lanes.
CHOSEN = MOMENTS if os.environ.get("OVERLAY_SOAK") else MOMENTS[1::4]


def states(lab: Any) -> dict[str, str]:
    """Of every host, through the engine that the lab runs on: whoever is cut off is seen, too."""
    return {name: lab.engine("exec", f"overlay-lab-{name}", "sh", "-c", STATE) for name in lab.hosts}


def waiting(lab: Any) -> list[str]:
    """The hosts with a change that is not confirmed."""
    return [name for name, state in states(lab).items() if "unconfirmed" in state]


def answers_ssh(address: str) -> bool:
    """Over a new connection, as none that is kept open would."""
    with socket.create_connection((address, 22), timeout=5) as connection:
        return connection.recv(4) == b"SSH-"


class Controller:
    """A run of the role that can be killed with everything that belongs to it."""

    def __init__(self, playbook: Path, variables: dict[str, Any], *arguments: str) -> None:
        command = ["ansible-playbook", "-i", str(ROOT / "inventories" / "lab"), str(playbook)]
        self._process = subprocess.Popen(
            [*command, "-e", json.dumps(variables), *arguments],
            cwd=ROOT,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "NO_COLOR": "1",
                "ANSIBLE_FORCE_COLOR": "0",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """Workers have sessions of their own, so the tree is walked; stopped first, it does not grow meanwhile."""
        for what in (signal.SIGSTOP, signal.SIGKILL):
            for pid in _tree(self._process.pid):
                try:
                    os.kill(pid, what)
                except ProcessLookupError:
                    continue
        self._process.wait()

    def ended(self) -> bool:
        return self._process.poll() is not None


def _tree(pid: int) -> list[int]:
    found = [pid]
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found += _tree(int(entry.parent.name))
    return found


def wait_for_armed(names: list[str], controller: Controller) -> bool:
    """Until a host has a change that waits, or the run has ended."""
    containers = [f"overlay-lab-{name}" for name in names]
    while not controller.ended():
        for container in containers:
            done = subprocess.run(["docker", "exec", container, "test", "-e", PENDING], check=False)
            if done.returncode == 0:
                return True
    return False


@pytest.fixture
def role_alone(tmp_path: Path) -> Path:
    path = tmp_path / "firewall.yml"
    path.write_text(ROLE_ALONE)
    return path


@pytest.fixture(scope="module", autouse=True)
def as_the_inventory_says(lab: Any) -> Iterator[None]:
    """Before and after."""
    for _time in range(2):
        run = lab.site()
        assert run.rc == 0, run.output
        if _time == 0:
            yield


def test_a_ruleset_that_cuts_ssh_is_taken_back_by_the_host_itself(lab: Any) -> None:
    before = lab.fingerprints()
    began = time.monotonic()
    run = lab.site("-e", json.dumps(CUTS_SSH), "--limit", "n4")
    took = time.monotonic() - began
    assert run.rc != 0, run.output
    assert f"n4: no new connection could be made within {SECONDS} s after the change" in run.text, run.output
    assert "the host put back what was there before" in run.text, run.output
    assert lab.fingerprints() == before
    assert SECONDS < took < SECONDS + 60
    log = lab.hosts["n4"].check_output("journalctl -u baremetal-overlay-revert --no-pager")
    assert "Takes back an unconfirmed change of the firewall" in log


def test_an_overlay_that_takes_the_controller_away_is_taken_back_by_the_host_itself(lab: Any, tmp_path: Path) -> None:
    """The role alone, which has no preflight before it."""
    path = tmp_path / "links.yml"
    path.write_text(ROLE_ALONE.replace("overlay.firewall", "overlay.kernel_overlay"))
    variables = {
        "overlay_network_driver": "kernel",
        # The controller is 172.31.77.1, and hosts are from 172.31.77.11 on.
        "kernel_overlay_subnet": "172.31.77.0/29",
        "kernel_overlay_confirm_timeout": SECONDS,
    }
    controller = Controller(path, variables, "--limit", "n4")
    assert wait_for_armed(["n4"], controller)
    links = "ip -br link show group 7304812; ls /etc/baremetal-overlay"
    lab.eventually(lambda: "ovl0" in lab.engine("exec", "overlay-lab-n4", "sh", "-c", links), True)
    # Not by its word: the host has to come back while nothing comes from here.
    controller.kill()
    lab.eventually(lambda: waiting(lab), [], SECONDS + 60)
    left = lab.engine("exec", "overlay-lab-n4", "sh", "-c", links)
    assert "ovl0" not in left and "links." not in left, left
    assert answers_ssh("172.31.77.14")
    run = lab.site()
    assert (run.rc, run.changed["n4"]) == (0, 0), run.output


def test_a_controller_that_dies_leaves_hosts_that_help_themselves(lab: Any, role_alone: Path) -> None:
    seen: dict[str, int] = {"armed": 0, "kept": 0, "taken back": 0}
    for number, (since, seconds) in enumerate(CHOSEN):
        old = states(lab)
        assert "unconfirmed" not in "".join(old.values())
        variables = {"firewall_client_ports": [9000, 9001, 9100 + number], "firewall_confirm_timeout": SECONDS}
        controller = Controller(role_alone, variables)
        if since == "armed":
            assert wait_for_armed(["n4", "n1", "n2", "n3"], controller)
        time.sleep(seconds)
        controller.kill()
        assert all(answers_ssh(f"172.31.77.1{host}") for host in range(1, 5))
        seen["armed"] += len(waiting(lab))
        lab.eventually(lambda: waiting(lab), [], SECONDS + 60)
        for name, state in states(lab).items():
            assert "active\nenabled" in state, (number, name, state)
            kept = state != old[name]
            # What is not the old state is the whole of the new one: kernel and file.
            assert state.count(f"{9100 + number}") == (2 if kept else 0), (number, name, state)
            seen["kept" if kept else "taken back"] += 1
    print(f"controllers killed: {len(CHOSEN)}; hosts afterwards: {seen}")
    assert min(seen["armed"], seen["taken back"]) >= len(CHOSEN) // 2, seen


def test_a_rerun_right_after_completes_what_a_dead_controller_began(lab: Any, role_alone: Path) -> None:
    wanted = {"firewall_client_ports": [9000, 9001, 9099], "firewall_confirm_timeout": SECONDS}
    controller = Controller(role_alone, wanted)
    assert wait_for_armed(["n4", "n1", "n2", "n3"], controller)
    controller.kill()
    run = lab.site("-e", json.dumps(wanted))
    assert run.rc == 0, run.output
    assert all("9099" in host.check_output(f"nft list table {TABLE}") for host in lab.hosts.values())
    assert waiting(lab) == []
    run = lab.site("-e", json.dumps(wanted))
    assert set(run.changed.values()) == {0}, run.output


def timers(lab: Any) -> dict[str, str]:
    """By which clocks the way back of n4 is counted."""
    shown = lab.engine(
        "exec", "overlay-lab-n4", "systemctl", "show", REVERT_TIMER, "-p", "TimersMonotonic,TimersCalendar"
    )
    return dict(line.split("=", 1) for line in shown.splitlines())


def test_a_host_that_loses_power_before_the_confirmation_boots_with_what_was_before(lab: Any, role_alone: Path) -> None:
    """And whatever its clock is set to meanwhile: the time runs by the kernel's monotonic one."""
    before = lab.fingerprints()["n4"]
    controller = Controller(role_alone, {**CUTS_SSH, "firewall_confirm_timeout": 600}, "--limit", "n4")
    assert wait_for_armed(["n4"], controller)
    lab.eventually(
        lambda: "guarded" in lab.engine("exec", "overlay-lab-n4", "nft", "list", "table", *TABLE.split()), True
    )
    clocks = timers(lab)
    assert list(clocks) == ["TimersMonotonic"]
    assert clocks["TimersMonotonic"].startswith("{ OnActiveUSec=10min ; next_elapse=")
    controller.kill()
    # At once, as nothing of it is stopped in order.
    lab.engine("kill", "overlay-lab-n4")
    lab.bring_up("n4")
    lab.eventually(lambda: lab.healthy("n4"), 200)
    lab.eventually(lambda: set(lab.drives("n1").values()), {"ok"})
    assert lab.fingerprints()["n4"] == before
    assert lab.hosts["n4"].run("systemctl list-units --failed --plain --no-legend | grep baremetal").rc != 0
    assert waiting(lab) == []
