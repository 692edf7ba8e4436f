# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device holds, as consent to erase it is bound to, and the data on it that somebody may still need. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import drive_consent, drive_names
from .blockdevices import Signature
from .drive_match import Drive, State, identity, partitions, signatures


@dataclass(frozen=True)
class Claim:
    """Data of a MinIO: whoever erases it has to name the UUID of its file system."""

    path: str
    uuid: str
    words: str


def findings(drive: Drive, state: State) -> dict[str, Any]:
    """The device and its content; nothing that changes by mounting it, by a reboot or by the state of udev."""
    return {
        "device": identity(drive.device),
        "signatures": _marks(drive.signatures),
        "content": [drive.content.kind, _marks(drive.content.copies)],
        "partitions": [[part.size, _marks(signatures(part, state))] for part in partitions(drive.device)],
        "receipt": _recorded(drive, state),
    }


def _recorded(drive: Drive, state: State) -> str:
    """The file system that the host itself recorded and that is gone. Each formatting records another one.

    Zeros and noise look alike each time, so without this an entry for them would agree to the next ones, too. What
    managers tell is not known at every look.
    """
    if drive.receipt is None or state.receipts.get(drive.receipt[0]) != drive.receipt[1]:
        return ""
    return drive.receipt[1].uuid


def claims(drive: Drive, state: State) -> list[Claim]:
    """By a label of ours, whichever member's, and by what a MinIO left in a file system."""
    if drive.unfinished:
        return []
    found = []
    for device in (drive.device, *partitions(drive.device)):
        for mark in signatures(device, state):
            member = drive_names.whose(mark.label)
            words = f"it is {member}, with its data" if member else state.deployments.get(device.number, "")
            if words and mark.uuid:
                found.append(Claim(device.path, mark.uuid, words))
    return found + _lost(drive)


def _lost(drive: Drive) -> list[Claim]:
    """Of a file system whose beginning is gone: no tool shows its UUID any more, so the refusal does."""
    return [
        Claim("", copy.uuid, f"it was {member}, whose data may be whole")
        for copy in drive.content.copies
        if copy.uuid and (member := drive_names.whose(copy.label))
    ]


def digest(drive: Drive, state: State) -> str:
    return drive_consent.digest(findings(drive, state))


def consented(drive: Drive, consents: Sequence[str], host: str, state: State) -> bool:
    """Whether exactly this was agreed to: with an entry for each UUID where data of a MinIO is at stake."""
    found = digest(drive, state)
    uuids = [claim.uuid for claim in claims(drive, state)] or [""]
    return all(drive_consent.consented(consents, host, drive.place.declared, found, uuid) for uuid in uuids)


def entries(drive: Drive, host: str, state: State) -> str:
    """What agrees to it, to be copied; a UUID is left to be looked up, which takes a look at what is erased."""
    # A caller of the module that did not say the host's name has to, as an entry begins with it.
    found, at_stake = digest(drive, state), claims(drive, state)
    uuids = ["<UUID>"] * len(at_stake) or [""]
    entry = [drive_consent.entry(host or "<host>", drive.place.declared, found, uuid) for uuid in uuids]
    shown = "[" + ", ".join(f'"{one}"' for one in entry) + "]"
    if at_stake:
        paths = " ".join(dict.fromkeys(claim.path for claim in at_stake if claim.path))
        where = f" (`lsblk -o PATH,LABEL,UUID {paths}`)" if paths else ""
        shown += f", with the UUID of the file system{where} in place of <UUID>"
    return shown


def stale(drive: Drive, given: Sequence[str], option: str, host: str, state: State) -> str:
    """What is wrong with the entries that are for this device and agree to nothing; empty without any."""
    declared = drive.place.declared
    meant = drive_consent.meant(given, host, declared)
    if not meant:
        return ""
    shown = f"{option} has " + ", ".join(f'"{entry}"' for entry in meant)
    if declared in meant:
        return f"{shown}, which does not say on which host, and what was found there"
    if f"{host}:{declared}" in meant:
        return f"{shown}, which does not say what was found there"
    if drive_consent.consented(meant, host, declared, digest(drive, state)):
        return f"{shown}, which does not name the UUID of the file system whose data would be lost"
    return f"{shown}, which is not for what is there now"


def _marks(found: Sequence[Signature]) -> list[list[str]]:
    return sorted([mark.type, mark.label, mark.uuid] for mark in found)
