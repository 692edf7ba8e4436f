# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lab of virtual machines consists of: said by the inventory, everything else follows from it."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..settings import cache_base, repeated
from ..shell import LabError

# What virtio carries of a serial number.
SERIAL = 20


@dataclass(frozen=True)
class Guest:
    name: str
    number: int
    management: str  # ansible_host, on eth0
    data: str  # overlay_underlay_address, on eth1
    drives: tuple[str, ...]

    @property
    def data_ipv6(self) -> str:
        return as_ipv6(self.data)

    def mac(self, network: int) -> str:
        """Its own in its network, and the same at every start."""
        address = ipaddress.ip_address(self.data if network else self.management)
        return "52:54:" + ":".join(f"{byte:02x}" for byte in address.packed)

    @property
    def taps(self) -> tuple[str, str]:
        return f"mgmt{self.number}", f"data{self.number}"


@dataclass(frozen=True)
class VmLab:
    guests: tuple[Guest, ...]
    subnet: str  # management
    data_subnet: str
    debian: str
    drive_size: str
    memory: int  # MiB
    cpus: int
    accelerator: str  # kvm, tcg or auto
    mirror: str
    base: Path

    @property
    def state(self) -> Path:
        """What belongs to this lab and goes with it; labs are told apart by their management network."""
        return self.base / self.subnet.split("/")[0]

    @property
    def images(self) -> Path:
        return self.base / "images"

    @property
    def snapshots(self) -> Path:
        return self.base / "snapshots"

    @property
    def key(self) -> str:
        """The management network in eight characters, for names of interfaces."""
        return ipaddress.ip_network(self.subnet).network_address.packed.hex()

    @property
    def namespace(self) -> str:
        return f"overlay-vm-{self.key}"

    @property
    def legs(self) -> tuple[str, str]:
        """This machine's own interfaces in the two networks, by which a controller and a client reach the hosts."""
        return f"ovm{self.key}", f"ovd{self.key}"

    @property
    def networks(self) -> tuple[str, str]:
        return self.subnet, self.data_subnet


def as_ipv6(address: str) -> str:
    """What stands beside an address in the data network: fd31:79::11 for 172.31.79.11, fd68:5::11 for 192.168.5.11."""
    _first, second, third, last = address.split(".")
    # A group has four digits, of which two are the prefix.
    return f"fd{int(second) % 100:02}:{third}::{last}"


def controller_address(network: str) -> str:
    return str(next(ipaddress.ip_network(network).hosts()))


def _problems(guests: tuple[Guest, ...], subnet: str, data_subnet: str) -> list[str]:
    found = []
    for guest in guests:
        for address, network in ((guest.management, subnet), (guest.data, data_subnet)):
            if not re.fullmatch(r"[0-9.]+", address) or ipaddress.ip_address(address) not in ipaddress.ip_network(
                network
            ):
                found.append(f"host {guest.name}: address {address} is not in {network}")
            if address == controller_address(network):
                found.append(f"host {guest.name}: address {address} is this machine's own in {network}")
        found += [
            f"host {guest.name}: the serial number {d} is longer than {SERIAL}" for d in guest.drives if len(d) > SERIAL
        ]
        if not 0 < guest.number < 1000:
            found.append(f"host {guest.name}: number {guest.number} is not from 1 to 999")
    for what, values in (
        ("number", [guest.number for guest in guests]),
        ("address", [guest.management for guest in guests]),
        ("address", [guest.data for guest in guests]),
    ):
        found += [f"{what} {value} is given to more than one host" for value in repeated(values)]
    return found


def read(data: dict[str, Any]) -> VmLab:
    """The lab that a caller describes, host by host in parallel lists; refuses what would make two hosts the same."""
    subnet = str(ipaddress.ip_network(data.get("subnet", "172.31.78.0/24")))
    data_subnet = str(ipaddress.ip_network(data.get("data_subnet", "172.31.79.0/24")))
    columns = (data.get(key, []) for key in ("names", "numbers", "management", "addresses", "drives"))
    guests = tuple(
        Guest(name, number, management, address, tuple(f"overlay-{name}-drive{k}" for k in range(1, drives + 1)))
        for name, number, management, address, drives in zip(*columns)
    )
    problems = _problems(guests, subnet, data_subnet)
    if ipaddress.ip_network(subnet).overlaps(ipaddress.ip_network(data_subnet)):
        problems.append(f"the networks {subnet} and {data_subnet} overlap")
    if problems:
        raise LabError("the lab's inventory cannot be built: " + "; ".join(problems))
    return VmLab(
        guests=guests,
        subnet=subnet,
        data_subnet=data_subnet,
        debian=data.get("debian", "trixie"),
        drive_size=data.get("drive_size", "1G"),
        memory=int(data.get("memory", 1280)),
        cpus=int(data.get("cpus", 1)),
        accelerator=data.get("accelerator", "auto"),
        mirror=data.get("mirror", ""),
        base=cache_base() / "vm",
    )


def machine_id(lab: VmLab, guest: Guest) -> str:
    return hashlib.sha256(f"{lab.subnet} {guest.name}".encode()).hexdigest()[:32]
