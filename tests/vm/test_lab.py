# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of virtual machines: made anew, resumed with the right time, healed, and a kernel with what it is there for."""

from __future__ import annotations

import os
import signal
import time

import pytest
from conftest import Machines, make
from overlay_lab.vm import qemu
from testinfra.host import Host

# What a container on the development machine's kernel cannot have.
MODULES = ("esp4", "esp6", "ip_gre", "ip_vs", "geneve", "vxlan", "ipvlan", "macvlan", "xfs", "nf_tables")


@pytest.fixture(scope="module", autouse=True)
def new_hosts(vm: Machines) -> None:
    """Bare hosts in the place of those that were there."""
    make("lab-down")
    make("lab")
    vm.keep_connections()


def ahead(host: Host) -> float:
    """How far a host's clock is ahead of this machine's, to within what the question takes."""
    before = time.time()
    there = float(host.check_output("date +%s.%N"))
    after = time.time()
    return max(before - there, there - after, 0.0)


def test_resumed_hosts_have_the_right_time(vm: Machines) -> None:
    for name, host in vm.hosts.items():
        assert ahead(host) < 1, name


def test_hosts_are_bare_and_whole(vm: Machines) -> None:
    for host in vm.hosts.values():
        assert host.check_output("systemctl is-system-running") == "running"
        assert host.check_output("docker info --format '{{.Swarm.LocalNodeState}}'") == "inactive"
        assert host.run("test -e /etc/baremetal-overlay").rc == 1


def test_addresses_and_drives_are_those_of_the_inventory(vm: Machines) -> None:
    for name, host in vm.hosts.items():
        guest = vm.guests[name]
        for device, address in (("eth0", guest.management), ("eth1", guest.data), ("eth1", guest.data_ipv6)):
            assert f"{address}/" in host.check_output(f"ip -o address show dev {device}")
        assert host.check_output("cat /sys/class/net/eth1/mtu") == "1500"
        for drive in guest.drives:
            assert host.run(f"test -b /dev/disk/by-id/virtio-{drive}").rc == 0
            assert host.run(f"blkid -p /dev/disk/by-id/virtio-{drive}").rc == 2, f"{drive} is not empty"


def test_the_kernel_has_what_the_tier_is_there_for(vm: Machines) -> None:
    for host in vm.hosts.values():
        lacking = [name for name in MODULES if host.run(f"modprobe {name}").rc != 0]
        assert lacking == []


def test_hosts_reach_each_other_and_nothing_else(vm: Machines) -> None:
    one, other = (vm.hosts[name] for name in list(vm.hosts)[:2])
    guest = list(vm.guests.values())[1]
    for address in (guest.management, guest.data, guest.data_ipv6):
        assert one.run(f"ping -c 1 -W 10 {address}").rc == 0, address
    assert one.check_output("ip route show default") == ""
    assert other.check_output("ip route show default") == ""


def test_a_second_run_leaves_hosts_alone(vm: Machines) -> None:
    before = {name: (vm.booted(name), qemu.pid(vm.lab.state / name)) for name in vm.hosts}
    assert "changed=0" in make("lab")
    assert {name: (vm.booted(name), qemu.pid(vm.lab.state / name)) for name in vm.hosts} == before


def test_a_host_that_lost_power_is_booted_from_its_own_disks(vm: Machines) -> None:
    name = list(vm.hosts)[-1]
    vm.hosts[name].check_output("echo kept > /root/kept && sync")
    before = vm.booted(name)
    os.kill(qemu.pid(vm.lab.state / name), signal.SIGKILL)
    vm.forget_connections()
    make("lab")
    assert vm.booted(name) != before
    assert vm.hosts[name].check_output("cat /root/kept") == "kept"
    assert ahead(vm.hosts[name]) < 1
