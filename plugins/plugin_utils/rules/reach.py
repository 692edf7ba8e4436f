# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has to reach may not lie in a range of which this run makes networks: it would be looked for in there.

Routes alone do not tell: what is reached by the default route has none of its own. What is made already is not judged,
since hosts that work are to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.host.network import DEAD_ENDS
from ansible_collections.baremetal.overlay.plugins.plugin_utils import network_plan, role_options
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import (
    Cluster,
    Host,
    Rule,
    enumerate_names,
    group_hosts,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils.settings import Refused

Network = IPv4Network | IPv6Network
# What an engine takes first where no pools are given to it, one for each of the networks that it makes here.
BUILT_IN = ("172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/16")
# From where Swarm takes its ingress network where nothing is given.
INGRESS = "10.0.0.0/24"
FACTS = {"name_servers": "name server", "gateways": "gateway", "time_servers": "time server"}
CLIENTS, MANAGEMENT = "overlay_client_networks", "firewall_management_networks"


@dataclass(frozen=True)
class Range:
    """``who`` would look ``where`` for those in it, ``remedy``: what to do; peers are named here, or by other rules."""

    setting: str
    network: Network
    who: str
    where: str
    remedy: str
    peers: bool = False


@dataclass(frozen=True)
class Need:
    """Somebody who has to be reached; ``whole``: a network of clients, of which a part may be meant."""

    what: str
    network: Network
    whole: bool = False


def what_is_needed_stays_reachable(cluster: Cluster) -> Iterator[str]:
    """All of it on all hosts, in one sentence for each range."""
    yield from group_hosts(_swallowed(cluster, _made))


def swarm_pool_holds_nobody(cluster: Cluster) -> Iterator[str]:
    """Services see it, and the hosts do not: the range that Swarm takes by itself is worth no more than advice."""
    yield from group_hosts(_swallowed(cluster, _ingress))


def _swallowed(cluster: Cluster, ranges: Callable[[Cluster, Host], Iterator[Range]]) -> Iterator[tuple[str, str]]:
    for host in cluster.seen:
        for one in ranges(cluster, host):
            lost = [need.what for need in _needs(cluster, host, one) if _lies_in(need, one, host)]
            if lost:
                yield (
                    host.name,
                    f"{one.setting} {one.network} holds {enumerate_names(list(dict.fromkeys(lost)))}, which "
                    f"{one.who} would look for {one.where}; {one.remedy}",
                )


def some_clients_may_be_lost(cluster: Cluster) -> Iterator[str]:
    """A wide network of clients may have none in the part that is taken; an operator who has some is to know it."""
    found = []
    for host in cluster.seen:
        for one in _made(cluster, host):
            wide = [need.what for need in _needs(cluster, host, one) if need.whole and _is_wide(need, one)]
            if wide:
                words = f"{one.setting} {one.network} is a part of {enumerate_names(list(dict.fromkeys(wide)))}"
                found.append(
                    (
                        host.name,
                        f"{words}; where clients have an address in it, {one.who} would look for them {one.where}",
                    )
                )
    yield from group_hosts(found)


def _lies_in(need: Need, one: Range, host: Host) -> bool:
    """Not where a narrower route of the host's own leads there: it is followed, or refused by other rules."""
    return _is_part(need.network, one.network) and not any(
        _is_part(need.network, route) and route != one.network and _is_part(route, one.network)
        for route, _device in _routes(host)
    )


def _is_wide(need: Need, one: Range) -> bool:
    """All the addresses that there are is no network that somebody looked at."""
    return need.network.prefixlen > 0 and need.network != one.network and _is_part(one.network, need.network)


def _is_part(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def _routes(host: Host) -> Iterator[tuple[Network, str]]:
    """Those behind which somebody is."""
    for route in host.facts.get("routes") or []:
        network = _network(route["dst"])
        if network is not None and route.get("type", "unicast") not in DEAD_ENDS:
            yield network, str(route.get("dev"))


def _network(text: Any) -> Network | None:
    """None where it is none, which other rules say."""
    try:
        return ip_network(str(text), strict=False)
    except ValueError:
        return None


def _usable(cluster: Cluster, key: str) -> Any:
    """None where a setting is wrong, which has a sentence of its own: the others are judged all the same."""
    with suppress(Refused):
        return cluster.settings.get(key)
    return None


# --- who has to be reached ------------------------------------------------------------------------------------------


def _needs(cluster: Cluster, host: Host, one: Range) -> Iterator[Need]:
    """Of one host; its own addresses are reached whatever is made."""
    own = {str(entry["address"]) for entry in host.facts.get("addresses") or []}
    for what, address in _addresses(cluster, host, one):
        network = _network(address)
        if network is not None and str(address) not in own:
            yield Need(what, network)
    for setting, networks in _given(cluster, host):
        for text in networks:
            network = _network(text)
            if network is not None:
                yield Need(f"{text} of {setting}", network, whole=True)


def _addresses(cluster: Cluster, host: Host, one: Range) -> Iterator[tuple[str, Any]]:
    controller = host.facts.get("controller_address")
    if controller:
        yield f"this controller ({controller})", controller
    for kind, name in FACTS.items():
        for address in (host.facts.get("reached") or {}).get(kind) or []:
            yield f"the {name} {address}", address
    for peer in cluster.hosts if one.peers else ():
        if peer is not host and peer.address:
            yield f"{peer.name} ({peer.address})", peer.address


def _given(cluster: Cluster, host: Host) -> Iterator[tuple[str, list[Any]]]:
    clients = _usable(cluster, "client_networks")
    yield CLIENTS, clients if isinstance(clients, list) else []
    management = role_options.read_or(host.variables, MANAGEMENT, [])
    yield MANAGEMENT, management if isinstance(management, list) else []


# --- what this run makes --------------------------------------------------------------------------------------------


def _made(cluster: Cluster, host: Host) -> Iterator[Range]:
    yield from _kernel_overlay(cluster, host)
    yield from _pools(cluster, host)
    yield from _overlays(cluster)
    yield from _swarm_pools(cluster)
    yield from _lan(cluster, host)


def _kernel_overlay(cluster: Cluster, host: Host) -> Iterator[Range]:
    settings = _usable(cluster, "kernel_overlay") if network_plan.driver(cluster) == "kernel" else None
    subnet = _network(settings.get("subnet")) if settings else None
    bridge = str((settings or {}).get("bridge"))
    if subnet is not None and (subnet, bridge) not in list(_routes(host)):
        yield Range(
            "kernel_overlay_subnet", subnet, "the host", f"behind {bridge}", "choose another kernel_overlay_subnet"
        )


def _pools(cluster: Cluster, host: Host) -> Iterator[Range]:
    """Where the engine's own bridges come from that are not there yet."""
    links = _links_to_come(cluster, host)
    if not links:
        return
    where = f"behind {enumerate_names(links)}, which the engine makes from it"
    configured = list((host.facts.get("engine") or {}).get("pools") or [])
    declared = [pool.get("base") for pool in _usable(cluster, "address_pools") or []]
    # What is configured stays, and what an operator gave nothing for is the engine's own choice.
    if configured:
        setting, bases = "default-address-pools", configured
        remedy = "give the engine another one in /etc/docker/daemon.json, restart it"
    elif declared:
        setting, bases = "docker_engine_address_pools", declared
        remedy = "choose with docker_engine_address_pools another range"
    else:
        setting, bases = "the engine's own range", list(BUILT_IN)
        remedy = "give docker_engine_address_pools a range that no host uses"
    for base in bases:
        network = _network(base)
        if network is not None:
            yield Range(setting, network, "the host", where, remedy, peers=True)


def _links_to_come(cluster: Cluster, host: Host) -> list[str]:
    there = host.facts.get("interfaces") or {}
    wanted = ["docker0", "docker_gwbridge"]
    if network_plan.driver(cluster) in network_plan.NODE_DRIVERS and "minio" in host.groups:
        wanted.append(network_plan.BRIDGE_LINK)
    # Every node of a swarm has its gateway bridge, and every engine that was used its own.
    done = ["docker0", "docker_gwbridge"] if host.in_swarm else []
    return [name for name in wanted if name not in there and name not in done]


def _overlays(cluster: Cluster) -> Iterator[Range]:
    there = {name for host in cluster.seen for name in host.facts.get("overlays") or []}
    for network in _usable(cluster, "networks") or []:
        name, subnet = network.get("name"), _network(network.get("subnet"))
        if subnet is not None and name not in there:
            who = "services on that network"
            yield Range(f'network "{name}": subnet', subnet, who, "there", "choose a subnet that no host uses")


def _lan(cluster: Cluster, host: Host) -> Iterator[Range]:
    lan = network_plan.lan_network(cluster)
    missing = network_plan.missing(cluster, host) if lan else []
    subnet = _network(network_plan.lan_subnet(cluster))
    if f"{lan}-config" in missing and subnet is not None:
        yield Range("swarm_lan_subnet", subnet, "the servers", "on the LAN", "choose another swarm_lan_subnet")


def _swarm_pools(cluster: Cluster) -> Iterator[Range]:
    """Those that are given; they are fixed when the swarm is made."""
    who = "services of the swarm"
    for text in _usable(cluster, "default_addr_pool") or []:
        network = _network(text)
        if network is not None and not any(host.in_swarm for host in cluster.hosts):
            yield Range("swarm_default_addr_pool", network, who, "there", "choose another swarm_default_addr_pool")


def _ingress(cluster: Cluster, _host: Host) -> Iterator[Range]:
    """MinIO's own network is not concerned, so that a cluster goes on with the range that Swarm takes by itself."""
    if not (_usable(cluster, "default_addr_pool") or any(host.in_swarm for host in cluster.hosts)):
        who = "services that are published by the ingress network"
        remedy = "give swarm_default_addr_pool a range that no host uses"
        yield Range("Swarm's ingress network", IPv4Network(INGRESS), who, "there", remedy)


RULES: tuple[Rule, ...] = (what_is_needed_stays_reachable,)
ADVICE: tuple[Rule, ...] = (swarm_pool_holds_nobody, some_clients_may_be_lost)
