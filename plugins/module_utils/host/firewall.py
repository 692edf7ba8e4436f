# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``firewall``: one nftables table of ours in which only the cluster's own ports are judged.

The Engine publishes ports by address translation, past every rule for input: packets are judged before that.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import collapse_addresses, ip_address, ip_network
from typing import Any, Optional

from ..errors import InputError, OverlayError
from . import listeners, packages
from .confirm import Guard, Pending, spread
from .packages import Packages
from .revert_script import BOOT_SERVICE
from .steps import Plan, Run, Step, WriteFile
from .system import STATE_DIRECTORY, System
from .units import Unit

NAME = "firewall"
TABLE = ("inet", "baremetal_overlay")
PACKAGE = "nftables"
SERVICE, FIREWALLD = "baremetal-overlay-firewall.service", "firewalld.service"
UNIT_PATH = f"/etc/systemd/system/{SERVICE}"
ENABLED_PATH = f"/etc/systemd/system/sysinit.target.wants/{SERVICE}"
PATH = f"{STATE_DIRECTORY}/firewall.nft"
# The digests of the file that was loaded, and of the table that the kernel showed then.
LOADED = f"{STATE_DIRECTORY}/firewall.loaded"
LIST = ("nft", "-j", "list", "table", *TABLE)

UNIT = f"""\
# Written by baremetal.overlay.firewall.
[Unit]
Description=Who may reach the cluster's ports on this host (baremetal.overlay)
DefaultDependencies=no
# A change that was not confirmed may take the file with it.
ConditionPathExists={PATH}
# nftables.service flushes every table when it starts, reloads and stops: ours comes after it, each time.
After=local-fs.target systemd-modules-load.service nftables.service {BOOT_SERVICE}
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Wants=network-pre.target
Before=network-pre.target docker.service shutdown.target
Conflicts=shutdown.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f {PATH}
ExecReload=/usr/sbin/nft -f {PATH}

[Install]
WantedBy=sysinit.target
"""

RULESET = """\
# Written by baremetal.overlay.firewall. Changes by hand are lost in the next run.
# One transaction: at no moment is the table absent.
table inet baremetal_overlay
delete table inet baremetal_overlay
table inet baremetal_overlay {{
    comment "who may reach the cluster's ports"
{sets}{counters}
    chain arrives {{
        comment "ahead of the translation of published ports"
        type filter hook prerouting priority mangle; policy accept;
        tcp dport {{ {tcp} }} jump ours comment "S3, console, swarm management, gossip"
        udp dport {{ {udp} }} jump ours comment "overlay data path, gossip"
    }}
    chain ours {{
        iifname "lo" accept comment "the host itself"
        ct state established,related accept comment "what was let in before"
        fib daddr type {{ local, broadcast, multicast }} goto judge comment "to this host"
        fib daddr oifname {{ {containers} }} goto judge comment "to its containers, past its address"
    }}
    chain judge {{
        tcp dport {{ {client} }} goto clients comment "S3 and console"
        ip saddr @peers4 counter name "members_cluster" accept comment "members"
        ip6 saddr @peers6 counter name "members_cluster" accept comment "members"
        counter name "strangers_cluster" drop comment "nobody else"
    }}
    chain clients {{
        iifname {{ {containers} }} counter name "containers_s3" accept comment "the host's own containers"
        ip saddr @peers4 counter name "members_s3" accept comment "members"
        ip6 saddr @peers6 counter name "members_s3" accept comment "members"
        ip saddr @clients4 counter name "clients_s3" accept comment "clients"
        ip6 saddr @clients6 counter name "clients_s3" accept comment "clients"
        counter name "strangers_s3" drop comment "nobody else"
    }}
}}
"""
INTERFACE = re.compile(r"[\w.-]{1,15}\*?")
COUNTERS = {
    "members_cluster": "members to swarm and overlay",
    "strangers_cluster": "dropped: others to swarm and overlay",
    "containers_s3": "the host's own containers to S3 and console",
    "members_s3": "members to S3 and console",
    "clients_s3": "clients to S3 and console",
    "strangers_s3": "dropped: others to S3 and console",
}


@dataclass(frozen=True)
class State:
    """Everything that the plan looks at."""

    packages: Packages
    unit: Unit
    firewalld: Unit
    nft: Optional[str] = None
    file: Optional[str] = None
    unit_file: Optional[str] = None
    loaded: Optional[str] = None
    listing: str = ""
    # An unconfirmed change of this table, which may be taken back at any moment.
    pending: Optional[Pending] = None


