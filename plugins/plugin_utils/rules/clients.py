# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may reach S3: nobody by mistake, and not without the one that has to look."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from ansible_collections.baremetal.overlay.plugins.module_utils.host.firewall_rules import network_violations
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule

VARIABLE = "overlay_client_networks"


def clients_are_named(cluster: Cluster) -> Iterator[str]:
    """An empty list would let nobody in, and a wrong one nobody knows whom."""
    if not cluster.settings.get("firewall"):
        return
    networks = cluster.settings.get("client_networks")
    if networks is None or isinstance(networks, list):
        yield from network_violations(VARIABLE, networks or [])
    else:
        yield f'{VARIABLE}: "{networks}" is not a list; give for example [192.0.2.0/24]'


def controller_is_let_in(cluster: Cluster) -> Iterator[str]:
    """Where checks run from the controller, it is a client like others."""
    settings = cluster.settings
    if not (settings.get("firewall") and settings.get("controller_is_client")):
        return
    if list(clients_are_named(cluster)):
        return
    networks = [ip_network(str(text)) for text in settings["client_networks"]]
    members = {str(host.address) for host in cluster.hosts}
    for address in dict.fromkeys(host.facts.get("controller_address") for host in cluster.seen):
        if address and address not in members and not any(ip_address(address) in network for network in networks):
            yield (
                f"{VARIABLE}: excludes this controller, which the hosts see as {address} (behind NAT or a jump host "
                f"that is theirs), and checks run from here; add {address}/{ip_address(address).max_prefixlen}, "
                "or set overlay_controller_is_client: false"
            )


RULES: tuple[Rule, ...] = (clients_are_named, controller_is_let_in)
