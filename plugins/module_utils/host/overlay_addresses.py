# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's number gives it in a kernel overlay: its address and its MAC, without asking anybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Union

from ..errors import InputError

# The second bit says that nobody's factory gave it.
MAC_PREFIX = 0x06


def overlay_address(number: Any, subnet: Any) -> str:
    """The number counts from the subnet's own address; what is outside of it is an error that says so."""
    try:
        network = ip_network(str(subnet))
    except ValueError as error:
        raise InputError(
            [f'kernel_overlay_subnet "{subnet}": is not a CIDR ({error}); give for example 10.78.0.0/24']
        ) from error
    # The first address names the network, and the last one of IPv4 is for everybody.
    last = network.num_addresses - (2 if network.version == 4 else 1)
    if last < 1:
        raise InputError(
            [f'kernel_overlay_subnet "{subnet}": has no addresses for hosts; give for example 10.78.0.0/24']
        )
    if isinstance(number, bool) or not str(number).isdigit() or not 1 <= int(number) <= last:
        raise InputError(
            [
                f"overlay_host_number {number}: {network} has addresses for the numbers 1 to {last}; "
                "give a larger kernel_overlay_subnet"
            ]
        )
    return str(network.network_address + int(number))


def with_prefix(number: Any, subnet: str) -> str:
    """The same as the host's interface has it."""
    return f"{overlay_address(number, subnet)}/{ip_network(subnet).prefixlen}"


def mac(vni: int, number: int) -> str:
    """Of the bridge on the host with that number, so that its peers know it before they hear of it."""
    octets = bytes([MAC_PREFIX]) + vni.to_bytes(3, "big") + number.to_bytes(2, "big")
    return ":".join(f"{octet:02x}" for octet in octets)


def peers(hosts: Iterable[Mapping[str, Any]]) -> list[dict[str, Union[int, str]]]:
    """Number and underlay address of every host that declares both; what is wrong with others is said elsewhere."""
    found: list[dict[str, Union[int, str]]] = []
    for host in hosts:
        number, address = host.get("overlay_host_number"), host.get("overlay_underlay_address")
        try:
            text = str(ip_address(str(address)))
        except ValueError:
            continue
        if not isinstance(number, bool) and str(number).isdigit() and int(str(number)) > 0:
            found.append({"number": int(str(number)), "address": text})
    return sorted(found, key=lambda peer: int(peer["number"]))
