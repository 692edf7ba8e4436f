# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``firewall``: one nftables table of ours, how it comes into force, and how it is put back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Callable, Optional

from ..addresses import plain
from ..errors import InputError
from ..state_directory import STATE_DIRECTORY
from . import controller, firewall_rules, listeners, nft_table, packages
from .confirm import Guard, Pending, spread
from .controller import Connection
from .firewall_rules import ruleset
from .network import ENGINE_LINKS
from .packages import Packages
from .steps import Plan, Step
from .system import System
from .units import Unit

NAME = "firewall"
PACKAGE = "nftables"
FIREWALLD = "firewalld.service"
INTERFACES = "/sys/class/net"
TABLE = nft_table.Table(
    owner=NAME,
    name="baremetal_overlay",
    description="Who may reach the cluster's ports on this host",
    loaded=f"{STATE_DIRECTORY}/firewall.loaded",
)
# What can be done before the way back is armed: it changes nothing that is in force.
PREPARES = (packages.Install, nft_table.Check)


@dataclass(frozen=True)
class State:
    """Everything that the plan looks at."""

    packages: Packages
    table: nft_table.Found
    firewalld: Unit
    nft: Optional[str] = None
    interfaces: Sequence[str] = ()
    # What an interface is a part of, where that is what packets come in by.
    masters: Mapping[str, str] = field(default_factory=dict)
    addresses: Sequence[Mapping[str, Any]] = ()
    # How this run came to the host, where it came by ssh.
    connection: Optional[Connection] = None
    # What the other, older machinery of the kernel filters, by its tool's own words.
    legacy: Sequence[str] = ()
    # nft's words about a text that it would not load; empty where it would, or where there is no nft yet.
    refusal: Callable[[str], str] = field(default=lambda _text: "", compare=False)


def read(
    system: System,
    installed: Packages,
    units: Mapping[str, Unit],
    addresses: Sequence[Mapping[str, Any]] = (),
    pending: Optional[Pending] = None,
) -> State:
    """Looks at files, units, the kernel's tables, and at how this run came here."""
    interfaces = system.names(INTERFACES)
    return State(
        packages=installed,
        table=TABLE.read(system, units[TABLE.service], pending),
        firewalld=units[FIREWALLD],
        nft=system.which("nft"),
        interfaces=interfaces,
        masters=_masters(interfaces, system),
        addresses=addresses,
        connection=controller.connection(),
        legacy=_legacy(system),
        refusal=lambda text: system.refusal(("nft", "-c", "-f", "-"), text),
    )


def _masters(interfaces: Sequence[str], system: System) -> dict[str, str]:
    """Bridges and bonds take over what comes in by their parts; others only choose its routes."""
    parts = [name for name in interfaces if system.is_there(f"{INTERFACES}/{name}/master")]
    found = {name: Path(system.resolve(f"{INTERFACES}/{name}/master")).name for name in parts}
    kinds = ("bridge", "bonding")
    return {
        name: master
        for name, master in found.items()
        if any(system.exists(f"{INTERFACES}/{master}/{kind}") for kind in kinds)
    }


def _legacy(system: System) -> list[str]:
    """Rules of the older machinery. Its tools would load it, so they are asked only where it is in use already."""
    found = []
    for names, tool in (("ip_tables_names", "iptables-legacy-save"), ("ip6_tables_names", "ip6tables-legacy-save")):
        if (system.read(f"/proc/net/{names}") or "").strip():
            lines = system.query((tool,)).splitlines()
            found += [line for line in lines if line.startswith("-A ") or re.match(r":\S+ DROP ", line)]
    return found


def plan(options: Mapping[str, Any], state: State) -> Plan:
    """Violations, or the steps in the order in which they are safe."""
    wrong, declared, text = [], False, ""
    try:
        text = ruleset(options)
    except InputError as error:
        wrong = error.violations
        # Said once for all hosts by the controller, where there is one.
        declared = all(sentence.startswith(("client network", "member ")) for sentence in wrong)
    here = [*_host_violations(options, state), *_controller_violations(options, state)]
    if text and not here and (state.table.file != text or not state.table.there):
        here += _refusal(state.refusal(text))
    if wrong or here:
        flags = {"declared": True} if declared and not here else {}
        violations = [f"firewall: {sentence}" for sentence in [*wrong, *here]]
        return Plan(violations=violations, flags={**flags, "closed": state.table.closed})
    return Plan(steps=_steps(text, firewall_rules.closed(options), state), flags={"closed": state.table.closed})


