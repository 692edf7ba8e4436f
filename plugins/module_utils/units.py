# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converters between what users type and what the API holds: durations, sizes, CPUs, labels, KEY=VALUE lists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Callable

from .errors import InputError
from .rows import Convert

# What a value is, in the words of YAML.
KINDS: tuple[tuple[Any, str], ...] = (
    (type(None), "nothing"),
    (bool, "a truth value"),
    ((int, float), "a number"),
    (str, "a string"),
    ((list, tuple), "a list"),
    (Mapping, "a mapping"),
)

_SECOND = 1_000_000_000
_DURATIONS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s|m|h)")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([kmgtp])i?)?b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def duration(value: Any, where: str) -> int:
    """``1m30s`` in nanoseconds; a bare number is nanoseconds already, as the API has it."""
    said = text(value, where).strip().lower()
    if re.fullmatch(r"[0-9]+", said):
        found = int(said)
    elif re.fullmatch(f"({_DURATION.pattern})+", said):
        found = sum(round(float(number) * _DURATIONS[unit]) for number, unit in _DURATION.findall(said))
    else:
        raise InputError(f'option "{where}": "{value}" is not a duration; give for example 500ms, 10s or 1m30s')
    return _fits(found, value, where)


def show_duration(value: Any) -> str:
    """The largest units that say it exactly."""
    if not value:
        return "0s"
    said = ""
    for unit in ("h", "m", "s", "ms", "us", "ns"):
        count, value = divmod(value, _DURATIONS[unit])
        said += f"{count}{unit}" if count else ""
    return said


def size(value: Any, where: str) -> int:
    """``512M`` in bytes: binary multiples, as Docker and community.docker read them; -1 (unlimited) stays."""
    said = text(value, where).strip()
    if said == "-1":
        return -1
    found = _SIZE.fullmatch(said)
    if not found:
        raise InputError(f'option "{where}": "{value}" is not a size; give bytes or for example 512M or 2G')
    number = int(found.group(1)) if found.group(1).isdigit() else float(found.group(1))
    return _fits(round(number * 1024 ** _POWERS[(found.group(2) or "").lower()]), value, where)


def _fits(found: int, value: Any, where: str) -> int:
    """The Engine's numbers have 64 bits."""
    if found >= 1 << 63:
        raise InputError(f'option "{where}": "{value}" is more than the Engine can hold; give less')
    return found


def show_size(value: Any) -> Any:
    for power, unit in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        if value and value > 0 and value % 1024**power == 0:
            return f"{value // 1024**power}{unit}"
    return value


def cpus(value: Any, where: str) -> int:
    try:
        count = float(value)
    except (TypeError, ValueError, OverflowError):
        count = -1.0
    if isinstance(value, bool) or not 0 <= count < 1_000_000:
        raise InputError(f'option "{where}": "{value}" is not a number of CPUs; give for example 0.5 or 2')
    return round(count * _SECOND)


def positive(value: Any, where: str) -> int:
    """Of some numbers the Engine takes 0 for not given."""
    value = whole(value, where)
    if value < 1:
        raise InputError(f'option "{where}": {value} says nothing to the Engine; give 1 or more, or leave it out')
    return value


def whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(value, where, "a whole number")
    return value


def text(value: Any, where: str) -> str:
    """A string where YAML may have made a number; what YAML may have mangled (yes, 0.10) must be quoted."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise wrong(value, where, "a string, in quotes")


def wrong(value: Any, where: str, wanted: str) -> InputError:
    """The value itself may be a secret: what kind of thing it is says enough."""
    return InputError(f'option "{where}" is {kind(value)}; give {wanted}')


def kind(value: Any) -> str:
    for types, word in KINDS:
        if isinstance(value, types):
            return word
    return type(value).__name__


def mapping(value: Any, where: str, wanted: str = "a mapping") -> dict[str, Any]:
    """With strings as keys: what YAML made of ``yes:`` or ``~:`` is none."""
    if not isinstance(value, Mapping):
        raise wrong(value, where, wanted)
    return {text(key, f"{where}, a key"): one for key, one in value.items()}


def items(value: Any, where: str, wanted: str = "a list") -> list[tuple[str, Any]]:
    """The entries of a list, each with the place where it stands."""
    if not isinstance(value, (list, tuple)):
        raise wrong(value, where, wanted)
    return [(f"{where}[{number}]", one) for number, one in enumerate(value)]


def collected(found: Iterable[Callable[[], Any]]) -> list[Any]:
    """What each of them returns; what is wrong with several is said of all at once."""
    done, violations = [], []
    for one in found:
        try:
            done.append(one())
        except InputError as error:
            violations += error.violations
    if violations:
        raise InputError(violations)
    return done


def texts(value: Any, where: str) -> list[str]:
    return collected(partial(text, one, at) for at, one in items(value, where))


def text_map(value: Any, where: str) -> dict[str, str]:
    """Labels and driver options: a mapping of strings, or a list of KEY=VALUE."""
    if isinstance(value, (list, tuple)):
        return dict(collected(partial(_pair, one, at) for at, one in items(value, where)))
    given = mapping(value, where)
    return dict(zip(given, collected(partial(text, one, f"{where}.{key}") for key, one in given.items())))


def _pair(value: Any, where: str) -> tuple[str, str]:
    key, _equals, one = text(value, where).partition("=")
    if not key:
        raise InputError(f'option "{where}" has no name before its value; give KEY=VALUE')
    return key, one


def env_list(value: Any, where: str) -> list[str]:
    """A mapping or a list of KEY=VALUE, as the list of the API."""
    if isinstance(value, Mapping):
        given = mapping(value, where)
        named = [(f"{where}.{key}", f"{key}=", one) for key, one in given.items()]
        return collected(partial(_variable, at, one, key) for at, key, one in named)
    listed = value.split(",") if isinstance(value, str) and value else value or []
    wanted = "a mapping, or a list of KEY=VALUE"
    return collected(partial(_variable, at, one) for at, one in items(listed, where, wanted))


def _variable(where: str, value: Any, before: str = "") -> str:
    """What stands behind the name may be a password: it is never told."""
    said = before + text(value, where)
    name, equals, _rest = said.partition("=")
    if not equals or not name or "\0" in said:
        raise InputError(f'option "{where}" is not KEY=VALUE; give a name, "=" and the value, which may be empty')
    return said


def words(value: Any, where: str) -> list[str]:
    """A text is split as a shell splits it."""
    if isinstance(value, str):
        try:
            return shlex.split(value)
        except ValueError as error:
            raise InputError(f'option "{where}" cannot be split into words ({error}); give a list') from error
    return collected(partial(text, one, at) for at, one in items(value, where, "a string or a list of strings"))


DURATION = Convert(parse=duration, show=show_duration)
SIZE = Convert(parse=size, show=show_size)
CPUS = Convert(parse=cpus, show=lambda value: value / _SECOND)
POSITIVE = Convert(parse=positive)
TEXT_MAP = Convert(parse=text_map)
ENV = Convert(parse=env_list)
WORDS = Convert(parse=words)
