# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of a table: one row says all there is to say about one option and its field in the Engine's API.

``fields.py`` derives everything else from them. Values live in one of three forms: the *option* (what a user types),
the *normal* form (names instead of IDs, API units, defaults filled in; what is compared), and the *API* form.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional, Union

from .errors import InputError

Version = tuple[int, int]

# How a wanted value is compared with the live one.
STRICT = "strict"  # equal
ORDERED = "ordered"  # a list, equal in order too (the word says so where order matters)
SET = "set"  # a list whose order means nothing
SUBSET = "subset"  # a dict or list that may hold more than what is named; the rest stays
KEYED = "keyed"  # a list of objects, matched by `key`; within a match only what is named is compared
GIVEN = "given"  # equal, where it is given; the engine fills it in where it is not
IGNORE = "ignore"  # sent when the object is made, never compared

# What a difference asks for.
IN_PLACE = "in place"
RECREATE = "recreate"
WRITE_ONLY = "write-only"  # the engine never shows it: sent, never compared

_EMPTY: dict[str, Any] = {"bool": False, "int": 0, "float": 0.0, "str": "", "path": "", "list": [], "dict": {}}


def same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Convert:
    """The way of a value between its forms. ``parse`` raises InputError with a sentence that names ``where``."""

    parse: Optional[Callable[[Any, str], Any]] = None  # option → normal; None: the same
    encode: Callable[[Any], Any] = same  # normal → API
    decode: Callable[[Any], Any] = same  # API → normal
    show: Callable[[Any], Any] = same  # normal → what a diff prints


@dataclass(frozen=True)
class Field:
    name: str  # the option
    path: str  # the field, dotted, below the object that the table describes; "" is that object itself
    type: str = "str"
    elements: Optional[str] = None
    compare: str = STRICT
    key: tuple[str, ...] = ()  # KEYED: the options that identify an element
    fields: Table = ()  # nested table: of a dict, or of the elements of a list
    ref: Optional[str] = None  # network, secret, config: compared by name, sent by ID
    id_path: Optional[str] = None  # where the ID goes when the API holds name and ID both
    convert: Convert = field(default_factory=Convert)
    default: Any = "unset"  # normal form of what an absent field means; unset: the type's empty value
    since: Optional[Version] = None  # API version that brought the field
    choices: tuple[str, ...] = ()
    choices_since: Mapping[str, Version] = field(default_factory=dict)
    mutability: str = IN_PLACE
    minimum: Optional[float] = None  # of a number; None: 0
    maximum: Optional[float] = None
    secret: bool = False
    required: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def absent(self) -> Any:
        """The normal form of a field that is not there."""
        value = _EMPTY.get(self.type) if self.default == "unset" else self.default
        return copy.deepcopy(value) if isinstance(value, (list, dict)) else value

    @property
    def nested(self) -> Optional[str]:
        return self.type if self.fields else None

    @property
    def compared(self) -> bool:
        return self.compare != IGNORE and self.mutability != WRITE_ONLY

    def key_of(self, item: Mapping[str, Any]) -> tuple[str, ...]:
        """What identifies an element of this list."""
        rows: dict[str, Field] = {}
        for one in self.fields:
            rows.update(one.options() if isinstance(one, OneOf) else {one.name: one})
        return tuple(str(item.get(name, rows[name].absent)) for name in self.key)

    def label_of(self, item: Mapping[str, Any]) -> str:
        return "/".join(self.key_of(item))

    def show(self, value: Any) -> Any:
        if self.secret:
            return "(hidden)" if value else value
        return value if value is None else self.convert.show(value)

    def equal(self, want: Any, have: Any) -> bool:
        if self.compare == SET and want is not None and have is not None:
            return {_frozen(item) for item in want} == {_frozen(item) for item in have}
        if self.compare == SUBSET and isinstance(want, dict):
            return all(key in (have or {}) and have[key] == value for key, value in want.items())
        if self.compare == SUBSET and isinstance(want, list):
            return {_frozen(item) for item in want} <= {_frozen(item) for item in have or []}
        return bool(want == have)

    def joined(self, want: Any, have: Any) -> Any:
        """What the field holds afterwards: with SUBSET, what was there and is not named stays."""
        if self.compare == SUBSET and isinstance(want, dict):
            return {**(have or {}), **want}
        if self.compare == SUBSET and isinstance(want, list):
            known = {_frozen(item) for item in have or []}
            return [*(have or []), *(item for item in want if _frozen(item) not in known)]
        return want


