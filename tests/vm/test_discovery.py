# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How tasks find services and clients reach them, where the kernel has IPVS: round robin, virtual IP, ingress.

Each service is two servers of MinIO's image, one a node; which of them answered is read from its kernel's counters.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

NETWORK, PORT, MESH = "minio-overlay", 8080, 8088
ASKS = 8
SERVICES = {
    "by-round-robin": "--endpoint-mode=dnsrr",
    "by-virtual-ip": "--endpoint-mode=vip",
    "by-ingress": f"--endpoint-mode=vip --publish=published={MESH},target={PORT},mode=ingress",
}


@pytest.fixture(scope="module", autouse=True)
def services(vm: Any) -> Iterator[None]:
    """Beside MinIO, on its overlay network."""
    run = vm.site("-e", "minio_network_consent=overlay")
    assert run.rc == 0, run.output
    manager = vm.hosts["n1"]
    image = manager.check_output("docker service inspect -f '{{.Spec.TaskTemplate.ContainerSpec.Image}}' minio1")
    command = (
        "docker service create --detach --no-resolve-image --quiet --replicas=2 --replicas-max-per-node=1 "
        f"--network={NETWORK} --mount=type=tmpfs,destination=/data"
    )
    for name, options in SERVICES.items():
        manager.run(f"docker service rm {name}")
        manager.check_output(f"{command} --name={name} {options} {image} server --address=:{PORT} /data")
    vm.eventually(lambda: {name: len(tasks(vm, name)) for name in SERVICES}, dict.fromkeys(SERVICES, 2), 300)
    yield
    for name in SERVICES:
        manager.check_output(f"docker service rm {name}")


def tasks(vm: Any, service: str) -> dict[str, tuple[str, int]]:
    """The address on the overlay network and the process of each task that runs, by its host."""
    found = {}
    shown = f'{{{{(index .NetworkSettings.Networks "{NETWORK}").IPAddress}}}} {{{{.State.Pid}}}}'
    for name, host in vm.hosts.items():
        said = host.run(f"docker inspect -f '{shown}' $(docker ps -q --filter name=^{service}.)")
        if said.rc == 0 and said.stdout.strip():
            address, pid = said.stdout.split()
            found[name] = (address, int(pid))
    return found


def inside(vm: Any, host: str, command: str) -> str:
    """What a command says in the network of a host's MinIO."""
    (_address, pid) = tasks(vm, "minio1" if host == "n1" else "minio2")[host]
    said: str = vm.hosts[host].check_output(f"nsenter --net=/proc/{pid}/ns/net {command}")
    return said


RESOLVE = """
import socket, struct, sys
labels = b"".join(bytes([len(one)]) + one.encode() for one in sys.argv[1].split("."))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    asking.settimeout(10)
    asking.connect(("127.0.0.11", 53))
    asking.send(struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + b"\\0" + struct.pack("!HH", 1, 1))
    answer = asking.recv(4096)
count, at = struct.unpack_from("!H", answer, 6)[0], 12 + len(labels) + 5
for _record in range(count):
    at += 2 if answer[at] >= 0xC0 else len(labels) + 1
    length = struct.unpack_from("!H", answer, at + 8)[0]
    print(socket.inet_ntoa(answer[at + 10 : at + 14]))
    at += 10 + length
"""
ASK = f"""
import sys, urllib.request
for _ask in range({ASKS}):
    with urllib.request.urlopen(f"http://{{sys.argv[1]}}:{PORT}/minio/health/live", timeout=20) as answer:
        print(answer.status)
"""


def resolved(vm: Any, host: str, name: str) -> list[str]:
    """The addresses that the Engine gives for a name, asked in a task."""
    return sorted(inside(vm, host, f"python3 -c '{RESOLVE}' {name}").split())


def accepted(vm: Any, service: str) -> dict[str, int]:
    """How many connections each task has accepted, as its kernel counts them."""
    counted = {}
    for name, (_address, pid) in tasks(vm, service).items():
        names, values = vm.hosts[name].check_output(f"grep ^Tcp: /proc/{pid}/net/snmp").splitlines()
        counted[name] = int(dict(zip(names.split(), values.split()))["PassiveOpens"])
    return counted


def served(vm: Any, service: str, ask: Callable[[], int]) -> dict[str, int]:
    """How many of the questions, all of which are answered, each task was asked."""
    before = accepted(vm, service)
    assert ask() == ASKS
    return {name: count - before[name] for name, count in accepted(vm, service).items()}


def virtual_address(vm: Any, service: str) -> str:
    """The one address that Swarm gave to a service on the overlay network."""
    network = vm.hosts["n1"].check_output(f"docker network inspect -f '{{{{.Id}}}}' {NETWORK}").strip()
    endpoint = json.loads(vm.hosts["n1"].check_output(f"docker service inspect -f '{{{{json .Endpoint}}}}' {service}"))
    (address,) = [one["Addr"] for one in endpoint["VirtualIPs"] if one["NetworkID"] == network]
    return str(address.split("/")[0])


@pytest.mark.parametrize("host", ["n1", "n2"])
def test_round_robin_gives_the_address_of_every_task(vm: Any, host: str) -> None:
    addresses = sorted(address for address, _pid in tasks(vm, "by-round-robin").values())
    assert len(addresses) == 2
    assert resolved(vm, host, "by-round-robin") == addresses
    for address in addresses:
        assert served(vm, "by-round-robin", partial(from_inside, vm, host, address))


def from_inside(vm: Any, host: str, address: str) -> int:
    """How many questions, each by a connection of its own, a task of that host got an answer to."""
    return inside(vm, host, f"python3 -c '{ASK}' {address}").split().count("200")


@pytest.mark.parametrize("host", ["n1", "n2"])
def test_a_virtual_ip_is_one_address_behind_which_every_task_serves(vm: Any, host: str) -> None:
    address = virtual_address(vm, "by-virtual-ip")
    assert resolved(vm, host, "by-virtual-ip") == [address]
    assert address not in [own for own, _pid in tasks(vm, "by-virtual-ip").values()]
    shares = served(vm, "by-virtual-ip", partial(from_inside, vm, host, address))
    assert sum(shares.values()) == ASKS
    assert min(shares.values()) > 0, shares


def test_a_port_of_the_mesh_is_served_by_every_task_through_every_node(vm: Any) -> None:
    for host in vm.hosts:
        shares = served(vm, "by-ingress", partial(from_outside, vm, host))
        assert sum(shares.values()) == ASKS
        assert min(shares.values()) > 0, shares


def from_outside(vm: Any, host: str) -> int:
    """How many questions this machine got an answer to, through one node."""
    url = f"http://{vm.addresses[host]}:{MESH}/minio/health/live"
    found = 0
    for _ask in range(ASKS):
        with urllib.request.urlopen(url, timeout=20) as answer:
            found += answer.status == 200
    return found


def test_a_node_without_a_task_leads_to_the_one_that_has_it(vm: Any) -> None:
    vm.hosts["n1"].check_output("docker service scale --detach by-ingress=1")
    vm.eventually(lambda: len(tasks(vm, "by-ingress")), 1, 300)
    home = next(name for name in vm.hosts if name in tasks(vm, "by-ingress"))
    other = next(name for name in vm.hosts if name != home)
    assert served(vm, "by-ingress", partial(from_outside, vm, other)) == {home: ASKS}
