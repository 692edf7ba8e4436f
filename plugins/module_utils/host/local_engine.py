# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Engine on this host says of itself, read over its socket with the standard library.

Facts are wanted from hosts that have no SDK yet, and from every host on every run, where importing the SDK would be
half of the cost. Everything that changes something goes through ``engine.py``.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from ..minio import layout
from ..swarm import data_path
from ..unix_http import UnixClient
from .service_facts import made_of

SOCKET = "/var/run/docker.sock"
LABEL = "baremetal.overlay"
SERVICE_LABEL, STACK_LABEL = "com.docker.swarm.service.name", "com.docker.stack.namespace"
# Of a container whose server speaks TLS: by which trust it started.
TRUST_LABEL = "baremetal.overlay.minio.trust"
# In a control group's path, whichever driver made it: /docker/<ID> or docker-<ID>.scope.
CONTAINER_ID = re.compile(r"[/-]([0-9a-f]{64})(?:\.scope)?$", re.MULTILINE)


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class Answers:
    """The raw answers: /info of every engine, the lists where it is a manager.

    ``unlisted``: why a manager has no lists, as one that reaches no leader. They are unknown then, and not empty.
    """

    api_version: str
    info: Mapping[str, Any]
    images: list[dict[str, Any]]
    nodes: list[dict[str, Any]]
    services: list[dict[str, Any]]
    containers: list[dict[str, Any]] = field(default_factory=list)
    networks: list[dict[str, Any]] = field(default_factory=list)
    unlisted: str = ""
    # Of a swarm that locks its managers: for this host's own use, and in no fact.
    unlock_key: str = field(default="", repr=False)

    @property
    def autolock(self) -> Optional[bool]:
        """Whether the swarm locks its managers; None where this host does not know."""
        cluster = self.swarm.get("Cluster") or {}
        # Without a leader it is there, and empty.
        if not (self.is_manager and cluster.get("ID")):
            return None
        return bool(((cluster.get("Spec") or {}).get("EncryptionConfig") or {}).get("AutoLockManagers"))

    @property
    def swarm(self) -> Mapping[str, Any]:
        """The node's own part of /info."""
        return self.info.get("Swarm") or {}

    @property
    def is_manager(self) -> bool:
        return bool(self.swarm.get("ControlAvailable"))


