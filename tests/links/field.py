# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A field of hosts: network namespaces on one bridge, in each of which the section ``links`` is really applied.

It needs root, iproute2 and Python, and nothing else, since the same field is laid out in virtual machines, too.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from ansible_collections.baremetal.overlay.plugins.module_utils.host import links, network
from ansible_collections.baremetal.overlay.plugins.module_utils.host.confirm import Guard
from ansible_collections.baremetal.overlay.plugins.module_utils.host.steps import Plan
from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import CommandFailed, System
from ansible_collections.baremetal.overlay.plugins.module_utils.host.units import Unit
from echo import Ping, entered

EVERY_PROTOCOL = 0x0003
UNDERLAY = {4: "198.18.0.{}", 6: "2001:db8:18::{}"}
PREFIX = {4: 24, 6: 64}


def run(*command: str, data: Optional[str] = None) -> str:
    """A command that has to succeed."""
    done = subprocess.run(command, input=data, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailed(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


class HostSystem(System):
    """Commands run in the host's network namespace, files lie in a folder, and systemd is played by its unit file."""

    def __init__(self, name: str, root: Path) -> None:
        self.name, self.root = name, root
        self.ran: list[str] = []
        self.limit: Optional[int] = None

    def query(self, argv: Sequence[str]) -> str:
        done = subprocess.run(self._inside(argv), capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    def run(self, argv: Sequence[str], env: Any = None, data: Optional[str] = None) -> str:
        del env
        self.ran.append(" ".join(argv))
        if argv[0] == "systemctl":
            return self._systemctl(argv)
        if data is not None and self.limit is not None:
            # The end in the middle of a batch.
            lines = data.splitlines(keepends=True)
            data, self.limit = "".join(lines[: self.limit]), max(0, self.limit - len(lines))
        return run(*self._inside(argv), data=data)

    def which(self, program: str) -> Optional[str]:
        return shutil.which(program)

    def read(self, path: str) -> Optional[str]:
        file = self.root / path.lstrip("/")
        return file.read_text(encoding="utf-8") if file.exists() else None

    def exists(self, path: str) -> bool:
        return (self.root / path.lstrip("/")).exists()

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def remove(self, path: str) -> None:
        (self.root / path.lstrip("/")).unlink(missing_ok=True)

    def _inside(self, argv: Sequence[str]) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.name}", *argv]

    def _systemctl(self, argv: Sequence[str]) -> str:
        if argv[1] == "start":
            self.boot()
        return ""

    def take_back(self, guard: Guard) -> None:
        """The part of a way back that is the kernel's, as its script does it."""
        state = self.root / "unconfirmed"
        state.mkdir(parents=True, exist_ok=True)
        for name, text in guard.saved.items():
            (state / name).write_text(text, encoding="utf-8")
        for step in guard.undo:
            run("env", f"state={state}", *self._inside(["sh", "-c", step.text]))

    def boot(self) -> None:
        """What systemd would run, in its order and with its regard for failures."""
        for dash, command in re.findall(r"^ExecStart=(-?)(.+)$", self.read(links.UNIT_PATH) or "", re.MULTILINE):
            argv = [str(self.root / word.lstrip("/")) if word.startswith("/") else word for word in command.split()]
            done = subprocess.run(self._inside(argv), capture_output=True, text=True, check=False)
            if done.returncode and not dash:
                raise CommandFailed(f"`{command}` ended with {done.returncode}: {done.stderr}")


@dataclass
class Host:
    number: int
    name: str
    address: str
    system: HostSystem
    started: bool = False

    def options(self, peers: Sequence[Host], **changes: Any) -> dict[str, Any]:
        """The section's options for an overlay of these hosts."""
        return {
            "kind": "vxlan", "vni": 7700, "port": None, "number": self.number, "address": self.address,
            "peers": [{"number": peer.number, "address": peer.address} for peer in peers],
            "subnet": "10.78.0.0/24", "bridge": "ovl0", "mtu": None, "underlay_mtu": None,
            "encryption": "none", "replication": "static", **changes,
        }  # fmt: skip

    def state(self, bridge: str) -> links.State:
        active = Unit(links.SERVICE, "loaded", "active" if self.started else "inactive", enabled="enabled")
        units = {links.SERVICE: active, links.NETWORKD: Unit(links.NETWORKD)}
        return links.read(self.system, units, network.read_addresses(self.system), bridge)

    def plan(self, options: dict[str, Any]) -> Plan:
        return links.plan(options, self.state(options["bridge"]))

    def apply(self, options: dict[str, Any]) -> Plan:
        """As the module does it; says what was planned."""
        plan = self.plan(options)
        if plan.violations:
            raise AssertionError(plan.violations)
        plan.apply(self.system)
        self.started = True
        return plan

    def ip(self, *words: str) -> str:
        return run(*self.system._inside(["ip", *words]))

    def take_address(self, address: str) -> None:
        """Of its own on the underlay, in place of the one that it had."""
        self.ip("address", "flush", "dev", "eth0", "scope", "global")
        nodad = ["nodad"] if ":" in address else []
        self.ip("address", "add", f"{address}/{PREFIX[6 if nodad else 4]}", "dev", "eth0", *nodad)
        self.address = address

    def ping(self, target: str, count: int = 1, payload: bytes = b"", wait: float = 1) -> tuple[int, int]:
        """Sent and answered."""
        return self.start_ping(target, count, 0.05, payload, wait).result()

    def start_ping(
        self, target: str, count: Optional[int] = None, interval: float = 0.02, payload: bytes = b"", wait: float = 3
    ) -> Ping:
        """Goes on until its result is asked for, unless it has a count."""
        return Ping(self.name, target, count, interval, payload, wait)

    @contextlib.contextmanager
    def capture(self, device: str) -> Iterator[Capture]:
        """Every frame of a device, in and out."""
        with entered(self.name):
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            raw.bind((device, EVERY_PROTOCOL))
        with raw:
            raw.setblocking(False)
            found = Capture()
            yield found
            with contextlib.suppress(BlockingIOError):
                while True:
                    frame, where = raw.recvfrom(1 << 16)
                    found.frames.append((where[2] == socket.PACKET_OUTGOING, frame))


@dataclass
class Capture:
    """Filled when the capture has ended."""

    frames: list[tuple[bool, bytes]] = field(default_factory=list)


@dataclass
class Field:
    hosts: list[Host]
    switch: str

    @property
    def members(self) -> list[Host]:
        """All but the last, who is a stranger on the same underlay."""
        return self.hosts[:-1]

    def apply(self, hosts: Sequence[Host], **changes: Any) -> list[Plan]:
        return [host.apply(host.options(hosts, **changes)) for host in hosts]


@contextlib.contextmanager
def laid_out(version: int = 4, hosts: int = 4, mtu: int = 1500) -> Iterator[Field]:
    """Namespaces whose names bear this process, and go with the field."""
    missing = [tool for tool in ("ip", "bridge", "nsenter") if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        raise RuntimeError(f"the field needs root and {', '.join(missing) or 'nothing else'}")
    prefix = f"ln{os.getpid()}"
    switch = f"{prefix}s"
    names = [f"{prefix}-{number}" for number in range(1, hosts + 1)]
    folder = tempfile.mkdtemp(prefix=f"{prefix}-")
    try:
        run("ip", "netns", "add", switch)
        run("ip", "-n", switch, "link", "add", "sw", "mtu", str(mtu), "type", "bridge", "mcast_snooping", "0")
        run("ip", "-n", switch, "link", "set", "sw", "up")
        made = [_join(number, name, switch, version, mtu, Path(folder)) for number, name in enumerate(names, 1)]
        yield Field(made, switch)
    finally:
        for name in (switch, *names):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        shutil.rmtree(folder)


def _join(number: int, name: str, switch: str, version: int, mtu: int, folder: Path) -> Host:
    address = UNDERLAY[version].format(number)
    run("ip", "netns", "add", name)
    port = f"p{number}"
    run("ip", "-n", switch, "link", "add", port, "mtu", str(mtu), "type", "veth",
        "peer", "name", "eth0", "mtu", str(mtu), "netns", name)  # fmt: skip
    run("ip", "-n", switch, "link", "set", port, "master", "sw", "up")
    for device in ("lo", "eth0"):
        run("ip", "-n", name, "link", "set", device, "up")
    host = Host(number, name, address, HostSystem(name, folder / name))
    host.take_address(address)
    return host
