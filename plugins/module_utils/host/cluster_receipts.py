# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``drive_receipts``: a manager keeps the receipts of all hosts' drives, for hosts that lost their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import drive_receipts
from .steps import Plan, WriteFile
from .system import System


def plan(options: Mapping[str, Any], system: System) -> Plan:
    """The file as it has to be; what is in it is decided where all hosts are known."""
    before = system.read(drive_receipts.ALL)
    after = drive_receipts.text(drive_receipts.read(options["drives"]))
    result = Plan()
    if before != after:
        result.steps = [WriteFile(drive_receipts.ALL, after, before, 0o600, "which device is which drive")]
    return result


def read(system: System) -> dict[str, Any]:
    """What this host keeps for others, nothing where it is no manager; ``wrong`` says why that is unknown."""
    receipts, wrong = drive_receipts.attempt(system.read(drive_receipts.ALL), drive_receipts.ALL)
    return {"drives": drive_receipts.facts(receipts), "wrong": wrong}
