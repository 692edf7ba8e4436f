# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The links of a kernel overlay as they are, and what makes them what they are to be: lines for batches, pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from .links_plan import BRIDGE, EVERYBODY, GROUP, TTL, Entry, Link, Wanted

# What both ends of a tunnel have to have alike.
NUMBERS = ("id", "port", "ikey")
# So many names of links are in a sentence.
SHOWN = 5


@dataclass(frozen=True)
class Found:
    """A link that is there. A port of a bridge is safe where it talks to the bridge only, and learns nothing."""

    name: str
    kind: str
    group: str = ""
    mtu: int = 0
    mac: str = ""
    master: Optional[str] = None
    up: bool = False
    safe: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()

    @property
    def ours(self) -> bool:
        return self.group == str(GROUP)


@dataclass(frozen=True)
class Changes:
    """Lines of `ip -batch` and of `bridge -batch`, in order, and what they do in words."""

    remove: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    adjust: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def links(self) -> tuple[str, ...]:
        return (*self.remove, *self.add, *self.adjust, *self.drop)


def parse_links(text: str) -> dict[str, Found]:
    """What `ip -j -d address` shows."""
    return {one["ifname"]: _found(one) for one in (json.loads(text) if text.strip() else []) if "ifname" in one}


def _found(one: Mapping[str, Any]) -> Found:
    info = one.get("linkinfo") or {}
    port = info.get("info_slave_data") or {}
    data = dict(info.get("info_data") or {})
    # Addresses of IPv6 have names of their own.
    data.update({name: data[f"{name}6"] for name in ("local", "remote") if f"{name}6" in data})
    return Found(
        name=one["ifname"],
        kind=info.get("info_kind", ""),
        group=str(one.get("group", "")),
        mtu=int(one.get("mtu", 0)),
        mac=one.get("address", ""),
        master=one.get("master"),
        up="UP" in one.get("flags", []),
        safe=port.get("isolated") is True and port.get("learning") is False,
        data=data,
        addresses=tuple(
            f"{entry['local']}/{entry['prefixlen']}" for entry in one.get("addr_info", []) if "local" in entry
        ),
    )


def parse_entries(text: str) -> frozenset[Entry]:
    """What `bridge -j fdb` shows, without what the kernel itself put there or learned."""
    return frozenset(
        Entry(one["ifname"], one["mac"], one.get("dst"))
        for one in (json.loads(text) if text.strip() else [])
        if "ifname" in one and ("dst" in one or (one.get("state") == "static" and one.get("master")))
    )


def strangers(wanted: Wanted, found: Mapping[str, Found]) -> list[str]:
    """Links of others that have the names of ours, or their number."""
    others = {name: one for name, one in found.items() if not one.ours}
    return [
        f"kernel overlay: the link {link.name} is there and was not made for it "
        f"({others[link.name].kind or 'a device'}); rename or remove that one (`ip link delete {link.name}`), "
        "or choose another kernel_overlay_bridge"
        for link in wanted.links
        if link.name in others
    ] + [
        f"kernel overlay: the {link.kind} link {name} of somebody else has vni {link.data['id']} on port "
        f"{link.data['port']} already, and the kernel takes neither twice; choose another kernel_overlay_vni"
        for link in wanted.links
        if link.kind == "vxlan"
        for name, one in others.items()
        if name != link.name and all(one.data.get(key) == link.data[key] for key in ("id", "port"))
    ]


def diff(
    wanted: Wanted, found: Mapping[str, Found], entries: frozenset[Entry] = frozenset(), stale: Sequence[str] = ()
) -> Changes:
    """From what is there to what is wanted; ``stale``: addresses that an earlier run gave the bridge."""
    names = {link.name: link for link in wanted.links}
    gone = [name for name, one in found.items() if one.ours and name not in names]
    anew = [link.name for link in wanted.links if link.name in found and must_be_anew(link, found[link.name])]
    kept = {name: one for name, one in found.items() if name in names and name not in anew}
    missing = [link for link in wanted.links if link.name not in kept]
    adjust = [line for link in wanted.links for line in _adjust(link, kept.get(link.name))]
    adjust += _addresses(wanted, kept, stale)
    # Last, when it is all there: a link that is up carries frames.
    adjust += [f"link set dev {name} up" for name in [*list(names)[1:], *list(names)[:1]] if not _is_up(kept.get(name))]
    # A link that is in the way of a new one goes first; others stay until all is there, should that fail.
    kinds = {link.kind for link in missing}
    first = [name for name in gone if found[name].kind in kinds]
    lines = _entries(wanted, {entry for entry in entries if entry.link in kept})
    touched = dict.fromkeys(name for line in adjust for name in kept if f" dev {name} " in f"{line} ")
    moved = sum(1 for line in lines for name in kept if f" dev {name} " in line)
    words = [
        *_say("remove the link", gone),
        *_say("make anew the link", anew),
        *_say("make the link", [link.name for link in missing if link.name not in anew]),
        *_say("adjust the link", list(touched)),
        *([f"change {moved} forwarding entr{'y' if moved == 1 else 'ies'}"] if moved else []),
    ]
    return Changes(
        tuple(f"link delete dev {name}" for name in (*first, *anew)),
        tuple(_add(link) for link in missing),
        tuple(adjust),
        tuple(f"link delete dev {name}" for name in gone if name not in first),
        tuple(lines),
        tuple(words),
    )


