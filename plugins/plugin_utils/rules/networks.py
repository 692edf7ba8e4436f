# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and ranges on the way between the hosts."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host, Rule


def subnets_are_free(cluster: Cluster) -> Iterator[str]:
    """An overlay subnet that a host already routes would cut that host off."""
    for network in cluster.settings.get("networks") or []:
        name, text = network.get("name"), network.get("subnet")
        try:
            subnet = ip_network(str(text))
        except ValueError:
            yield f'network "{name}": subnet {text} is not a CIDR; give for example 10.77.0.0/24'
            continue
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


RULES: tuple[Rule, ...] = (subnets_are_free,)
