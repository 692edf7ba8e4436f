# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where drives are, and what MinIO wrote on them when it took them, beside what the inventory makes of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.host import drive_consent, drive_refusals
from ansible_collections.baremetal.overlay.plugins.module_utils.host.blockdevices import BlockDevice
from ansible_collections.baremetal.overlay.plugins.module_utils.host.drive_receipts import Receipt, known, words
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import layout
from ansible_collections.baremetal.overlay.plugins.plugin_utils import drive_receipts, role_options
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import (
    Cluster,
    Host,
    Rule,
    enumerate_names,
    group_hosts,
)

CONSENT = drive_refusals.CONSENT


def _formats(host: Host) -> list[Mapping[str, Any]]:
    """What ``host`` found on the drives that carry our label."""
    sections = (host.report or {}).get("sections", {})
    return list(sections.get("drives", {}).get("formats") or [])


def _formatted(cluster: Cluster) -> list[tuple[Host, Mapping[str, Any]]]:
    return [
        (host, entry) for host in cluster.group("minio") for entry in _formats(host) if entry["state"] == "formatted"
    ]


def servers_look_where_drives_are(cluster: Cluster) -> Iterator[str]:
    """One directory by two names: that of the mount points, and what services are given of it."""
    mounted, given = (cluster.settings.get(name) for name in ("drives_parent", "minio_drives_parent"))
    if given and mounted and str(given).rstrip("/") != str(mounted).rstrip("/"):
        yield (
            f"minio_drives_parent: {given} is not where the drives are mounted (drives_parent: {mounted}); "
            "give drives_parent alone, which it follows"
        )


def deployments_are_one(cluster: Cluster) -> Iterator[str]:
    """A drive of another deployment: MinIO would not start with it."""
    found = _formatted(cluster)
    counted = Counter(entry["deployment"] for _host, entry in found)
    if len(counted) < 2:
        return
    (usual, number), *_others = counted.most_common()
    for host, entry in found:
        if entry["deployment"] != usual:
            yield (
                f"{host.name}: {entry['drive']}: belongs to the MinIO deployment {entry['deployment']}, and {number} "
                f"other{'' if number == 1 else 's'} of this inventory to {usual}; one deployment cannot hold both: "
                "declare the drive that belongs here"
            )


def drives_are_not_copies(cluster: Cluster) -> Iterator[str]:
    """Two drives with one identity count once, and one overwrites the other."""
    same: dict[str, list[str]] = defaultdict(list)
    for host, entry in _formatted(cluster):
        same[entry["this"]].append(f"{host.name} {entry['drive']}")
    for names in same.values():
        if len(names) > 1:
            yield f"{enumerate_names(names)}: have one identity in MinIO, so one is a copy; take the copy out"