class LocalEngine:
    """GET on the local socket, nothing else."""

    def __init__(self, path: str = SOCKET, timeout: float = 20) -> None:
        self._path = path
        self._timeout = timeout
        self.api_version = ""

    def get(self, path: str) -> Any:
        connection = _SocketConnection(self._path, self._timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise OSError(f"GET {path}: {answer.status} {body[:200]!r}")
        self.api_version = answer.headers.get("Api-Version", self.api_version)
        return json.loads(body)


def ask(engine: Optional[LocalEngine] = None) -> Optional[Answers]:
    """All that facts need; None where no engine answers."""
    engine = engine or LocalEngine()
    try:
        info = engine.get("/info")
        images = engine.get("/images/json")
        containers = engine.get("/containers/json")
        networks = engine.get("/networks")
    except (OSError, http.client.HTTPException, ValueError):
        return None
    answers = Answers(engine.api_version, info, images, [], [], containers, networks)
    if not answers.is_manager:
        return answers
    try:
        key = (engine.get("/swarm/unlockkey") or {}).get("UnlockKey") if answers.autolock else ""
        return replace(answers, nodes=engine.get("/nodes"), services=engine.get("/services"), unlock_key=str(key or ""))
    except (OSError, http.client.HTTPException, ValueError) as error:
        # A manager without quorum answers for itself only.
        return replace(answers, unlisted=str(answers.swarm.get("Error") or error))


def unlock(key: str, path: str = SOCKET) -> None:
    """The one thing that is said to an engine here: it is heard from what it answers next."""
    body, headers = json.dumps({"UnlockKey": key}), {"Content-Type": "application/json"}
    with suppress(OSError):
        UnixClient(path).request("POST", "/swarm/unlock", data=body, headers=headers)


def swarm_facts(answers: Optional[Answers]) -> dict[str, Any]:
    """The host's own view of its swarm; ``unknown`` is never mistaken for "in none"."""
    if answers is None:
        return {"state": None, "node_id": None, "manager": False, "cluster_id": None}
    swarm = answers.swarm
    return {
        "state": swarm.get("LocalNodeState") or "inactive",
        "error": swarm.get("Error") or None,
        "node_id": swarm.get("NodeID") or None,
        "address": swarm.get("NodeAddr") or None,
        "manager": answers.is_manager,
        "autolock": answers.autolock,
        # Why the lists below are unknown, where they are.
        "unlisted": answers.unlisted or None,
        "cluster_id": (swarm.get("Cluster") or {}).get("ID"),
        # Only managers know it.
        "data_path_port": data_path.port_of(answers.info) or None,
        "fixed": _fixed(swarm.get("Cluster") or {}),
        "remote_managers": [manager["Addr"] for manager in swarm.get("RemoteManagers") or []],
        "nodes": [_node(node) for node in answers.nodes],
        "services": [_service(service) for service in answers.services if _is_ours(service)],
        "other_services": [service["Spec"]["Name"] for service in answers.services if not _is_ours(service)],
    }


def _fixed(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """What a swarm was made with and keeps for life; only managers know it."""
    if not cluster.get("ID"):
        return {}
    return {
        "data_path_port": cluster.get("DataPathPort"),
        "default_addr_pool": cluster.get("DefaultAddrPool"),
        "subnet_size": cluster.get("SubnetSize"),
    }


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    spec, status = node.get("Spec") or {}, node.get("Status") or {}
    manager = node.get("ManagerStatus") or {}
    return {
        "id": node["ID"],
        "hostname": (node.get("Description") or {}).get("Hostname"),
        "engine": ((node.get("Description") or {}).get("Engine") or {}).get("EngineVersion"),
        "role": spec.get("Role"),
        "availability": spec.get("Availability"),
        "state": status.get("State"),
        "addr": status.get("Addr"),
        "labels": spec.get("Labels") or {},
        "reachability": manager.get("Reachability"),
        "leader": bool(manager.get("Leader")),
    }


def _is_ours(service: Mapping[str, Any]) -> bool:
    return any(label.split("=")[0].startswith(LABEL) for label in (service["Spec"].get("Labels") or {}))


def _service(service: Mapping[str, Any]) -> dict[str, Any]:
    """Without the environment: others may keep secrets there."""
    spec = service["Spec"]
    container = (spec.get("TaskTemplate") or {}).get("ContainerSpec") or {}
    return {
        "name": spec["Name"],
        "image": container.get("Image"),
        "args": container.get("Args") or [],
        "labels": spec.get("Labels") or {},
        "made_of": made_of(spec),
    }


def image_facts(answers: Optional[Answers]) -> list[dict[str, Any]]:
    return [
        {"id": image["Id"], "labels": image.get("Labels") or {}, "tags": image.get("RepoTags") or []}
        for image in (answers.images if answers else [])
    ]


def encrypted_networks(answers: Optional[Answers]) -> list[str]:
    """The overlay networks that the Engine encrypts by itself, as far as this node knows them."""
    return [
        network["Name"]
        for network in (answers.networks if answers else [])
        if network.get("Driver") == "overlay" and "encrypted" in (network.get("Options") or {})
    ]


def overlay_facts(answers: Optional[Answers]) -> list[str]:
    """The overlay networks that this node knows: a manager all of them, a worker those that its tasks are on."""
    return [network["Name"] for network in (answers.networks if answers else []) if network.get("Driver") == "overlay"]


def network_facts(answers: Optional[Answers]) -> list[dict[str, Any]]:
    """The networks that are a configuration only, which the node keeps for networks of the swarm."""
    return [
        {"name": network["Name"], "driver_options": network.get("Options") or {}}
        for network in (answers.networks if answers else [])
        if network.get("ConfigOnly")
    ]


def _owner(container: Mapping[str, Any]) -> dict[str, Any]:
    labels = container.get("Labels") or {}
    return {"service": labels.get(SERVICE_LABEL), "stack": labels.get(STACK_LABEL)}


def container_of(cgroup: str) -> Optional[str]:
    """The ID of the container that a process is in, by its control groups."""
    found = CONTAINER_ID.search(cgroup)
    return found.group(1) if found else None


def listener_facts(
    listening: list[dict[str, Any]], cgroups: Mapping[int, str], answers: Optional[Answers]
) -> list[dict[str, Any]]:
    """The listeners, and whose container it is where one in the host's own network listens."""
    known = {container["Id"]: container for container in (answers.containers if answers else [])}
    found = []
    for entry in listening:
        container = known.get(container_of(cgroups.get(entry["pid"], "")) or "", {})
        owner = {**_owner(container), "container": (container.get("Names") or ["/"])[0].lstrip("/") or None}
        found.append({**entry, **owner})
    return found


def published_facts(answers: Optional[Answers]) -> list[dict[str, Any]]:
    """The ports of the host that containers have, and whose containers those are."""
    return [
        {
            "port": port["PublicPort"],
            "protocol": port["Type"],
            "container": (container.get("Names") or ["/?"])[0].lstrip("/"),
            **_owner(container),
        }
        for container in (answers.containers if answers else [])
        for port in container.get("Ports") or []
        if port.get("PublicPort")
    ]


def task_facts(answers: Optional[Answers]) -> list[dict[str, Any]]:
    """The tasks of services that run on this node, and what a server of MinIO among them trusts: None in clear text."""
    labels = [container.get("Labels") or {} for container in (answers.containers if answers else [])]
    return [{"service": own[SERVICE_LABEL], "trust": own.get(TRUST_LABEL)} for own in labels if own.get(SERVICE_LABEL)]


def minio_servers(answers: Optional[Answers]) -> dict[str, str]:
    """The servers of MinIO that run on this node as tasks of services, and where each listens: its own arguments."""
    found = {}
    for container in answers.containers if answers else []:
        service = (container.get("Labels") or {}).get(SERVICE_LABEL)
        words = str(container.get("Command") or "").split()
        address = layout.argument(words, "--address")
        if service and address and "server" in words:
            found[service] = address
    return found


def ability_facts(answers: Optional[Answers]) -> dict[str, Any]:
    """What kind of engine it is, as far as that decides what it can run."""
    info = answers.info if answers else {}
    options = {str(option).partition(",")[0] for option in info.get("SecurityOptions") or []}
    status = {str(row[0]): str(row[1]) for row in info.get("DriverStatus") or [] if len(row) == 2}
    return {
        "rootless": "name=rootless" in options,
        "user_namespaces": "name=userns" in options,
        "image_store": "containerd" if "containerd" in status.get("driver-type", "") else "engine",
        "storage_driver": info.get("Driver"),
        "firewall": (info.get("FirewallBackend") or {}).get("Driver"),
        "memory_limit": info.get("MemoryLimit"),
    }
