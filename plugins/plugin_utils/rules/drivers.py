# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each network driver asks of the inventory and of the hosts, and whether a live deployment may change to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.minio import stack
from ansible_collections.baremetal.overlay.plugins.plugin_utils import minio_plan, network_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import (
    Cluster,
    Host,
    Rule,
    enumerate_names,
    group_hosts,
    together,
)

# The network's last two addresses: that of the gateway, which the Engine wants, and that for everybody.
NOT_GIVEN = 2


def bridge_is_one_host(cluster: Cluster) -> Iterator[str]:
    """A bridge ends where its host ends."""
    members = [host.name for host in cluster.group("minio")]
    if network_plan.driver(cluster) == "bridge" and len(members) > 1:
        yield (
            f"overlay_network_driver: bridge reaches no other host, and minio has {len(members)} "
            f"({enumerate_names(members)}); keep one host in minio, or choose another driver"
        )


def lan_is_possible(cluster: Cluster) -> Iterator[str]:
    """The subnet of the servers on the LAN, and whether each host's number has an address in it."""
    chosen, subnet = network_plan.driver(cluster), _lan(cluster)
    if chosen not in network_plan.LAN_DRIVERS:
        return
    if subnet is None:
        yield (
            f'swarm_lan_subnet: "{network_plan.lan_subnet(cluster)}" is not an IPv4 CIDR, in which {chosen} gives each '
            f"server an address; give for example {network_plan.LAN_SUBNET}"
        )
        return
    last = subnet.num_addresses - 1 - NOT_GIVEN
    for host in cluster.group("minio"):
        if str(host.number).isdigit() and int(host.number) > last:
            yield (
                f"{host.name}: overlay_host_number {host.number} has no address in swarm_lan_subnet {subnet}, which "
                f"has them for the numbers 1 to {last}; give a larger swarm_lan_subnet"
            )


def lan_is_apart(cluster: Cluster) -> Iterator[str]:
    """Whoever has an address in that subnet is answered on the LAN, and not where the question came from."""
    subnet = _lan(cluster)
    if network_plan.driver(cluster) in network_plan.LAN_DRIVERS and subnet is not None:
        for sentence in dict.fromkeys(taken for host in cluster.hosts for taken in _in_the_lan(subnet, host)):
            yield (
                f"swarm_lan_subnet: {subnet} contains {sentence}; choose a subnet, or a part of the LAN's, in which "
                "nobody but the servers has an address"
            )


def _in_the_lan(subnet: IPv4Network, host: Host) -> Iterator[str]:
    own = {str(host.address), *(entry["address"] for entry in host.facts.get("addresses") or [])}
    yield from (f"{address} of {host.name}" for address in sorted(own) if _is_in(address, subnet))
    controller = host.facts.get("controller_address")
    if controller and _is_in(controller, subnet):
        yield f"{controller}, the address of this controller"
    for route in host.facts.get("routes") or []:
        target = ip_network(route["dst"], strict=False)
        if isinstance(target, IPv4Network) and target.subnet_of(subnet):
            yield f"the route {target} ({route.get('dev') or route.get('type')}) of {host.name}"


def _is_in(text: str, subnet: IPv4Network) -> bool:
    try:
        return ip_address(text) in subnet
    except ValueError:
        return False


def _lan(cluster: Cluster) -> IPv4Network | None:
    """None where what is declared is none."""
    try:
        subnet = ip_network(network_plan.lan_subnet(cluster))
    except ValueError:
        return None
    return subnet if isinstance(subnet, IPv4Network) and subnet.num_addresses > NOT_GIVEN + 1 else None


def parents_are_there(cluster: Cluster) -> Iterator[str]:
    """The interfaces that the servers are on, all of one MTU."""
    if network_plan.driver(cluster) not in network_plan.LAN_DRIVERS:
        return
    for host in cluster.group("minio"):
        if not host.lan_parent:
            yield (
                f"{host.name}: swarm_lan_parent is not set, and overlay_network_driver is "
                f"{network_plan.driver(cluster)}; give the interface on whose LAN its server is to be, for example eth1"
            )
    yield from group_hosts((host.name, sentence) for host in cluster.group("minio") for sentence in _parent(host))
    mtus = {host.name: mtu for host in cluster.group("minio") if (mtu := _interfaces(host).get(str(host.lan_parent)))}
    if len(set(mtus.values())) > 1:
        shown = ", ".join(f"{name}: {mtu}" for name, mtu in mtus.items())
        yield f"swarm_lan_parent: these have different MTUs ({shown}); frames between them are dropped: give all one"


def _parent(host: Host) -> Iterator[str]:
    """The Engine itself makes the interface of a VLAN, such as eth1.50."""
    known = _interfaces(host)
    device = str(host.lan_parent or "")
    if known and device and device not in known and device.rpartition(".")[0] not in known:
        shown = ", ".join(sorted(name for name in known if name != "lo" and not name.startswith("veth")))
        yield f"swarm_lan_parent: there is no interface {device}; there are {shown}"


def _interfaces(host: Host) -> Mapping[str, int]:
    return host.facts.get("interfaces") or {}


def node_networks_stay(cluster: Cluster) -> Iterator[str]:
    """A node's configuration is in use for as long as its server runs."""
    for host in cluster.group("minio"):
        for name, found, wanted in network_plan.different(cluster, host):
            way = (
                "see who made it, and remove it there (`docker network rm`)"
                if name == network_plan.BRIDGE_CONFIG
                else "take the declaration back, or give all hosts another swarm_lan_subnet, for which new networks "
                "are made"
            )
            yield (
                f"{host.name}: its network {name} has {_options(found)}, wanted {_options(wanted)}; a network cannot "
                f"be changed, and its server uses it: {way}"
            )


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in sorted(options.items())) or "no options"


def network_is_agreed(cluster: Cluster) -> Iterator[str]:
    """Servers that are moved to another network do not reach those that were not: all restart together."""
    wanted = network_plan.draw(cluster)["attachment"]["identity"]
    live = {
        service.get("labels", {}).get(stack.NETWORK_LABEL, stack.USUAL_NETWORK)
        for service in minio_plan.services(cluster)
    }
    chosen = network_plan.driver(cluster)
    others = sorted(live - {wanted})
    if not others:
        return
    found = f"MinIO's servers reach each other by {enumerate_names(others)}, and this run would move them to {wanted}"
    if cluster.settings.get("network_consent") != chosen:
        yield (
            f"{found}, which restarts all of them together; agree by minio_network_consent: {chosen}, or set "
            "overlay_network_driver, and the network or subnet that goes with it, back"
        )
    if alone := together(cluster):
        yield f"{found}, all of them {alone}"


def lan_is_open(cluster: Cluster) -> Iterator[str]:
    """What the hosts' firewalls never see."""
    if network_plan.driver(cluster) in network_plan.LAN_DRIVERS:
        yield (
            f"overlay_network_driver: {network_plan.driver(cluster)} passes the hosts' firewalls; whoever is on the "
            f"LAN of swarm_lan_parent and takes an address in {network_plan.lan_subnet(cluster)} reaches S3 and the "
            "console there, whatever overlay_client_networks says"
        )


RULES: tuple[Rule, ...] = (
    bridge_is_one_host,
    lan_is_possible,
    lan_is_apart,
    parents_are_there,
    node_networks_stay,
    network_is_agreed,
)
ADVICE: tuple[Rule, ...] = (lan_is_open,)