def layouts_are_those_of_the_drives(cluster: Cluster) -> Iterator[str]:
    """Erasure sets are for ever: MinIO would not start with drives that were formatted for others."""
    pools: dict[str, list[Host]] = defaultdict(list)
    for host in cluster.group("minio"):
        pools[str(host.pool)].append(host)
    for pool, members in pools.items():
        counts = {len(host.drives) for host in members}
        size = layout.set_size(len(members), max(counts)) if len(counts) == 1 and 0 not in counts else None
        if size is None:
            continue
        wanted = [size] * (len(members) * max(counts) // size)
        for host in members:
            for entry in _formats(host):
                if entry["state"] == "formatted" and entry["sets"] != wanted:
                    yield (
                        f"{host.name}: {entry['drive']}: MinIO formatted it for {_sets(entry['sets'])}, and "
                        f"minio_pool {pool} would be {_sets(wanted)}; erasure sets never change: put the servers and "
                        "drives of that pool back; a host that is gone is replaced by one with its overlay_host_number"
                    )


def _sets(sizes: list[int]) -> str:
    sets = "erasure set" if len(sizes) == 1 else "erasure sets"
    return f"{len(sizes)} {sets} of {' or '.join(str(size) for size in sorted(set(sizes)))}"


def drives_can_be_read(cluster: Cluster) -> Iterator[str]:
    """What nobody knows before the drive is mounted, which MinIO then looks at itself."""
    words = {
        "unmounted": "carries our label and is not mounted, so which MinIO deployment it belongs to is unknown",
        "unreadable": "its format.json cannot be read; see `dmesg`",
        "strange": "its format.json is not what MinIO writes; see .minio.sys/format.json on it",
    }
    yield from group_hosts(
        (host.name, f"{entry['drive']}: {words[entry['state']]}")
        for host in cluster.group("minio")
        for entry in _formats(host)
        if entry["state"] in words
    )


def drives_have_room(cluster: Cluster) -> Iterator[str]:
    """MinIO refuses what does not fit on every drive of a set, so the fullest one counts."""
    given = ((name, cluster.settings.get(f"room_{name}")) for name in ("minimum", "warning"))
    limits = {name: float(limit) for name, limit in given if limit is not None}
    for host in cluster.group("minio"):
        for entry in _formats(host):
            left = entry.get("left")
            name = next((name for name, limit in limits.items() if left is not None and left < limit), None)
            if name:
                yield (
                    f"{host.name}: {entry['drive']}: {left:.0f} % is left "
                    f"(connectivity_room_{name} is {limits[name]:g} %); a full drive makes MinIO refuse uploads with "
                    "507: delete objects, or add a pool"
                )


def drives_are_named_for_good(cluster: Cluster) -> Iterator[str]:
    """Names that another boot gives to other devices; nothing is wrong as long as labels tell them apart."""
    yield from group_hosts(
        (host.name, sentence)
        for host in cluster.group("minio")
        for sentence in (host.report or {}).get("sections", {}).get("drives", {}).get("renamed") or []
    )


def drives_are_not_known_to_be_full(cluster: Cluster) -> Iterator[str]:
    """A host that lost its system disk keeps no receipts any more; managers keep them for it."""
    receipts = drive_receipts.known(cluster)
    for host in cluster.group("minio"):
        section = drive_receipts.section(host)
        agreed = role_options.read_or(host.variables, CONSENT, [])
        for entry in section.get("devices") or []:
            found = _missing(entry, receipts, section)
            if found and not drive_consent.consented(agreed, host.name, entry["declared"], entry["digest"]):
                yield _zeros(host, entry, found)


def _missing(
    entry: Mapping[str, Any], receipts: Mapping[str, Receipt], section: Mapping[str, Any]
) -> tuple[str, Receipt] | None:
    """The receipt of a device that would be formatted; its own host has said what it knows itself."""
    if entry["ours"] or entry["resumable"] or not entry["blank"]:
        return None
    told = {label: one for label, one in receipts.items() if label not in (section.get("receipts") or {})}
    present = {one["uuid"] for one in section["devices"] if one["ours"]}
    device = BlockDevice(
        entry["device"], "", "", entry["size"], serial=entry["serial"], wwn=entry["wwn"], partition=entry["partition"]
    )
    return known(device, [(label, one) for label, one in told.items() if one.uuid not in present])


def _zeros(host: Host, entry: Mapping[str, Any], found: tuple[str, Receipt]) -> str:
    zeros = drive_refusals.zeros(entry["device"], [words(*found)])
    agreement = drive_consent.entry(host.name, entry["declared"], entry["digest"])
    return (
        f"{host.name}: drive {entry['position']} ({entry['declared']}): {zeros} declare the device that is meant. "
        f"""{drive_refusals.agree(f'["{agreement}"]')}"""
    )


def receipts_can_be_read(cluster: Cluster) -> Iterator[str]:
    """Which drives hold data is unknown as long as what a manager keeps is not understood."""
    for host in cluster.group("managers"):
        if wrong := drive_receipts.kept(host).get("wrong"):
            yield f"{host.name}: {wrong}"


RULES: tuple[Rule, ...] = (
    drives_are_not_known_to_be_full,
    receipts_can_be_read,
    servers_look_where_drives_are,
    deployments_are_one,
    drives_are_not_copies,
    layouts_are_those_of_the_drives,
)
ADVICE: tuple[Rule, ...] = (drives_can_be_read, drives_have_room, drives_are_named_for_good)
