# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``drives``: every drive is checked, then prepared. ``drive_match.py``: which device is which drive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from . import fstab, packages
from .drive_match import Drive, State, identity, match, parent_of
from .drive_refusals import PARENT_MODE, foreign_parent, refusals, twice
from .drive_steps import Format, MakeDirectory, MountDrive, Own
from .steps import DAEMON_RELOAD, Plan, Step, Unmark, WriteFile

TOOLS = "xfsprogs"
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
    violations += twice(drives, state)
    violations += foreign_parent(parent_of(options), state)
    seen: set[str] = set()
    for drive in drives:
        if drive.device.number not in seen:
            violations += refusals(drive, options, state)
        seen.add(drive.device.number)
    result = Plan(violations=violations)
    if not violations:
        result.steps = _steps(drives, options, state)
    return result


def _steps(drives: Sequence[Drive], options: Mapping[str, Any], state: State) -> list[Step]:
    steps: list[Step] = []
    if packages.missing([TOOLS], state.packages):
        steps.append(packages.Install([TOOLS]))
    for drive in drives:
        if not drive.ours:
            erase = bool(drive.signatures or drive.device.children)
            steps.append(
                Format(drive.device.path, drive.place.label, drive.place.mark, identity(drive.device), erase=erase)
            )
        elif drive.place.mark in state.marks:
            # Said, because what is not said calls for no run: a host that rebooted right then has nothing else to do.
            steps.append(Unmark(drive.place.mark, f"note that {drive.place.label} is formatted"))
    steps += _directories(drives, state)
    steps += _fstab(drives, state)
    for drive in drives:
        if not drive.mounted:
            steps.append(MountDrive(drive.place.label, drive.place.target, drive.device.number))
    return steps + _owners(drives, options, state)


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
            "uuid": next((mark.uuid for mark in drive.signatures if mark.type == "xfs"), None),
        }
        for drive in drives
    ]
