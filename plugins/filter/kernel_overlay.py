# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of kernel overlays for inventories and roles: addresses and MTU."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import links_plan, overhead, overlay_addresses


def overlay_address(number: Any, subnet: Any) -> str:
    """Return the address that a host's number gives it."""
    try:
        return overlay_addresses.overlay_address(number, subnet)
    except InputError as error:
        raise AnsibleFilterError("; ".join(error.violations)) from error


def overlay_peers(hostvars: Mapping[str, Any], names: Iterable[str]) -> list[dict[str, Any]]:
    """Return number and underlay address of the hosts that declare both."""
    return [dict(peer) for peer in overlay_addresses.peers(hostvars[name] for name in dict.fromkeys(names))]


def overlay_mtu(underlay: Any, kind: str, address: Any = "0.0.0.0", encryption: str = "none") -> int:
    """Return what is left of an underlay's MTU for what is inside an overlay."""
    try:
        return overhead.room(int(underlay), kind, ip_address(str(address)).version, encryption).mtu
    except (KeyError, ValueError) as error:
        raise AnsibleFilterError(
            f"overlay_mtu: {error} is unknown; kinds: {', '.join(overhead.KINDS)}; "
            f"encryptions: {', '.join(overhead.ENCRYPTIONS)}; the MTU is a number, and the address that of a host"
        ) from error


def overlay_port(kind: Any) -> int:
    """Return the UDP port that a kind has unless another one is declared; 0 where it has none, or is no kind."""
    known = links_plan.KINDS.get(str(kind))
    return known.port if known else 0


class FilterModule:
    """Ansible's way to find the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "overlay_address": overlay_address,
            "overlay_peers": overlay_peers,
            "overlay_mtu": overlay_mtu,
            "overlay_port": overlay_port,
        }
