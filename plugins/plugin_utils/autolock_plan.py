# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managers that lock themselves: whether that changes, who has to keep the key, who has to be unlocked first; pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.unlock_key import CURRENT, NONE
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host, enumerate_names


def locked(cluster: Cluster) -> list[Host]:
    """Those that the key they keep unlocks; of what they know nothing is seen before."""
    return [host for host in cluster.seen if is_locked(host) and host.facts.get("unlock_key", NONE) != NONE]


def is_locked(host: Host) -> bool:
    """Whether its engine has restarted since it was last unlocked."""
    return host.swarm.get("state") == "locked"


def wanted(cluster: Cluster) -> bool:
    """As it is to be after this run: what is not given stays as it is."""
    given = cluster.settings.get("autolock")
    return bool(given if given is not None else cluster.acting and cluster.acting.swarm.get("autolock"))


def changes(cluster: Cluster) -> bool:
    """Whether the swarm is to be told."""
    given = cluster.settings.get("autolock")
    live = cluster.acting.swarm.get("autolock") if cluster.acting else None
    return given is not None and bool(given) != bool(live)


def keeps(cluster: Cluster, host: Host) -> bool:
    """Whether a manager has a key to write or to remove."""
    if "managers" not in host.groups or not cluster.settings.get("keep_credentials", True):
        return False
    kept = host.facts.get("unlock_key", NONE)
    return kept != CURRENT if wanted(cluster) else kept != NONE


def first(cluster: Cluster) -> dict[str, Any] | None:
    """The plan of a run that has to unlock managers before it can look; None where there are none."""
    hosts = [host.name for host in locked(cluster)]
    if not hosts:
        return None
    sentence = (
        f"{enumerate_names(hosts)}: unlock the swarm, which is locked since the engine restarted; what is to do "
        "besides is seen after that"
    )
    work = {host.name: ["overlay_unlock"] if host.name in hosts else [] for host in cluster.hosts}
    return {"violations": [], "advice": [], "summary": [sentence], "acting_manager": None, "work": work}
