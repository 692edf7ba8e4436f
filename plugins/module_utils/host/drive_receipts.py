# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Receipts of formatted drives: which device became which drive, so that one that reads as blank is known again. Pure.

A host keeps its own receipts, and every manager those of all hosts, for one that lost its system disk.
There is one receipt a label, that of the drive which has the place now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Optional

from ..errors import OverlayError
from ..state_directory import STATE_DIRECTORY
from .blockdevices import BlockDevice
from .drive_names import LABEL

OWN = f"{STATE_DIRECTORY}/drive-receipts.json"
# Those of all hosts, on managers.
ALL = f"{STATE_DIRECTORY}/cluster-drive-receipts.json"


@dataclass(frozen=True)
class Receipt:
    """A device that carries a drive's file system, by all that lasts of it."""

    uuid: str = ""
    serial: str = ""
    wwn: str = ""
    partition: str = ""
    size: int = 0
    # Erased by agreement since: nothing speaks against its use.
    erased: bool = False
    # When the host recorded it, in seconds since 1970: of two receipts for a label the later one is true.
    at: int = field(default=0, compare=False)

    def names(self, device: BlockDevice) -> bool:
        """Whether it is this device. Without a serial number and a WWN no device is known again."""
        if self.erased or self.partition != device.partition:
            return False
        if self.wwn and device.wwn:
            return self.wwn == device.wwn
        # Some adapters give zeros for every disk.
        return bool(self.serial.strip("0")) and self.serial == device.serial

    def facts(self) -> dict[str, Any]:
        """As it is kept and reported; what is empty is left out."""
        return {name: value for name, value in asdict(self).items() if value}


Receipts = Mapping[str, Receipt]


def of(device: BlockDevice, uuid: str) -> Receipt:
    """The receipt of a device once it carries this file system."""
    return Receipt(uuid, device.serial, device.wwn, device.partition, device.size)


def read(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Receipt]:
    """From what was kept or reported; later versions may keep more."""
    known = Receipt.__dataclass_fields__
    return {
        str(label): Receipt(**{name: value for name, value in entry.items() if name in known})
        for label, entry in entries.items()
    }


def facts(receipts: Receipts) -> dict[str, dict[str, Any]]:
    return {label: receipt.facts() for label, receipt in receipts.items()}


def parse(text: Optional[str], path: str) -> dict[str, Receipt]:
    """Of a file; one that cannot be read says nothing about drives, which is not the same as "none is known"."""
    if text is None:
        return {}
    try:
        return read(json.loads(text)["drives"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OverlayError(
            f"{path}: is not what this collection writes ({error}), so it is unknown which drives hold data; "
            "restore it from a manager or a backup. If no such copy exists, move it away: drives that are labelled are "
            "recorded again"
        ) from error


def attempt(text: Optional[str], path: str) -> tuple[dict[str, Receipt], str]:
    """As ``parse``, with what is wrong as a sentence."""
    try:
        return parse(text, path), ""
    except OverlayError as error:
        return {}, str(error)


def text(receipts: Receipts) -> str:
    ordered = {label: receipts[label].facts() for label in sorted(receipts)}
    return json.dumps({"version": 1, "drives": ordered}, indent=2) + "\n"


def of_host(receipts: Receipts, number: int) -> dict[str, Receipt]:
    """Without what a host keeps of a time when it had another number: that is for another host to say."""
    return {
        label: receipt
        for label, receipt in receipts.items()
        if (match := LABEL.fullmatch(label)) is not None and match[1] == str(number)
    }


def words(label: str, receipt: Receipt) -> str:
    """What a receipt says against a device that reads as blank."""
    return f'a receipt says that it was formatted as "{label}" (UUID {receipt.uuid or "unknown"})'


def known(device: BlockDevice, receipts: Iterable[tuple[str, Receipt]]) -> Optional[tuple[str, Receipt]]:
    """The label and the receipt of a device that was formatted as a drive."""
    return next(((label, receipt) for label, receipt in receipts if receipt.names(device)), None)