@dataclass(frozen=True)
class Arm:
    path: str  # the key below the union's path whose presence selects this arm
    fields: Sequence[Field] = ()
    since: Optional[Version] = None


@dataclass(frozen=True)
class OneOf:
    """A union: the option ``name`` selects an arm; the arms' own options stand beside it in the option space."""

    name: str
    path: str
    arms: Mapping[str, Arm]
    default: str
    mutability: str = RECREATE
    aliases: tuple[str, ...] = ()

    def options(self) -> dict[str, Field]:
        """Every option of every arm; an option that two arms share has one name and one type."""
        found: dict[str, Field] = {}
        for arm in self.arms.values():
            for row in arm.fields:
                found.setdefault(row.name, row)
        return found

    def live(self, obj: Any) -> str:
        """The arm that an API object has."""
        found = lookup(obj, self.path)
        if isinstance(found, Mapping):
            for name, arm in self.arms.items():
                if found.get(arm.path) is not None:
                    return name
        return self.default

    def foreign(self, option: str, arm: str, where: str) -> InputError:
        owners = " or ".join(name for name, one in self.arms.items() if any(row.name == option for row in one.fields))
        return InputError(
            f'option "{where}{option}" belongs to {self.name} {owners}, not to {self.name} {arm}; '
            f"remove it or change {self.name}"
        )


Row = Union[Field, OneOf]
Table = Sequence[Row]


@dataclass(frozen=True)
class Change:
    """One difference, in the words of the options: ``limits.cpus``, ``mounts[/data].readonly``."""

    option: str
    before: Any
    after: Any
    recreate: bool = False


class Refs:
    """Names and IDs of the objects that others refer to. A plan may ``add`` what does not exist yet."""

    def __init__(self, names: Optional[Mapping[str, Mapping[str, str]]] = None) -> None:
        """``names``: kind → name → ID."""
        self._ids = {kind: dict(ids) for kind, ids in (names or {}).items()}
        self._names = {kind: {value: name for name, value in ids.items()} for kind, ids in self._ids.items()}

    def add(self, kind: str, name: str, ident: str) -> None:
        self._ids.setdefault(kind, {})[name] = ident
        self._names.setdefault(kind, {})[ident] = name

    def name(self, kind: str, ident: str) -> str:
        """The name; what is no known ID is taken for a name, as the Engine does."""
        return self._names.get(kind, {}).get(ident, ident)

    def id(self, kind: str, name: str, where: str) -> str:
        known = self._ids.get(kind, {})
        if name in known:
            return known[name]
        if name in self._names.get(kind, {}):
            return name
        shown = ", ".join(sorted(known)) or "none"
        raise InputError(f'option "{where}": {kind} "{name}" does not exist; there are: {shown}; create it first')


def lookup(obj: Any, path: str) -> Any:
    """The value at a dotted path, None where any step is missing."""
    for step in path.split(".") if path else ():
        if not isinstance(obj, Mapping) or obj.get(step) is None:
            return None
        obj = obj[step]
    return obj


def place(obj: dict[str, Any], path: str, value: Any) -> None:
    *steps, last = path.split(".")
    for step in steps:
        if obj.get(step) is None:
            obj[step] = {}
        obj = obj[step]
    obj[last] = value


def remove(obj: dict[str, Any], path: str) -> None:
    *steps, last = path.split(".")
    for step in steps:
        if not isinstance(obj.get(step), dict):
            return
        obj = obj[step]
    obj.pop(last, None)


def shown(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """An element as a diff prints it: without what is at its default."""
    found: dict[str, Any] = {}
    for row in table:
        if isinstance(row, OneOf):
            arm = values.get(row.name, row.default)
            found[row.name] = arm
            found.update(shown(row.arms[arm].fields, values))
        elif row.name not in values or row.compare == GIVEN:
            continue
        elif row.nested == "dict":
            nested = shown(row.fields, values[row.name])
            if nested:
                found[row.name] = nested
        elif row.nested == "list":
            found[row.name] = [shown(row.fields, item) for item in values[row.name]]
        elif values[row.name] != row.absent:
            found[row.name] = row.show(values[row.name])
    return found


def _frozen(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
