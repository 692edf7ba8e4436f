# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lab consists of: said once by the inventory, everything else follows from it."""

from __future__ import annotations

import ipaddress
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .shell import LabError

LABEL = "baremetal.overlay.lab"
NETWORK = "overlay-lab"
BRIDGE = "br-overlay-lab"


@dataclass(frozen=True)
class Drive:
    """A sparse file on a loop device. The loop's number follows from host and drive, so that it never changes."""

    host: str
    number: int
    loop: int

    @property
    def name(self) -> str:
        return f"overlay-{self.host}-drive{self.number}"

    @property
    def image(self) -> str:
        return f"{self.name}.img"

    @property
    def device(self) -> str:
        return f"/dev/loop{self.loop}"


@dataclass(frozen=True)
class Host:
    name: str
    number: int
    address: str
    drives: tuple[Drive, ...]

    @property
    def container(self) -> str:
        return f"overlay-lab-{self.name}"

    @property
    def volume(self) -> str:
        return f"{self.container}-docker"


@dataclass(frozen=True)
class Lab:
    hosts: tuple[Host, ...]
    subnet: str
    debian: str
    drive_size: str
    mirror: str
    cache: Path

    @property
    def drives(self) -> list[Drive]:
        return [drive for host in self.hosts for drive in host.drives]


def cache_base() -> Path:
    """Without symbolic links, as the kernel names what is attached to a loop device."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return (Path(base) / "baremetal.overlay").resolve()


def cache_folder() -> Path:
    return cache_base() / "lab"


def first_loop() -> int:
    """Where the lab's loop devices begin: ten for each host. Another number makes room for a second lab's."""
    return int(os.environ.get("OVERLAY_LAB_FIRST_LOOP") or 7700)


def _host(name: str, number: int, address: str, drives: int) -> Host:
    made = (Drive(name, k, first_loop() + 10 * number + k) for k in range(1, drives + 1))
    return Host(name, number, address, tuple(made))


def repeated(values: Iterable[Any]) -> list[Any]:
    return [value for value, times in Counter(values).items() if times > 1]


def read(data: dict[str, Any]) -> Lab:
    """The lab that a caller describes, host by host in parallel lists; refuses what would make two hosts the same."""
    subnet = ipaddress.ip_network(data.get("subnet", "172.31.77.0/24"))
    columns = (data.get(key, []) for key in ("names", "numbers", "addresses", "drives"))
    hosts = tuple(_host(*row) for row in zip(*columns))
    problems = [
        f"host {host.name}: address {host.address} is not in {subnet}"
        for host in hosts
        if ipaddress.ip_address(host.address) not in subnet
    ]
    problems += [f"number {n} is given to more than one host" for n in repeated(host.number for host in hosts)]
    problems += [f"address {a} is given to more than one host" for a in repeated(host.address for host in hosts)]
    problems += [f"host {h.name}: {len(h.drives)} drives; at most 9" for h in hosts if len(h.drives) > 9]
    if problems:
        raise LabError("the lab's inventory cannot be built: " + "; ".join(problems))
    return Lab(
        hosts=hosts,
        subnet=str(subnet),
        debian=data.get("debian", "trixie"),
        drive_size=data.get("drive_size", "1G"),
        mirror=data.get("mirror", ""),
        cache=cache_folder(),
    )
