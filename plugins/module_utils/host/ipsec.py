# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``ipsec``: the named traffic between members travels in ESP, and in clear text not at all.

strongSwan carries it. A host passes three phases, and a run takes all hosts through each before the next, so that a
cluster that is at work notices nothing:

prepare   Peers may begin: connections and keys are there, and nothing is asked for.
enforce   Everything is negotiated, then clear text is refused, then traps ask for what is missing.
finish    Keys of before are forgotten, where nothing was left to enforce.

(libreswan would be a second provider beside the steps of ``ipsec/charon.py``.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..addresses import plain
from ..ipsec import backstop, charon, connections, way_back
from ..ipsec.files import CERTIFICATE, CONF, LOADED, TRUST
from ..ipsec.protected import TCP
from ..ipsec.protected import read as read_protected
from ..minio import pem
from . import ipsec_steps, listeners, nft_table, packages
from .confirm import Guard, spread
from .ipsec_state import RIVALS, SERVICE, State, agreement, old_secrets, read
from .steps import Plan
from .system import System

PEER_SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "number": {"type": "int", "required": True},
    "address": {"type": "str", "required": True},
    "secret": {"type": "str", "no_log": True},
}
PROTECT_SPEC: dict[str, Any] = {
    "protocol": {"type": "str", "choices": ["gre", "tcp", "udp"], "required": True},
    "port": {"type": "int", "default": 0},
    "same": {"type": "bool", "default": False},
    "anybody": {"type": "bool", "default": False},
}
SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
    "phase": {"type": "str", "choices": ["enforce", "finish", "prepare"], "default": "finish"},
    "number": {"type": "int", "default": 0},
    "address": {"type": "str", "default": ""},
    "peers": {"type": "list", "elements": "dict", "options": PEER_SPEC, "default": []},
    "expect": {"type": "list", "elements": "str"},
    "protect": {"type": "list", "elements": "dict", "options": PROTECT_SPEC, "default": []},
    "authentication": {"type": "str", "choices": ["certificates", "psk"], "default": "psk"},
    "trust": {"type": "str", "default": ""},
    "ca_directory": {"type": "path"},
}
# What can be done before the way back is armed: it changes nothing that is in force.
PREPARES = (packages.Install, nft_table.Check)
__all__ = ["plan", "read"]


def violations(state: State) -> list[str]:
    """What stands in the way on this host; what is wrong with the inventory is said by the controller."""
    found = [
        f"ipsec: {name} runs here, and one program speaks IKE on a host; `systemctl disable --now {name}`, "
        "or set overlay_encryption to something else"
        for name in RIVALS
        if state.units[name].running
    ]
    if state.nft is False:
        found.append(
            "ipsec: nft or the kernel does not know `meta ipsec` and `rt ipsec`, without which clear text cannot be "
            "refused; install nftables 0.9.1 or later and boot the distribution's own kernel"
        )
    return found


def keyless(options: Mapping[str, Any]) -> list[str]:
    """Said once for all hosts by the controller, where there is one."""
    if options["authentication"] != "psk":
        return []
    return [
        f"ipsec: peer {peer['name']} has no key; give it one that both hosts have"
        for peer in options["peers"]
        if not peer.get("secret")
    ]


def untrusted(options: Mapping[str, Any], state: State) -> list[str]:
    """Without an authority of its own a connection would take whatever any other one of charon's vouches for.

    A host that has no certificate yet proves nothing to anybody, and a prediction of its first run has no authority.
    """
    certified = options["authentication"] == "certificates" and state.key != "absent"
    if not certified or pem.blocks(options.get("trust") or "") or pem.blocks(state.files.get(TRUST) or ""):
        return []
    return [
        f"ipsec: nobody is trusted to vouch for peers: trust is empty, and {TRUST} holds no certificate; give trust"
    ]


def plan(options: Mapping[str, Any], state: State) -> Plan:
    """Violations, or the steps of the phase in the order in which they are safe."""
    if options["state"] == "absent":
        steps = [*(ipsec_steps.absent(options, state) if state.present else []), *ipsec_steps.remains(options, state)]
        return Plan(steps=steps, flags={"enforced": state.enforced})
    wrong, lacking = violations(state), [*keyless(options), *untrusted(options, state)]
    flags = flags_of(options, state)
    if lacking and not wrong:
        flags["declared"] = True
    if wrong or lacking:
        return Plan(violations=[*wrong, *lacking], flags=flags)
    return Plan(steps=ipsec_steps.present(options, state), flags=flags)


def endangers(options: Mapping[str, Any], state: State) -> bool:
    """Whether the plan refuses clear text or asks for encryption, in whatever phase: not without a way back."""
    return bool(ipsec_steps.enforcing(options, state))


def flags_of(options: Mapping[str, Any], state: State) -> dict[str, Any]:
    """What the controller decides from; public material only."""
    old = old_secrets(options, state)
    known = state.loaded.get("agreement")
    return {
        "enforced": state.enforced,
        "closed": state.closed,
        "rotates": bool(old),
        "forgets": bool(ipsec_steps.forget(options, state)),
        "differs": known is not None and known != agreement(options),
        "certificate": state.files.get(CERTIFICATE) or "",
        "key": state.key,
        "trust": state.files.get(TRUST) or "",
        "nft": state.nft,
    }


def tcp_ports(options: Mapping[str, Any]) -> list[int]:
    """What has to answer before and after."""
    return [one.port for one in read_protected(options["protect"]) if one.protocol == TCP]


def guard(options: Mapping[str, Any], state: State, system: System) -> Guard:
    """The table and the connections of before. What was negotiated stays; what the change began goes with it."""
    addresses = {connections.name(peer["number"]): plain(peer["address"]) for peer in options["peers"]}
    return backstop.TABLE.guard(
        state.table,
        spread([str(peer["address"]) for peer in options["peers"]], tcp_ports(options)),
        system,
        files=(CONF, TRUST, LOADED),
        redo=way_back.steps(ipsec_steps.begun(options, state), addresses),
    )


def verify(system: System) -> list[str]:
    """Whether what was proven is what was loaded, and everything that was negotiated is of the right mode."""
    found = backstop.TABLE.verify(system)
    live = charon.try_look(system)
    if live is None:
        return [*found, f"charon does not answer any more; see `journalctl -u {SERVICE}`"]
    wrong = sorted({(one.connection, one.name, one.mode) for one in live.children if one.mode != charon.TRANSPORT})
    return [*found, *(f"{connection}: {child} is in {mode} mode" for connection, child, mode in wrong)]


def watched(options: Mapping[str, Any], system: System) -> dict[str, Any]:
    """What peers can look at from outside: what they may only reach inside ESP, as far as somebody listens here."""
    found = {one["port"] for one in listeners.read(system, tcp_ports(options)) if one["protocol"] == "tcp"}
    peers = [str(peer["address"]) for peer in options["peers"]]
    return {"address": options["address"], "ports": sorted(found), "peers": peers}
