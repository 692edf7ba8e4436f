# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and routes of a host, and what may not overlap with them."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any, Optional

from ..addresses import plain, version
from .system import System

# Bridges that the Engine makes from its own pools: no one else's addresses.
ENGINE_LINKS = re.compile(r"^(docker0|docker_gwbridge|minio_bridge|br-[0-9a-z]{12})$")
# Routes behind which nobody is.
DEAD_ENDS = ("blackhole", "unreachable", "prohibit", "throw")


ADDRESSES = ("ip", "-j", "address", "show")


def _load(text: str) -> list[dict[str, Any]]:
    return json.loads(text) if text.strip() else []


def parse_addresses(text: str) -> list[dict[str, Any]]:
    """One entry an address, with its interface's MTU."""
    return [
        {
            "interface": link["ifname"],
            "address": address["local"],
            "prefix": address["prefixlen"],
            "mtu": link["mtu"],
        }
        for link in _load(text)
        for address in link.get("addr_info", [])
        if "local" in address
    ]


def parse_interfaces(text: str) -> dict[str, int]:
    """The MTU of every interface by its name."""
    return {link["ifname"]: link["mtu"] for link in _load(text) if "mtu" in link}


def parse_routes(text: str, everywhere: str = "0.0.0.0/0") -> list[dict[str, Any]]:
    """What `ip route` shows of one version of IP; ``everywhere``: what it calls the default."""
    return [
        {
            "dst": everywhere if route["dst"] == "default" else route["dst"],
            "gateway": route.get("gateway"),
            "gateways": _gateways(route),
            "dev": route.get("dev"),
            "prefsrc": route.get("prefsrc"),
            "type": route.get("type", "unicast"),
        }
        for route in _load(text)
    ]


def _gateways(route: Mapping[str, Any]) -> list[str]:
    """One, one of the other version of IP, or those of a route of several ways."""
    ways = [route, *(route.get("nexthops") or [])]
    found = [way.get("gateway") or (way.get("via") or {}).get("host") for way in ways]
    return [gateway for gateway in found if gateway]


def read_addresses(system: System) -> list[dict[str, Any]]:
    return parse_addresses(system.query(ADDRESSES))


def read_routes(system: System) -> list[dict[str, Any]]:
    """Of both versions."""
    found = []
    for option, everywhere in (("-4", "0.0.0.0/0"), ("-6", "::/0")):
        found += parse_routes(system.query(("ip", "-j", option, "route", "show", "table", "main")), everywhere)
    return found


def read_ways(peers: Sequence[str]) -> dict[str, dict[str, Optional[str]]]:
    """From which address the kernel would send to each peer, or why it cannot; what is no address is left out."""
    return {peer: _way(peer) for peer in map(plain, peers) if version(peer)}


def _way(peer: str) -> dict[str, Optional[str]]:
    """Connecting a datagram socket chooses a route and its source, and sends nothing."""
    family = socket.AF_INET6 if version(peer) == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer, 9))
        except OSError as error:
            return {"source": None, "error": error.strerror or str(error)}
        return {"source": probe.getsockname()[0], "error": None}


def collisions(subnet: str, routes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which routes of the host lead into a subnet; the default route and the Engine's own links do not count."""
    wanted = ip_network(subnet)
    found = []
    for route in routes:
        target = ip_network(route["dst"], strict=False)
        counts = target.prefixlen and route["type"] not in DEAD_ENDS and not ENGINE_LINKS.match(route["dev"] or "")
        if counts and target.version == wanted.version and target.overlaps(wanted):
            way = f" via {route['gateway']}" if route["gateway"] else ""
            found.append(f"{target}{way} on {route['dev']}")
    return found
