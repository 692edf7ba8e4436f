# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's declared drives as they are now: which device, what is mounted in its place, and what SMART says of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, Optional

from ..host import blockdevices
from ..host.blockdevices import BlockDevice
from ..host.drive_match import Drive, Place, State, find, match, places
from ..host.system import System

SMARTCTL = "smartctl"
# A disk that is dying may not answer for minutes; the report is wanted before.
SMART_SECONDS = 10


def look(system: System, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One entry for each declared drive; ``wrong`` says what stands against the device itself."""
    declared = {**options, "format_consent": []}
    state = _state(system, declared)
    drives, _violations = match(declared, state)
    found = {drive.place: drive for drive in drives}
    return [
        {
            "declared": place.declared,
            "position": place.position,
            "label": place.label,
            "target": place.target,
            **_device(place, state, found.get(place)),
            **_mounted(place, state, found.get(place)),
            "smart": _smart(system, state, found.get(place)),
        }
        for place in places(declared)
    ]


def _state(system: System, options: Mapping[str, Any]) -> State:
    """As much of the plan's state as says which device is which; nothing is opened for writing."""
    mounts = blockdevices.parse_mounts(system.read(blockdevices.MOUNTINFO) or "")
    devices = blockdevices.read(system)
    nodes = {place.declared: _node(system, place.declared) for place in places(options)}
    outline = State(devices=devices, mounts=mounts, nodes=nodes)
    there = {device.path: device for place in places(options) if (device := find(place, outline)[0]) is not None}
    named, unreadable = blockdevices.read_signatures(system, list(there))
    return State(
        devices=devices,
        mounts=mounts,
        nodes=nodes,
        signatures={device.number: named.get(PurePath(path).name, ()) for path, device in there.items()},
        unreadable={device.number: unreadable[path] for path, device in there.items() if path in unreadable},
    )


def _node(system: System, declared: str) -> Optional[tuple[str, str]]:
    path = system.resolve(declared)
    number = blockdevices.node_number(path)
    return (path, number) if number else None


def _device(place: Place, state: State, drive: Optional[Drive]) -> dict[str, Any]:
    """The device, and why it is not the drive that it should be."""
    if drive is None:
        return {"device": None, "wrong": find(place, state)[1]}
    device = drive.device
    if device.number in state.unreadable:
        return {"device": device.path, "wrong": f"{device.path} cannot be read: {state.unreadable[device.number]}"}
    marks = ", ".join(map(str, drive.signatures)) or "nothing"
    wanted = f'xfs labelled "{place.label}"'
    return {
        "device": device.path,
        "wrong": "" if drive.ours else f"{device.path} carries {marks}; it has to be {wanted}",
    }


def _mounted(place: Place, state: State, drive: Optional[Drive]) -> dict[str, Any]:
    """What is mounted in the drive's place, and why that is not good."""
    occupant = state.at(place.target)
    if occupant is None:
        return {"unmounted": f"nothing is mounted on {place.target}"}
    # By its label, where a reboot exchanged the kernel's names.
    if drive is not None and occupant.device != drive.device.number:
        return {"unmounted": f"{occupant.source} is mounted on {place.target}, and not {drive.device.path}"}
    return {"unmounted": _unusable(place.target)}


def _unusable(target: str) -> str:
    """A file system that has shut down after an error is still mounted."""
    try:
        next(Path(target).iterdir(), None)
        readonly = os.statvfs(target).f_flag & os.ST_RDONLY
    except OSError as error:
        return f"{target} cannot be read: {error.strerror or error}"
    return f"{target} is mounted read-only" if readonly else ""


def _smart(system: System, state: State, drive: Optional[Drive]) -> dict[str, Any]:
    """``passed``, or ``unknown``: why there is no answer; empty where the host does not have the program."""
    if drive is None or not system.which(SMARTCTL):
        return {}
    disk = _disk(drive.device, state)
    command = ("timeout", str(SMART_SECONDS), SMARTCTL, "--json", "--health", disk.path)
    return read_smart(system.answer(command), disk.path)


def _disk(device: BlockDevice, state: State) -> BlockDevice:
    """The disk that a partition or a mapping lies on."""
    return next((one for one in state.devices if device.number in {inner.number for inner in one.family}), device)


def read_smart(text: str, path: str) -> dict[str, Any]:
    """The answer of smartctl, whose exit status says more than success or not."""
    try:
        answer = json.loads(text)
    except ValueError:
        return {"unknown": f"{path}: smartctl gave no answer within {SMART_SECONDS} s"}
    passed = (answer.get("smart_status") or {}).get("passed")
    if passed is None:
        told = [one.get("string", "") for one in (answer.get("smartctl") or {}).get("messages") or []]
        return {"unsupported": f"{path} has no SMART ({'; '.join(filter(None, told)) or 'no health status'})"}
    return {"passed": bool(passed)}
