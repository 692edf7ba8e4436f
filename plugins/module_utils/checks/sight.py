# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host knows about itself that the checks of the whole cluster need: nothing of it is secret."""

from __future__ import annotations

import platform
import re
import socket
from collections.abc import Mapping, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any, Optional

from ..addresses import same
from ..engine import Engine
from ..errors import OverlayError
from ..host import clock, firewall, listeners, nft_table, tls_files, units
from ..host.network import read_addresses
from ..host.system import System
from ..ipsec import backstop
from ..ipsec import files as ipsec_files
from ..minio.recipe import RELEASE_LABEL
from ..swarm import data_path
from . import policies
from .netns import Inside, interface

SERVICE_LABEL = "com.docker.swarm.service.name"
# In the host's own network, where anybody's service may be, only these are looked for.
HOST, SERVER = "host", re.compile(r"minio\d+")
# Tables of ours that guard the host.
TABLES = (firewall.TABLE, backstop.TABLE)
# Where managers of a swarm speak to each other and to their nodes.
MANAGEMENT = 2377
# Public material: what MinIO and strongSwan show to their peers, and the authorities that they trust.
CERTIFICATES = {
    "minio": f"{tls_files.DIRECTORY}/{tls_files.CERTIFICATE}",
    "minio_trust": f"{tls_files.DIRECTORY}/{tls_files.TRUST}",
    "ipsec": ipsec_files.CERTIFICATE,
    "ipsec_trust": ipsec_files.TRUST,
}


def look(system: System, address: str) -> dict[str, Any]:
    """The host itself."""
    own = read_addresses(system)
    links = [entry for entry in own if same(entry["address"], address)]
    return {
        "hostname": socket.gethostname(),
        "addresses": [entry["address"] for entry in own if not ip_address(entry["address"]).is_loopback],
        "policies": policies.look(system),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "interface": links[0]["interface"] if links else None,
        "mtu": links[0]["mtu"] if links else None,
        "tables": look_at_tables(system),
        "management": management(system),
        "certificates": {name: system.read(path) or "" for name, path in CERTIFICATES.items()},
    }


def look_at_tables(system: System) -> dict[str, Any]:
    """Whether the kernel has each table, or the smaller one in its place, and how its unit fares."""
    found = units.read(system, [table.service for table in TABLES])
    listings = {table.owner: table.listing(system) for table in TABLES}
    return {
        table.owner: {
            "there": bool(nft_table.canonical(listings[table.owner])),
            "closed": table.is_closed(system, listings[table.owner]),
            "unit": found[table.service].active if found[table.service].exists else "",
        }
        for table in TABLES
    }


def management(system: System) -> list[str]:
    """The addresses on which this host lets others manage the swarm."""
    return [
        entry["address"]
        for path in listeners.TABLES["tcp"]
        for entry in listeners.parse(system.read(path) or "", "tcp", [MANAGEMENT])
    ]


def look_at_clock() -> dict[str, Any]:
    """Last of all: the later it is read, the less of the run's time is uncertain."""
    return clock.read()


def look_at_engine(engine: Engine, networks: Sequence[str], host_address: Optional[str] = None) -> dict[str, Any]:
    """Its engine, its part in the swarm, and its tasks on the given networks."""
    try:
        info = engine.call("GET", "/info")
        swarm = info.get("Swarm") or {}
        manager = bool(swarm.get("ControlAvailable"))
        return {
            "engine": info.get("ServerVersion"),
            "swarm": swarm.get("LocalNodeState") or "inactive",
            "manager": manager,
            **({**look_at_managers(engine), **look_at_cluster(engine)} if manager else {}),
            "node_address": swarm.get("NodeAddr") or None,
            "data_path_port": data_path.port_of(info) or None,
            "tasks": tasks(engine, networks, host_address),
            "engine_error": "",
        }
    except OverlayError as error:
        return no_engine(str(error))


def look_at_managers(engine: Engine) -> dict[str, Any]:
    """The managers as this one sees them: without a quorum there is no answer, and the reason is what is known."""
    try:
        nodes = engine.call("GET", "/nodes", query={"filters": {"role": ["manager"]}}) or []
    except OverlayError as error:
        return {"managers": [], "managers_error": str(error)}
    seen = [{"name": node["Description"]["Hostname"], **(node.get("ManagerStatus") or {})} for node in nodes]
    return {
        "managers": [{"name": one["name"], "reachability": one.get("Reachability", "unknown")} for one in seen],
        "managers_error": "",
    }


def look_at_cluster(engine: Engine) -> dict[str, Any]:
    """How the swarm keeps its secrets, as far as rules look at it; None where the manager cannot tell."""
    try:
        live = engine.call("GET", "/swarm")
        networks = engine.call("GET", "/networks", query={"filters": {"driver": ["overlay"]}}) or []
    except OverlayError:
        # Why is said of its managers.
        return {"cluster": None}
    spec = live.get("Spec") or {}
    return {
        "cluster": {
            "autolock": bool((spec.get("EncryptionConfig") or {}).get("AutoLockManagers")),
            "node_cert_expiry": (spec.get("CAConfig") or {}).get("NodeCertExpiry"),
            "root": (live.get("TLSInfo") or {}).get("TrustRoot") or "",
            "open_networks": sorted(
                network["Name"]
                for network in networks
                if "encrypted" not in (network.get("Options") or {}) and not network.get("Ingress")
            ),
        }
    }


def no_engine(reason: str) -> dict[str, Any]:
    """The same of a host whose engine does not answer."""
    return {"engine": None, "swarm": "", "manager": False, "tasks": [], "engine_error": reason}


def tasks(engine: Engine, networks: Sequence[str], host_address: Optional[str] = None) -> list[dict[str, Any]]:
    """The running containers of Swarm services that have an address on one of the networks."""
    found = []
    for listed in engine.call("GET", "/containers/json", query={"filters": {"label": [SERVICE_LABEL]}}) or []:
        attached = (listed.get("NetworkSettings") or {}).get("Networks") or {}
        for name in networks:
            address = _address(name, attached, listed.get("Labels") or {}, host_address)
            if address:
                own = {end["IPAddress"] for end in attached.values() if end.get("IPAddress")}
                found.append({**_task(engine, listed["Id"], address), "network": name, "own": sorted(own | {address})})
    return sorted(found, key=lambda task: task["service"])


def _address(
    network: str, attached: Mapping[str, Any], labels: Mapping[str, str], host_address: Optional[str]
) -> Optional[str]:
    """Where a container is reached on a network; in the host's own, the Engine knows no address."""
    if network != HOST:
        return attached.get(network, {}).get("IPAddress") or None
    return host_address if HOST in attached and SERVER.fullmatch(labels.get(SERVICE_LABEL, "")) else None


def _task(engine: Engine, ident: str, address: str) -> dict[str, Any]:
    inspect = engine.call("GET", f"/containers/{ident}/json")
    pid = inspect["State"]["Pid"]
    link, _error = Inside(pid, partial(interface, address)).result()
    labels = inspect["Config"].get("Labels") or {}
    return {
        "service": labels.get(SERVICE_LABEL, ""),
        "address": address,
        "pid": pid,
        "mtu": link.get("mtu"),
        "image": inspect["Image"],
        "release": labels.get(RELEASE_LABEL),
    }
