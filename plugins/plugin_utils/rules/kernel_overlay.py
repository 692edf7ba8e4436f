# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kernel overlay asks of the inventory, and what of a host or of the swarm it may not overlap with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import links_plan, overlay_addresses
from ansible_collections.baremetal.overlay.plugins.module_utils.host.network import DEAD_ENDS
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import (
    Cluster,
    Host,
    Rule,
    group_hosts,
    together,
)

# Swarm gives its networks numbers one after another from here; so many of them are left to it.
SWARM_FIRST, SWARM_COUNT = 4096, 1024


def _settings(cluster: Cluster) -> Mapping[str, Any] | None:
    """None where hosts are joined by something else."""
    return cluster.settings.get("kernel_overlay") if cluster.settings.get("network_driver") == "kernel" else None


def _members(cluster: Cluster) -> list[dict[str, Any]]:
    """Number and address of all hosts that declare both; what others lack is said by the rules of the inventory."""
    declared = [
        {"overlay_host_number": host.number, "overlay_underlay_address": host.address} for host in cluster.hosts
    ]
    return [dict(peer) for peer in overlay_addresses.peers(declared)]


def overlay_is_possible(cluster: Cluster) -> Iterator[str]:
    """What the module would refuse on each host, once for all of them."""
    settings, members = _settings(cluster), _members(cluster)
    if settings is None or not members:
        return
    yield from links_plan.violations({**settings, **members[0], "peers": members})
    for name in ("mtu", "replication"):
        given, known = settings.get(name), {"replication": [*links_plan.REPLICATION]}.get(name)
        if given and (str(given) not in known if known else not str(given).isdigit()):
            allowed = f"allowed: {', '.join(known)}" if known else "give a number of bytes, or leave it out"
            yield f'kernel overlay: {name} "{given}" is unknown; {allowed}'


def swarm_has_its_own(cluster: Cluster) -> Iterator[str]:
    """The kernel takes one port for one overlay, and numbers that two have make captures and rules lie."""
    settings = _settings(cluster)
    if settings is None:
        return
    data_path = str(cluster.settings.get("data_path_port") or 4789)
    if str(settings.get("port")) == data_path and settings.get("kind") != "nvgre":
        yield (
            f"kernel_overlay_port: {data_path} is the port of Swarm's data path (swarm_data_path_port); "
            "choose another one for the kernel overlay, for example 14789"
        )
    vni = settings.get("vni")
    if settings.get("kind") != "vxlan" or not str(vni).isdigit():
        return
    if SWARM_FIRST <= int(str(vni)) < SWARM_FIRST + SWARM_COUNT:
        yield (
            f"kernel_overlay_vni: {vni} is one that Swarm gives to its own networks, which it numbers from "
            f"{SWARM_FIRST}; choose one below that, or above {SWARM_FIRST + SWARM_COUNT - 1}, for example 7700"
        )


def subnet_is_free(cluster: Cluster) -> Iterator[str]:
    """A subnet that is used for something else would cut hosts off from that."""
    settings = _settings(cluster)
    subnet = _network(settings.get("subnet")) if settings else None
    if settings is None or subnet is None:
        return
    for name, text in _ranges(cluster):
        other = _network(text)
        if other is not None and other.version == subnet.version and other.overlaps(subnet):
            yield f"kernel_overlay_subnet: {subnet} overlaps with {name} ({other}); give each a range of its own"
    for host in cluster.hosts:
        for taken in _taken(host, subnet, str(settings.get("bridge"))):
            yield (
                f"kernel_overlay_subnet: {subnet} collides with {taken} of {host.name}; choose one that no host uses"
            )


def _network(text: Any) -> Any:
    """None where it is no CIDR, which other rules say."""
    try:
        return ip_network(str(text))
    except ValueError:
        return None


def _ranges(cluster: Cluster) -> Iterator[tuple[str, Any]]:
    settings = cluster.settings
    for pool in settings.get("address_pools") or []:
        yield f"docker_engine_address_pools {pool.get('base')}", pool.get("base")
    for pool in settings.get("default_addr_pool") or []:
        yield "swarm_default_addr_pool", pool
    for network in settings.get("networks") or []:
        yield f'network "{network.get("name")}"', network.get("subnet")


def _taken(host: Host, subnet: Any, bridge: str) -> Iterator[str]:
    """What of a host lies in the subnet, its own part of the overlay aside."""
    try:
        if ip_address(str(host.address)) in subnet:
            yield f"overlay_underlay_address {host.address}"
    except ValueError:
        return
    for route in host.facts.get("routes", []):
        target = ip_network(route["dst"], strict=False)
        counts = target.prefixlen and route.get("type", "unicast") not in DEAD_ENDS and route.get("dev") != bridge
        if counts and target.version == subnet.version and target.overlaps(subnet):
            yield f"the route {target} ({route.get('dev') or route.get('type')})"


def addresses_are_single(cluster: Cluster) -> Iterator[str]:
    """The address that a number gives is on no other host, and on no other interface."""
    settings = _settings(cluster)
    if settings is None:
        return
    bridge = str(settings.get("bridge"))
    given: dict[str, list[Host]] = {}
    for host in cluster.hosts:
        try:
            given.setdefault(overlay_addresses.overlay_address(host.number, settings.get("subnet")), []).append(host)
        except InputError:
            # Said of all hosts together.
            continue
    for host in cluster.seen:
        for entry in host.facts.get("addresses", []):
            owners = given.get(entry["address"])
            if owners and (entry["interface"] != bridge or host not in owners):
                yield (
                    f"{host.name}: {entry['interface']} has {entry['address']}, which is the overlay address of "
                    f"{owners[0].name} (overlay_host_number {owners[0].number}); take it off there, or choose another "
                    "kernel_overlay_subnet"
                )


def hosts_change_together(cluster: Cluster) -> Iterator[str]:
    """Hosts of which only some have another number, port, kind or subnet do not reach the others."""
    alone = together(cluster)
    for host in cluster.seen if alone and _settings(cluster) is not None else ():
        if ((host.report or {}).get("sections", {}).get("links") or {}).get("parts"):
            yield (
                f"{host.name}: is in a kernel overlay of another number, port, kind or subnet, and all hosts change "
                f"{alone}"
            )


def strangers_are_refused(cluster: Cluster) -> Iterator[str]:
    """VXLAN has no peers of its own: it takes what comes."""
    settings = _settings(cluster)
    unprotected = not cluster.settings.get("firewall") and cluster.settings.get("encryption") != "ipsec"
    if settings is not None and settings.get("kind") == "vxlan" and unprotected:
        yield from group_hosts(
            (
                host.name,
                f"VXLAN takes frames from whoever sends them to port {settings.get('port')}/udp, and with "
                "overlay_firewall: false nobody refuses strangers; let in only the hosts' underlay addresses there",
            )
            for host in cluster.seen
        )


RULES: tuple[Rule, ...] = (
    overlay_is_possible,
    swarm_has_its_own,
    subnet_is_free,
    addresses_are_single,
    hosts_change_together,
)
ADVICE: tuple[Rule, ...] = (strangers_are_refused,)
