# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports that the deployment takes on every host, and who has them already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils import minio_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host, Rule, enumerate_names

# What the Engine's own process and the kernel hold for a host that is in the swarm.
ENGINE = "dockerd"


@dataclass(frozen=True)
class Need:
    """A port that somebody of ours listens on."""

    protocol: str
    port: int
    what: str
    variable: str = ""
    swarm: bool = False
    ike: bool = False

    def __str__(self) -> str:
        return f"port {self.port}/{self.protocol}"


def needs(host: Host, settings: Mapping[str, Any]) -> list[Need]:
    """What a host needs by its groups."""
    found = [
        Need("tcp", 7946, "Swarm", swarm=True),
        Need("udp", 7946, "Swarm", swarm=True),
    ]
    if data_path := _port(settings, "data_path_port", 4789):
        found.append(Need("udp", data_path, "the overlay networks", "swarm_data_path_port", swarm=True))
    overlay = settings.get("kernel_overlay") or {}
    if settings.get("network_driver") == "kernel" and str(overlay.get("port") or "").isdigit():
        found.append(Need("udp", int(overlay["port"]), "the kernel overlay", "kernel_overlay_port"))
    if "managers" in host.groups:
        found.append(Need("tcp", 2377, "the swarm's managers", swarm=True))
    if settings.get("encryption") == "ipsec":
        found += [Need("udp", port, "IPsec (IKE)", ike=True) for port in (500, 4500)]
    if "minio" in host.groups:
        if port := _port(settings, "port", 9000):
            found.append(Need("tcp", port, "MinIO", "minio_port"))
        if console := _port(settings, "console_port", 9001):
            found.append(Need("tcp", console, "MinIO's console", "minio_console_port"))
    return found


def _port(settings: Mapping[str, Any], key: str, usual: int) -> int | None:
    """None where what is given is no port, which has a sentence of its own: the other ports are looked at."""
    if key in getattr(settings, "refused", ()):
        return None
    return int(settings.get(key) or usual)


def ports_differ(cluster: Cluster) -> Iterator[str]:
    """Two of ours on one host cannot both listen on one port."""
    clashes: dict[tuple[Need, Need], list[str]] = {}
    for host in cluster.hosts:
        for first, second in combinations(needs(host, cluster.settings), 2):
            # The two overlays have a rule of their own, with the reason.
            overlays = {first.variable, second.variable} == {"swarm_data_path_port", "kernel_overlay_port"}
            if (first.protocol, first.port) == (second.protocol, second.port) and not overlays:
                clashes.setdefault((first, second), []).append(host.name)
    for (first, second), names in clashes.items():
        taken, other = (first, second) if second.variable else (second, first)
        also = f", or another {taken.variable}" if taken.variable else ""
        yield (
            f"{enumerate_names(names)}: {other.variable} {other.port}/{other.protocol} is the port of {taken.what}"
            f"{f' ({taken.variable})' if taken.variable else ''}, and {other.what} needs one of its own; "
            f"choose another {other.variable}{also}"
        )


def ports_are_free(cluster: Cluster) -> Iterator[str]:
    """A port that somebody has would let the deployment fail half-way."""
    ours = {service["name"] for service in minio_plan.services(cluster)}
    for host in cluster.seen:
        # The daemon that encrypts is installed by us, or is refused by a rule of its own.
        for need in (need for need in needs(host, cluster.settings) if not need.ike):
            taker = _taker(host, need, ours, cluster.settings)
            if taker:
                other = f", or choose another {need.variable}" if need.variable else ""
                yield f"{host.name}: {need} is taken by {taker}; {need.what} needs it: stop that{other}"


def _taker(host: Host, need: Need, ours: set[str], settings: Mapping[str, Any]) -> str | None:
    """Who has the port, if that is nobody of ours."""
    if need.swarm and host.in_swarm:
        return None
    if need.variable == "kernel_overlay_port" and _section(host).get("there"):
        return None
    for entry in host.facts.get("published") or []:
        if (entry["port"], entry["protocol"]) == (need.port, need.protocol):
            service = f" of the service {entry['service']}" if entry.get("service") else ""
            return None if _is_ours(entry, ours, settings) else f"the container {entry['container']}{service}"
    for entry in host.facts.get("listeners") or []:
        if (entry["port"], entry["protocol"]) == (need.port, need.protocol):
            if entry.get("service") and _is_ours(entry, ours, settings):
                continue
            who = f"{entry['process']} (pid {entry['pid']})" if entry.get("pid") else "the kernel itself"
            return f"{who}, which listens on {entry['address']}"
    return None


def _section(host: Host) -> Mapping[str, Any]:
    return ((host.report or {}).get("sections") or {}).get("links") or {}


def _is_ours(entry: Mapping[str, Any], ours: set[str], settings: Mapping[str, Any]) -> bool:
    """A service that the swarm names as ours; without a manager in the run, one of our stack."""
    return entry.get("service") in ours or (
        bool(entry.get("service")) and entry.get("stack") == (settings.get("stack_name") or "minio")
    )


RULES: tuple[Rule, ...] = (ports_differ, ports_are_free)
ADVICE: tuple[Rule, ...] = ()
