# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the section ``drives`` plans from; touches nothing."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Optional

from . import blockdevices, drive_deployments, drive_names, fstab
from .blockdevices import BlockDevice, Signature
from .drive_match import Directory, Place, State, find, parent_of, partitions, places
from .snapshot import Snapshot
from .system import System


def read(options: Mapping[str, Any], snapshot: Snapshot) -> State:
    """The devices that are declared are looked at themselves, the others only as lsblk lists them."""
    system, devices = snapshot.system, snapshot.devices
    wanted = places(options)
    mounts = blockdevices.parse_mounts(system.read(blockdevices.MOUNTINFO) or "")
    nodes = {place.declared: _node(place.declared, system) for place in wanted}
    outline = State(devices=devices, mounts=mounts, nodes=nodes)
    found = {device.path: device for device in _found(wanted, outline)}
    looked_at = {**{part.path: part for device in found.values() for part in partitions(device)}, **found}
    named, unreadable = blockdevices.read_signatures(system, list(looked_at))
    signatures = {device.number: named.get(PurePath(path).name, ()) for path, device in looked_at.items()}
    idle = [device for path, device in looked_at.items() if path not in unreadable and not outline.on(device.number)]
    held = frozenset(device.number for device in idle if blockdevices.is_held(device.path))
    unfinished = frozenset(device.number for device in idle if blockdevices.is_unfinished_xfs(device.path))
    closed = [device for device in idle if device.number not in held | unfinished]
    mounted = {mount.target for mount in mounts}
    points = [place.target for place in wanted]
    return State(
        devices=devices,
        mounts=mounts,
        nodes=nodes,
        signatures=signatures,
        held=held,
        unfinished=unfinished,
        deployments=_deployments(closed, signatures, system),
        marks={place.mark: text for place in wanted if (text := system.read(place.mark)) is not None},
        directories={
            path: directory(path) for path in [*(point for point in points if point not in mounted), parent_of(options)]
        },
        parent_is=real if (real := system.resolve(parent_of(options))) != parent_of(options) else "",
        owners={path: directory(path) for path in points if path in mounted},
        unreadable={device.number: unreadable[path] for path, device in looked_at.items() if path in unreadable},
        fstab=system.read(fstab.PATH),
        packages=snapshot.packages,
    )


def _node(declared: str, system: System) -> Optional[tuple[str, str]]:
    path = system.resolve(declared)
    number = blockdevices.node_number(path)
    return (path, number) if number else None


def _found(wanted: Sequence[Place], outline: State) -> list[BlockDevice]:
    return [device for place in wanted if (device := find(place, outline)[0]) is not None]


def _deployments(
    devices: Sequence[BlockDevice], signatures: Mapping[str, Sequence[Signature]], system: System
) -> dict[str, str]:
    """What a MinIO left where no label of ours says so already."""
    kinds = {
        device.path: (device.number, mark.type)
        for device in devices
        for mark in signatures[device.number]
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
