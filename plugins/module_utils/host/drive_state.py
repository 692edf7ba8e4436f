# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the section ``drives`` plans from; touches nothing."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, Optional

from . import blockdevices, drive_content, drive_deployments, drive_match, drive_names, drive_receipts, fstab
from .blockdevices import BlockDevice
from .drive_match import Directory, Drive, Place, State, find, parent_of, partitions, places
from .snapshot import Snapshot
from .system import System

BOOT = "/proc/sys/kernel/random/boot_id"


def read(options: Mapping[str, Any], snapshot: Snapshot) -> State:
    """The devices that are declared are looked at themselves, the others only as lsblk lists them."""
    system, wanted = snapshot.system, places(options)
    state = look(wanted, system, snapshot.devices)
    mounted = {mount.target for mount in state.mounts}
    points = [place.target for place in wanted]
    receipts, wrong = drive_receipts.attempt(system.read(drive_receipts.OWN), drive_receipts.OWN)
    state = replace(
        state,
        marks={place.mark: text for place in wanted if (text := system.read(place.mark)) is not None},
        directories={
            path: directory(path) for path in [*(point for point in points if point not in mounted), parent_of(options)]
        },
        parent_is=real if (real := system.resolve(parent_of(options))) != parent_of(options) else "",
        owners={path: directory(path) for path in points if path in mounted},
        fstab=system.read(fstab.PATH),
        packages=snapshot.packages,
        receipts=receipts,
        receipts_wrong=wrong,
        told=drive_receipts.read(options.get("receipts") or {}),
        boot=(system.read(BOOT) or "").strip(),
    )
    return replace(_with_contents(options, state), deployments=_deployments(wanted, state, system))


def look(wanted: Sequence[Place], system: System, devices: Sequence[BlockDevice]) -> State:
    """What the devices of these places say of themselves now."""
    mounts = blockdevices.parse_mounts(system.read(blockdevices.MOUNTINFO) or "")
    nodes = {place.declared: _node(place.declared, system) for place in wanted}
    outline = State(devices=devices, mounts=mounts, nodes=nodes)
    looked_at = _looked_at(wanted, outline)
    named, unreadable = blockdevices.read_signatures(system, list(looked_at))
    idle = [device for path, device in looked_at.items() if path not in unreadable and not outline.on(device.number)]
    return replace(
        outline,
        signatures={device.number: named.get(PurePath(path).name, ()) for path, device in looked_at.items()},
        held=frozenset(device.number for device in idle if blockdevices.is_held(device.path)),
        unfinished=frozenset(device.number for device in idle if blockdevices.is_unfinished_xfs(device.path)),
        unreadable={device.number: unreadable[path] for path, device in looked_at.items() if path in unreadable},
    )


def _with_contents(options: Mapping[str, Any], state: State) -> State:
    """Read through only what would be formatted: idle, and no drive of ours."""
    drives, _violations = drive_match.match(options, state)
    return with_contents([drive for drive in drives if not drive.ours], state)


def with_contents(drives: Sequence[Drive], state: State) -> State:
    """What the samples of these devices hold; one that cannot be read to its end is not blank."""
    devices = {
        drive.device.number: drive.device
        for drive in drives
        if not (drive.held or drive.device.number in state.unreadable or state.on(drive.device.number))
    }
    found = drive_content.read_all([(device.path, device.size) for device in devices.values()])
    answers = {number: found[device.path] for number, device in devices.items()}
    return replace(
        state,
        contents={number: one for number, one in answers.items() if isinstance(one, drive_content.Content)},
        unreadable={
            **state.unreadable,
            **{number: drive_content.failure(one) for number, one in answers.items() if isinstance(one, OSError)},
        },
    )


def again(seen: Drive, system: System) -> tuple[Optional[Drive], str]:
    """The place's drive as it is at this moment, read from the declaration on; or what is wrong with it."""
    state = look([seen.place], system, blockdevices.read(system))
    device, wrong = find(seen.place, state)
    if device is None:
        return None, wrong
    now = drive_match.drive(seen.place, device, state)
    state = with_contents([now], state)
    if device.number in state.unreadable:
        return None, f"{seen.place}: {device.path} cannot be read ({state.unreadable[device.number]})"
    return drive_match.drive(seen.place, device, state), ""


def _node(declared: str, system: System) -> Optional[tuple[str, str]]:
    path = system.resolve(declared)
    number = blockdevices.node_number(path)
    return (path, number) if number else None


def _looked_at(wanted: Sequence[Place], outline: State) -> dict[str, BlockDevice]:
    """By their paths the devices that are declared, and their partitions."""
    devices = [device for place in wanted if (device := find(place, outline)[0]) is not None]
    parts = {part.path: part for device in devices for part in partitions(device)}
    return {**parts, **{device.path: device for device in devices}}


def _deployments(wanted: Sequence[Place], state: State, system: System) -> dict[str, str]:
    """What a MinIO left where no label of ours says so already."""
    closed = {
        path: device
        for path, device in _looked_at(wanted, state).items()
        if device.number not in {*state.held, *state.unfinished, *state.unreadable} and not state.on(device.number)
    }
    kinds = {
        path: (device.number, mark.type)
        for path, device in closed.items()
        for mark in state.signatures[device.number]
        if mark.type in drive_deployments.OPTIONS and not drive_names.whose(mark.label)
    }
    looks = {number: drive_deployments.look(system, path, kind) for path, (number, kind) in kinds.items()}
    return {number: words for number, words in looks.items() if words}


def directory(path: str) -> Optional[Directory]:
    """None where there is none, and where a broken file system does not let it be read."""
    try:
        status = Path(path).stat()
        entries = sorted(entry.name for entry in Path(path).iterdir())
    except OSError:
        return None
    return Directory(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, tuple(entries))
