# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of IPv4 and IPv6, however somebody wrote them: pure."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any


def plain(address: Any) -> str:
    """As the kernel writes it; what is no address stays as it is."""
    text = str(address)
    try:
        return str(ip_address(text))
    except ValueError:
        return text


def version(address: Any) -> int:
    """4 or 6; 0 of what is no address."""
    try:
        return ip_address(str(address)).version
    except ValueError:
        return 0


def same(one: Any, other: Any) -> bool:
    """Whether two addresses are one; what is no address is the same as nothing."""
    return bool(version(one)) and plain(one) == plain(other)


def endpoint(address: Any, port: Any) -> str:
    """Both as one text, in which an address of IPv6 is in brackets; a name stays as it is."""
    host = plain(str(address).strip("[]"))
    return f"[{host}]:{port}" if version(host) == 6 else f"{host}:{port}"
