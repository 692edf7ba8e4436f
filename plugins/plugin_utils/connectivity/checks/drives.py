# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives: every declared one is there, mounted in its place, and online in MinIO; SMART where the host has it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import group_hosts
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    PASS,
    WARN,
    Cell,
    Layer,
    Member,
    Reason,
    View,
    unrun,
)

CHECKS = ("device", "mounted", "minio")
ENDPOINT = re.compile(r"https?://[a-z][a-z0-9-]*?(?P<server>\d+):\d+/\S*?(?P<drive>\d+)")
ALONE = re.compile(r"/\S*?(?P<drive>\d+)")

Disk = Mapping[str, Any]


def place_of(endpoint: str, view: View) -> tuple[int | None, int | None]:
    """The server's number and the drive's position, by MinIO's name for a drive."""
    if found := ENDPOINT.fullmatch(endpoint):
        return int(found["server"]), int(found["drive"])
    alone = ALONE.fullmatch(endpoint)
    only = view.servers[0].number if alone and view.servers else None
    return only, int(alone["drive"]) if alone else None


def name_of(endpoint: str, view: View) -> str:
    """A drive as the inventory's reader knows it."""
    server, drive = place_of(endpoint, view)
    host = next((one.name for one in view.servers if server is not None and one.number == server), None)
    return f"{host} drive{drive}" if host else endpoint


def cells(view: View) -> Iterator[Cell]:
    """By what the host says of the device and the mount, and by what MinIO says of the drive."""
    disks, unheard = view.disks
    told = {place_of(str(disk["endpoint"]), view): disk for disk in disks}
    for member in view.servers:
        seen = {one["position"]: one for one in member.sight.get("drives") or ()}
        for position, declared in enumerate(member.drives, 1):
            name, looked = f"drive{position}", seen.get(position)
            yield from _local(member, name, declared, looked)
            yield _online(member, name, told.get((member.number, position)), unheard)
        yield from _smart(member)


def _local(member: Member, name: str, declared: str, looked: Mapping[str, Any] | None) -> Iterator[Cell]:
    """The device, and what is mounted."""
    for check, key in (("device", "wrong"), ("mounted", "unmounted")):
        if looked is None:
            yield unrun(check, member.name, name, member.away or Reason(f"{member.name} did not look at its drives"))
            continue
        wrong = looked[key]
        detail = f"{member.name}: {name} ({declared}): {wrong}" if wrong else ""
        value = "" if wrong else str(looked["device"] if check == "device" else looked["target"])
        yield Cell(check, member.name, name, FAIL if wrong else PASS, value, detail)


def _online(member: Member, name: str, disk: Disk | None, unheard: Reason | None) -> Cell:
    """Healing is MinIO at work, and the set has less to lose meanwhile: a warning with how far it is."""
    if member.excused and (disk is None or disk["state"] != "ok"):
        return unrun("minio", member.name, name, member.excused)
    if unheard:
        return unrun("minio", member.name, name, unheard)
    if disk is None:
        return Cell("minio", member.name, name, FAIL, "", f"{member.name}: MinIO has no {name}")
    if disk["state"] != "ok":
        return Cell("minio", member.name, name, FAIL, "", f"{member.name}: {name} is {disk['state']} in MinIO")
    if disk["healing"]:
        told = progress(disk["healed"])
        detail = f"{member.name}: MinIO is healing {name}{f', {told}' if told else ''}: wait before another drive goes"
        return Cell("minio", member.name, name, WARN, told or "healing", detail)
    return Cell("minio", member.name, name, PASS, "ok")


def progress(healed: Mapping[str, Any]) -> str:
    """How much of a drive is healed, as far as MinIO knows how much there is."""
    total, done = healed.get("objects_total_size") or 0, healed.get("bytes_done") or 0
    if total:
        return f"{min(99, done * 100 // total)} % healed"
    count = healed.get("objects_healed") or healed.get("items_healed") or 0
    return f"{count} objects healed" if count else ""


def _asked(member: Member) -> dict[int, Mapping[str, Any]]:
    """What the disks said that could be asked."""
    answers = {one["position"]: one["smart"] for one in member.sight.get("drives") or () if one["device"]}
    return {position: answer for position, answer in answers.items() if "passed" in answer or "unknown" in answer}


def _smart(member: Member) -> Iterator[Cell]:
    """What the disks say of themselves."""
    for position, answer in _asked(member).items():
        name = f"drive{position}"
        if "unknown" in answer:
            yield unrun("smart", member.name, name, Reason(f"{member.name}: {name}: {answer['unknown']}"))
            continue
        passed = answer["passed"]
        detail = "" if passed else f"{member.name}: {name}: SMART says that the disk is failing; replace it"
        yield Cell("smart", member.name, name, PASS if passed else FAIL, "SMART" if passed else "", detail)


def notes(view: View) -> list[str]:
    """Where SMART is not read, and why: that is no fault, so there is no cell for it."""
    found = []
    for member in view.servers:
        drives = member.sight.get("drives") or ()
        if drives and not _asked(member):
            told = any("unsupported" in one["smart"] for one in drives)
            why = "the disks have none" if told else "smartctl is not installed (package smartmontools)"
            found.append((member.name, f"SMART is not read: {why}"))
    return list(group_hosts(found))


LAYER = Layer(
    name="drives",
    title="Drives",
    question="Every declared drive is the right device, mounted in its place, and online in MinIO.",
    remedy="mount what is not mounted (site.yml does), or replace the drive; MinIO heals it by itself",
    cells=cells,
    expected=lambda view: sum(len(CHECKS) * len(member.drives) for member in view.servers),
    notes=notes,
    matrix=False,
)
