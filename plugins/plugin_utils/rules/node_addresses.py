# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address with which a host joined its swarm, beside the declared one and those that it has now.

Swarm never learns of a new one: the node may stay active, while the others go on sending to the old address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.addresses import plain, same, version
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import (
    Cluster,
    Host,
    Rule,
    enumerate_names,
)


def nodes_have_their_address(cluster: Cluster) -> Iterator[str]:
    """Both kinds of difference: the host lost the address, or another one is declared."""
    for host in cluster.seen:
        known = plain(host.swarm.get("address") or "")
        if not host.in_swarm or not version(known):
            continue
        own = _own(host)
        option, wanted = _declared(host)
        if own and known not in own:
            yield _lost(host, known, own)
        elif version(wanted) and not same(wanted, known):
            yield (
                f"{host.name}: is in its swarm with the address {known}, and {option} is {wanted}; a node keeps the "
                f"address that it joined with: set it back, or {_again(host)}{_beside(option, own, known)}"
            )


def _own(host: Host) -> list[str]:
    """The host's addresses, but those that mean itself to everybody."""
    found = [plain(entry["address"]) for entry in host.facts.get("addresses") or []]
    return [one for one in found if not ip_address(one).is_loopback]


def _declared(host: Host) -> tuple[str, str]:
    """What its node is to be reached at; the role swarm takes the underlay's address where nothing is said."""
    given = host.variables.get("swarm_advertise_addr")
    return ("swarm_advertise_addr", plain(given)) if given else ("overlay_underlay_address", plain(host.address))


def _lost(host: Host, known: str, own: list[str]) -> str:
    option, wanted = _declared(host)
    return (
        f"{host.name}: its node in the swarm has the address {known}, which none of its interfaces has (it has "
        f"{', '.join(own)}), and {option} is {wanted}; the other hosts send to {known}, so its overlay networks reach "
        f"nothing. A node keeps the address that it joined with: give {known} back to the host, or set {option} to its "
        f"new address and {_again(host)}"
    )


def _beside(option: str, own: list[str], known: str) -> str:
    """A swarm that was made before may have its management on another of the host's networks, on purpose."""
    if option != "overlay_underlay_address" or known not in own:
        return ""
    return f". Where that network is meant for the swarm's management, declare swarm_advertise_addr: {known}"


def _again(host: Host) -> str:
    return (
        f"let the host leave and join again: teardown.yml --limit {host.name} with "
        f'-e \'{{"overlay_teardown_consent": ["{host.name}"]}}\', then site.yml (its drives keep their data)'
    )


def nodes_differ_in_address(cluster: Cluster) -> Iterator[str]:
    """What is sent to one of two with the same address arrives at the other."""
    nodes = _ready(cluster)
    for address in dict.fromkeys(plain(node["addr"]) for node in nodes):
        several = [f"{node['hostname']} ({node['id']})" for node in nodes if plain(node["addr"]) == address]
        if len(several) > 1:
            yield (
                f"the swarm has {address} for several nodes that are ready: {enumerate_names(several)}; packets reach "
                "only one of them: let the other leave (docker swarm leave on it, then docker node rm on a manager) "
                "and join with its own address"
            )


def joining_takes_no_address(cluster: Cluster) -> Iterator[str]:
    """Two managers with one address leave the swarm without a leader."""
    for host in cluster.seen:
        if host.swarm.get("state") != "inactive":
            continue
        for node in _ready(cluster):
            # The former node of a host that was reset is ready for some more seconds.
            if same(host.address, node["addr"]) and node["hostname"] != host.facts.get("hostname"):
                yield (
                    f"{host.name}: has to join the swarm with {host.address} (overlay_underlay_address), which its "
                    f"node {node['hostname']} ({node['id']}) has; give each host an address of its own"
                )


def entered_addresses_are_there(cluster: Cluster) -> Iterator[str]:
    """What a host makes or joins a swarm with, where the inventory gives it beside the underlay's address."""
    for host in cluster.seen:
        own = _own(host)
        if host.swarm.get("state") == "active" or not own:
            continue
        for option in ("swarm_advertise_addr", "swarm_data_path_addr"):
            given = plain(host.variables.get(option) or "")
            if given and given not in own and given not in (host.facts.get("interfaces") or {}):
                yield (
                    f"{host.name}: {option} {given} is no address of the host and none of its interfaces; it has "
                    f"{', '.join(own)}: give one of them, or leave the option out"
                )


def _ready(cluster: Cluster) -> list[Mapping[str, Any]]:
    nodes = cluster.acting.swarm.get("nodes", []) if cluster.acting else []
    return [node for node in nodes if node.get("state") == "ready" and version(node.get("addr"))]


RULES: tuple[Rule, ...] = (
    nodes_have_their_address,
    nodes_differ_in_address,
    joining_takes_no_address,
    entered_addresses_are_there,
)