def ruleset(options: Mapping[str, Any]) -> str:
    """What is loaded, the same text for the same declarations in whatever order."""
    wrong = violations(options)
    if wrong:
        raise InputError(wrong)
    clients, peers = options["client_networks"], options["peers"]
    sets = "".join(
        _set(f"{name}{version}", version, given, comment)
        for name, given, comment in (("clients", clients, "who may use S3"), ("peers", peers, "members of the cluster"))
        for version in (4, 6)
    )
    return RULESET.format(
        sets=sets,
        counters="".join(f'    counter {name} {{ comment "{text}"; }}\n' for name, text in COUNTERS.items()),
        tcp=_ports(options["client_ports"], options["cluster_tcp_ports"]),
        udp=_ports(options["cluster_udp_ports"]),
        client=_ports(options["client_ports"]),
        containers=", ".join(f'"{name}"' for name in options["container_interfaces"]),
    )


def violations(options: Mapping[str, Any]) -> list[str]:
    """What cannot be a rule; the controller says the same of its inventory."""
    interfaces = options["container_interfaces"]
    wrong = [name for name in interfaces if not INTERFACE.fullmatch(name)] if interfaces else ["an empty list"]
    return [
        *network_violations("client network", options["client_networks"]),
        *_peer_violations(options["peers"]),
        *(
            f"container interfaces: {name} is no name of an interface; give for example docker_gwbridge"
            for name in wrong
        ),
    ]


def network_violations(what: str, networks: Sequence[Any]) -> list[str]:
    """Nobody, and nonsense."""
    if not networks:
        return [
            f"{what}: the list is empty, and nobody could reach S3; list the networks of the clients, or, to let "
            "everybody in, 0.0.0.0/0 (and ::/0)"
        ]
    found = []
    for text in networks:
        try:
            ip_network(str(text))
        except ValueError as error:
            found.append(f'{what} "{text}": is not a CIDR ({error}); give for example 192.0.2.0/24 or 2001:db8::/32')
    return found


def _peer_violations(peers: Sequence[Any]) -> list[str]:
    found = []
    for text in peers:
        try:
            ip_address(str(text))
        except ValueError:
            found.append(f'member "{text}": is not an IP address; give the host\'s overlay_underlay_address')
    return found


def _set(name: str, version: int, given: Sequence[Any], comment: str) -> str:
    networks: list[Any] = [network for text in given if (network := ip_network(str(text))).version == version]
    kind = "ipv4_addr" if version == 4 else "ipv6_addr"
    elements = ", ".join(str(network) for network in collapse_addresses(networks))
    filled = f"        elements = {{ {elements} }}\n" if elements else ""
    return (
        f'    set {name} {{\n        type {kind}; flags interval; comment "{comment}, IPv{version}"\n{filled}    }}\n'
    )


def _ports(*lists: Sequence[int]) -> str:
    return ", ".join(str(port) for port in sorted({int(port) for ports in lists for port in ports}))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(listing: str) -> str:
    """What ``nft -j`` shows, without what differs from one load to the next; empty where there is no table."""
    try:
        objects = json.loads(listing)["nftables"]
    except (ValueError, KeyError):
        return ""
    kept = [_canonical(one) for one in objects if "metainfo" not in one]
    return json.dumps(kept, sort_keys=True) if kept else ""


def _canonical(value: Any) -> Any:
    """Handles and counts are the kernel's, and so is the order of a set's elements."""
    if isinstance(value, Mapping):
        return {
            key: sorted((_canonical(one) for one in inner), key=json.dumps)
            if key in ("elem", "set") and isinstance(inner, list)
            else _canonical(inner)
            for key, inner in value.items()
            if key not in ("handle", "packets", "bytes")
        }
    return [_canonical(one) for one in value] if isinstance(value, list) else value


def receipt(file: str, listing: str) -> str:
    """What ties a file to the table that came of it."""
    return f"{digest(file)}\n{digest(canonical(listing))}\n"


def read(system: System, installed: Packages, units: Mapping[str, Unit], pending: Optional[Pending] = None) -> State:
    """Looks at files, units and the kernel's table."""
    return State(
        pending=pending if pending and pending.what == NAME else None,
        packages=installed,
        unit=units[SERVICE],
        firewalld=units[FIREWALLD],
        nft=system.which("nft"),
        file=system.read(PATH),
        unit_file=system.read(UNIT_PATH),
        loaded=system.read(LOADED),
        listing=system.query(LIST),
    )


