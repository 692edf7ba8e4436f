# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a host: everything is read at most once, and only when a section or a fact asks for it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import socket
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Optional

from .. import own_directory
from ..minio import credentials
from ..state_directory import STATE_DIRECTORY
from ..swarm import unlock_key
from . import (
    apt,
    blockdevices,
    clock,
    cluster_receipts,
    confirm,
    controller,
    daemon,
    engine_setup,
    firewall,
    ipsec_state,
    kernel,
    links,
    listeners,
    local_engine,
    network,
    packages,
    reached,
    units,
)
from .blockdevices import BlockDevice
from .local_engine import Answers
from .packages import Package
from .system import System
from .units import Unit

UNITS = (
    engine_setup.SERVICE,
    engine_setup.RUNTIME,
    firewall.TABLE.service,
    firewall.FIREWALLD,
    *ipsec_state.UNITS,
    links.SERVICE,
    links.NETWORKD,
)


class Snapshot:
    """After a change a new one is taken; none is ever refreshed."""

    def __init__(self, system: System) -> None:
        self.system = system

    @cached_property
    def packages(self) -> dict[str, Package]:
        return packages.read(self.system)

    @cached_property
    def units(self) -> dict[str, Unit]:
        found = units.read(self.system, UNITS)
        if found[engine_setup.SERVICE].active == "activating":
            # Just after boot: an engine that is starting is neither stopped nor running yet.
            engine_setup.await_settled(self.system)
            found = units.read(self.system, UNITS)
        return found

    @cached_property
    def _links(self) -> str:
        return self.system.query(network.ADDRESSES)

    @cached_property
    def addresses(self) -> list[dict[str, Any]]:
        return network.parse_addresses(self._links)

    @cached_property
    def interfaces(self) -> dict[str, int]:
        """Every interface, with an address or without, and its MTU."""
        return network.parse_interfaces(self._links)

    @cached_property
    def routes(self) -> list[dict[str, Any]]:
        return network.read_routes(self.system)

    @cached_property
    def answers(self) -> Optional[Answers]:
        # Connecting to the socket of a stopped engine would start it: systemd listens there.
        unit = self.units[engine_setup.SERVICE]
        return local_engine.ask() if unit.running or not unit.exists else None

    @cached_property
    def devices(self) -> list[BlockDevice]:
        return blockdevices.read(self.system)

    @cached_property
    def pending(self) -> Optional[confirm.Pending]:
        """A change that waits for its confirmation."""
        return confirm.read(self.system)

    @cached_property
    def debian(self) -> int:
        """The major version where this is Debian itself, else 0."""
        text = self.system.read("/etc/os-release") or ""
        fields = dict(re.findall(r'^([A-Z_]+)="?([^"\n]*)"?$', text, re.MULTILINE))
        version = fields.get("VERSION_ID", "")
        return int(version) if fields.get("ID") == "debian" and version.isdigit() else 0

    def engine(self) -> engine_setup.State:
        """What the section ``engine`` plans from."""
        read = self.system.read
        return engine_setup.State(
            packages=self.packages,
            units=self.units,
            routes=self.routes,
            binary=self.system.which("dockerd"),
            answers=self.answers,
            sdk=engine_setup.has_sdk(),
            python=sys.executable,
            daemon_json=read(daemon.PATH),
            directory_mode=self.system.mode(STATE_DIRECTORY),
            drop_ins=engine_setup.read_drop_ins(self.system),
            installing=self.system.exists(engine_setup.INSTALLING),
            pending=read(engine_setup.PENDING) or "",
            debian=self.debian,
            apparmor=(read("/sys/module/apparmor/parameters/enabled") or "").startswith("Y"),
        )

    def firewall(self) -> firewall.State:
        """What the section ``firewall`` plans from."""
        return firewall.read(self.system, self.packages, self.units, self.addresses, self.pending)

    def ipsec(self) -> ipsec_state.State:
        """What the section ``ipsec`` plans from."""
        return ipsec_state.read(self.system, self.packages, self.units, self.pending)

    def links(self, bridge: str) -> links.State:
        """What the section ``links`` plans from."""
        return links.read(self.system, self.units, self.addresses, bridge, self.pending)

    def facts(self, look: Optional[Mapping[str, Any]] = None) -> dict[str, Any]:
        """What the controller's checks need; never a secret. Some of it only where it is asked for."""
        state, look = self.engine(), look or {}
        return {
            "hostname": socket.gethostname(),
            "controller_address": controller.address(),
            "architecture": platform.machine(),
            "kernel": platform.release(),
            "python": platform.python_version(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "addresses": self.addresses,
            "interfaces": self.interfaces,
            "routes": self.routes,
            "reached": reached.read(self.system, self.routes),
            "engine": self._engine_facts(state),
            "swarm": local_engine.swarm_facts(self.answers),
            "images": local_engine.image_facts(self.answers),
            "drives": [device.facts() for device in self.devices],
            "drive_receipts": cluster_receipts.read(self.system),
            **self._credentials_facts(look),
            "unlock_key": self._unlock_key(),
            "package_lock": str(lock) if (lock := apt.held(self.system)) else None,
            "standing": {
                "firewall": self.units[firewall.TABLE.service].exists,
                "links": self.units[links.SERVICE].exists,
            },
            "published": local_engine.published_facts(self.answers),
            "tasks": local_engine.task_facts(self.answers),
            "networks": local_engine.network_facts(self.answers),
            "overlays": local_engine.overlay_facts(self.answers),
            "encrypted_networks": local_engine.encrypted_networks(self.answers),
            "listeners": self._listener_facts(look.get("ports") or []),
            "ways": network.read_ways(look.get("peers") or []),
            "features": kernel.read(self.system, look.get("features") or []),
            # Last: the later it is read, the less of the run's time is uncertain.
            "clock": clock.read(),
        }

    def _unlock_key(self) -> str:
        """Whether the key that unlocks this manager is kept, and is the one in force; only a manager can compare."""
        answers = self.answers
        known = answers is not None and answers.autolock is not None and not answers.unlisted
        return unlock_key.judge(self.system.read(unlock_key.PATH), answers.unlock_key if answers and known else None)

    def _credentials_facts(self, look: Mapping[str, Any]) -> dict[str, Any]:
        directory = look.get("credentials_dir") or STATE_DIRECTORY
        files = {"kept": credentials.NAMES[-1], "staged": credentials.STAGED}
        found = {name: credentials.facts(self.system.read(f"{directory}/{file}")) for name, file in files.items()}
        kept = found["kept"] is not None
        refused = "" if kept else own_directory.refusal(Path(directory), credentials.KIND)
        return {"credentials_present": kept, "credentials": found, "credentials_refused": refused}

    def _listener_facts(self, ports: Sequence[int]) -> list[dict[str, Any]]:
        found = listeners.read(self.system, ports)
        pids = {entry["pid"] for entry in found if entry["pid"]}
        cgroups = {pid: self.system.read(f"/proc/{pid}/cgroup") or "" for pid in pids}
        return local_engine.listener_facts(found, cgroups, self.answers)

    def _engine_facts(self, state: engine_setup.State) -> dict[str, Any]:
        info = state.answers.info if state.answers else {}
        return {
            "installed": state.installed,
            "running": state.running,
            "version": info.get("ServerVersion"),
            "api_version": state.answers.api_version if state.answers else None,
            "package": state.package,
            "package_version": state.packages[state.package].version if state.package else None,
            "unit": state.unit.active if state.unit.exists else None,
            "sdk": _sdk_version() if state.sdk else None,
            "pools": daemon.pools(state.daemon_json, state.unit.command),
            "debian": state.debian,
            "packages": {
                name: state.packages[name].version for name in (*engine_setup.HELD,) if name in state.packages
            },
            **local_engine.ability_facts(state.answers),
        }


def _sdk_version() -> str:
    try:
        return importlib.metadata.version("docker")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
