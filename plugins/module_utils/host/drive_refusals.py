# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a device is not taken as the drive that it is declared as; erasing is no way out of anything else."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from . import drive_claims, drive_consent, drive_names
from .blockdevices import Signature
from .drive_match import SERIAL, Drive, Place, State, match, partitions

TYPES = ("disk", "part", "loop", "lvm", "crypt", "mpath", "raid", "dm")
# mkfs.xfs refuses less.
SMALLEST = 300 * 1024 * 1024
# Of the directory of the mount points, which is root's.
PARENT_MODE = 0o755
POINT = re.compile(r"drive\d+")
CONSENT = "drives_format_consent"


def twice(drives: Sequence[Drive], state: State) -> list[str]:
    """One file system under two names would count as two drives, and lose both at once."""
    found = []
    devices, filesystems, names = defaultdict(list), defaultdict(list), defaultdict(list)
    for drive in drives:
        devices[drive.device.number].append(drive)
        if drive.device.wwn and drive.device.type == "disk":
            names[drive.device.wwn].append(drive)
        for uuid in {signature.uuid for signature in drive.signatures if signature.uuid}:
            filesystems[uuid].append(drive)
    for same in devices.values():
        if len(same) > 1:
            both = " and ".join(str(drive.place) for drive in same)
            found.append(f"{both}: are one device ({same[0].device.path}); list each device once")
    for wwn, same in names.items():
        if len({drive.device.number for drive in same}) > 1:
            both = " and ".join(str(drive.place) for drive in same)
            found.append(f"{both}: have one WWN ({wwn}), so they are paths to one device; declare its multipath device")
    for uuid, same in filesystems.items():
        if len({drive.device.number for drive in same}) > 1:
            both = " and ".join(str(drive.place) for drive in same)
            found.append(f"{both}: carry one file system (UUID {uuid}), one is a copy; take one out")
    for drive in drives:
        found += _same_label_elsewhere(drive, state)
    return found


def _same_label_elsewhere(drive: Drive, state: State) -> list[str]:
    family = {member.number for member in drive.device.family}
    others = [
        device.path
        for device in state.all_devices()
        if device.number not in family
        and drive.place.label in (device.label, *(mark.label for mark in state.signatures.get(device.number, ())))
        and not any(member.number == drive.device.number for member in device.family)
    ]
    if not others:
        return []
    return [
        f'{drive.place}: the label "{drive.place.label}" is on {", ".join(others)} too, or instead; '
        "a drive is mounted by its label: declare the device that carries it, or take the other one out"
    ]


def refusals(drive: Drive, options: Mapping[str, Any], state: State) -> list[str]:
    place, device = drive.place, drive.device
    occupant = state.at(place.target)
    if occupant is not None and not drive.mounted:
        return [f"{place}: {place.target} is taken by {occupant.source} ({occupant.filesystem}); unmount it first"]
    if device.readonly or not device.type.startswith(TYPES):
        kind = f"of type {device.type}" + (", read-only" if device.readonly else "")
        return [f"{place}: {device.path} is {kind}; a drive is a writable {', '.join(TYPES[:4])} device"]
    for member in (device, *partitions(device)):
        if member.number in state.unreadable:
            return [f"{place}: {member.path} cannot be read ({state.unreadable[member.number]}); check or replace it"]
    found = _foreign_mount_point(place, state)
    if drive.renamed and drive_consent.meant(options["format_consent"], options["host"], place.declared):
        return [*found, _name_of_another(drive)]
    if drive.mounted and drive.ours:
        broken = state.owners.get(place.target) is None
        return [f"{place}: {place.target} cannot be read; see `dmesg` and check or replace the drive"] if broken else []
    if in_use := _in_use(drive, state):
        return [
            *found,
            f'{place}: {in_use}; a device in use is never formatted, and it is not labelled "{place.label}": '
            "release it first, or declare another",
        ]
    return found if drive.ours else found + _not_blank(drive, options, state)


def _name_of_another(drive: Drive) -> str:
    """What such a name means is not guessed at where data depends on it."""
    return (
        f"{drive.place}: {CONSENT} names {drive.place.declared}, which is the name of another of this "
        f'host\'s drives since devices were renamed (label "{drive.place.label}" is on {drive.device.path}); nothing '
        "is formatted: declare the drives by /dev/disk/by-id or serial:, and name the drive that is meant"
    )


def foreign_parent(parent: str, state: State) -> list[str]:
    """The directory of the mount points is ours, or stays as it is."""
    if state.parent_is:
        return [
            f"drives_parent: {parent} is, or is below, a link that leads to {state.parent_is}, and the kernel names "
            f"what is mounted there by that; give {state.parent_is}"
        ]
    found = state.directories.get(parent)
    if found is None or (found.mode, found.uid, found.gid) == (PARENT_MODE, 0, 0):
        return []
    others = [name for name in found.entries if not POINT.fullmatch(name)]
    if not others and (found.entries or found.uid == 0):
        return []
    held = f", with {', '.join(others[:3])}" if others else ""
    return [
        f"drives_parent: {parent} exists (mode {found.mode:04o}, owner {found.uid}:{found.gid}{held}) and was not made "
        "by this collection, which would make it root's with mode 0755; give a directory that is not there yet"
    ]


