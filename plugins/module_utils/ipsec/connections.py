# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections of one host: pure, from declarations to what charon loads and to the file that it starts from.

A sender's port is hashed for VXLAN and Geneve and taken at random for TCP. Protecting a port on both ends would miss
all of that, so each peer has two children: what this host sends to the port (``out``), and what it receives on
it (``in``). What has the port on both ends would match both, and either end might choose another one: it has a third
child (``same``), which comes first, as it says more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..addresses import plain
from . import keys
from .protected import GRE, NUMBERS, Selector, read

PREFIX = "baremetal-overlay-"
DOMAIN = "baremetal-overlay"
# What all of Debian's strongSwan has, in hardware on all servers; x25519 again with each new key of the data.
IKE = "aes256gcm16-prfsha384-x25519"
ESP = "aes256gcm16-x25519-esn"
OUT, IN, SAME, TUNNELS = "out", "in", "same", "gre"
# What an end does by itself. Ready for peers, and no more:
READY = "none"
# Packets ask for what is missing, and what is there is not begun anew:
ACTIVE = "trap"
# A peer that is gone is noticed after three questions, and what its traps see brings it back.
DPD_DELAY = "10s"


def identity(number: int) -> str:
    """How a host is called in IKE and in its certificate: by the number that it keeps."""
    return f"host{number}.{DOMAIN}"


def name(number: int) -> str:
    """The connection with a peer."""
    return f"{PREFIX}{number}"


def children(selectors: Sequence[Selector], action: str) -> dict[str, dict[str, Any]]:
    """The traffic selectors by direction."""
    named = [one for one in selectors if one.port]
    any_port = _selectors(sorted({Selector(one.protocol) for one in named}))
    ports = _selectors(named)
    same = _selectors(one for one in selectors if one.port and one.same)
    tunnels = _selectors(one for one in selectors if one.protocol == GRE)
    found: dict[str, dict[str, Any]] = {}
    if named:
        found = {OUT: _child(any_port, ports, action), IN: _child(ports, any_port, action)}
    if same:
        found[SAME] = _child(same, same, action)
    if tunnels:
        found[TUNNELS] = _child(tunnels, tunnels, action)
    return found


def _selectors(what: Iterable[Selector]) -> list[str]:
    """By number: not every host has a list of the names of protocols."""
    return [f"dynamic[{NUMBERS[one.protocol]}{f'/{one.port}' if one.port else ''}]" for one in what]


def _child(local: list[str], remote: list[str], action: str) -> dict[str, Any]:
    return {
        "mode": "transport",
        "local_ts": local,
        "remote_ts": remote,
        "esp_proposals": [ESP],
        "replay_window": "1024",
        "hw_offload": "auto",
        "rekey_time": "1h",
        "start_action": action,
        "dpd_action": action,
        "close_action": action,
    }


def connection(
    options: Mapping[str, Any], peer: Mapping[str, Any], action: str, trust: Sequence[str] = ()
) -> dict[str, Any]:
    """One peer; ``trust`` is what vouches for it: texts where charon reads it, names of files in a file."""
    own, other = identity(options["number"]), identity(peer["number"])
    by_key = options["authentication"] == "psk"
    auth = "psk" if by_key else "pubkey"
    return {
        "version": "2",
        "mobike": "no",
        "local_addrs": [plain(options["address"])],
        "remote_addrs": [plain(peer["address"])],
        "proposals": [IKE],
        "dpd_delay": DPD_DELAY,
        "rekey_time": "4h",
        # An end that starts anew says so, and the other one forgets what it had.
        "unique": "no",
        "send_certreq": "no",
        "send_cert": "ifasked" if by_key else "always",
        "local": {"auth": auth, "id": f"fqdn:{own}"},
        "remote": {"auth": auth, "id": f"fqdn:{other}", **({} if by_key else {"cacerts": list(trust)})},
        "children": children(read(options["protect"]), action),
    }


def connections(options: Mapping[str, Any], action: str, trust: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """All peers, by the name of their connection."""
    peers = sorted(options["peers"], key=lambda peer: int(peer["number"]))
    return {name(peer["number"]): connection(options, peer, action, trust) for peer in peers}


def begins(connected: Mapping[str, Any], own: int) -> list[tuple[str, str]]:
    """Connection and child of what this host asks for as soon as its charon runs, not only when a packet does.

    Peers go on sending what a charon that was killed had until they hear of the next one. What has no direction is
    begun by the lower number, so that there are not two of each, and by both where nothing else tells the peer.
    """
    return [
        (name_of, child)
        for name_of, one in connected.items()
        for child, what in one["children"].items()
        if what["start_action"] == ACTIVE and child != IN
        if child == OUT or OUT not in one["children"] or own < int(name_of[len(PREFIX) :])
    ]


def secret_name(number: int, secret: str) -> str:
    """Old and new key of a pair have different names, so both can be there."""
    return f"ike-{name(number)}-{keys.digest(secret)}"


def secret(options: Mapping[str, Any], number: int, value: str) -> dict[str, Any]:
    """As the file has it."""
    owners = {"id-1": f"fqdn:{identity(options['number'])}", "id-2": f"fqdn:{identity(number)}"}
    return {**owners, "secret": f"0x{value}"}


def render(sections: Mapping[str, Any], depth: int = 0) -> str:
    """swanctl's way to write it."""
    out, indent = "", "    " * depth
    for key, value in sections.items():
        if isinstance(value, Mapping):
            out += f"{indent}{key} {{\n{render(value, depth + 1)}{indent}}}\n"
        else:
            text = ", ".join(value) if isinstance(value, (list, tuple)) else str(value)
            out += f'{indent}{key} = "{text}"\n'
    return out


def parse(text: str) -> dict[str, Any]:
    """What ``render`` wrote, to keep a part of it: values as texts."""
    stack: list[dict[str, Any]] = [{}]
    for line in text.splitlines():
        words = line.strip()
        if words.endswith(" {"):
            inner: dict[str, Any] = {}
            stack[-1][words[:-2]] = inner
            stack.append(inner)
        elif words == "}" and len(stack) > 1:
            stack.pop()
        elif " = " in words and not words.startswith("#"):
            key, _equals, value = words.partition(" = ")
            stack[-1][key] = value.strip('"')
    return stack[0]


def digest(value: Any) -> str:
    """The same for the same, in whatever order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
