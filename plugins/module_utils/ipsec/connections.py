# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections of one host: pure, from declarations to what charon loads and to the file that it starts from.

A sender's port is hashed for VXLAN and Geneve and taken at random for TCP. Protecting a port on both ends would miss all
of that, so there are two children for each peer: what this host sends to the port (``out``), and what it receives on it
(``in``). What has the port on both ends is neither: it would match both, and either end might choose another one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import keys
from .protected import GRE, NUMBERS, Selector, read

PREFIX = "baremetal-overlay-"
DOMAIN = "baremetal-overlay"
# What all of Debian's strongSwan has, in hardware on all servers; x25519 again with each new key of the data.
IKE = "aes256gcm16-prfsha384-x25519"
ESP = "aes256gcm16-x25519-esn"
OUT, IN, SAME, TUNNELS = "out", "in", "same", "gre"
# A peer that is gone is noticed after three questions, and what its traps see brings it back.
DPD_DELAY = "10s"


def identity(number: int) -> str:
    """How a host is called in IKE and in its certificate: by the number that it keeps."""
    return f"host{number}.{DOMAIN}"


def name(number: int) -> str:
    """The connection with a peer."""
    return f"{PREFIX}{number}"


def children(selectors: Sequence[Selector], active: bool, starts: bool) -> dict[str, dict[str, Any]]:
    """The traffic selectors by direction; ``active``: traps catch what has no security association yet."""
    named = [one for one in selectors if one.port and not one.same]
    any_port = _selectors(sorted({Selector(one.protocol) for one in named}))
    ports = _selectors(named)
    same = _selectors(one for one in selectors if one.port and one.same)
    found: dict[str, tuple[list[str], list[str], bool]] = {}
    if named:
        found[OUT], found[IN] = (any_port, ports, True), (ports, any_port, False)
    if same:
        found[SAME] = (same, same, starts)
    if any(one.protocol == GRE for one in selectors):
        found[TUNNELS] = (_selectors([Selector(GRE)]), _selectors([Selector(GRE)]), starts)
    return {child: _child(local, remote, active, begins) for child, (local, remote, begins) in found.items()}


def _selectors(what: Iterable[Selector]) -> list[str]:
    """By number: not every host has a list of the names of protocols."""
    return [f"dynamic[{NUMBERS[one.protocol]}{f'/{one.port}' if one.port else ''}]" for one in what]


def _child(local: list[str], remote: list[str], active: bool, begins: bool) -> dict[str, Any]:
    return {
        "mode": "transport",
        "local_ts": local,
        "remote_ts": remote,
        "esp_proposals": [ESP],
        "replay_window": "1024",
        "hw_offload": "auto",
        "rekey_time": "1h",
        # One end begins, so that there are not two of each.
        "start_action": ("trap|start" if begins else "trap") if active else "none",
        "dpd_action": "trap" if active else "none",
        "close_action": "trap" if active else "none",
    }


def connection(options: Mapping[str, Any], peer: Mapping[str, Any], active: bool, trust: Sequence[str] = ()) -> dict[str, Any]:
    """One peer; ``trust`` is what vouches for it: texts where charon reads it, names of files in a file."""
    own, other = identity(options["number"]), identity(peer["number"])
    by_key = options["authentication"] == "psk"
    auth = "psk" if by_key else "pubkey"
    return {
        "version": "2",
        "mobike": "no",
        "local_addrs": [options["address"]],
        "remote_addrs": [peer["address"]],
        "proposals": [IKE],
        "dpd_delay": DPD_DELAY,
        "rekey_time": "4h",
        # An end that starts anew says so, and the other one forgets what it had.
        "unique": "no",
        "send_certreq": "no",
        "send_cert": "ifasked" if by_key else "always",
        "local": {"auth": auth, "id": f"fqdn:{own}"},
        "remote": {"auth": auth, "id": f"fqdn:{other}", **({} if by_key else {"cacerts": list(trust)})},
        "children": children(read(options["protect"]), active, options["number"] < peer["number"]),
    }


def connections(options: Mapping[str, Any], active: bool, trust: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """All peers, by the name of their connection."""
    peers = sorted(options["peers"], key=lambda peer: int(peer["number"]))
    return {name(peer["number"]): connection(options, peer, active, trust) for peer in peers}


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


def digest(value: Any) -> str:
    """The same for the same, in whatever order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