def renamed(options: Mapping[str, Any], state: State) -> list[str]:
    """What to do about names that the kernel gives, which were exchanged or may be."""
    drives, _violations = match(options, state)
    said = [
        f'{drive.place}: its file system "{drive.place.label}" is on {drive.device.path} now, since devices were '
        f"renamed; the run goes on by labels: declare {_lasting(drive)}"
        for drive in drives
        if drive.renamed
    ]
    others = [
        drive for drive in drives if not drive.renamed and drive_names.KERNEL_NAME.fullmatch(drive.place.declared)
    ]
    if others:
        names = ", ".join(drive.place.declared for drive in others)
        said.append(
            f"minio_drives: {names}: the kernel may give such a name to another device at the next boot; declare "
            f"{', '.join(dict.fromkeys(map(_lasting, others)))}"
        )
    return said


def _lasting(drive: Drive) -> str:
    serial = drive.device.serial
    return f"{SERIAL}{serial}" if serial else "its path in /dev/disk/by-id (`ls -l /dev/disk/by-id`)"


def _foreign_mount_point(place: Place, state: State) -> list[str]:
    directory = state.directories.get(place.target)
    if directory is None or not directory.entries:
        return []
    some = ", ".join(sorted(directory.entries)[:3])
    return [
        f"{place}: nothing is mounted on {place.target}, and the directory is not empty ({some}); "
        "a mounted drive would hide that: move it away"
    ]


def _in_use(drive: Drive, state: State) -> str:
    for member in drive.device.family:
        mounts = state.on(member.number)
        if mounts:
            marks = _shown(drive.signatures) if member is drive.device else mounts[0].filesystem
            return f"{member.path} is mounted on {mounts[0].target} ({marks})"
    users = [member for member in drive.device.family[1:] if member.type != "part"]
    if users:
        return f"{drive.device.path} is part of {users[0].path} ({users[0].type})"
    return f"{drive.device.path} is in use (mounted elsewhere, swap, or part of an array)" if drive.held else ""


def _not_blank(drive: Drive, options: Mapping[str, Any], state: State) -> list[str]:
    place, device = drive.place, drive.device
    if device.size < SMALLEST:
        return [f"{place}: {device.path} has {device.size >> 20} MiB; XFS needs 300 MiB: declare a larger device"]
    if not (drive.findings or drive.known) or drive.resumable:
        return []
    if drive_claims.consented(drive, options["format_consent"], options["host"], state):
        return []
    if not drive.findings:
        return [f"{place}: {zeros(device.path, drive.known)} {_instead(drive, options, state)}"]
    found = ", ".join(drive.findings) + (" (a formatting that did not finish)" if drive.unfinished else "")
    return [
        f"{place}: {device.path} is not blank, found: {found}; only a blank device or one labelled "
        f'"{place.label}" is taken: {_instead(drive, options, state)}'
    ]


def zeros(path: str, known: Sequence[str]) -> str:
    """The beginning of a sentence on a device that reads as blank and should not."""
    return (
        f"{path} reads as blank, but {', and '.join(known)}; a drive, a controller or a SAN that fails can return "
        "zeros for data that is there: see `dmesg` and the hardware first;"
    )


def _instead(drive: Drive, options: Mapping[str, Any], state: State) -> str:
    """Erasing is no way out where the device is a drive of ours, or the drive that is meant is elsewhere.

    Who asked for it all the same, by an entry that is not enough, hears what would be.
    """
    stale = drive_claims.stale(drive, options["format_consent"], CONSENT, options["host"], state)
    labels = [mark.label for mark in (*drive.signatures, *drive.content.copies)]
    owners = [whose for label in labels if label != drive.place.label and (whose := drive_names.whose(label))]
    if owners:
        way = f"it is {owners[0]}, with its data; declare it there, and here the device that belongs here"
    elif drive.place.label in labels and not drive.signatures:
        way = (
            "it was that drive, and lost its beginning; its data may be whole: "
            f"`xfs_repair -n {drive.device.path}` says whether it can be repaired"
        )
    elif drive.place.label in labels and not drive.unfinished:
        way = f"it has that label and something else; its data may be whole: see `wipefs {drive.device.path}`"
    elif _same_label_elsewhere(drive, state):
        return "declare the device that carries that label"
    else:
        held = "".join(f"{claim.words}; " for claim in drive_claims.claims(drive, state))
        return f"{held}declare the device that is meant. {_erasing(drive, stale, options, state)}"
    return f"{way}. {_erasing(drive, stale, options, state)}" if stale else way


def _erasing(drive: Drive, stale: str, options: Mapping[str, Any], state: State) -> str:
    return (f"{stale}. " if stale else "") + agree(drive_claims.entries(drive, options["host"], state))


def agree(entries: str) -> str:
    """The one sentence that offers it."""
    return (
        "Only if this very device is to become a new drive and nothing on it is needed, "
        f"agree to its formatting by drives_format_consent: {entries}"
    )


def _shown(signatures: Sequence[Signature]) -> str:
    return ", ".join(dict.fromkeys(map(str, signatures)))
