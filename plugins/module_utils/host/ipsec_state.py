# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the section ``ipsec`` finds on a host, and which keys it has and had."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from ..ipsec import backstop, charon, connections, keys, protected
from ..ipsec.files import CERTIFICATE, CONF, DROP_IN_PATH, KEY, LOADED, PENDING, SCRIPT_PATH, SNIPPET_PATH, TRUST
from ..minio import pem
from . import nft_table
from .confirm import Pending
from .packages import Packages
from .system import System
from .units import Unit

NAME = "ipsec"
PACKAGES = ("charon-systemd", "strongswan-swanctl", "libstrongswan-standard-plugins", "nftables")
SERVICE = "strongswan.service"
# Other programs that want port 500 for themselves.
RIVALS = ("strongswan-starter.service", "ipsec.service", "racoon.service")
UNITS = (SERVICE, backstop.TABLE.service, *RIVALS)
PREPARE, ENFORCE, FINISH = "prepare", "enforce", "finish"
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
    # Whether the smaller table is in the backstop's place.
    closed: bool = False
    live: Optional[charon.Live] = None
    # None: nothing here could say it.
    nft: Optional[bool] = None
    # An unconfirmed change of ours, which may be taken back at any moment.
    pending: Optional[Pending] = None
    # What somebody left who was killed.
    remains: Sequence[str] = ()

    @property
    def secrets(self) -> dict[int, dict[str, str]]:
        """The keys of the file by the number of the peer and what they are called, in their order."""
        found: dict[int, dict[str, str]] = {}
        for number, name, value in SECRET.findall(self.files.get(CONF) or ""):
            found.setdefault(int(number), {})[name] = value
        return found

    @property
    def table(self) -> nft_table.Found:
        """The backstop."""
        table = backstop.TABLE
        return nft_table.Found(
            unit=self.units[table.service],
            file=self.files.get(table.path),
            unit_file=self.files.get(table.unit_path),
            loaded=self.files.get(table.loaded),
            listing=self.listing,
            closed_file=self.files.get(table.closed_path),
            closed_unit_file=self.files.get(table.closed_unit_path),
            closed=self.closed,
            pending=self.pending,
        )

    @property
    def enforced(self) -> bool:
        """Whether clear text is refused, now or from the next boot on."""
        return self.table.there or self.table.unit.enabled == "enabled"

    @property
    def loaded(self) -> dict[str, Any]:
        """What was loaded when we loaded last, and how charon showed it."""
        return read_loaded(self.files.get(LOADED))

    @property
    def present(self) -> bool:
        """Whether there is anything of ours."""
        live = self.live or charon.Live()
        return bool(
            self.table.there
            or self.closed
            or live.connections
            or live.secrets
            or any(text is not None for text in self.files.values())
        )


def read_loaded(text: Optional[str]) -> dict[str, Any]:
    """A file that was cut short says nothing: then everything is loaded anew."""
    try:
        found: dict[str, Any] = json.loads(text or "{}")
    except ValueError:
        return {}
    return found


FILES = (
    CONF,
    SNIPPET_PATH,
    SCRIPT_PATH,
    DROP_IN_PATH,
    backstop.TABLE.path,
    backstop.TABLE.unit_path,
    backstop.TABLE.closed_path,
    backstop.TABLE.closed_unit_path,
    backstop.TABLE.loaded,
    LOADED,
    CERTIFICATE,
    TRUST,
)
# Copies of keys: a new one without its certificate, and files that the way back was about to put in place.
REMAINS = (PENDING, *(f"{path}.reverted" for path in (*FILES, backstop.TABLE.enabled_path)))


def read(system: System, installed: Packages, units: Mapping[str, Unit], pending: Optional[Pending] = None) -> State:
    """Looks at files, units, the kernel's table and charon."""
    files = {path: system.read(path) for path in FILES}
    nft = system.which("nft")
    listing = backstop.TABLE.listing(system) if nft else ""
    return State(
        packages=installed,
        units=units,
        files=files,
        key=pem.pair(Path(CERTIFICATE), Path(KEY)),
        listing=listing,
        closed=bool(nft) and units[backstop.TABLE.service].exists and backstop.TABLE.is_closed(system, listing),
        live=charon.try_look(system) if units[SERVICE].running else None,
        pending=pending if pending and pending.what == NAME else None,
        remains=[path for path in REMAINS if system.is_there(path)],
        nft=None if not nft else bool(listing) or bool(system.query(backstop.PROBE)),
    )


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
