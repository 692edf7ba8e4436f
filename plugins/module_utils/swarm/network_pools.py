# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network's address pools: what no engine can give addresses from, and how many there are to give. Pure.

The cluster takes most of it, allocates nothing, and says so in its leader's log alone. So it is refused before.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional, Union

from ..errors import InputError
from ..units import text

Subnet = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
# Below that a subnet has no address besides its own, its gateway's and, of IPv4, everybody's.
LONGEST = {4: 30, 6: 126}


def cidr(value: Any, where: str) -> str:
    """As the Engine compares it: with the prefix length, and without the bits of a host."""
    given = text(value, where)
    try:
        if "/" not in given:
            raise ValueError("no prefix length")
        return str(ipaddress.ip_network(given, strict=False))
    except ValueError as error:
        raise InputError(f'option "{where}": {value} is not a CIDR; give for example 10.0.0.0/24') from error


def written(value: Any) -> str:
    """A range of a live network, which others may have made with the bits of a host."""
    try:
        return str(ipaddress.ip_network(str(value), strict=False)) if value else ""
    except ValueError:
        return str(value)


def pools_of(network: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The pools of an inspect, or of a body that makes a network."""
    return list((network.get("IPAM") or {}).get("Config") or [])


def subnets_of(network: Mapping[str, Any]) -> list[Subnet]:
    return [ipaddress.ip_network(pool["Subnet"], strict=False) for pool in pools_of(network) if pool.get("Subnet")]


# --- what cannot be -----------------------------------------------------------------------------------------------


def pool_violations(body: Mapping[str, Any], where: str = "") -> list[str]:
    """A sentence for each thing in the pools that cannot be, before a network is made of ``body``."""
    found = [sentence for pool in pools_of(body) for sentence in _pool(pool, body, where)]
    for one, other in itertools.combinations(subnets_of(body), 2):
        if _overlap(one, other):
            found.append(f'option "{where}ipam_config": {one} overlaps {other}, both of this network; give one of them')
    return found


def _pool(pool: Mapping[str, Any], body: Mapping[str, Any], where: str) -> Iterator[str]:
    at = f'option "{where}ipam_config[{pool.get("Subnet", "")}]'
    given = [name for name, key in _BESIDE.items() if pool.get(key)]
    if not pool.get("Subnet"):
        if given:
            yield f'{at}.subnet": {", ".join(given)} is given without a subnet; give the subnet that it is in'
        return
    subnet = ipaddress.ip_network(pool["Subnet"], strict=False)
    overlay = body.get("Driver") == "overlay"
    if subnet.prefixlen == 0 or subnet.is_loopback or subnet.is_multicast:
        yield f'{at}.subnet": hosts cannot have addresses of {subnet}; give for example 10.0.0.0/24'
        return
    if overlay and subnet.prefixlen > LONGEST[subnet.version]:
        yield f'{at}.subnet": {subnet} has no address for a task; give at least a /{LONGEST[subnet.version]}'
        return
    if overlay and subnet.version == 6 and not body.get("EnableIPv6"):
        yield f'{at}.subnet": an IPv6 subnet of an overlay needs enable_ipv6: true, or its tasks are rejected; give it'
    yield from _range(at, pool.get("IPRange"), subnet)
    yield from _gateway(at, pool.get("Gateway"), subnet)
    for name, address in (pool.get("AuxiliaryAddresses") or {}).items():
        if not _is_in(address, subnet):
            yield f'{at}.aux_addresses.{name}": {address} is not in the subnet; give an address of {subnet}'


_BESIDE = {"gateway": "Gateway", "iprange": "IPRange", "aux_addresses": "AuxiliaryAddresses"}


def _range(at: str, given: Any, subnet: Subnet) -> Iterator[str]:
    own = ipaddress.ip_network(given, strict=False) if given else subnet
    if not (own.network_address in subnet and own.broadcast_address in subnet):
        yield f'{at}.iprange": {own} is not a part of the subnet; give a part of {subnet}, or none'


def _gateway(at: str, given: Any, subnet: Subnet) -> Iterator[str]:
    if not given:
        return
    if not _is_in(given, subnet):
        yield f'{at}.gateway": {given} is not in the subnet; give an address of {subnet}, or none'
    elif ipaddress.ip_address(given) in _reserved(subnet):
        yield f'{at}.gateway": {given} is the address of the subnet itself or of everybody in it; give another, or none'


def overlaps_of(body: Mapping[str, Any], networks: Iterable[Mapping[str, Any]], where: str = "") -> list[str]:
    """The cluster takes a network whose addresses another one has, and never allocates it.

    ``networks``: those that there are, or bodies that will make them.
    """
    if body.get("Driver") != "overlay":
        return []
    return [
        f'option "{where}ipam_config": {own} overlaps {theirs} of network "{other["Name"]}"; choose another subnet'
        for other in networks
        if other["Name"] != body["Name"] and other.get("Scope", "swarm") == "swarm"
        for own, theirs in itertools.product(subnets_of(body), subnets_of(other))
        if _overlap(own, theirs)
    ]


def _overlap(one: Subnet, other: Subnet) -> bool:
    return one.version == other.version and one.overlaps(other)


def _is_in(address: Any, subnet: Subnet) -> bool:
    try:
        return ipaddress.ip_address(str(address)) in subnet
    except ValueError:
        return False


def _reserved(subnet: Subnet) -> set[Any]:
    """Addresses that the Engine never assigns: the first one, and in IPv4 also the last one."""
    return {subnet.network_address, *([subnet.broadcast_address] if subnet.version == 4 else [])}


# --- how many addresses there are -----------------------------------------------------------------------------------


def room_of(network: Mapping[str, Any]) -> Optional[int]:
    """How many addresses an overlay can give to tasks, services and nodes; None where that cannot be told."""
    subnets = subnets_of(network)
    managed = (network.get("IPAM") or {}).get("Driver") or "default"
    if network.get("Driver") != "overlay" or managed != "default" or not subnets:
        return None
    return sum(_room(pool) for pool in pools_of(network) if pool.get("Subnet"))


def _room(pool: Mapping[str, Any]) -> int:
    subnet = ipaddress.ip_network(pool["Subnet"], strict=False)
    own = ipaddress.ip_network(pool["IPRange"], strict=False) if pool.get("IPRange") else subnet
    gateway = pool.get("Gateway")
    # Where none is given, the Engine takes one of the range.
    taken = _reserved(subnet) | ({ipaddress.ip_address(gateway)} if gateway else set())
    return max(0, own.num_addresses - sum(one in own for one in taken) - (not gateway))


def prefix_for(addresses: int) -> int:
    """The longest IPv4 prefix of a subnet that has as many addresses besides its own, everybody's and the gateway's."""
    return 32 - (addresses + 2).bit_length()


def exhausted(pools: Iterable[str], size: int, networks: Iterable[Mapping[str, Any]]) -> list[str]:
    """A sentence where the swarm has no subnet left to give to a network that has none of its own."""
    ranges = [ipaddress.ip_network(one) for one in pools]
    taken = [one for network in networks if network.get("Scope") == "swarm" for one in subnets_of(network)]
    if not ranges or any(_left(one, size, taken) for one in ranges):
        return []
    shown = ", ".join(str(one) for one in ranges)
    return [
        f"the swarm's address pools ({shown}, in subnets of /{size}) are all given away; give the network a subnet of "
        "its own (ipam_config), or remove networks that are not in use"
    ]


def _left(pool: Subnet, size: int, taken: Iterable[Subnet]) -> bool:
    """Whether a subnet of the pool is free. What is taken covers one or several of them."""
    if size < pool.prefixlen:
        return False
    used = {
        (int(max(one.network_address, pool.network_address)) >> (pool.max_prefixlen - size)) + step
        for one in taken
        if _overlap(one, pool)
        for step in range(max(1, 1 << max(0, size - max(one.prefixlen, pool.prefixlen))))
    }
    return len(used) < 1 << (size - pool.prefixlen)
