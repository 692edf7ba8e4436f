# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose swarm the hosts are in, and what they are called there."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import (
    NUMBER_LABEL,
    Cluster,
    Host,
    Rule,
    enumerate_names,
)


def swarm_is_ours(cluster: Cluster) -> Iterator[str]:
    """No host is taken out of somebody else's swarm, and one swarm never becomes two."""
    acting = cluster.acting
    members = {node["id"] for node in acting.swarm.get("nodes", [])} if acting else set()
    for host in cluster.seen:
        state = host.swarm.get("state")
        if state == "locked":
            yield (
                f"{host.name}: its swarm is locked since its engine restarted, and the host keeps no key; give the key "
                "of docker swarm unlock-key, from another manager, to docker swarm unlock, then run again"
            )
        elif state in ("pending", "error"):
            yield (
                f"{host.name}: its swarm state is {state} ({host.swarm.get('error') or 'no reason given'}); "
                "wait for it or let it leave (docker swarm leave), then run again"
            )
        elif host.in_swarm and acting is None and not cluster.left_out and not cluster.active_managers:
            yield (
                f"{host.name}: is in a swarm of which no host in managers is an active manager "
                f"(its managers: {_managers(host)}); let it leave that swarm, or list those managers"
            )
        elif host.in_swarm and acting is not None and host.swarm.get("node_id") not in members:
            yield (
                f"{host.name}: is in another swarm (its managers: {_managers(host)}) than {acting.name}; "
                "let it leave that swarm first (docker swarm leave on that host)"
            )


def swarm_is_led(cluster: Cluster) -> Iterator[str]:
    """Without a leader it is unknown what runs: empty lists would pass for a swarm with nothing in it."""
    if cluster.acting is None:
        yield from (f"{sentence}, then run again" for sentence in _unlisted(cluster))


def every_manager_is_led(cluster: Cluster) -> Iterator[str]:
    if cluster.acting is not None:
        yield from _unlisted(cluster)


def _unlisted(cluster: Cluster) -> Iterator[str]:
    for host in cluster.active_managers:
        if why := host.swarm.get("unlisted"):
            yield (
                f"{host.name}: this manager reaches no leader of its swarm ({str(why).strip().rstrip('.')}; it knows "
                f"of {_managers(host)}), so what runs there is unknown; start the engines of the managers, or see "
                "docs/quorum.md if they are lost"
            )


def _managers(host: Host) -> str:
    return ", ".join(host.swarm.get("remote_managers") or []) or "none known"


def joining_has_a_manager(cluster: Cluster) -> Iterator[str]:
    """Under --limit, a host can only join through a manager that is in the run."""
    if cluster.acting is not None:
        return
    for host in cluster.seen:
        if cluster.left_out and not host.in_swarm:
            yield (
                f"{host.name}: has to join the swarm, and no manager that is in it was looked at in this run; "
                f"add one to --limit (left out: {enumerate_names([manager.name for manager in cluster.left_out])})"
            )


def numbers_are_stable(cluster: Cluster) -> Iterator[str]:
    """A number is a MinIO name: changing it on a live node would make its drives a stranger's."""
    acting = cluster.acting
    labels = {node["id"]: node.get("labels") or {} for node in acting.swarm.get("nodes", [])} if acting else {}
    for host in cluster.seen:
        live = labels.get(host.swarm.get("node_id"), {}).get(NUMBER_LABEL)
        if live is not None and "minio" in host.groups and str(host.number) != live:
            yield (
                f"{host.name}: overlay_host_number {host.number} differs from {live}, under which it is live; "
                f"renumbering a live node is refused: set it back to {live}"
            )


RULES: tuple[Rule, ...] = (
    swarm_is_led,
    swarm_is_ours,
    joining_has_a_manager,
    numbers_are_stable,
)
ADVICE: tuple[Rule, ...] = (every_manager_is_led,)
