# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``links``: a bridge of ours on every host, and tunnels between them.

What is there is changed by one batch, only where it differs. At boot batches of the same lines make it all, which needs
neither Python nor this collection, and which may be run again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Optional

from ..errors import OverlayError
from ..state_directory import STATE_DIRECTORY
from . import links_back, links_diff, links_plan
from .confirm import Guard, Pending, ShellStep, spread, stopped
from .links_diff import Changes, Found
from .links_plan import Entry, Wanted
from .steps import DAEMON_RELOAD, Plan, Run, Step, WriteFile
from .system import CommandFailed, System
from .units import Unit

SERVICE, NETWORKD = "baremetal-overlay-links.service", "systemd-networkd.service"
UNIT_PATH = f"/etc/systemd/system/{SERVICE}"
# networkd takes addresses off links that somebody's [Match] happens to fit; NetworkManager leaves others' links alone.
NETWORKD_PATH = "/etc/systemd/network/05-baremetal-overlay.network"
ADD, ADJUST, ENTRIES = (f"{STATE_DIRECTORY}/links.{name}" for name in ("add", "set", "fdb"))
ENABLED_PATH = f"/etc/systemd/system/multi-user.target.wants/{SERVICE}"
# What is ours in the way back, by which it tells that a change is one of the links.
NAME = "links"
# Ports of peers that may answer on the underlay: ssh, Swarm's management and its gossip.
ANSWERING = (22, 2377, 7946)
LIST_LINKS = ("ip", "-j", "-d", "address", "show")
LIST_ENTRIES = ("bridge", "-j", "fdb", "show", "br")

UNIT = f"""\
# Written by baremetal.overlay.links.
[Unit]
Description=The links of the kernel overlay (baremetal.overlay)
DefaultDependencies=no
# A change that was not confirmed may take the files with it.
ConditionPathExists={ADD}
# They are bound to no device and to no address, so they need not wait for the network.
After=local-fs.target systemd-modules-load.service systemd-sysctl.service network-pre.target
Wants=network-pre.target
Before=network.target docker.service shutdown.target
Conflicts=shutdown.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
# What is there already is no failure; what is missing after that fails the next one.
ExecStart=-ip -force -batch {ADD}
ExecStart=ip -batch {ADJUST}
ExecStart=bridge -batch {ENTRIES}
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""
HEAD = "# Written by baremetal.overlay.links. Changes by hand are lost in the next run.\n"
UNMANAGED = """\
# Written by baremetal.overlay.links.
[Match]
Name={bridge} {bridge}-*