def plan(options: Mapping[str, Any], state: State) -> Plan:
    """Violations, or the steps in the order in which they are safe."""
    try:
        text = ruleset(options)
    except InputError as error:
        # Said once for all hosts by the controller, where there is one.
        return Plan(violations=[f"firewall: {sentence}" for sentence in error.violations], flags={"declared": True})
    if state.firewalld.running:
        return Plan(
            violations=[
                "firewall: firewalld runs here, and a host has one firewall that decides; open the cluster's ports in "
                "its zones and set overlay_firewall: false, or `systemctl disable --now firewalld`"
            ]
        )
    return Plan(steps=_steps(text, state))


def _steps(text: str, state: State) -> list[Step]:
    steps: list[Step] = []
    if state.nft is None:
        steps.append(packages.Install([PACKAGE]))
    if state.file != text:
        steps += [Check(text), WriteFile(PATH, text, state.file, 0o600)]
    if state.unit_file != UNIT:
        steps += [WriteFile(UNIT_PATH, UNIT, state.unit_file), Run("", (("systemctl", "daemon-reload"),))]
    if state.unit.enabled != "enabled":
        steps.append(Run(f"enable {SERVICE} at boot", (("systemctl", "enable", SERVICE),)))
    why = _why_load(text, state)
    return [*steps, Load(text, why)] if why else steps


def _why_load(text: str, state: State) -> str:
    if state.pending:
        return f"a change that another run made at {state.pending.since} is not confirmed yet"
    if not canonical(state.listing):
        return "it is not there"
    if state.file != text or state.loaded != receipt(text, state.listing):
        return "another one is there"
    return "" if state.unit.running else f"{SERVICE} is {state.unit.active}"


@dataclass(frozen=True)
class Check:
    """nft reads the draft first: what it would refuse replaces nothing."""

    text: str
    sentence: str = ""

    def apply(self, system: System) -> None:
        draft = f"{PATH}.draft"
        system.write(draft, self.text, 0o600)
        try:
            system.run(("nft", "-c", "-f", draft))
        finally:
            system.remove(draft)


@dataclass(frozen=True)
class Load:
    """The way it is loaded at boot; then what the kernel shows is remembered."""

    text: str
    why: str

    @property
    def sentence(self) -> str:
        return f"load the table {' '.join(TABLE)} ({self.why})"

    def apply(self, system: System) -> None:
        system.run(("systemctl", "restart", SERVICE))
        listing = system.query(LIST)
        if not canonical(listing):
            raise OverlayError(
                f"firewall: {SERVICE} was started, and nft shows no table {' '.join(TABLE)}; "
                f"see `journalctl -u {SERVICE}` and whether something flushes the ruleset"
            )
        system.write(LOADED, receipt(self.text, listing), 0o600)


# What can be done before the way back is armed: it changes nothing that is in force.
PREPARES = (packages.Install, Check)


def guard(options: Mapping[str, Any], state: State, system: System) -> Guard:
    """What a change may touch. The table of before comes back as the kernel shows it, whoever made it."""
    table = system.query(("nft", "list", "table", *TABLE))
    name = " ".join(TABLE)
    return Guard(
        what=NAME,
        files=(PATH, UNIT_PATH, LOADED, ENABLED_PATH),
        undo='nft -f "$state/table.nft"',
        redo="" if state.unit.running else f"systemctl stop {SERVICE}",
        saved={"table.nft": f"table {name}\ndelete table {name}\n{table}"},
        proofs=(("nft", "-c", "-f", "{state}/table.nft"),),
        targets=spread(options["peers"], [*options["client_ports"], *options["cluster_tcp_ports"]]),
    )


def verify(system: System) -> list[str]:
    """Whether what was proven is what was loaded."""
    file, loaded = system.read(PATH) or "", system.read(LOADED)
    if loaded == receipt(file, system.query(LIST)):
        return []
    return [f"the table {' '.join(TABLE)} is not the one that was loaded any more: somebody else changed or flushed it"]


def watched(options: Mapping[str, Any], addresses: Sequence[Mapping[str, Any]], system: System) -> dict[str, Any]:
    """What peers can look at from outside: the ports of the cluster on which somebody listens here."""
    peers = [str(peer) for peer in options["peers"]]
    own = [one["address"] for one in addresses if one["address"] in peers]
    ports = sorted({*options["client_ports"], *options["cluster_tcp_ports"]})
    found = {one["port"] for one in listeners.read(system, ports) if one["protocol"] == "tcp"}
    return {"address": own[0] if own else None, "ports": sorted(found) if own else [], "peers": peers}
