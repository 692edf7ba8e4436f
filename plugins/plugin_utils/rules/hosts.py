# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts are, one by one and beside each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import (
    Cluster,
    Rule,
    enumerate_names,
    group_hosts,
)


def hosts_are_reachable(cluster: Cluster) -> Iterator[str]:
    """An absent host is an error, unless it is named."""
    consent = cluster.settings.get("unreachable_consent") or []
    for host in cluster.hosts:
        if host.unreachable and host.name not in consent:
            yield (
                f"{host.name}: is unreachable ({host.unreachable}); nothing is formed without it; "
                f"mend the connection, or go on without this host by overlay_unreachable_consent: [{host.name}]"
            )
        if host.failure:
            yield f"{host.name}: could not be looked at ({host.failure}); nothing is formed without it: mend the host"


def hosts_report_nothing_wrong(cluster: Cluster) -> Iterator[str]:
    """What each host found against its own sections."""
    yield from group_hosts(
        (host.name, sentence)
        for host in cluster.seen
        for section in (host.report or {}).get("sections", {}).values()
        # What the inventory itself has wrong is said by a rule of its own.
        for sentence in ([] if section.get("declared") else section.get("violations", []))
    )


def sections_could_be_asked(cluster: Cluster) -> Iterator[str]:
    """What rules of their own have no word for: the host was looked at without that section."""
    yield from group_hosts(
        (host.name, f"{section}: could not be looked at ({words}); correct the variables of that role")
        for host in cluster.seen
        for section, words in ((host.report or {}).get("refused") or {}).items()
    )


def underlay_is_there(cluster: Cluster) -> Iterator[str]:
    """The declared address is one of the host's own."""
    for host in cluster.seen:
        own = [entry["address"] for entry in host.facts.get("addresses", [])]
        if own and host.address is not None and str(host.address) not in own:
            yield (
                f"{host.name}: overlay_underlay_address {host.address} is on none of its interfaces; "
                f"it has {', '.join(own)}"
            )


def architectures_are_equal(cluster: Cluster) -> Iterator[str]:
    """One image serves every host."""
    found: dict[str, list[str]] = defaultdict(list)
    for host in cluster.group("minio"):
        if host.facts.get("architecture"):
            found[host.facts["architecture"]].append(host.name)
    if len(found) > 1:
        mix = "; ".join(f"{arch}: {enumerate_names(names)}" for arch, names in sorted(found.items()))
        yield f"group minio: mixes CPU architectures ({mix}); all hosts of a deployment run one image: use one"


def hostnames_differ(cluster: Cluster) -> Iterator[str]:
    """Swarm shows nodes by host name, and so do we."""
    names: dict[str, list[str]] = defaultdict(list)
    for host in cluster.seen:
        if host.facts.get("hostname"):
            names[host.facts["hostname"]].append(host.name)
    for hostname, hosts in sorted(names.items()):
        if len(hosts) > 1:
            yield f"{enumerate_names(hosts)}: have the same host name {hostname}; set a name of its own on each"


RULES: tuple[Rule, ...] = (
    hosts_are_reachable,
    hosts_report_nothing_wrong,
    sections_could_be_asked,
    underlay_is_there,
    architectures_are_equal,
    hostnames_differ,
)