def parts(wanted: Wanted, found: Mapping[str, Found], stale: Sequence[str] = ()) -> bool:
    """Whether this host would leave an overlay that is at work for another one, in which its peers are not yet."""
    if not wanted.links:
        return False
    bridge, tunnels = wanted.links[0].name, [link for link in wanted.links if link.kind != "bridge"]
    ours = [one for one in found.values() if one.ours]
    other = any(one.kind != "bridge" and one.kind not in [link.kind for link in tunnels] for one in ours if tunnels)
    numbers = any(
        link.data.get(key) != one.data.get(key)
        for link in tunnels
        for one in ours
        if one.name == link.name
        for key in NUMBERS
    )
    has = found[bridge].addresses if bridge in found else ()
    return other or numbers or any(one in has and one != wanted.address for one in stale)


def _say(what: str, names: Sequence[str]) -> list[str]:
    """One sentence, however many there are."""
    if not names:
        return []
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{what}{'s' if len(names) > 1 else ''} {', '.join(names[:SHOWN])}{more}"]


def _is_up(found: Optional[Found]) -> bool:
    return found is not None and found.up


def must_be_anew(link: Link, found: Found) -> bool:
    """What the kernel does not change in place; a bridge can be changed in all."""
    if link.kind != found.kind:
        return True
    return link.kind != "bridge" and any(found.data.get(name) != value for name, value in link.data.items())


def _add(link: Link) -> str:
    # A bridge keeps an MTU that was set on it, and only that, whatever becomes a port of it or is one no more.
    more = f" address {link.mac}" if link.kind == "bridge" else f" mtu {link.mtu}"
    return f"link add name {link.name}{more} group {GROUP} type {link.kind} {_type(link)}"


def _type(link: Link) -> str:
    data = link.data
    if link.kind == "bridge":
        return " ".join(f"{name} {value}" for name, value in data.items())
    if link.kind == "vxlan":
        words = f"id {data['id']} local {data['local']} dstport {data['port']} nolearning noproxy nol2miss nol3miss"
        return f"{words} ttl {TTL} df set"
    if link.kind == "geneve":
        return f"id {data['id']} remote {data['remote']} dstport {data['port']} ttl {TTL} df set"
    # Without the option that IPv6 would add there are no bytes that nobody counted.
    limit = " encaplimit none" if link.kind == "ip6gretap" else " pmtudisc"
    return f"remote {data['remote']} local {data['local']} ttl {TTL} key {data['ikey']}{limit}"


def _adjust(link: Link, found: Optional[Found]) -> list[str]:
    """All that can be set in place, in an order in which no frame goes in a circle."""
    dev, lines = f"dev {link.name}", []
    if link.mtu != (found.mtu if found is not None else None if link.kind == "bridge" else link.mtu):
        lines.append(f"link set {dev} mtu {link.mtu}")
    if found is not None and link.mac and found.mac != link.mac:
        lines.append(f"link set {dev} address {link.mac}")
    if link.kind == "bridge" and found is not None and any(found.data.get(name) != link.data[name] for name in BRIDGE):
        lines.append(f"link set {dev} type bridge {_type(link)}")
    if link.master and (found is None or found.master != link.master):
        lines.append(f"link set {dev} master {link.master}")
    if link.master and (found is None or found.master != link.master or not found.safe):
        lines.append(f"link set {dev} type bridge_slave isolated on learning off")
    return lines


def _addresses(wanted: Wanted, kept: Mapping[str, Found], stale: Sequence[str]) -> list[str]:
    if not (wanted.links and wanted.address):
        return []
    bridge = wanted.links[0].name
    has = kept[bridge].addresses if bridge in kept else ()
    nodad = " nodad" if ":" in wanted.address else ""
    # First, since the kernel may take along what came to the same subnet later.
    lines = [f"address delete {one} dev {bridge}" for one in stale if one in has and one != wanted.address]
    if lines or wanted.address not in has:
        lines.append(f"address replace {wanted.address} dev {bridge}{nodad}")
    return lines


def _entries(wanted: Wanted, have: set[Entry]) -> list[str]:
    """New ones first: while they change, no frame is without its way."""
    new, old = wanted.entries - have, have - wanted.entries
    # To replace an entry ends the one that was there.
    replaced = {(entry.link, entry.mac) for entry in new if entry.mac != EVERYBODY}
    ended = [entry for entry in old if (entry.link, entry.mac) not in replaced]
    return [_line("replace", entry) for entry in _ordered(new)] + [_line("delete", entry) for entry in _ordered(ended)]


def _ordered(entries: Any) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.link, entry.mac, entry.dst or ""))


def ends(entries: frozenset[Entry]) -> list[str]:
    """The lines that end entries."""
    return [_line("delete", entry) for entry in _ordered(entries)]


def _line(verb: str, entry: Entry) -> str:
    if entry.dst is None:
        return f"fdb {verb} {entry.mac} dev {entry.link} master static"
    if entry.mac == EVERYBODY:
        # Many of them beside each other.
        return (
            f"fdb {'append' if verb == 'replace' else verb} {entry.mac} dev {entry.link} self permanent dst {entry.dst}"
        )
    return f"fdb {verb} {entry.mac} dev {entry.link} self static dst {entry.dst}"
