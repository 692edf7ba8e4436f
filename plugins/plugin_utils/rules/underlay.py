# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of IP between the hosts: what of IPv6 cannot be, and what does not go over it."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from ansible_collections.baremetal.overlay.plugins.module_utils.addresses import version
from ansible_collections.baremetal.overlay.plugins.plugin_utils import network_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import (
    Cluster,
    Host,
    Rule,
    enumerate_names,
    group_hosts,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils.debian import release_numbers

# The first Engine whose overlay networks go over IPv6. An older one makes them, and not one packet goes through.
LEAST_API, LEAST_ENGINE = "1.44", "25.0"
# The first Debian whose own engine is that new.
LEAST_DEBIAN, DEBIANS_PACKAGE = 13, "docker.io"


def underlay_is_of_one_version(cluster: Cluster) -> Iterator[str]:
    """Both ends of a tunnel, and of what IPsec protects, are of one version."""
    names: dict[int, list[str]] = {4: [], 6: []}
    for host in _declared(cluster):
        names[version(host.address)].append(host.name)
    if all(names.values()):
        yield (
            f"overlay_underlay_address: is of IPv4 on {enumerate_names(names[4])} and of IPv6 on "
            f"{enumerate_names(names[6])}; overlay networks and IPsec go between addresses of one version: give all "
            "hosts one of the same"
        )


def underlay_is_routed(cluster: Cluster) -> Iterator[str]:
    """Whoever is to send to such an address has to say by which link, which no declaration could."""
    for host in _declared(cluster):
        if version(host.address) == 6 and ip_address(str(host.address)).is_link_local:
            yield (
                f"{host.name}: overlay_underlay_address {host.address} is valid on one link only; give a global or a "
                "unique local one, for example of fd00::/8"
            )


def _declared(cluster: Cluster) -> list[Host]:
    """Those with an address; a kernel overlay's own rules say the same for their hosts."""
    own = network_plan.driver(cluster) == "kernel"
    return [] if own else [host for host in cluster.hosts if version(host.address)]


def engines_carry_it(cluster: Cluster) -> Iterator[str]:
    """Said before a bare host gets an engine that could not."""
    networks = [str(network.get("name")) for network in cluster.settings.get("networks") or []]
    is_overlay = network_plan.driver(cluster) == "overlay"
    if not (is_overlay or networks):
        return
    instead = (
        "give the hosts IPv4 addresses, or set overlay_network_driver: kernel or host"
        if is_overlay
        else f"take {enumerate_names(networks)} out of swarm_networks"
    )
    yield from group_hosts(
        (
            host.name,
            f"engine: {found}, and overlay networks go over IPv6 from Engine {LEAST_ENGINE} (API {LEAST_API}) on: "
            f"install a newer one, or {instead}",
        )
        for host in cluster.seen
        if version(host.address) == 6 and (found := _too_old(host, cluster))
    )


def _too_old(host: Host, cluster: Cluster) -> str:
    engine = host.facts.get("engine") or {}
    api, debian = engine.get("api_version"), engine.get("debian") or 0
    if api:
        return f"it speaks API {api}" if release_numbers(api) < release_numbers(LEAST_API) else ""
    chosen = cluster.settings.get("engine_package") or DEBIANS_PACKAGE
    if not engine.get("installed") and chosen == DEBIANS_PACKAGE and 0 < debian < LEAST_DEBIAN:
        return f"the {DEBIANS_PACKAGE} of Debian {debian} is to be installed"
    return ""


RULES: tuple[Rule, ...] = (
    underlay_is_of_one_version,
    underlay_is_routed,
    engines_carry_it,
)
