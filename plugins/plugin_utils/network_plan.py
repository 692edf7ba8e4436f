# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which networks MinIO's servers are reached: one way for each driver, from what the inventory declares alone.

Clients reach every driver's servers at the hosts' own addresses. Where a task's own address cannot be reached from its
own host (macvlan, ipvlan), a bridge of the host carries the published ports, and the servers' traffic stays on the LAN.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_network
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.host.overlay_addresses import overlay_address
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host

LAN_DRIVERS = ("macvlan", "ipvlan")
# Those whose servers are in the host's own network.
HOST_DRIVERS = ("kernel", "host")
DRIVERS = ("overlay", *HOST_DRIVERS, *LAN_DRIVERS, "bridge")
# Drivers of networks that each node configures for itself.
NODE_DRIVERS = (*LAN_DRIVERS, "bridge")
OVERLAY, BRIDGE = "minio-overlay", "minio-bridge"
BRIDGE_LINK = "minio_bridge"
BRIDGE_CONFIG = f"{BRIDGE}-config"
OURS = re.compile(r"minio-(bridge|(macvlan|ipvlan)-[0-9a-f]{6})-config")
KERNEL_SUBNET, LAN_SUBNET = "10.78.0.0/24", "10.79.0.0/24"


def driver(cluster: Cluster) -> str:
    """The one that is declared; the usual one where what is declared is wrong, which a rule says."""
    given = cluster.settings.get("network_driver") or "overlay"
    return given if given in DRIVERS else "overlay"


def draw(cluster: Cluster) -> dict[str, Any]:
    """Everything that the roles and the checks need to know of the servers' networks."""
    chosen = driver(cluster)
    lan = lan_network(cluster)
    return {
        "driver": chosen,
        "attachment": _attachment(cluster, chosen, lan),
        "cluster": _cluster_networks(chosen, lan),
        "nodes": {host.name: node_networks(cluster, host) for host in cluster.group("minio")},
        "probed": {"overlay": overlay_network(cluster), "bridge": BRIDGE}.get(chosen, lan or "host"),
        "addresses": addresses(cluster) if chosen in HOST_DRIVERS else {},
    }


def overlay_network(cluster: Cluster) -> str:
    """The one that the inventory names for MinIO."""
    return str(cluster.settings.get("minio_network") or OVERLAY)


def lan_subnet(cluster: Cluster) -> str:
    """The subnet of the servers on the LAN."""
    return str(cluster.settings.get("lan_subnet") or LAN_SUBNET)


def kernel_subnet(cluster: Cluster) -> str:
    """That of the hosts' own overlay."""
    return str(cluster.settings.get("kernel_subnet") or KERNEL_SUBNET)


def lan_network(cluster: Cluster) -> str:
    """Named after what it is made of: a network cannot be changed, so another one is made, and servers move to it."""
    chosen = driver(cluster)
    if chosen not in LAN_DRIVERS:
        return ""
    made_of = json.dumps([chosen, lan_subnet(cluster)])
    return f"minio-{chosen}-{hashlib.sha256(made_of.encode()).hexdigest()[:6]}"


def _attachment(cluster: Cluster, chosen: str, lan: str) -> dict[str, Any]:
    """What the services are given; ``identity`` differs where servers would not reach each other."""
    if chosen in HOST_DRIVERS:
        subnet = f" {kernel_subnet(cluster)}" if chosen == "kernel" else ""
        numbers = {host.name: host.number for host in cluster.group("minio")}
        hosts = {f"minio{numbers[name]}": address for name, address in addresses(cluster).items()}
        return {"networks": ["host"], "publish": False, "hosts": hosts, "identity": f"{chosen}{subnet}"}
    networks = [overlay_network(cluster)] if chosen == "overlay" else [BRIDGE, *([lan] if lan else [])]
    return {"networks": networks, "publish": True, "hosts": {}, "identity": f"{chosen} {networks[-1]}"}


def addresses(cluster: Cluster) -> dict[str, str]:
    """Where each server is reached by its peers, as far as that is declared; nothing where the Engine chooses."""
    chosen = driver(cluster)
    if chosen == "host":
        return {host.name: str(host.address or "") for host in cluster.group("minio")}
    subnets = {"kernel": kernel_subnet(cluster), **dict.fromkeys(LAN_DRIVERS, lan_subnet(cluster))}
    found = {}
    for host in cluster.group("minio") if chosen in subnets else ():
        # What is wrong with a number or a subnet is said by the rules.
        with suppress(InputError):
            found[host.name] = overlay_address(host.number, subnets[chosen])
    return found


def _cluster_networks(chosen: str, lan: str) -> list[dict[str, Any]]:
    """Networks of the swarm that take their configuration from each node's own."""
    if chosen not in NODE_DRIVERS:
        return []
    bridge = {"name": BRIDGE, "driver": "bridge", "internal": False, "config_from": _config(BRIDGE)}
    # Internal: the way out, and the answer to a client, is the bridge's and never the LAN's.
    return [bridge, *([{"name": lan, "driver": chosen, "internal": True, "config_from": _config(lan)}] if lan else [])]


def _config(name: str) -> str:
    return f"{name}-config"


def node_networks(cluster: Cluster, host: Host) -> list[dict[str, Any]]:
    """What a node has to configure before a task of its own can be on such a network."""
    chosen, lan = driver(cluster), lan_network(cluster)
    if chosen not in NODE_DRIVERS:
        return []
    bridge = {
        "name": BRIDGE_CONFIG,
        "driver_options": {"com.docker.network.bridge.name": BRIDGE_LINK},
        "ipam_config": [],
    }
    own = addresses(cluster).get(host.name) if lan else None
    if not own:
        return [bridge]
    subnet = ip_network(lan_subnet(cluster))
    # One address, so no two nodes can give the same one. Nobody uses the gateway; the Engine wants one to exist.
    pool = {"subnet": str(subnet), "iprange": f"{own}/32", "gateway": str(subnet.broadcast_address - 1)}
    options = {"parent": str(host.lan_parent or "")}
    return [bridge, {"name": _config(lan), "driver_options": options, "ipam_config": [pool]}]


def ours(host: Host) -> list[str]:
    """The configurations that a node keeps for us, of whichever driver and subnet."""
    there = [network["name"] for network in host.facts.get("networks") or []]
    return sorted(name for name in there if OURS.fullmatch(name))


def missing(cluster: Cluster, host: Host) -> list[str]:
    """The configurations that a node does not have yet."""
    there = {network["name"] for network in host.facts.get("networks") or []}
    wanted = node_networks(cluster, host) if "minio" in host.groups else []
    return [network["name"] for network in wanted if network["name"] not in there]


def different(cluster: Cluster, host: Host) -> list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """The configurations of ours that are there and are others than the declared ones: name, found, wanted."""
    there = {network["name"]: network for network in host.facts.get("networks") or []}
    found = []
    for wanted in node_networks(cluster, host) if "minio" in host.groups else []:
        live = there.get(wanted["name"])
        if live is not None and live["driver_options"] != wanted["driver_options"]:
            found.append((wanted["name"], live["driver_options"], wanted["driver_options"]))
    return found
