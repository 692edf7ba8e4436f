# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role ipsec gives each host: what is protected, and the keys that it shares with its peers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.host import overlay_addresses
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import connections, keys, protected


def ipsec_peers(
    hostvars: Mapping[str, Any], names: Iterable[str], own: str, master: Any = None, epoch: Any = 1
) -> list[dict[str, Any]]:
    """Return the other members; with a good master and epoch, each with the key of the pair."""
    members = {name: one for name in dict.fromkeys(names) for one in overlay_addresses.peers([hostvars[name]])}
    if own not in members:
        return []
    # What is wrong with either is said by the rules, which come after this.
    usable = not keys.master_violations(master) and keys.is_epoch(epoch)
    found = []
    for name, one in members.items():
        if name == own:
            continue
        peer: dict[str, Any] = {"name": name, "number": one["number"], "address": one["address"]}
        if usable:
            ends = (connections.identity(int(members[own]["number"])), connections.identity(int(one["number"])))
            peer["secret"] = keys.pair(str(master), *ends, epoch=int(epoch))
        found.append(peer)
    return sorted(found, key=lambda peer: int(peer["number"]))


def ipsec_protected(
    driver: str, data_path_port: Any, kind: str, kernel_port: Any, minio_port: Any, control: bool = True
) -> list[dict[str, Any]]:
    """Return what a deployment sends between its hosts."""
    return protected.derive(driver, int(data_path_port), kind, int(kernel_port or 0), int(minio_port), control)


class FilterModule:
    """Ansible's way to find the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"ipsec_peers": ipsec_peers, "ipsec_protected": ipsec_protected}
