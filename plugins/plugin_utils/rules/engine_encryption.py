# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the engines encrypt on the port that the overlays' packets really use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import data_path
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import (
    Cluster,
    Host,
    Rule,
    enumerate_names,
    group_hosts,
)

# The version of docker.io by Debian release, for a host on which it is still to be installed. Later ones are mended.
TO_INSTALL = {11: "20.10.5", 12: "20.10.24"}
DEBIANS_PACKAGE = "docker.io"


def engines_encrypt_the_port(cluster: Cluster) -> Iterator[str]:
    """Said before a packet is sent: the fault shows in no log, and everything leaves in clear text."""
    if cluster.settings.get("encryption") != "docker":
        return
    port, said = _port(cluster)
    yield from group_hosts(
        (
            host.name,
            f"engine {version}: it encrypts packets to {data_path.DEFAULT_PORT}/udp only, whatever the data path's "
            f"port is, and {said}, so overlay_encryption: docker would send everything in clear text; {_way_out(port)}",
        )
        for host in cluster.seen
        if (version := _version(host, cluster)) and not data_path.encrypts(version, port)
    )


def other_networks_are_encrypted(cluster: Cluster) -> Iterator[str]:
    """The same of networks that were made otherwise: what runs in them is taken for encrypted, and is not."""
    acting = cluster.acting
    if cluster.settings.get("encryption") == "docker" or acting is None:
        return
    port, said = _port(cluster)
    names = acting.facts.get("encrypted_networks") or []
    yield from group_hosts(
        (
            host.name,
            f"engine {version}: network{'' if len(names) == 1 else 's'} {enumerate_names(names)} should be encrypted "
            f"by the Engine, which does so on {data_path.DEFAULT_PORT}/udp only, and {said}: what runs there is sent "
            f"in clear text; install {data_path.NEEDED}",
        )
        for host in cluster.seen
        if names and (version := _version(host, cluster)) and not data_path.encrypts(version, port)
    )


def _port(cluster: Cluster) -> tuple[int, str]:
    """The port in use, and where it is said: a swarm keeps the one that it was made with."""
    live = cluster.acting.swarm.get("data_path_port") if cluster.acting else None
    if live:
        return int(live), f"the swarm was made with {live}/udp"
    declared = str(cluster.settings.get("data_path_port") or data_path.DEFAULT_PORT)
    port = int(declared) if declared.isdigit() else data_path.DEFAULT_PORT
    return port, f"swarm_data_path_port is {port}"


def _version(host: Host, cluster: Cluster) -> Any:
    """That of the engine that runs, of its package where it is stopped, or of the one that is to be installed."""
    engine = host.facts.get("engine") or {}
    if engine.get("installed"):
        return engine.get("version") or engine.get("package_version")
    chosen = cluster.settings.get("engine_package") or DEBIANS_PACKAGE
    return TO_INSTALL.get(engine.get("debian") or 0) if chosen == DEBIANS_PACKAGE else None


def _way_out(port: int) -> str:
    return (
        f"install {data_path.NEEDED}, or set overlay_encryption: ipsec, which encrypts {port}/udp by the host, or use "
        f"swarm_data_path_port: {data_path.DEFAULT_PORT} (a swarm keeps its port: a live one has to be made again)"
    )


RULES: tuple[Rule, ...] = (engines_encrypt_the_port,)
ADVICE: tuple[Rule, ...] = (other_networks_are_encrypted,)
