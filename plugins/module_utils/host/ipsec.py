# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``ipsec``: the named traffic between members travels in ESP, and in clear text not at all.

strongSwan carries it. A host passes three phases, and a run takes all hosts through each before the next, so that a
cluster that is at work notices nothing:

prepare   Peers may begin: connections and keys are there, and nothing is asked for.
enforce   Everything is negotiated, then clear text is refused, then traps ask for what is missing.
finish    Keys of before are forgotten.

(libreswan would be a second provider beside the steps of ``ipsec/charon.py``.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from ..ipsec import backstop, charon, connections, keys, protected
from ..ipsec.files import CERTIFICATE, CONF, DROP_IN, DROP_IN_PATH, KEY, LOADED, SNIPPET, SNIPPET_PATH, TRUST
from ..minio import pem
from . import firewall, packages
from .packages import Packages
from .steps import Plan
from .system import System
from .units import Unit

PACKAGES = ("charon-systemd", "strongswan-swanctl", "libstrongswan-standard-plugins", "nftables")
SERVICE = "strongswan.service"
# Other programs that want port 500 for themselves.
RIVALS = ("strongswan-starter.service", "ipsec.service", "racoon.service")
UNITS = (SERVICE, backstop.SERVICE, *RIVALS)
PREPARE, ENFORCE, FINISH = PHASES = ("prepare", "enforce", "finish")
SECRET = re.compile(
    rf'^ *ike-{connections.PREFIX}(\d+)-([0-9a-f]+) \{{\n(?:^ +id-.*\n)*^ +secret = "0x([0-9a-f]+)"\n', re.MULTILINE
)


@dataclass(frozen=True)
class State:
    """Everything that the plan looks at. Keys are in it: it is never shown."""

    packages: Packages
    units: Mapping[str, Unit]
    files: Mapping[str, Optional[str]] = field(default_factory=dict)
    key: str = "absent"
    listing: str = ""
    live: Optional[charon.Live] = None
    # None: nothing here could say it.
    nft: Optional[bool] = None

    @property
    def secrets(self) -> dict[int, dict[str, str]]:
        """The keys of the file by the number of the peer and what they are called, in their order."""
        found: dict[int, dict[str, str]] = {}
        for number, name, value in SECRET.findall(self.files.get(CONF) or ""):
            found.setdefault(int(number), {})[name] = value
        return found

    @property
    def table(self) -> str:
        return firewall.canonical(self.listing)

    @property
    def enforced(self) -> bool:
        """Whether clear text is refused, now or from the next boot on."""
        return bool(self.table) or self.units[backstop.SERVICE].enabled == "enabled"

    @property
    def loaded(self) -> dict[str, Any]:
        """What was loaded when we loaded last, and how charon showed it."""
        try:
            found: dict[str, Any] = json.loads(self.files.get(LOADED) or "{}")
        except ValueError:
            return {}
        return found

    @property
    def present(self) -> bool:
        """Whether there is anything of ours."""
        live = self.live or charon.Live()
        return bool(
            self.table or live.connections or live.secrets or any(text is not None for text in self.files.values())
        )


FILES = (CONF, SNIPPET_PATH, DROP_IN_PATH, backstop.PATH, backstop.UNIT_PATH, backstop.LOADED, LOADED, CERTIFICATE, TRUST)


def read(system: System, installed: Packages, units: Mapping[str, Unit]) -> State:
    """Looks at files, units, the kernel's table and charon."""
    files = {path: system.read(path) for path in FILES}
    nft = system.which("nft")
    listing = system.query(backstop.LIST) if nft else ""
    return State(
        packages=installed,
        units=units,
        files=files,
        key=pem.pair(Path(CERTIFICATE), Path(KEY)),
        listing=listing,
        live=charon.try_look() if units[SERVICE].running else None,
        nft=None if not nft else bool(listing) or bool(system.query(backstop.PROBE)),
    )


def violations(options: Mapping[str, Any], state: State) -> list[str]:
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
    if options["authentication"] == "psk":
        found += [
            f"ipsec: peer {peer['name']} has no key; give ipsec_psk_master"
            for peer in options["peers"]
            if not peer.get("secret")
        ]
    return found


def agreement(options: Mapping[str, Any]) -> str:
    """What both ends have to have alike: another one is brought to all hosts in one run."""
    return connections.digest(
        [
            options["authentication"],
            [str(one) for one in protected.read(options["protect"])],
            connections.IKE,
            connections.ESP,
        ]
    )


def plan(options: Mapping[str, Any], state: State) -> Plan:
    """Violations, or the steps of the phase in the order in which they are safe."""
    from . import ipsec_steps

    if options["state"] == "absent":
        steps = ipsec_steps.absent(options, state) if state.present else []
        return Plan(steps=steps, flags={"enforced": state.enforced})
    wrong = violations(options, state)
    flags = flags_of(options, state)
    return Plan(violations=wrong, steps=[] if wrong else ipsec_steps.present(options, state), flags=flags)


def flags_of(options: Mapping[str, Any], state: State) -> dict[str, Any]:
    """What the controller decides from; public material only."""
    old = old_secrets(options, state)
    known = state.loaded.get("agreement")
    return {
        "enforced": state.enforced,
        "rotates": bool(old),
        "differs": known is not None and known != agreement(options),
        "certificate": state.files.get(CERTIFICATE) or "",
        "key": state.key,
        "trust": state.files.get(TRUST) or "",
        "nft": state.nft,
    }


def wanted_secrets(options: Mapping[str, Any]) -> dict[int, str]:
    """The key of each pair that this host is in."""
    if options["authentication"] != "psk":
        return {}
    return {int(peer["number"]): str(peer["secret"]) for peer in options["peers"] if peer.get("secret")}


def old_secrets(options: Mapping[str, Any], state: State) -> dict[int, list[str]]:
    """Keys of before, of peers that are still there: they are good until all hosts have the new ones."""
    wanted = wanted_secrets(options)
    found = {
        number: [value for name, value in have.items() if name != keys.digest(wanted[number])]
        for number, have in state.secrets.items()
        if number in wanted
    }
    return {number: values for number, values in found.items() if values}


def secrets_in_order(options: Mapping[str, Any], state: State) -> list[tuple[int, str]]:
    """charon takes any of a pair's keys, and proves itself with the one that was loaded last."""
    found = []
    old = old_secrets(options, state)
    for number, new in sorted(wanted_secrets(options).items()):
        before = old.get(number, [])
        order = {PREPARE: [new, *before], ENFORCE: [*before, new], FINISH: [new]}[options["phase"]]
        found += [(number, value) for value in order]
    return found
