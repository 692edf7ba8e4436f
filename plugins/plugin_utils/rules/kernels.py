# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the hosts' kernels have to be able to do for what the inventory asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host, Rule, group_hosts

# What cannot be done without; the last word says what to do about it.
REASONS = {
    "vxlan": "overlay networks are made of it",
    "geneve": "kernel_overlay_kind: geneve is made of it",
    "gre": "kernel_overlay_kind: nvgre is made of it",
    "gre6": "kernel_overlay_kind: nvgre is made of it",
    "bridge": "the Engine's networks are made of it",
    "veth": "the Engine's networks are made of it",
    "macvlan": "overlay_network_driver: macvlan is made of it",
    "ipvlan": "overlay_network_driver: ipvlan is made of it",
    "xfs": "MinIO's drives are formatted with it",
    "nf_tables": "the firewall is made of it (overlay_firewall), and IPsec's refusal of clear text",
    "esp": "overlay_encryption: {encryption} encrypts with it",
    "esp6": "overlay_encryption: {encryption} encrypts with it between IPv6 addresses",
    "xfrm": "overlay_encryption: {encryption} encrypts with it",
}
REMEDY = "boot a kernel that has it, such as the distribution's own"
WISHES = {
    "overlay": "has no overlay file system, so the Engine keeps images in a slower way",
    "br_netfilter": "has no br_netfilter, so the Engine's rules do not see what is bridged between containers",
    "ip_vs": "has no IPVS; MinIO's services need none, others with a virtual IP or an ingress port would get no packet",
}


def needed(host: Host, settings: Mapping[str, Any]) -> list[str]:
    """The features without which a host cannot take its part."""
    found = ["bridge", "veth"]
    found += ["vxlan"] if settings.get("network_driver") == "overlay" else []
    found += [driver] if (driver := settings.get("network_driver")) in ("macvlan", "ipvlan") else []
    found += [_tunnel(host, settings)] if settings.get("network_driver") == "kernel" else []
    found += ["xfs"] if "minio" in host.groups else []
    found += ["nf_tables"] if settings.get("firewall") or settings.get("encryption") == "ipsec" else []
    if settings.get("encryption") in ("docker", "ipsec"):
        found += ["esp6" if ":" in str(host.address) else "esp", "xfrm"]
    return found


def _tunnel(host: Host, settings: Mapping[str, Any]) -> str:
    """What the kernel overlay's links are of; those of NVGRE differ by the version of IP below."""
    kind = str((settings.get("kernel_overlay") or {}).get("kind") or "vxlan")
    if kind != "nvgre":
        return kind if kind in REASONS else "vxlan"
    try:
        return "gre6" if ip_address(str(host.address)).version == 6 else "gre"
    except ValueError:
        return "gre"


def _verdict(host: Host, feature: str) -> Mapping[str, Any]:
    return (host.facts.get("features") or {}).get(feature) or {}


def kernels_suffice(cluster: Cluster) -> Iterator[str]:
    """What the kernel lacks for certain."""
    yield from group_hosts(
        (
            host.name,
            f"kernel {host.facts.get('kernel')} lacks {feature} ({_verdict(host, feature)['why']}), and "
            f"{_reason(feature, cluster)}; {_remedy(feature)}",
        )
        for host in cluster.seen
        for feature in needed(host, cluster.settings)
        if _verdict(host, feature).get("has") is False
    )


def _reason(feature: str, cluster: Cluster) -> str:
    return REASONS[feature].format(encryption=cluster.settings.get("encryption"))


def _remedy(feature: str) -> str:
    if feature in ("esp", "esp6", "xfrm"):
        return f"{REMEDY}, or set overlay_encryption: none where the network between hosts is trusted"
    return f"{REMEDY}, or set overlay_firewall: false" if feature == "nf_tables" else REMEDY


def kernels_are_known(cluster: Cluster) -> Iterator[str]:
    """What nothing says for certain, and what is only wished for."""
    yield from group_hosts(
        (host.name, f"whether the kernel has {feature} is unknown ({verdict['why']}), and {_reason(feature, cluster)}")
        for host in cluster.seen
        for feature in needed(host, cluster.settings)
        if (verdict := _verdict(host, feature)) and verdict["has"] is None
    )
    yield from group_hosts(
        (host.name, f"the kernel {words}")
        for feature, words in WISHES.items()
        for host in cluster.seen
        if _verdict(host, feature).get("has") is False
    )


RULES: tuple[Rule, ...] = (kernels_suffice,)
ADVICE: tuple[Rule, ...] = (kernels_are_known,)
