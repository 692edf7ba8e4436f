# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engine knows what: the Engine drops a field that its API version does not know, without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .rows import Change, Field, OneOf, Table, Version, shown

# API version → the Docker release that first spoke it.
ENGINES: dict[Version, str] = {
    (1, 24): "1.12", (1, 25): "1.13", (1, 26): "17.03", (1, 27): "17.03.1", (1, 28): "17.04", (1, 29): "17.05",
    (1, 30): "17.06", (1, 31): "17.07", (1, 32): "17.09", (1, 33): "17.10", (1, 34): "17.11", (1, 35): "17.12",
    (1, 36): "18.02", (1, 37): "18.03", (1, 38): "18.06", (1, 39): "18.09", (1, 40): "19.03", (1, 41): "20.10",
    (1, 42): "23.0", (1, 43): "24.0", (1, 44): "25.0", (1, 45): "26.1", (1, 46): "27.0", (1, 47): "27.2",
    (1, 48): "28.0", (1, 49): "28.1", (1, 50): "28.2", (1, 51): "28.3", (1, 52): "29.0",
}  # fmt: skip


def engine_of(version: Version) -> str:
    return f"Docker {ENGINES[version]}" if version in ENGINES else f"an engine with API {dotted(version)}"


def dotted(version: Version) -> str:
    return ".".join(str(part) for part in version)


def gate(table: Table, want: Mapping[str, Any], version: Version, where: str = "") -> list[str]:
    """A sentence for each wanted value that this engine would drop without a word.

    A value equal to the server's default asks nothing of the engine and passes.
    """
    return list(_gate(table, want, version, where))


def unkept(left: Iterable[Change]) -> list[str]:
    """A sentence for each wanted value that an engine took and does not have: some builds lack what their API names."""
    return [
        f'option "{change.option}": this engine took {change.after!r} and has {change.before!r}; it does not know the '
        "option, whatever its API version says: remove it"
        for change in left
    ]


def _gate(table: Table, want: Mapping[str, Any], version: Version, where: str) -> Iterator[str]:
    for row in table:
        if isinstance(row, OneOf):
            yield from _gate_union(row, want, version, where)
        elif row.name in want:
            yield from _gate_value(row, want[row.name], version, f"{where}{row.name}")


def _gate_value(row: Field, value: Any, version: Version, at: str) -> Iterator[str]:
    if row.nested == "dict":
        if row.since and version < row.since and shown(row.fields, value):
            yield _needs(f'option "{at}"', row.since, version)
        else:
            yield from _gate(row.fields, value, version, f"{at}.")
        return
    if value in (None, row.absent):
        return
    if row.since and version < row.since:
        yield _needs(f'option "{at}"', row.since, version)
    elif row.nested == "list":
        for item in value:
            yield from _gate(row.fields, item, version, f"{at}[{row.label_of(item) if row.key else ''}].")
    elif isinstance(value, str) and version < row.choices_since.get(value, version):
        yield _needs(f'option "{at}": {value}', row.choices_since[value], version)


def _gate_union(row: OneOf, want: Mapping[str, Any], version: Version, where: str) -> Iterator[str]:
    arm = want.get(row.name)
    since = row.arms[arm].since if arm else None
    if since and version < since:
        yield _needs(f'option "{where}{row.name}": {arm}', since, version)
        return
    yield from _gate(row.arms[arm].fields if arm else list(row.options().values()), want, version, where)


def _needs(what: str, since: Version, version: Version) -> str:
    return (
        f"{what} needs Engine API {dotted(since)} ({engine_of(since)} or later); "
        f"this engine speaks {dotted(version)} ({engine_of(version)}): upgrade it or remove the option"
    )
