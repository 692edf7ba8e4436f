# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel may name devices differently at each boot; labels still tell drives apart. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Disks by the order in which they were found, with or without the number of a partition. /dev/disk/… stays what it is.
KERNEL_NAME = re.compile(r"/dev/((s|h|v|xv)d[a-z]+\d*|(nvme\d+n|mmcblk|loop)\d+(p\d+)?|dm-\d+|md\d+)")
# Ours on any host: of which one, and its position there.
LABEL = re.compile(r"minio(\d+)d(\d+)")


@dataclass(frozen=True)
class Named:
    """What is declared, the label that belongs there, and the label that the device of that name carries."""

    declared: str
    wanted: str
    carried: str = ""

    @property
    def by_kernel(self) -> bool:
        return bool(KERNEL_NAME.fullmatch(self.declared))


def swapped(found: Sequence[Named]) -> Mapping[int, int]:
    """Position → whose device it has really, where names were only exchanged among each other.

    That is so where devices that are declared by the kernel's names carry the labels of exactly the places that they
    are declared for, in another order. A label too many, too few or twice is no exchange, and stays what it is.
    """
    owner = {one.wanted: position for position, one in enumerate(found) if one.by_kernel}
    goes = {
        position: owner[one.carried]
        for position, one in enumerate(found)
        if one.by_kernel and one.carried in owner and one.carried != one.wanted
    }
    while True:
        targets = Counter(goes.values())
        closed = {
            position: target
            for position, target in goes.items()
            if target in goes and targets[target] == 1 and position in targets
        }
        if len(closed) == len(goes):
            return {target: position for position, target in closed.items()}
        goes = closed


def whose(label: str) -> str:
    """Of which host and place a label of ours is; empty where it is none."""
    match = LABEL.fullmatch(label)
    return f"drive {match[2]} of the host with overlay_host_number {match[1]}" if match else ""
