# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back of a change of links: batches from whatever the change has come to, to what was there before it. Pure.

A change may end between any two of its lines. So what it could have made goes first, whether it is there or not; then
all links of before are made, set and filled as at boot, where lines that find their work done do no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Optional

from . import links_diff
from .confirm import ShellStep
from .links_diff import Found
from .links_plan import BRIDGE, Entry, Link, Wanted

# What a link is made of again, by its kind.
MADE_OF: dict[str, tuple[str, ...]] = {
    "bridge": tuple(BRIDGE),
    "vxlan": ("id", "local", "port"),
    "geneve": ("id", "remote", "port"),
    **dict.fromkeys(("gretap", "ip6gretap"), ("remote", "local", "ikey")),
}
# The batches by what they are called where they are saved.
GONE, ADD, SET, OVER, ENTRIES = (f"links.{name}" for name in ("gone", "add", "set", "over", "fdb"))
# In the shell: batches whose lines may find their work done, and batches of which every line has to succeed.
UNDO = (
    ShellStep("remove links and addresses that were made", f'ip -force -batch "$state/{GONE}" || :'),
    ShellStep(
        "make the links of before",
        f'ip -force -batch "$state/{ADD}" || :\nip -batch "$state/{SET}"\n'
        f'bridge -force -batch "$state/{OVER}" || :\nbridge -batch "$state/{ENTRIES}"',
    ),
)


def saved(wanted: Wanted, found: Mapping[str, Found], entries: Iterable[Entry]) -> dict[str, str]:
    """Every batch by its name; without links of ours before, most of them are empty."""
    before = _before(found, frozenset(entries))
    full = links_diff.diff(before, {})
    lines = {
        GONE: list(_gone(wanted, found, before)),
        ADD: full.add,
        SET: [*_settings(before), *full.adjust, *_addresses(found, before)],
        OVER: links_diff.ends(wanted.entries - before.entries),
        ENTRIES: full.entries,
    }
    return {name: "".join(f"{line}\n" for line in given) for name, given in lines.items()}


def _before(found: Mapping[str, Found], entries: frozenset[Entry]) -> Wanted:
    """What was ours, as if it were wanted, bridges first."""
    links = [link for one in found.values() if one.ours and (link := _link(one))]
    names = [link.name for link in links]
    links.sort(key=lambda link: link.kind != "bridge")
    return Wanted(tuple(links), "", frozenset(entry for entry in entries if entry.link in names))


def _link(one: Found) -> Optional[Link]:
    """None of what somebody put into our group, which was not made by these lines."""
    keys = MADE_OF.get(one.kind, ("?",))
    if any(key not in one.data for key in keys):
        return None
    mac = one.mac if one.kind == "bridge" else None
    return Link(one.name, one.kind, one.mtu, {key: one.data[key] for key in keys}, one.master, mac)


def _gone(wanted: Wanted, found: Mapping[str, Found], before: Wanted) -> Iterator[str]:
    """Links that the change makes, and those that it makes anew; a bridge that stays loses its new address."""
    kept = {link.name for link in before.links}
    for link in reversed(wanted.links):
        if link.name not in kept or links_diff.must_be_anew(link, found[link.name]):
            yield f"link delete dev {link.name}"
    if wanted.links and wanted.links[0].name in kept:
        bridge = found[wanted.links[0].name]
        if wanted.address not in bridge.addresses:
            yield f"address delete {wanted.address} dev {bridge.name}"


def _settings(before: Wanted) -> Iterator[str]:
    """What a link has from its making on, for one that was there all along and was set to something else."""
    for link in before.links:
        yield f"link set dev {link.name} mtu {link.mtu}"
        if link.kind == "bridge":
            yield f"link set dev {link.name} address {link.mac}"
            data = " ".join(f"{key} {value}" for key, value in link.data.items())
            yield f"link set dev {link.name} type bridge {data}"


def _addresses(found: Mapping[str, Found], before: Wanted) -> Iterator[str]:
    """All of them, as a bridge that is made again has none of those that others gave it."""
    for link in before.links:
        for address in found[link.name].addresses if link.kind == "bridge" else ():
            yield f"address replace {address} dev {link.name}{' nodad' if ':' in address else ''}"
