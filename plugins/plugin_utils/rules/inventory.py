# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory declares, looked at by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_address

from ansible_collections.baremetal.overlay.plugins.module_utils.minio import layout
from ansible_collections.baremetal.overlay.plugins.plugin_utils import minio_plan, network_plan, root_credentials
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule, enumerate_names

ENCRYPTIONS = ("none", "docker", "ipsec")


def settings_are_known(cluster: Cluster) -> Iterator[str]:
    """The two switches that have no harmless guess."""
    driver = cluster.settings.get("network_driver")
    if driver not in network_plan.DRIVERS:
        found = f'"{driver}" is unknown' if driver else "is not set"
        yield f"overlay_network_driver: {found}; allowed: {', '.join(network_plan.DRIVERS)}"
    encryption = cluster.settings.get("encryption")
    if encryption not in ENCRYPTIONS:
        found = f'"{encryption}" is unknown' if encryption else "is not set, and nothing is assumed"
        yield (
            f"overlay_encryption: {found}; allowed: {', '.join(ENCRYPTIONS)}; "
            "none sends storage traffic in clear text between hosts, docker encrypts the overlay, "
            "ipsec all that the hosts of the cluster send each other"
        )


def groups_are_filled(cluster: Cluster) -> Iterator[str]:
    """A swarm needs managers; a host has one Swarm role."""
    if not cluster.group("managers"):
        yield "group managers: no host is in it; a swarm needs 1, better 3, managers: list them under managers"
    if not cluster.group("minio"):
        yield "group minio: no host is in it; list the hosts that carry drives under minio"
    for host in cluster.hosts:
        if {"managers", "workers"} <= host.groups:
            yield f"{host.name}: is in managers and in workers; a host has one Swarm role: take it out of one"
        if not {"managers", "workers"} & host.groups:
            yield f"{host.name}: is in minio only; add it to managers or to workers, so that it joins the swarm"


def hosts_are_declared(cluster: Cluster) -> Iterator[str]:
    """Numbers and addresses are given, well formed and unique."""
    numbers: dict[int, list[str]] = defaultdict(list)
    addresses: dict[str, list[str]] = defaultdict(list)
    for host in cluster.hosts:
        if isinstance(host.number, bool) or not str(host.number).isdigit() or int(host.number) < 1:
            found = "is not set" if host.number is None else f'"{host.number}" is not a whole number from 1'
            yield f"{host.name}: overlay_host_number {found}; give each host its own number, which it keeps"
        else:
            numbers[int(host.number)].append(host.name)
        try:
            addresses[str(ip_address(str(host.address)))].append(host.name)
        except ValueError:
            found = "is not set" if host.address is None else f'"{host.address}" is not an IP address'
            yield f"{host.name}: overlay_underlay_address {found}; give the host's address towards its peers"
    for number, names in sorted(numbers.items()):
        if len(names) > 1:
            yield f"{enumerate_names(names)}: have the same overlay_host_number {number}; give each host its own"
    for address, names in sorted(addresses.items()):
        if len(names) > 1:
            yield f"{enumerate_names(names)}: have the same overlay_underlay_address {address}; give each host its own"


def layout_is_possible(cluster: Cluster) -> Iterator[str]:
    """What MinIO would refuse to start, and what would not be the deployment that runs."""
    members = cluster.group("minio")
    for host in members:
        if not host.drives:
            yield f"{host.name}: minio_drives is empty; a host in minio needs a drive: list its devices"
    numbers = {str(host.number) for host in members}
    if len(numbers) < len(members) or not all(host.drives and str(host.number).isdigit() for host in members):
        return
    servers = [
        {"host": host.name, "number": int(host.number), "drives": len(host.drives), "pool": int(host.pool)}
        for host in members
    ]
    yield from layout.violations(servers, minio_plan.parity(cluster.settings.get("parity")))


def credentials_are_strong(cluster: Cluster) -> Iterator[str]:
    """What MinIO and its clients can use, and where nothing is kept there must be something given."""
    yield from root_credentials.unusable(cluster)
    for name in ("root_user", "root_password"):
        if not cluster.settings.get(name) and not cluster.settings.get("keep_credentials", True):
            yield f"minio_{name}: is not set, and minio_credentials_keep is false; give it, since hosts keep nothing"


RULES: tuple[Rule, ...] = (
    settings_are_known,
    groups_are_filled,
    hosts_are_declared,
    layout_is_possible,
    credentials_are_strong,
)