[Link]
Unmanaged=yes
"""


@dataclass(frozen=True)
class State:
    """Everything that the plan looks at."""

    unit: Unit
    networkd: Unit
    found: Mapping[str, Found] = field(default_factory=dict)
    entries: frozenset[Entry] = frozenset()
    mtus: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, Optional[str]] = field(default_factory=dict)
    tools: bool = True
    # An unconfirmed change of the links, which may be taken back at any moment.
    pending: Optional[Pending] = None

    @property
    def ours(self) -> list[str]:
        """The links that are ours, bridges last."""
        names = [name for name, one in self.found.items() if one.ours]
        return sorted(names, key=lambda name: (self.found[name].kind == "bridge", name))


def read(
    system: System,
    units: Mapping[str, Unit],
    addresses: Sequence[Mapping[str, Any]],
    bridge: str,
    pending: Optional[Pending] = None,
) -> State:
    """One command for all links, and one for what is known behind them."""
    return State(
        unit=units[SERVICE],
        networkd=units[NETWORKD],
        found=links_diff.parse_links(system.query(LIST_LINKS)),
        entries=links_diff.parse_entries(system.query((*LIST_ENTRIES, bridge))) if bridge else frozenset(),
        mtus={entry["address"]: int(entry["mtu"]) for entry in addresses},
        files={path: system.read(path) for path in (UNIT_PATH, NETWORKD_PATH, ADD, ADJUST, ENTRIES)},
        tools=bool(system.which("ip") and system.which("bridge")),
        pending=pending if pending and pending.what == NAME else None,
    )


@dataclass(frozen=True)
class Remains:
    """What a teardown finds of ours."""

    unit: bool = False
    networkd: bool = False
    found: Mapping[str, Found] = field(default_factory=dict)


def remains(system: System) -> Remains:
    return Remains(
        unit=system.exists(UNIT_PATH),
        networkd=system.exists(NETWORKD_PATH),
        found=links_diff.parse_links(system.query(LIST_LINKS)),
    )


def plan(options: Mapping[str, Any], state: State) -> Plan:
    """Violations, or the steps: live first, then what is read at boot."""
    wrong = links_plan.violations(options)
    if wrong:
        # Said once for all hosts by the controller, where there is one.
        return Plan(violations=wrong, flags={"declared": True})
    if not state.tools:
        # Without them nothing is known of the host's links and addresses either.
        return Plan(violations=["kernel overlay: iproute2 is not installed: apt-get install iproute2"])
    mtu, wrong, explained = _mtu(options, state)
    if wrong:
        return Plan(violations=wrong)
    wanted = links_plan.want(options, mtu)
    wrong = links_diff.strangers(wanted, state.found)
    if wrong:
        return Plan(violations=wrong)
    result = Plan(steps=_steps(options, wanted, state))
    result.flags = {
        "there": bool(state.ours),
        "address": wanted.address,
        "mtu": mtu,
        "mtu_is": explained,
        "parts": links_diff.parts(wanted, state.found, _addresses_of(state.files.get(ADJUST))),
    }
    return result


def _mtu(options: Mapping[str, Any], state: State) -> tuple[int, list[str], str]:
    address = str(ip_address(str(options["address"])))
    here = state.mtus.get(address)
    if here is None:
        has = ", ".join(state.mtus) or "none"
        return 0, [f"kernel overlay: the underlay address {address} is on none of the interfaces; they have {has}"], ""
    return links_plan.choose_mtu(options, min(here, options.get("underlay_mtu") or here))


def _steps(options: Mapping[str, Any], wanted: Wanted, state: State) -> list[Step]:
    steps = _networkd(options["bridge"], state)
    before = _addresses_of(state.files.get(ADJUST))
    changes = links_diff.diff(wanted, state.found, state.entries, before)
    steps += batches(changes)
    steps += _boot(wanted, state)
    if state.unit.enabled != "enabled":
        steps.append(Run(f"enable {SERVICE} at boot", (("systemctl", "enable", SERVICE),)))
    if state.pending:
        why = f"a change that another run made at {state.pending.since} is not confirmed yet"
        steps.append(Run(f"start {SERVICE} ({why})", (("systemctl", "start", SERVICE),)))
    elif not state.unit.running:
        # So that what is done at boot has been done once.
        steps.append(Run(f"start {SERVICE} (it is {state.unit.active})", (("systemctl", "start", SERVICE),)))
    return steps


def guard(options: Mapping[str, Any], state: State, system: System) -> Guard:
    """Links, addresses and entries come back as they were, and what is read at boot with them."""
    mtu, _wrong, _words = _mtu(options, state)
    bridges = [name for name in state.ours if state.found[name].kind == "bridge"]
    entries = {entry for name in bridges for entry in links_diff.parse_entries(system.query((*LIST_ENTRIES, name)))}
    # Where it was absent or at rest, it is no more than a name: a change that failed early has not started it.
    redo = [] if state.unit.running else [stopped(SERVICE)]
    redo += [ShellStep("have systemd-networkd read its files", "networkctl reload")] if state.networkd.running else []
    return Guard(
        what=NAME,
        files=(ADD, ADJUST, ENTRIES, UNIT_PATH, ENABLED_PATH, NETWORKD_PATH),
        undo=links_back.UNDO,
        redo=redo,
        saved=links_back.saved(links_plan.want(options, mtu), state.found, entries),
        targets=spread([str(peer["address"]) for peer in _others(options)], ANSWERING),
    )


def _others(options: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [peer for peer in options["peers"] if int(peer["number"]) != int(options["number"])]


def _addresses_of(text: Optional[str]) -> list[str]:
    """Those that an earlier run gave the bridge; others are somebody else's."""
    return re.findall(r"^address replace (\S+) dev", text or "", re.MULTILINE)


def _networkd(bridge: str, state: State) -> list[Step]:
    networkd, before = state.networkd, state.files.get(NETWORKD_PATH)
    text = UNMANAGED.format(bridge=bridge)
    if before == text or not (networkd.running or networkd.enabled.startswith("enabled")):
        return []
    steps: list[Step] = [WriteFile(NETWORKD_PATH, text, before, why="systemd-networkd leaves these links alone")]
    return steps + ([Run("", (("networkctl", "reload"),))] if networkd.running else [])


def batches(changes: Changes) -> list[Step]:
    """One call for links and addresses, one for what is behind them."""
    steps: list[Step] = []
    if changes.links:
        steps.append(Batch("ip", changes.links, "; ".join(changes.words)))
    if changes.entries:
        steps.append(Batch("bridge", changes.entries, "" if changes.links else "; ".join(changes.words)))
    return steps


def boot_files(wanted: Wanted) -> dict[str, str]:
    """What makes it all from nothing."""
    changes = links_diff.diff(wanted, {})
    lines = {ADD: changes.add, ADJUST: changes.adjust, ENTRIES: changes.entries}
    return {path: HEAD + "".join(f"{line}\n" for line in given) for path, given in lines.items()}


def _boot(wanted: Wanted, state: State) -> list[Step]:
    steps: list[Step] = [
        WriteFile(path, text, state.files.get(path), why="read at boot")
        for path, text in boot_files(wanted).items()
        if state.files.get(path) != text
    ]
    if state.files.get(UNIT_PATH) != UNIT:
        steps += [WriteFile(UNIT_PATH, UNIT, state.files.get(UNIT_PATH)), DAEMON_RELOAD]
    return steps


@dataclass(frozen=True)
class Batch:
    """Many lines, one process; the tool stops at the first line that fails, and the message names it."""

    tool: str
    lines: Sequence[str]
    sentence: str

    def apply(self, system: System) -> None:
        try:
            system.run((self.tool, "-batch", "-"), data="".join(f"{line}\n" for line in self.lines))
        except CommandFailed as error:
            failed = re.search(r"Command failed -:(\d+)", str(error))
            line = f"`{self.tool} {self.lines[int(failed[1]) - 1]}`: " if failed else ""
            raise OverlayError(f"kernel overlay: {line}{error}") from None
