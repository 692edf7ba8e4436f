# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and ranges on the way between the hosts."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.addresses import same
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.network_pools import prefix_for, room_of
from ansible_collections.baremetal.overlay.plugins.plugin_utils import network_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import (
    Cluster,
    Host,
    Rule,
    enumerate_names,
    group_hosts,
)


def subnets_are_free(cluster: Cluster) -> Iterator[str]:
    """An overlay subnet that a host already routes would cut that host off."""
    for network in _networks(cluster):
        name, text = network.get("name"), network.get("subnet")
        subnet = _network(text)
        if subnet is None or "/" not in str(text):
            yield f'network "{name}": subnet {text} is not a CIDR; give for example 10.77.0.0/24'
            continue
        if subnet.version == 6:
            yield f'network "{name}": subnet {subnet} is IPv6, and overlays are IPv4; give for example 10.77.0.0/24'
        for host in cluster.hosts:
            taken = _collision(subnet, host)
            if taken:
                yield (
                    f'network "{name}": subnet {subnet} collides with {taken} of {host.name}; '
                    "choose a subnet that no host uses"
                )


def _collision(subnet: Any, host: Host) -> str | None:
    try:
        if ip_address(str(host.address)) in subnet:
            return f"overlay_underlay_address {host.address}"
    except ValueError:
        return None
    for route in host.facts.get("routes", []):
        destination = ip_network(route["dst"], strict=False)
        if destination.prefixlen and destination.version == subnet.version and destination.overlaps(subnet):
            return f"the route {destination} ({route.get('dev') or route.get('type')})"
    return None


def ranges_are_apart(cluster: Cluster) -> Iterator[str]:
    """What the engines and Swarm give away may not be what an overlay network is."""
    subnets = {f'network "{network.get("name")}"': network.get("subnet") for network in _networks(cluster)}
    pools = {
        f"docker_engine_address_pools {pool.get('base')}": pool.get("base")
        for pool in cluster.settings.get("address_pools") or []
    }
    swarm = {f"swarm_default_addr_pool {pool}": pool for pool in cluster.settings.get("default_addr_pool") or []}
    lan = {"swarm_lan_subnet": network_plan.lan_subnet(cluster)} if network_plan.lan_network(cluster) else {}
    known = [(name, net) for name, text in {**subnets, **pools, **swarm, **lan}.items() if (net := _network(text))]
    for position, (name, net) in enumerate(known):
        for other, taken in known[position + 1 :]:
            if net.version == taken.version and net.overlaps(taken):
                yield f"{name}: {net} overlaps with {other} ({taken}); give each a range of its own"


def networks_have_room(cluster: Cluster) -> Iterator[str]:
    """A server has an address on MinIO's overlay, and its host another one, through which it reaches the others."""
    servers = len(cluster.group("minio"))
    used = network_plan.overlay_network(cluster) if network_plan.driver(cluster) == "overlay" else ""
    for network in _networks(cluster):
        name, subnet = network.get("name"), _network(network.get("subnet"))
        # One task and its node are the least that a network is for.
        needed, of = (
            (2 * servers, f"MinIO's {servers} servers and their hosts") if name == used else (2, "a task and its host")
        )
        room = subnet and room_of({"Driver": "overlay", "IPAM": {"Config": [{"Subnet": str(subnet)}]}})
        if room is not None and room < needed:
            yield (
                f'network "{name}": subnet {subnet} has {room} address{"es" * (room != 1)} besides its '
                f"gateway's, and {of} need {needed}; give a larger subnet, at least a /{prefix_for(needed)}"
            )


def _networks(cluster: Cluster) -> list[Any]:
    return list(cluster.settings.get("networks") or [])


def _network(text: Any) -> Any:
    """None where it is no CIDR, which other rules say."""
    try:
        return ip_network(str(text))
    except ValueError:
        return None


def swarm_pool_is_free(cluster: Cluster) -> Iterator[str]:
    """Swarm takes 10.0.0.0/8 where nothing is given; hosts that live there do not see it, networks of others do."""
    given = cluster.settings.get("default_addr_pool")
    for pool in [ip_network("10.0.0.0/24")] if not given else [net for text in given if (net := _network(text))]:
        yield from group_hosts(
            (
                host.name,
                f"{taken} lies in {pool}, from which Swarm takes its ingress network and those without a subnet; "
                "MinIO's network is not concerned; give swarm_default_addr_pool a range that no host uses",
            )
            for host in cluster.seen
            if not host.in_swarm and (taken := _collision(pool, host))
        )


def mtus_are_equal(cluster: Cluster) -> Iterator[str]:
    """A frame that is too large for its receiver is dropped without a word."""
    found = {host.name: mtu for host in cluster.seen if (mtu := underlay_mtu(host)) is not None}
    declared = cluster.settings.get("underlay_mtu")
    if declared:
        yield from _below_declared(found, declared)
        return
    if len(set(found.values())) > 1:
        usual = max(sorted(set(found.values()), reverse=True), key=list(found.values()).count)
        names = {mtu: [name for name in found if found[name] == mtu] for mtu in dict.fromkeys(found.values())}
        others = enumerate_names(names[usual])
        for mtu in sorted(set(found.values()) - {usual}):
            yield (
                f"{enumerate_names(names[mtu])}: MTU {mtu} on its overlay_underlay_address, where {others} "
                f"{'has' if len(names[usual]) == 1 else 'have'} {usual}; frames between them are dropped: give all "
                f"hosts the same MTU, or declare what each can take by overlay_underlay_mtu: {min(found.values())}"
            )


def _below_declared(found: dict[str, int], declared: Any) -> Iterator[str]:
    if not str(declared).isdigit():
        yield f'overlay_underlay_mtu: "{declared}" is not a number; give for example 1500'
        return
    yield from group_hosts(
        (
            name,
            f"MTU {mtu} on its overlay_underlay_address is below overlay_underlay_mtu {declared}; "
            "raise the one or lower the other",
        )
        for name, mtu in found.items()
        if mtu < int(declared)
    )


def underlay_mtu(host: Host) -> int | None:
    """That of the interface which has the declared address."""
    own = host.facts.get("addresses", [])
    return next((int(entry["mtu"]) for entry in own if entry["address"] == str(host.address)), None)


def sources_are_declared(cluster: Cluster) -> Iterator[str]:
    """The kernel chooses the source of VXLAN packets, and peers drop those that come from another address."""
    names = {str(host.address): host.name for host in cluster.hosts}
    for host in cluster.seen:
        ways: dict[tuple[Any, Any], list[str]] = {}
        for peer, way in (host.facts.get("ways") or {}).items():
            if peer in names and peer != str(host.address) and not same(way["source"], host.address):
                ways.setdefault((way["source"], way.get("error")), []).append(f"{names[peer]} ({peer})")
        for (source, error), peers in ways.items():
            found = f"would send to {enumerate_names(peers)} from {source}"
            if source is None:
                found = f"has no way to {enumerate_names(peers)} ({error})"
            yield (
                f"{host.name}: {found}; its overlay_underlay_address is {host.address}, and peers accept no other: "
                "correct its routes (`ip route get`), or the declaration"
            )


RULES: tuple[Rule, ...] = (
    subnets_are_free,
    networks_have_room,
    ranges_are_apart,
    mtus_are_equal,
    sources_are_declared,
)
ADVICE: tuple[Rule, ...] = (swarm_pool_is_free,)
