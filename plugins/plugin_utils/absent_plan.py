# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment while hosts are away that the operator named: what is missing, what it tolerates, who formats drives."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.minio import formatting, layout
from ansible_collections.baremetal.overlay.plugins.plugin_utils import minio_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host, enumerate_names

DRIVES_PARENT = "/srv/minio"
SET_SIZE = "MINIO_ERASURE_SET_DRIVE_COUNT"
# What tells nothing of a drive: it has to be mounted and readable first.
UNKNOWN = ("unmounted", "unreadable", "strange")


def absent(cluster: Cluster) -> list[Host]:
    """The servers' hosts that do not answer; a rule says so where that was not agreed to."""
    return [host for host in cluster.group("minio") if host.unreachable]


def sentences(cluster: Cluster) -> list[str]:
    """What is missing, and what the deployment tolerates meanwhile."""
    hosts, planned = absent(cluster), minio_plan.layout_planned(cluster)
    if not hosts or planned is None:
        return []
    names = enumerate_names([host.name for host in hosts])
    are, answer = ("is", "it answers") if len(hosts) == 1 else ("are", "they answer")
    missing = [
        sentence
        for pool in planned.pools
        if (sentence := planned.without(pool, [int(host.number) for host in hosts]).sentence)
    ]
    return [*missing, f"{names} {are} absent, and nothing is proven there: run site.yml again once {answer}"]


def formats(cluster: Cluster) -> dict[str, list[dict[str, Any]]]:
    """The drives that are formatted in MinIO's place, by host; nothing where MinIO does that itself."""
    planned = minio_plan.layout_planned(cluster)
    found: dict[str, list[dict[str, Any]]] = {}
    for pool in planned.pools if planned else ():
        found.update(_formats(pool, cluster))
    return found


def needs_all(cluster: Cluster) -> bool:
    """Whether erasure sets are cut in another way than ours, so that only MinIO can format."""
    return SET_SIZE in (cluster.settings.get("environment") or {})


def _formats(pool: layout.Pool, cluster: Cluster) -> dict[str, list[dict[str, Any]]]:
    members = [host for host in cluster.group("minio") if int(host.number) in pool.servers]
    seen = [host for host in members if host.report is not None]
    drives = {host.name: _drives(host) for host in seen}
    every = [entry for entries in drives.values() for entry in entries.values()]
    ours = [entry for entry in every if entry["state"] == "formatted"]
    # Something is unknown, MinIO has been here, or it can do it itself.
    if any(not (host.report or host.unreachable) for host in members) or needs_all(cluster):
        return {}
    if any(entry["state"] in UNKNOWN for entry in every) or any(not _is_begun(entry) for entry in ours):
        return {}
    if len(seen) == len(members) and not ours:
        return {}
    return _documents(pool, {int(host.number): host for host in seen}, drives, cluster)


def _documents(
    pool: layout.Pool,
    hosts: Mapping[int, Host],
    drives: Mapping[str, Mapping[int, Mapping[str, Any]]],
    cluster: Cluster,
) -> dict[str, list[dict[str, Any]]]:
    """One format a drive; what an interrupted run began is completed, and not begun once more."""
    begun = next((one for own in drives.values() for one in own.values() if one["state"] == "formatted"), None)
    seed = str(uuid.uuid4())
    sizes = [len(members) for members in pool.sets]
    sets = begun["members"] if begun else formatting.new_sets(sizes, seed)
    deployment = _deployment(cluster) or formatting.identity(seed, "deployment")
    parent = str(cluster.settings.get("drives_parent") or DRIVES_PARENT).rstrip("/")
    identities = [this for members in sets for this in members]
    found: dict[str, list[dict[str, Any]]] = {}
    for (number, drive), this in zip(pool.walk, identities):
        host = hosts.get(number)
        if host and (drives[host.name].get(drive) or {}).get("state") != "formatted":
            wanted = {"path": f"{parent}/drive{drive}", "format": formatting.document(deployment, sets, this)}
            found.setdefault(host.name, []).append(wanted)
    return found


def _drives(host: Host) -> dict[int, Mapping[str, Any]]:
    """What ``host`` found on the drives that carry our label, by their positions."""
    section = (host.report or {}).get("sections", {}).get("drives") or {}
    return {int(entry["position"]): entry for entry in section.get("formats") or []}


def _is_begun(entry: Mapping[str, Any]) -> bool:
    """Formatted by us, and no MinIO has started on it."""
    return not entry["used"] and formatting.is_ours(entry["members"][0][0])


def _deployment(cluster: Cluster) -> str | None:
    """The one whose drives are here: of other pools, or of an interrupted run."""
    entries = [entry for host in cluster.seen for entry in _drives(host).values()]
    return next((str(entry["deployment"]) for entry in entries if entry["state"] == "formatted"), None)
