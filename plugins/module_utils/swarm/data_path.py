# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port of Swarm's data path, and which engines encrypt what is sent to it: pure.

Before the releases below, the Engine marks packets to the swarm's data path port for encryption, but its policies in
the kernel name 4789/udp whatever that port is. On any other port no policy matches: what should be encrypted leaves in
clear text, and no error says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable

DEFAULT_PORT = 4789
# The first release of each series whose policies name the port in use. No release of a series before these does.
MENDED = {23: (23, 0, 7), 24: (24, 0, 3)}
NEEDED = "Engine 23.0.7, 24.0.3 or any from 25.0 on"


def port_of(info: Mapping[str, Any]) -> int:
    """The port in use, as a manager's /info has it; 0 where the engine does not say (a worker, or no swarm)."""
    cluster = (info.get("Swarm") or {}).get("Cluster") or {}
    # A swarm that was made before the port could be chosen has none.
    return int(cluster.get("DataPathPort") or DEFAULT_PORT) if cluster.get("ID") else 0


def release_of(version: Any) -> tuple[int, ...]:
    """The upstream release of an engine's version or of a package's: ``5:24.0.2-1~debian`` is (24, 0, 2)."""
    match = re.match(r"(?:\d+:)?(\d+(?:\.\d+)*)", str(version or ""))
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def encrypts(version: Any, port: Any) -> bool:
    """Whether an engine of this version encrypts what is sent to this port; of an unknown version nothing is said."""
    release = release_of(version)
    if not release or int(port) == DEFAULT_PORT:
        return True
    series = release[0]
    return series > max(MENDED) or (series in MENDED and release >= MENDED[series])


def refusals(body: Mapping[str, Any], ask: Callable[[], Mapping[str, Any]]) -> list[str]:
    """Why a network that is to be made would not be encrypted although it should be. ``ask`` reads /info."""
    if body.get("Driver") != "overlay" or "encrypted" not in (body.get("Options") or {}):
        return []
    info = ask()
    port, version = port_of(info) or DEFAULT_PORT, info.get("ServerVersion")
    if encrypts(version, port):
        return []
    return [
        f'network "{body.get("Name")}": is to be encrypted, and this engine ({version}) encrypts packets to '
        f"{DEFAULT_PORT}/udp only, where its swarm's data path port is {port}: all of it would be sent in clear text; "
        f"install {NEEDED}, make the swarm with data_path_port: {DEFAULT_PORT}, or leave out the option encrypted"
    ]
