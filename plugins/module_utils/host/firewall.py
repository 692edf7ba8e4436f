# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``firewall``: one nftables table of ours, how it comes into force, and how it is put back."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any, Callable, Optional

from ..errors import InputError, OverlayError
from . import controller, listeners, packages
from .confirm import Guard, Pending, spread
from .controller import Connection
from .firewall_rules import ruleset
from .network import ENGINE_LINKS
from .packages import Packages
from .revert_script import BOOT_SERVICE
from .steps import DAEMON_RELOAD, Plan, Run, Step, WriteFile
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
    interfaces: Sequence[str] = ()
    addresses: Sequence[Mapping[str, Any]] = ()
    # How this run came to the host, where it came by ssh.
    connection: Optional[Connection] = None
    # What the other, older machinery of the kernel filters, by its tool's own words.
    legacy: Sequence[str] = ()
    # nft's words about a text that it would not load; empty where it would, or where there is no nft yet.
    refusal: Callable[[str], str] = field(default=lambda _text: "", compare=False)


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


def read(
    system: System,
    installed: Packages,
    units: Mapping[str, Unit],
    addresses: Sequence[Mapping[str, Any]] = (),
    pending: Optional[Pending] = None,
) -> State:
    """Looks at files, units, the kernel's tables, and at how this run came here."""
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
        interfaces=system.names("/sys/class/net"),
        addresses=addresses,
        connection=controller.connection(),
        legacy=_legacy(system),
        refusal=lambda text: system.refusal(("nft", "-c", "-f", "-"), text),
    )


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
    if text and not here and state.file != text:
        here += _refusal(state.refusal(text))
    if wrong or here:
        flags = {"declared": True} if declared and not here else {}
        return Plan(violations=[f"firewall: {sentence}" for sentence in [*wrong, *here]], flags=flags)
    return Plan(steps=_steps(text, state))


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
    if "lo" in options["drop_interfaces"]:
        found.append("firewall_default_drop_interfaces: lo is the host itself, which nothing is kept from; take it out")
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


def _steps(text: str, state: State) -> list[Step]:
    steps: list[Step] = []
    if state.nft is None:
        steps.append(packages.Install([PACKAGE]))
    if state.file != text:
        steps += [Check(text), WriteFile(PATH, text, state.file, 0o600)]
    if state.unit_file != UNIT:
        steps += [WriteFile(UNIT_PATH, UNIT, state.unit_file), DAEMON_RELOAD]
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
