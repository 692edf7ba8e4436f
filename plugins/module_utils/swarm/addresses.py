# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses, pools and ports that a swarm is made or joined with: what the Engine would refuse late, or never."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any, Callable, Optional

from ..addresses import plain, version
from ..host.network import collisions, read_addresses, read_routes
from ..host.system import System

SUBNET_SIZE = 24
# The Engine's own: what it takes where no pool is given.
DEFAULT_POOL = "10.0.0.0/8"
# Where managers listen for the cluster's management.
CLUSTER_PORT = "2377"
_LINK = re.compile(r"[^\s/:\[\]]{1,15}")


@dataclass(frozen=True)
class Host:
    """``links``: interface → its addresses."""

    links: Mapping[str, Sequence[str]]
    routes: Sequence[Mapping[str, Any]] = ()

    def has(self, address: str) -> bool:
        return any(plain(address) in found for found in self.links.values())

    def __str__(self) -> str:
        return ", ".join(f"{link} {' '.join(found)}" for link, found in sorted(self.links.items()))


@dataclass
class Findings:
    violations: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def look(system: System) -> Optional[Host]:
    """None where the host does not say (no ip command)."""
    links: dict[str, list[str]] = {}
    for entry in read_addresses(system):
        links.setdefault(entry["interface"], []).append(entry["address"])
    return Host(links, read_routes(system)) if links else None


def split(text: str) -> tuple[str, Optional[str]]:
    """Host and port of ``host``, ``host:port``, ``[v6]:port`` and of an IPv6 address as it is."""
    text = text[len("tcp://") :] if text.startswith("tcp://") else text
    if text.startswith("["):
        host, _bracket, rest = text[1:].partition("]")
        return host, rest[1:] if rest.startswith(":") else rest or None
    if text.count(":") > 1:
        return text, None
    host, colon, port = text.partition(":")
    return host, port if colon else None


def is_address(text: str) -> bool:
    return bool(version(text))


def check(
    entered: Mapping[str, Any],
    founded: Mapping[str, Any],
    host: Optional[Host],
    behind_nat: bool = False,
    others: Optional[Mapping[str, str]] = None,
) -> Findings:
    """``entered``, ``founded``: what is given. ``host``: this one, if the engine is on it. ``others``: ``taken``."""
    found = Findings()
    for option in ("listen_addr", "advertise_addr", "data_path_addr"):
        if option in (others or {}):
            found.violations.append((others or {})[option])
        elif entered.get(option):
            _endpoint(option, entered[option], host, behind_nat, found)
    found.violations += _pools(founded.get("default_addr_pool") or [], founded.get("subnet_size") or SUBNET_SIZE)
    port = founded.get("data_path_port")
    if port and not 1024 <= port <= 49151:
        found.violations.append(f'option "data_path_port": {port} is not between 1024 and 49151; give for example 4789')
    for pool in founded.get("default_addr_pool") or []:
        for route in collisions(pool, host.routes) if host and _pool(pool) else []:
            found.warnings.append(
                f"default_addr_pool {pool}: this host reaches {route}; containers on an overlay of that range cannot: "
                "give a range that no host uses"
            )
    return found


def remotes(given: Sequence[str]) -> list[str]:
    """A sentence for each that is no manager's address."""
    said = []
    for text in given:
        host, port = split(text)
        if not host or not re.fullmatch(r"[A-Za-z0-9_.:%-]+", host) or not _port(port):
            said.append(
                f'option "remote_addrs": "{text}" is no address of a manager; give it as 192.0.2.11 or 192.0.2.11:2377'
            )
    return said


def _port(port: Optional[str]) -> bool:
    return port is None or (port.isdigit() and 1 <= int(port) <= 65535)


