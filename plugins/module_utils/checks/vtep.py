# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To which hosts a kernel overlay's bridge sends what it floods: as the kernel has it, not as it was declared."""

from __future__ import annotations

import json
from typing import Any

from ..host.system import System

# What floods: the entry of a VXLAN link for addresses that it does not know.
EVERYBODY = "00:00:00:00:00:00"


def read(links: str, entries: str, bridge: str) -> list[str]:
    """The remote ends of the bridge's VXLAN link, or of its tunnels, from what iproute2 prints."""
    ports = {link["ifname"]: link for link in _load(links) if link.get("master") == bridge}
    tunnels = ((port.get("linkinfo") or {}).get("info_data") or {} for port in ports.values())
    single = {str(data[key]) for data in tunnels for key in ("remote", "remote6") if data.get(key)}
    flooded = {
        str(entry["dst"])
        for entry in _load(entries)
        if entry.get("ifname") in ports and entry.get("mac") == EVERYBODY and entry.get("dst")
    }
    return sorted((single - {"any", "0.0.0.0", "::"}) | flooded)


def look(system: System, bridge: str) -> dict[str, Any]:
    """The remote ends of one bridge; none where there is no such bridge."""
    links = system.query(("ip", "-j", "-d", "link", "show"))
    entries = system.query(("bridge", "-j", "fdb", "show"))
    there = any(link["ifname"] == bridge for link in _load(links))
    return {"bridge": bridge if there else "", "remotes": read(links, entries, bridge)}


def _load(text: str) -> list[dict[str, Any]]:
    return json.loads(text) if text.strip() else []
