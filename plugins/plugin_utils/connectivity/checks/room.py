# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room: what is left of every pool, by the operator's thresholds and by MinIO's own rule for refusing to store.

MinIO refuses (507) where a drive of the object's set has too little, where the set as a whole is 99 % full, or where a
drive has fewer than 1000 free inodes. It counts twice an object's size, spread over the drives of the set, and takes
an upload of unknown length for 1 GiB (hasSpaceFor in its cmd/object-api-utils.go).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.minio.layout import Layout, Pool
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.checks import drives
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    PASS,
    WARN,
    Cell,
    Layer,
    Reason,
    View,
    unrun,
)

FILLED, INODES, UNKNOWN_SIZE = 0.99, 1000, 1 << 30
CHECKS = {"room": "left", "accepts": "takes uploads"}

Disk = Mapping[str, Any]


def sets_of(view: View, pool: Pool) -> list[list[Disk]]:
    """The drives of each erasure set of a pool that MinIO reaches; one for every set that is declared."""
    disks, _unheard = view.disks
    index = view.layout.pools.index(pool) if view.layout else 0
    there = [disk for disk in disks if disk["state"] == "ok" and disk["totalspace"]]
    return [
        [disk for disk in there if (disk["pool_index"], disk["set_index"]) == (index, number)]
        for number in range(len(pool.sets))
    ]


def left(disk: Disk) -> float:
    """The percentage of a drive that is free."""
    return 100 * (disk["availspace"] or 0) / disk["totalspace"]


def refuses(disks: Sequence[Disk], size: int) -> bool:
    """Whether MinIO would store nothing that takes so many bytes on the drives of a set together."""
    total = sum(disk["totalspace"] for disk in disks)
    free = sum(disk["totalspace"] - (disk["usedspace"] or 0) for disk in disks)
    for disk in disks:
        if disk["used_inodes"] and (disk["free_inodes"] or 0) < INODES:
            return True
        if (disk["availspace"] or 0) <= size // len(disks):
            return True
    return free - size <= total * (1 - FILLED)


def in_units(count: float) -> str:
    """As short as it can be read."""
    for power, unit in ((40, "TiB"), (30, "GiB")):
        if count >= 1 << power:
            return f"{count / (1 << power):.1f} {unit}"
    return f"{count / (1 << 20):.0f} MiB"


def cells(view: View) -> Iterator[Cell]:
    """Objects are spread evenly over a set, and by their names over the sets: the fullest drive says what is left."""
    _disks, unheard = view.disks
    for pool in view.layout.pools if view.layout else ():
        name, sets = f"pool {pool.number}", sets_of(view, pool)
        silent = [number for number, disks in enumerate(sets, 1) if not disks]
        reason = unheard or (Reason(f"{name}: MinIO reaches no drive of its set {silent[0]}") if silent else None)
        if reason:
            yield from (unrun(check, name, title, reason) for check, title in CHECKS.items())
            continue
        yield _left(view, pool, name, sets)
        yield _accepts(name, sets)


def _left(view: View, pool: Pool, name: str, sets: Sequence[Sequence[Disk]]) -> Cell:
    """The room that is left, beside what the operator wants."""
    fullest = min((disk for disks in sets for disk in disks), key=left)
    percent, limits = left(fullest), view.limits
    room = f"{in_units(usable(view.layout, pool, sets, 'availspace'))} of "
    room += in_units(usable(view.layout, pool, sets, "totalspace"))
    minimum, warning = limits.room_minimum, limits.room_warning
    status = FAIL if percent < minimum else WARN if percent < warning else PASS
    limit, setting = (minimum, "room_minimum") if status == FAIL else (warning, "room_warning")
    where = drives.name_of(str(fullest["endpoint"]), view)
    detail = (
        f"{name}: {percent:.0f} % is left on its fullest drive ({where}), {room} of the pool; "
        f"connectivity_{setting} is {limit:g} %"
    )
    return Cell("room", name, CHECKS["room"], status, f"{percent:.0f} %, {room}", "" if status == PASS else detail)


def usable(layout: Layout | None, pool: Pool, sets: Sequence[Sequence[Disk]], what: str) -> float:
    """What clients can have of it: without parity, and on each set as much as its fullest drive takes."""
    data = pool.set_size - (layout.parity if layout else 0)
    return sum(data * min(disk[what] or 0 for disk in disks) for disks in sets)


def _accepts(name: str, sets: Sequence[Sequence[Disk]]) -> Cell:
    """Whether MinIO takes what clients upload, as it decides that itself."""
    full = [number for number, disks in enumerate(sets, 1) if refuses(disks, 0)]
    tight = [number for number, disks in enumerate(sets, 1) if refuses(disks, UNKNOWN_SIZE)]
    if not tight:
        return Cell("accepts", name, CHECKS["accepts"], PASS, "yes")
    which = full or tight
    some = f"{name}, erasure set{'s' if len(which) > 1 else ''} {', '.join(map(str, which[:5]))}"
    what = "every upload" if full else "uploads whose length it is not told (it reckons with 1 GiB)"
    detail = f"{some}: MinIO refuses {what}: 507 XMinioStorageFull"
    return Cell("accepts", name, CHECKS["accepts"], FAIL, "", detail)


LAYER = Layer(
    name="room",
    title="Room",
    question="Every pool has room left, and MinIO takes what clients upload.",
    remedy="delete objects, old versions and unfinished uploads, or add a pool; look for what else fills a drive",
    cells=cells,
    expected=lambda view: len(CHECKS) * (len(view.layout.pools) if view.layout else bool(view.servers)),
    matrix=False,
)
