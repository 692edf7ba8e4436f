# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two networks of the guests: bridges in a network namespace of the lab's own, and this machine's legs in them.

The taps lie in that namespace too, and nothing forwards there: no packet of the lab leaves it but to this machine's own
two addresses, and no rule that an engine makes on this machine is in the way of one.
"""

from __future__ import annotations

import ipaddress
import json
import os

from ..shell import LabError, run
from .settings import VmLab, as_ipv6, controller_address

BRIDGES = ("mgmt", "data")
# What the data network carries; hosts start with an MTU of 1500 in it, and may be told more.
DATA_MTU = 9000


def _exists(namespace: str) -> bool:
    # Not "ip netns list", which also knows one of which only the name is left.
    return run("ip", "netns", "exec", namespace, "true", check=False).returncode == 0


def _links(namespace: str) -> set[str]:
    return {link["ifname"] for link in json.loads(run("ip", "-n", namespace, "-j", "link", "show").stdout)}


def _free(lab: VmLab) -> None:
    for network in lab.networks:
        taken = run("ip", "-4", "route", "show", "root", network).stdout.strip()
        if taken:
            raise LabError(f"subnet {network} is in use on this machine ({taken}): the lab cannot have it")


def additions(lab: VmLab, links: set[str], legs: set[str], pid: int) -> list[str]:
    """Lines for `ip -batch` in the namespace, for what is not there yet."""
    lines = [
        f"link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0"
        for bridge in BRIDGES
        if bridge not in links
    ]
    lines += [f"tuntap add {tap} mode tap" for guest in lab.guests for tap in guest.taps if tap not in links]
    lines += [
        f"link add leg{k} type veth peer name {leg} netns {pid}" for k, leg in enumerate(lab.legs) if leg not in legs
    ]
    return lines


def adjustments(lab: VmLab) -> list[str]:
    """What each link is to be: said every time, as a run may have been interrupted behind any line."""
    lines = ["link set lo up"]
    for k, bridge in enumerate(BRIDGES):
        mtu = DATA_MTU if bridge == "data" else 1500
        lines.append(f"link set {bridge} mtu {mtu} up")
        inside = [f"leg{k}", *(guest.taps[k] for guest in lab.guests)]
        lines += [f"link set {name} mtu {mtu} master {bridge} up" for name in inside]
    return lines


def ensure(lab: VmLab) -> bool:
    """The namespace with bridges and taps, and this machine's two addresses."""
    changed = not _exists(lab.namespace)
    if changed:
        _free(lab)
        run("ip", "netns", "delete", lab.namespace, check=False)
        run("ip", "netns", "add", lab.namespace)
    here = {link["ifname"] for link in json.loads(run("ip", "-j", "link", "show").stdout)}
    # Taps and bridges are never to have an address, not even one that IPv6 gives itself.
    without_ipv6 = "echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6"
    run("ip", "netns", "exec", lab.namespace, "sh", "-c", without_ipv6, check=False)
    added = additions(lab, _links(lab.namespace), here, os.getpid())
    changed |= bool(added)
    run("ip", "-n", lab.namespace, "-batch", "-", stdin="\n".join([*added, *adjustments(lab)]) + "\n")
    for leg, network in zip(lab.legs, lab.networks):
        length = ipaddress.ip_network(network).prefixlen
        addresses = [f"{controller_address(network)}/{length}"]
        if network == lab.data_subnet:
            addresses.append(f"{as_ipv6(controller_address(network))}/64")
        for address in addresses:
            run("ip", "address", "replace", address, "dev", leg, *(["nodad"] if ":" in address else []))
        run("ip", "link", "set", leg, "up")
    return changed


def remove(lab: VmLab) -> bool:
    """With the namespace go bridges, taps and this machine's legs, whose other ends lie there."""
    if lab.namespace not in run("ip", "netns", "list").stdout.split():
        return False
    run("ip", "netns", "delete", lab.namespace)
    for leg in lab.legs:
        # The namespace lives on while something runs in it; the legs are not to.
        run("ip", "link", "delete", leg, check=False)
    return True
