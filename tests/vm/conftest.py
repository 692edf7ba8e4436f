# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests on the lab's virtual machines: what takes a kernel of their own, a reboot, or a look at the wire."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest

sys.path.extend(str(Path(__file__).resolve().parent / way) for way in (".", "..", "../../roles/lab/files"))

from deployment import ROOT, Deployment, eventually, reach
from overlay_lab.vm import settings
from vm_lab import INVENTORY, lab_of, make
from wire import Capture, Stranger, capturing, standing_by

__all__ = ["INVENTORY", "ROOT", "Machines", "eventually", "lab_of", "make"]

# What a host takes to boot and to start all of its services again, emulated, beside others that do the same.
REBOOT = 600
MASTER = "a master key for the tests of virtual machines, and for nothing else"
# Back to what the inventory says, whatever a test said.
BACK = ("-e", json.dumps({"minio_network_consent": "overlay", "swarm_network_consent": ["minio-overlay"]}))


@dataclass
class Machines(Deployment):
    """The hosts of a lab of virtual machines."""

    lab: settings.VmLab = field(default_factory=lambda: lab_of(INVENTORY))
    captures: Path = Path("/nowhere")

    @cached_property
    def guests(self) -> dict[str, settings.Guest]:
        return {guest.name: guest for guest in self.lab.guests}

    @property
    def controller(self) -> str:
        """This machine's own address in the data network."""
        return settings.controller_address(self.lab.data_subnet)

    @property
    def controller_ipv6(self) -> str:
        return settings.as_ipv6(self.controller)

    def capture(self, name: str, matching: str = "") -> AbstractContextManager[Capture]:
        """What a host sends on the data network from now on, or what of it a filter lets through."""
        file = self.captures / f"{name}-{len(list(self.captures.iterdir()))}.pcap"
        return capturing(self.lab.namespace, self.guests[name].taps[1], file, matching)

    def booted(self, name: str) -> str:
        return str(self.hosts[name].check_output("cat /proc/sys/kernel/random/boot_id"))

    def keep_connections(self) -> None:
        """Where ssh keeps them open, which a lab that goes takes along."""
        (self.lab.state / "cp").mkdir(exist_ok=True)

    def forget_connections(self) -> None:
        """Connections that ssh keeps open, which a reboot or a firewall makes useless."""
        for guest in self.lab.guests:
            options = ["-o", f"ControlPath={self.lab.state / 'cp' / 'test-%h'}", "-O", "exit"]
            subprocess.run(["ssh", *options, f"root@{guest.management}"], capture_output=True, check=False)

    def answers(self, name: str) -> bool:
        """Whether a new ssh connection to a host stands."""
        return bool(self.hosts[name].run("true").rc == 0)

    def reboot(self, name: str) -> None:
        """Reboot a host as its operator would, and wait until it is up again; nothing else is done to it."""
        before = self.booted(name)
        self.hosts[name].run("systemctl reboot")
        self.forget_connections()
        eventually(lambda: self.answers(name) and self.booted(name) != before, True, REBOOT)


@pytest.fixture(scope="session")
def vm(tmp_path_factory: pytest.TempPathFactory) -> Machines:
    """The lab's hosts, brought up where they are not; what is on them stays."""
    make("lab")
    lab = lab_of(INVENTORY)
    multiplexed = f"-o ControlPath={lab.state / 'cp' / 'test-%h'} -o ConnectTimeout=60"
    management = {guest.name: guest.management for guest in lab.guests}
    machines = Machines(
        inventory=INVENTORY,
        addresses={guest.name: guest.data for guest in lab.guests},
        hosts=reach(management, lab.state / "ssh", multiplexed),
        lab=lab,
        captures=tmp_path_factory.mktemp("captures"),
    )
    machines.keep_connections()
    return machines


@pytest.fixture(scope="session")
def deployed(vm: Machines) -> Machines:
    """The hosts with the cluster that their inventory describes."""
    done = vm.site()
    assert done.rc == 0, done.output[-4000:]
    return vm


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The master key, as a file that only this user reads."""
    path = tmp_path_factory.mktemp("master") / "ipsec.json"
    path.write_text(json.dumps({"ipsec_psk_master": MASTER}))
    path.chmod(0o600)
    return ("-e", f"@{path}")


@pytest.fixture(scope="module")
def moved(vm: Machines) -> Iterator[Machines]:
    """The hosts, for tests that move the cluster: the next ones find it as the inventory says."""
    yield vm
    run = vm.site(*BACK)
    assert run.rc == 0, run.output


@pytest.fixture
def stranger(vm: Machines) -> Iterator[Stranger]:
    """A machine on the data network that is none of the lab's hosts."""
    network = ipaddress.ip_network(vm.lab.data_subnet)
    with standing_by(vm.lab.namespace, str(network.network_address + 200), network.prefixlen) as one:
        yield one
