# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The links of a kernel overlay as they are to be: from options to links, addresses and forwarding entries, pure.

No link is bound to a device of the underlay: the routes decide, so links may be there before the underlay is, and a
device that is replaced takes none of them along.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Callable, Optional

from ..errors import InputError
from . import overhead, overlay_addresses

# By their group links are known to be ours, from the moment in which they are made: "ovl" as a number.
GROUP = 0x6F766C
# Where a frame goes whose receiver nobody knows, and those for everybody.
EVERYBODY = "00:00:00:00:00:00"
TTL = 64
BRIDGE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
NAME_LENGTH = 15
VNI_LAST = (1 << 24) - 1
NUMBER_LAST = (1 << 16) - 1
# What a network of that version of IP has to carry.
LEAST_MTU = {4: 576, 6: 1280}

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Link:
    """``data`` is what `ip -details` shows of the kind; None is what is left as it is."""

    name: str
    kind: str
    mtu: int
    data: Data
    master: Optional[str] = None
    mac: Optional[str] = None


@dataclass(frozen=True)
class Entry:
    """Where a MAC is: behind the address of a peer, or, without one, behind the link itself."""

    link: str
    mac: str
    dst: Optional[str] = None


@dataclass(frozen=True)
class Wanted:
    """The bridge comes first, then what is in it."""

    links: tuple[Link, ...] = ()
    address: str = ""
    entries: frozenset[Entry] = frozenset()


@dataclass(frozen=True)
class Kind:
    """``per_peer``: a link for each peer, in place of one for all. ``first``: the lowest number of a network."""

    links: Mapping[int, str]
    port: int
    per_peer: bool
    protocol: str
    first: int = 1
    last: int = VNI_LAST


# The numbers of NVGRE are those that its RFC leaves to networks.
KINDS: dict[str, Kind] = {
    "vxlan": Kind({4: "vxlan", 6: "vxlan"}, 14789, per_peer=False, protocol="udp"),
    "nvgre": Kind({4: "gretap", 6: "ip6gretap"}, 0, per_peer=True, protocol="gre", first=1 << 12, last=VNI_LAST - 1),
    "geneve": Kind({4: "geneve", 6: "geneve"}, 6081, per_peer=True, protocol="udp"),
}


def port(options: Mapping[str, Any]) -> int:
    """The UDP port that is asked for, or that of the kind; 0 where the kind has none."""
    kind = KINDS[options["kind"]]
    return int(options.get("port") or kind.port) if kind.port else 0


def traffic(options: Mapping[str, Any]) -> dict[str, Any]:
    """What the overlay is on the underlay, for whoever encrypts or filters it."""
    return {"protocol": KINDS[options["kind"]].protocol, "port": port(options)}


def _vxlan(options: Mapping[str, Any], _peer: str) -> Data:
    return {
        "id": options["vni"],
        "local": options["address"],
        "port": port(options),
        "learning": False,
        "ttl": TTL,
        "df": "set",
    }


def _geneve(options: Mapping[str, Any], peer: str) -> Data:
    # It has no source of its own: that is the route's.
    return {"id": options["vni"], "remote": peer, "port": port(options), "ttl": TTL, "df": "set"}


def _gre(options: Mapping[str, Any], peer: str) -> Data:
    # The number of the network, and 0 for the flow.
    key = ".".join(str(octet) for octet in (int(options["vni"]) << 8).to_bytes(4, "big"))
    return {"remote": peer, "local": options["address"], "ttl": TTL, "ikey": key, "okey": key}


DATA: dict[str, Callable[[Mapping[str, Any], str], Data]] = {
    "vxlan": _vxlan,
    "geneve": _geneve,
    "gretap": _gre,
    "ip6gretap": _gre,
}
BRIDGE: Data = {"stp_state": 0, "forward_delay": 0, "mcast_snooping": 0}


def want(options: Mapping[str, Any], mtu: int) -> Wanted:
    """Everything that is to be on one host; options that cannot be are refused before."""
    wrong = violations(options)
    if wrong:
        raise InputError(wrong)
    options = {**options, "address": str(ip_address(str(options["address"])))}
    bridge, vni, subnet = options["bridge"], int(options["vni"]), options["subnet"]
    number = int(options["number"])
    own = Link(bridge, "bridge", mtu, BRIDGE, mac=overlay_addresses.mac(vni, number))
    others = [peer for peer in options["peers"] if int(peer["number"]) != number]
    links, entries = REPLICATION[options["replication"]](options, mtu, others)
    return Wanted((own, *links), overlay_addresses.with_prefix(number, subnet), frozenset(entries))


