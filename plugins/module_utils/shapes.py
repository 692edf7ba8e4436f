# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a value has the shape that its row says.

Ansible sees to that for most options, but not within raw ones, and not for a Compose definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Callable

from .errors import InputError
from .rows import Field, OneOf, Table
from .units import collected, items, mapping, text, texts, whole, wrong

_LARGEST = (1 << 63) - 1


def value_of(row: Field, value: Any, at: str) -> Any:
    """The value of a row that has no table of its own, in normal form."""
    value = row.convert.parse(value, at) if row.convert.parse else _PLAIN[row.type](row, value, at)
    if row.type in ("int", "float"):
        _bounded(row, value, at)
    if row.choices and value not in row.choices:
        raise InputError(f'option "{at}": "{value}" is not one of {", ".join(one for one in row.choices if one)}')
    return value


def elements_of(row: Field, value: Any, at: str) -> list[Mapping[str, Any]]:
    """The objects of a list of objects."""
    listed = row.convert.parse(value, at) if row.convert.parse else value
    return collected(partial(object_of, row, one, where) for where, one in items(listed, at))


def object_of(row: Field, value: Any, at: str) -> Mapping[str, Any]:
    """An object with the options that its table has, and no other."""
    given = mapping(value, at)
    known = _names(row.fields)
    violations = [
        f'option "{at}.{name}" is unknown; allowed: {", ".join(sorted(known))}' for name in given if name not in known
    ]
    violations += [
        f'option "{at}" has no {one.name}; give it'
        for one in row.fields
        if isinstance(one, Field) and one.required and given.get(one.name) in (None, "")
    ]
    if violations:
        raise InputError(violations)
    return given


def _names(table: Table) -> set[str]:
    found: set[str] = set()
    for row in table:
        found |= {row.name, *row.aliases}
        if isinstance(row, OneOf):
            found |= set(row.options())
    return found


def _bounded(row: Field, value: Any, at: str) -> None:
    """What the Engine reads as a number without a sign has 0 as its least."""
    least = 0 if row.minimum is None else row.minimum
    most = _LARGEST if row.maximum is None else row.maximum
    if value < least:
        raise InputError(f'option "{at}": {value} is below {least}; give {least} or more')
    if not value <= most:
        raise InputError(f'option "{at}": {value} is above {most}; give {most} or less')


def _real(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(value, where, "a number")
    return value


def _truth(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise wrong(value, where, "true or false")
    return value


def _listed(row: Field, value: Any, at: str) -> list[Any]:
    if row.elements == "list":
        return collected(partial(texts, one, where) for where, one in items(value, at))
    return texts(value, at) if row.elements in (None, "str") else [one for _where, one in items(value, at)]


_PLAIN: dict[str, Callable[[Field, Any, str], Any]] = {
    "str": lambda _row, value, at: text(value, at),
    "path": lambda _row, value, at: text(value, at),
    "int": lambda _row, value, at: whole(value, at),
    "float": lambda _row, value, at: _real(value, at),
    "bool": lambda _row, value, at: _truth(value, at),
    "dict": lambda _row, value, at: mapping(value, at),
    "list": _listed,
    "raw": lambda _row, value, _at: value,
}