def _host_violations(options: Mapping[str, Any], state: State) -> list[str]:
    found = []
    if state.firewalld.running:
        found.append(
            "firewalld runs here, and a host has one firewall that decides; open the cluster's ports in its zones and "
            "set overlay_firewall: false, or `systemctl disable --now firewalld`"
        )
    if state.legacy:
        found.append(
            f'legacy iptables filters here (rules and policies: {len(state.legacy)}, the first "{state.legacy[0]}"), '
            "and this table is nftables: what one lets in the other may drop, and no listing shows both; move them "
            "(`update-alternatives --set iptables /usr/sbin/iptables-nft`, restart docker, flush by "
            "`iptables-legacy -F`), or set overlay_firewall: false"
        )
    missing = [name for name in options["drop_interfaces"] if name not in state.interfaces]
    if missing:
        shown = [name for name in state.interfaces if not (ENGINE_LINKS.match(name) or name.startswith(("lo", "veth")))]
        found.append(
            f"firewall_default_drop_interfaces: {', '.join(missing)} is not here; this host has {', '.join(shown)}"
        )
    found += [
        f"firewall_default_drop_interfaces: {name} is a part of {master}, by which packets come in; name {master}"
        for name, master in _entrances(options["drop_interfaces"], state.masters).items()
    ]
    if "lo" in options["drop_interfaces"]:
        found.append("firewall_default_drop_interfaces: lo is the host itself, which nothing is kept from; take it out")
    return found


def _entrances(names: Sequence[str], masters: Mapping[str, str]) -> dict[str, str]:
    """By what packets come in that reach one of these; a bond may be a part of a bridge."""
    found = {}
    for name in names:
        entrance = name
        while entrance in masters:
            entrance = masters[entrance]
        if entrance != name:
            found[name] = entrance
    return found


def _controller_violations(options: Mapping[str, Any], state: State) -> list[str]:
    """Whoever runs this has to be able to come back, where the connection comes in by such an interface."""
    came = state.connection
    if came is None or not (options["drop_interfaces"] and options["controller_manages"]):
        return []
    by = [one["interface"] for one in state.addresses if one["address"] == came.server]
    if by and by[0] not in options["drop_interfaces"]:
        return []
    found = []
    try:
        networks = [ip_network(str(text)) for text in options["management_networks"]]
    except ValueError:
        # Said already.
        return []
    client = ip_address(came.client)
    if not any(client in network for network in networks):
        given = ", ".join(map(str, networks)) or "nobody"
        found.append(
            f"firewall_management_networks: excludes this controller, which this host sees as {client} on "
            f"{by[0] if by else came.server} (listed: {given}); add {client}/{client.max_prefixlen}, or, if somebody "
            "else is to manage the host from now on, set firewall_controller_manages: false"
        )
    if came.port not in options["management_ports"]:
        found.append(
            f"firewall_management_ports: excludes port {came.port}, by which this run comes in; "
            f"add {came.port} to {', '.join(map(str, options['management_ports'])) or 'the list'}"
        )
    return found


def _refusal(words: str) -> list[str]:
    if not words:
        return []
    return [f"nft refuses the table, and nothing of it is loaded; see extra rules and sources: {words}"]


def _steps(text: str, closed: str, state: State) -> list[Step]:
    install: list[Step] = [packages.Install([PACKAGE])] if state.nft is None else []
    return [*install, *TABLE.steps(text, closed, state.table)]


def guard(options: Mapping[str, Any], state: State, system: System) -> Guard:
    """What a change may touch."""
    ports = [*options["client_ports"], *options["cluster_tcp_ports"]]
    return TABLE.guard(state.table, spread(options["peers"], ports), system)


def watched(options: Mapping[str, Any], addresses: Sequence[Mapping[str, Any]], system: System) -> dict[str, Any]:
    """What peers can look at from outside: the ports of the cluster on which somebody listens here."""
    peers = [plain(peer) for peer in options["peers"]]
    own = [one["address"] for one in addresses if one["address"] in peers]
    ports = sorted({*options["client_ports"], *options["cluster_tcp_ports"]})
    found = {one["port"] for one in listeners.read(system, ports) if one["protocol"] == "tcp"}
    return {"address": own[0] if own else None, "ports": sorted(found) if own else [], "peers": peers}