def _static(options: Mapping[str, Any], mtu: int, peers: Sequence[Data]) -> tuple[list[Link], list[Entry]]:
    """Every host knows all others, and sends what is for all of them to each."""
    bridge, vni, kind = options["bridge"], options["vni"], KINDS[options["kind"]]
    link_kind = kind.links[ip_address(options["address"]).version]
    macs = {overlay_addresses.mac(vni, int(peer["number"])): peer for peer in peers}
    if not kind.per_peer:
        name = shared_name(bridge)
        link = Link(name, link_kind, mtu, DATA[link_kind](options, ""), bridge)
        known = [Entry(name, mac, _plain(peer)) for mac, peer in macs.items()]
        return [link], known + [Entry(name, EVERYBODY, _plain(peer)) for peer in peers]
    links = [
        Link(peer_name(bridge, peer["number"]), link_kind, mtu, DATA[link_kind](options, _plain(peer)), bridge)
        for peer in peers
    ]
    return links, [Entry(peer_name(bridge, peer["number"]), mac) for mac, peer in macs.items()]


# How a host comes to know where the others are.
REPLICATION: dict[str, Callable[..., tuple[list[Link], list[Entry]]]] = {"static": _static}


def _plain(peer: Data) -> str:
    return str(ip_address(str(peer["address"])))


def shared_name(bridge: str) -> str:
    """The one link to all peers."""
    return f"{bridge}-vx"


def peer_name(bridge: str, number: Any) -> str:
    """The link to one peer."""
    return f"{bridge}-{number}"


def violations(options: Mapping[str, Any]) -> list[str]:
    """What cannot be an overlay; the controller says the same of its inventory."""
    return [f"kernel overlay: {words}" for words in dict.fromkeys(_violations(options))]


def _violations(options: Mapping[str, Any]) -> Iterator[str]:
    kind = KINDS.get(str(options["kind"]))
    if kind is None:
        yield f'kind "{options["kind"]}" is unknown; allowed: {", ".join(KINDS)}'
    else:
        yield from _number("vni", options["vni"], kind.first, kind.last)
        if kind.port and options.get("port"):
            yield from _number("port", options["port"], 1, 65535)
    numbers = [str(one) for one in (options["number"], *(peer["number"] for peer in options["peers"]))]
    yield from _bridge(options["bridge"], max(map(len, numbers)))
    for number in dict.fromkeys(numbers):
        if number.isdigit() and int(number) > NUMBER_LAST:
            yield f"host number {number} is not one of 1 to {NUMBER_LAST}; give smaller numbers"
            continue
        try:
            overlay_addresses.overlay_address(number, options["subnet"])
        except InputError as error:
            yield from error.violations
    yield from _underlay(options)


def _number(what: str, given: Any, first: int, last: int) -> Iterator[str]:
    if isinstance(given, bool) or not str(given).isdigit() or not first <= int(given) <= last:
        yield f"{what} {given} is not one of {first} to {last}; choose another kernel_overlay_{what}"


def _bridge(name: str, digits: int) -> Iterator[str]:
    longest = NAME_LENGTH - 1 - max(digits, 2)
    if not BRIDGE_NAME.fullmatch(str(name)) or len(str(name)) > longest:
        yield (
            f'bridge "{name}" is no name of at most {longest} letters, digits, ".", "_" and "-", to which "-" and a '
            "host number are added; choose another kernel_overlay_bridge"
        )


def _underlay(options: Mapping[str, Any]) -> Iterator[str]:
    hosts = [{"number": options["number"], "address": options["address"]}, *options["peers"]]
    known: dict[str, Any] = {}
    numbers: dict[str, str] = {}
    versions: dict[int, list[str]] = {}
    for host in hosts:
        number, text = host["number"], host["address"]
        try:
            address = ip_address(str(text))
        except ValueError:
            yield f'host number {number} has the underlay address "{text}", which is none; give its own'
            continue
        if address.is_link_local:
            yield f"underlay address {address} of host number {number} is valid on one link only; give a routed one"
        other = known.setdefault(str(address), number)
        if str(other) != str(number):
            yield f"underlay address {address} is that of host numbers {other} and {number}; give each its own"
        before = numbers.setdefault(str(number), str(address))
        if before != str(address):
            yield f"host number {number} has the underlay addresses {before} and {address}; give each host its own"
        versions.setdefault(address.version, []).append(str(address))
    if len(versions) > 1:
        yield (
            f"the underlay addresses are mixed (IPv4: {', '.join(dict.fromkeys(versions[4]))}; "
            f"IPv6: {', '.join(dict.fromkeys(versions[6]))}); give all hosts addresses of one kind"
        )


def choose_mtu(options: Mapping[str, Any], underlay: int) -> tuple[int, list[str], str]:
    """The MTU of the overlay, what is wrong with the one that was asked for, and the arithmetic."""
    version = ip_address(options["address"]).version
    room = overhead.room(underlay, options["kind"], version, options["encryption"])
    inner = ip_address(overlay_addresses.overlay_address(options["number"], options["subnet"])).version
    least = LEAST_MTU[inner]
    wanted = options.get("mtu") or room.mtu
    wrong = []
    if wanted > room.mtu:
        wrong.append(
            f"kernel overlay: MTU {wanted} is larger than what the underlay carries: {room}; "
            f"lower kernel_overlay_mtu to {room.mtu} or less, or raise the MTU of the underlay"
        )
    if wanted < least:
        wrong.append(f"kernel overlay: MTU {wanted} is below {least}, which IP needs; the underlay leaves {room}")
    return wanted, wrong, str(room)
