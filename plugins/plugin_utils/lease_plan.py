# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a run needs the deployment's lease, when it takes it, and since when its plan is true: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import clocks

# A run that has nothing to do converges the swarm and the services all the same.
ON_EVERY_RUN = "overlay_acting"
# Before anything is changed, and once there is a swarm that keeps it.
GROUP, GROUP_OF_NEW = "overlay_lease", "overlay_lease_new"


def groups(cluster: Cluster, work: Mapping[str, Sequence[str]], restarts: bool) -> dict[str, list[str]]:
    """The work with the group of the one host whose tasks take and release the lease, where there is any need."""
    needy = [name for name, own in work.items() if set(own) - {ON_EVERY_RUN}]
    agreed = any(cluster.settings.get(f"{name}network_consent") for name in ("", "swarm_"))
    if not (needy or restarts or agreed):
        return {name: list(own) for name, own in work.items()}
    acting = next((name for name, own in work.items() if ON_EVERY_RUN in own), None)
    host = acting or needy[0]
    there = any(one.in_swarm for one in cluster.seen)
    return {name: [*own, *([GROUP if there else GROUP_OF_NEW] if name == host else [])] for name, own in work.items()}


def looked(hosts: Iterable[Host], by: Host | None) -> float | None:
    """When the first host was looked at, by the clock of the manager that will be asked; None where that is unknown."""
    stamps = [float(host.report["clock"]["sent"]) for host in hosts if host.report and host.report.get("clock")]
    own = (by.facts.get("clock") or {}) if by else {}
    if not stamps or by is None or by.report is None or not own.get("time") or not by.report.get("clock"):
        return None
    return min(stamps) + clocks.offset(by.name, own, by.report["clock"]).middle