def taken(
    entered: Mapping[str, Any],
    managers: Sequence[str],
    host: Optional[Host],
    behind_nat: bool,
    answers: Callable[[str, str], bool],
) -> dict[str, str]:
    """A sentence for each option whose address is another manager's: two with one address end the swarm's quorum.

    ``managers``: those to join through. One with an address of this host, or with one that leads to it, is this host
    itself, as in a list that all hosts are given. ``answers``: whether something listens at an address and port, which
    cannot be this host's engine: it is in no swarm yet.
    """
    ports = {plain(name): port or CLUSTER_PORT for name, port in map(split, managers)}
    said = {}
    for option in ("advertise_addr", "data_path_addr"):
        name, own_port = split(entered.get(option) or "")
        if not is_address(name) or ip_address(name).is_unspecified or (host and host.has(name)):
            continue
        port = ports.get(plain(name))
        certain = (host and not behind_nat) or len(ports) == 1
        if port and (certain or answers(plain(name), port)):
            found = "is the address of a manager of that swarm"
        elif not port and behind_nat and answers(plain(name), own_port or CLUSTER_PORT):
            found = f"answers on port {own_port or CLUSTER_PORT} before this host is in a swarm, so another host has it"
        else:
            continue
        said[option] = (
            f'option "{option}": "{entered[option]}" {found}; two managers with one address leave the swarm without a '
            "leader: give the address at which the others reach this host"
        )
    return said


def _endpoint(option: str, text: str, host: Optional[Host], behind_nat: bool, found: Findings) -> None:
    name, port = split(text)
    at = f'option "{option}": "{text}"'
    if port is not None and option == "data_path_addr":
        found.violations.append(f"{at} has a port; give the address alone, and the port as data_path_port")
    elif not _port(port):
        found.violations.append(f"{at}: {port} is no port; give one between 1 and 65535, or none")
    if is_address(name):
        _address(option, at, name, host, behind_nat, found)
    elif not _LINK.fullmatch(name) or (host and name not in host.links):
        there = f"; this host has: {host}" if host else ""
        found.violations.append(f"{at} is neither an IP address nor an interface{there}; give one of them")
    elif host:
        found.violations += _ambiguous(at, name, host)


def _address(option: str, at: str, name: str, host: Optional[Host], behind_nat: bool, found: Findings) -> None:
    if ip_address(name).is_unspecified:
        if option != "listen_addr":
            found.violations.append(f"{at} says no address; give the one that the other hosts reach this host at")
    elif host and not host.has(name):
        said = f"{at} is no address of this host, which has: {host}"
        if option == "listen_addr":
            found.violations.append(f"{said}; give one of them or 0.0.0.0")
        elif behind_nat:
            found.warnings.append(f"{said}; the other hosts must reach this host there (behind_nat)")
        else:
            found.violations.append(
                f"{said}; give one of them, or behind_nat: true if address translation leads from there to this host"
            )


def _ambiguous(at: str, link: str, host: Host) -> Iterator[str]:
    """The Engine takes an interface's only IPv4 address, or its only IPv6 address."""
    known = [ip_address(one) for one in host.links[link]]
    usable = [str(one) for one in known if one.version == 4] or [str(one) for one in known if not one.is_link_local]
    if len(usable) != 1:
        said = ", ".join(usable) or "none"
        yield f"{at} must be an interface with one address, and has: {said}; give an address"


def _pool(text: str) -> Optional[IPv4Network]:
    try:
        pool = ip_network(text)
    except ValueError:
        return None
    return pool if isinstance(pool, IPv4Network) else None


def _pools(given: Sequence[str], size: int) -> Iterator[str]:
    known: list[IPv4Network] = []
    if not 1 <= size <= 29:
        yield f'option "subnet_size": {size} is not between 1 and 29; give for example {SUBNET_SIZE}'
    for text in given:
        pool = _pool(text)
        at = f'option "default_addr_pool": {text}'
        if pool is None:
            yield f"{at} is no IPv4 network; give for example 10.80.0.0/16"
            continue
        if pool.prefixlen > size:
            yield f"{at} is smaller than the subnets to be taken from it (/{size}); give a larger pool or subnet_size"
        for other in known:
            if pool.overlaps(other):
                yield f"{at} overlaps with {other}; give each a range of its own"
        known.append(pool)
