# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``drives``: every drive is checked, then prepared. ``drive_match.py``: which device is which drive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from . import drive_claims, drive_receipts, fstab, packages
from .drive_match import Drive, State, match, parent_of
from .drive_receipts import Receipt
from .drive_refusals import PARENT_MODE, foreign_parent, refusals, twice
from .drive_steps import Format, MakeDirectory, MountDrive, Own, Record
from .steps import DAEMON_RELOAD, Plan, Step, Unmark, WriteFile

TOOLS = "xfsprogs"
# What a device is known by from one look to the next; names of the kernel's last as long as nothing is plugged.
SAME = ("device", "serial", "wwn", "partition", "size")
POINT_MODE = 0o555


def search(options: Mapping[str, Any], state: State) -> list[str]:
    """What is wrong with the declarations alone, where the host has no number yet that would name its drives."""
    found, violations = match(options, state)
    return [*violations, *twice(found, state)]


def plan(options: Mapping[str, Any], state: State) -> Plan:
    """Every drive is checked before the first is touched."""
    if options["number"] < 1:
        return Plan(violations=[f"drives: {options['number']} is not the number of a host; give 1 or more"])
    if not options["devices"]:
        return Plan(violations=["drives: no device is declared; a MinIO host needs one: list them in minio_drives"])
    drives, violations = match(options, state)
    violations += filter(None, [state.receipts_wrong])
    violations += twice(drives, state)
    violations += foreign_parent(parent_of(options), state)
    seen: set[str] = set()
    for drive in drives:
        if drive.device.number not in seen:
            violations += refusals(drive, options, state) or _another(drive, options, state)
        seen.add(drive.device.number)
    result = Plan(violations=violations)
    if not violations:
        result.steps = _steps(drives, options, state)
    return result


def _another(drive: Drive, options: Mapping[str, Any], state: State) -> list[str]:
    """What an earlier look planned is done to the device of that look, and to no other."""
    before = next((one for one in options.get("seen") or [] if one["declared"] == drive.place.declared), None)
    if drive.ours or before is None:
        return []
    now = outline(drive, state)
    differs = [
        f"{name} was {before[name] or 'none'}, is {now[name] or 'none'}" for name in SAME if before[name] != now[name]
    ]
    if not differs:
        return []
    return [
        f"{drive.place}: is another device than this run looked at before ({'; '.join(differs)}); nothing is "
        "formatted: run again"
    ]


def outline(drive: Drive, state: State) -> dict[str, Any]:
    """What a look reports of a declared device, so that what follows from it is done to that device only."""
    device = drive.device
    return {
        "declared": drive.place.declared,
        "position": drive.place.position,
        "label": drive.place.label,
        "device": device.path,
        "serial": device.serial,
        "wwn": device.wwn,
        "partition": device.partition,
        "size": device.size,
        "blank": not drive.findings,
        "uuid": drive.uuid,
        "ours": drive.ours,
        "resumable": drive.resumable,
        "digest": drive_claims.digest(drive, state),
    }


def outlines(options: Mapping[str, Any], state: State) -> list[dict[str, Any]]:
    """Of every device that is declared and there."""
    return [outline(drive, state) for drive in match(options, state)[0]]


def _steps(drives: Sequence[Drive], options: Mapping[str, Any], state: State) -> list[Step]:
    steps: list[Step] = []
    if packages.missing([TOOLS], state.packages):
        steps.append(packages.Install([TOOLS]))
    if unrecorded := _unrecorded(drives, state):
        steps.append(Record(unrecorded))
    for drive in drives:
        if not drive.ours:
            steps.append(Format(drive, state.boot))
        elif drive.place.mark in state.marks:
            # Said, because what is not said calls for no run: a host that rebooted right then has nothing else to do.
            steps.append(Unmark(drive.place.mark, f"note that {drive.place.label} is formatted"))
    steps += _directories(drives, state)
    steps += _fstab(drives, state)
    for drive in drives:
        if not drive.mounted:
            steps.append(MountDrive(drive.place.label, drive.place.target, drive.device.number))
    return steps + _owners(drives, options, state)


def _unrecorded(drives: Sequence[Drive], state: State) -> dict[str, Receipt]:
    """Drives of ours whose receipt is missing, or is of what was there before."""
    wanted = {drive.place.label: drive_receipts.of(drive.device, drive.uuid) for drive in drives if drive.ours}
    return {label: receipt for label, receipt in wanted.items() if state.receipts.get(label) != receipt}


def _directories(drives: Sequence[Drive], state: State) -> list[Step]:
    """The bare mount points belong to root and nobody writes there, so an unmounted drive takes no data."""
    modes = {drive.place.parent: PARENT_MODE for drive in drives}
    modes.update({drive.place.target: POINT_MODE for drive in drives if not drive.mounted})
    steps: list[Step] = []
    for path, mode in modes.items():
        present = state.directories.get(path)
        if present is None or (present.mode, present.uid, present.gid) != (mode, 0, 0):
            steps.append(MakeDirectory(path, mode))
    return steps


def _fstab(drives: Sequence[Drive], state: State) -> list[Step]:
    text = fstab.merge(state.fstab, [fstab.Entry(drive.place.label, drive.place.target) for drive in drives])
    if text == (state.fstab or ""):
        return []
    return [WriteFile(fstab.PATH, text, state.fstab), DAEMON_RELOAD]


def _owners(drives: Sequence[Drive], options: Mapping[str, Any], state: State) -> list[Step]:
    wanted = (options["owner"], options["group"])
    steps: list[Step] = []
    for drive in drives:
        present = state.owners.get(drive.place.target)
        if not drive.mounted or present is None or (present.uid, present.gid) != wanted:
            known = drive.mounted or drive.ours
            steps.append(Own(drive.place.target, *wanted, told=known and present is not None))
    return steps


def receipts(found: Plan, state: State) -> dict[str, Receipt]:
    """What the host will keep of its drives; the file system of a drive that is not formatted yet has no UUID."""
    result = dict(state.receipts)
    for step in found.steps:
        if isinstance(step, Record):
            result.update(step.receipts)
        if isinstance(step, Format):
            result[step.drive.place.label] = drive_receipts.of(step.drive.device, "")
    return result


def describe(options: Mapping[str, Any], state: State) -> list[dict[str, Any]]:
    """What the user reads about each drive."""
    drives, _violations = match(options, state)
    return [
        {
            "declared": drive.place.declared,
            "device": drive.device.path,
            "name": PurePath(drive.place.target).name,
            "label": drive.place.label,
            "mount": drive.place.target,
            "mounted": drive.mounted,
            "size": drive.device.size,
            "uuid": drive.uuid or None,
        }
        for drive in drives
    ]
