# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a Compose definition: places with a path, converters for values, tables of keys; problems are collected."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Callable, Optional

from ... import units
from ...errors import InputError
from .words import split

KINDS = {
    type(None): "nothing",
    bool: "a truth value",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a mapping",
}

# The powers of ten between which numbers are written without an exponent.
_EXPONENT_BELOW, _EXPONENT_FROM = 4, 6


@dataclass
class Problems:
    """What is wrong with a definition, and what of it has no effect in Swarm."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    strict: bool = False


@dataclass
class Place:
    """One value of the definition, and where it stands."""

    value: Any
    path: str
    problems: Problems

    def fail(self, message: str) -> None:
        self.problems.errors.append(f"{self.path}: {message}")

    def warn(self, message: str) -> None:
        self.problems.warnings.append(f"{self.path}: {message}")

    def ignore(self, message: str) -> None:
        """What docker passes over: a warning, and an error where that is asked for."""
        (self.fail if self.problems.strict else self.warn)(message)

    def at(self, key: Any, value: Any) -> Place:
        path = f"{self.path}[{key}]" if isinstance(key, int) else f"{self.path}.{key}".lstrip(".")
        return Place(value, path, self.problems)

    def items(self) -> list[tuple[str, Place]]:
        """The entries of a mapping; an empty key in YAML (None) is an empty mapping."""
        if self.value is None:
            return []
        if not isinstance(self.value, Mapping):
            self.fail(f"is {kind(self.value)}; give a mapping")
            return []
        strange = [key for key in self.value if isinstance(key, bool) or not isinstance(key, (str, int))]
        for key in strange:
            self.fail(f"has the key {key!r}, which is no text; quote it")
        return [(str(key), self.at(str(key), value)) for key, value in self.value.items() if key not in strange]

    def entries(self) -> list[Place]:
        if self.value is None:
            return []
        if not isinstance(self.value, (list, tuple)):
            self.fail(f"is {kind(self.value)}; give a list")
            return []
        return [self.at(number, value) for number, value in enumerate(self.value)]


Converter = Callable[[Place], Any]


@dataclass(frozen=True)
class Key:
    """``convert`` reads the value; ``ignored``: why Swarm has no use for it; ``refused``: why it may not be there."""

    convert: Optional[Converter] = None
    ignored: str = ""
    refused: str = ""


def kind(value: Any) -> str:
    return KINDS.get(type(value), type(value).__name__)


def take(place: Place, table: Mapping[str, Key]) -> dict[str, Any]:
    """The known keys of a mapping, converted; every other key is an error, an ignored one a warning."""
    taken: dict[str, Any] = {}
    for name, entry in place.items():
        key = table.get(name)
        if key is None and name.startswith("x-"):
            continue
        if key is None:
            near = get_close_matches(name, table, 1)
            allowed = ", ".join(sorted(one for one in table if table[one].convert))
            hint = f'; "{near[0]}"?' if near else f"; allowed: {allowed}"
            entry.fail(f"is not a key of a Compose definition{hint}")
        elif key.refused:
            entry.fail(key.refused)
        elif key.ignored:
            entry.ignore(f"has no effect in Swarm ({key.ignored})")
        elif key.convert and entry.value is not None:
            taken[name] = key.convert(entry)
    return taken


def section(table: Mapping[str, Key]) -> Converter:
    return lambda place: take(place, table)


def text(place: Place) -> Optional[str]:
    if isinstance(place.value, bool) or not isinstance(place.value, (str, int, float)):
        place.fail(f"is {kind(place.value)}; give a text")
        return None
    return _written(place.value) if isinstance(place.value, float) else str(place.value)


def _written(value: float) -> str:
    """A number as docker writes it: without zeros behind its point, large and small ones with an exponent.

    Who means "1.0" quotes it.
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("inf", "Inf")
    found = Decimal(repr(value)).normalize()
    exponent = found.adjusted()
    if -_EXPONENT_BELOW <= exponent < _EXPONENT_FROM:
        return format(found, "f")
    digits = "".join(str(one) for one in found.as_tuple().digits)
    return f"{'-' if value < 0 else ''}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{exponent:+03}"


def truth(place: Place) -> Optional[bool]:
    if place.value in ("true", "false"):
        # What a variable filled in is text.
        return bool(place.value == "true")
    if not isinstance(place.value, bool):
        place.fail(f"is {kind(place.value)} ({place.value!r}); give true or false")
        return None
    return place.value


def whole(place: Place) -> Optional[int]:
    value = place.value
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        place.fail(f"is {value!r}; give a whole number")
        return None
    return value


def number(place: Place) -> Optional[float]:
    try:
        if isinstance(place.value, bool):
            raise ValueError
        return float(place.value)
    except (TypeError, ValueError):
        place.fail(f"is {place.value!r}; give a number")
        return None


def choice(*allowed: str) -> Converter:
    def convert(place: Place) -> Optional[str]:
        if place.value not in allowed:
            place.fail(f"is {place.value!r}; give one of {', '.join(allowed)}")
            return None
        return str(place.value)

    return convert


def duration(place: Place) -> Optional[int]:
    """Nanoseconds. A number without a unit means nothing here, except none at all."""
    if isinstance(place.value, str) and not place.value.isdigit():
        return _unit(place, units.duration)
    if place.value == 0 and not isinstance(place.value, bool):
        return 0
    place.fail(f"is {place.value!r}; give a duration with a unit, for example 90s or 1m30s")
    return None


def size(place: Place) -> Optional[int]:
    return _unit(place, units.size)


def _unit(place: Place, parse: Callable[[Any, str], int]) -> Optional[int]:
    try:
        return parse(place.value, place.path)
    except InputError as error:
        place.problems.errors.extend(error.violations)
        return None


def file_mode(place: Place) -> Optional[int]:
    """A number is what YAML made of it (0400 is octal there); a text is read as octal."""
    value = place.value
    if isinstance(value, str) and re.fullmatch(r"(0o?)?[0-7]{1,4}", value):
        value = int(value.replace("o", ""), 8)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o7777:
        place.fail(f"is {place.value!r}; give a file mode, for example 0400")
        return None
    return value


def words(place: Place) -> Optional[list[str]]:
    """A command: a text is split, a list is taken as it is."""
    if isinstance(place.value, str):
        try:
            return split(place.value)
        except ValueError as error:
            place.fail(f"cannot be split into words ({error}); give a list")
            return None
    return texts(place)


def texts(place: Place) -> list[str]:
    return [value for value in map(text, place.entries()) if value is not None]


def text_or_texts(place: Place) -> list[str]:
    return [place.value] if isinstance(place.value, str) else texts(place)


def pairs(place: Place, empty: str = "", separator: str = "=") -> dict[str, str]:
    """Labels, sysctls and the like: a mapping, or a list of ``key=value``."""
    if isinstance(place.value, (list, tuple)):
        split = [(entry, *(text(entry) or "").partition(separator)) for entry in place.entries()]
        return {key: value if found else empty for _entry, key, found, value in split}
    return {key: empty if entry.value is None else scalar(entry) for key, entry in place.items()}


def scalar(place: Place) -> str:
    """Truth values become what YAML calls them, as in docker's own loader."""
    if isinstance(place.value, bool):
        return "true" if place.value else "false"
    return text(place) or ""
