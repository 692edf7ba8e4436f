# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks a table: every option that it has, nested ones included, with its field and what it inherits from above."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

from ansible_collections.baremetal.overlay.plugins.module_utils.rows import Field, OneOf, Table, Version


@dataclass(frozen=True)
class Entry:
    """``row`` is None for an arm of a union and for the ID beside a name: fields that no option of their own holds."""

    option: str  # dotted, without regard to lists: mounts.readonly
    path: str  # as the API's: TaskTemplate.ContainerSpec.Mounts[].ReadOnly
    since: Optional[Version]
    row: Optional[Field] = None

    @property
    def leaf(self) -> bool:
        return self.row is None or not self.row.fields


def entries(table: Table, path: str = "", option: str = "", since: Optional[Version] = None) -> Iterator[Entry]:
    for row in table:
        at = _join(path, row.path)
        if isinstance(row, OneOf):
            for arm in row.arms.values():
                below, brought = _join(at, arm.path), later(since, arm.since)
                yield Entry(f"{option}{row.name}", below, brought)
                yield from entries(arm.fields, below, option, brought)
            continue
        brought = later(since, row.since)
        yield Entry(f"{option}{row.name}", at, brought, row)
        if row.id_path:
            yield Entry(f"{option}{row.name}", _join(path, row.id_path), brought)
        below = f"{at}[]" if row.type == "list" else at
        yield from entries(row.fields, below, f"{option}{row.name}.", brought)


def later(one: Optional[Version], other: Optional[Version]) -> Optional[Version]:
    return max((version for version in (one, other) if version), default=None)


def _join(*paths: str) -> str:
    return ".".join(path for path in paths if path)
