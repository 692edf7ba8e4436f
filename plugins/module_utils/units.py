# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Converters between what users type and what the API holds: durations, sizes, CPUs, labels, KEY=VALUE lists."""

from __future__ import annotations

import re
import shlex
from typing import Any

from .errors import InputError
from .rows import Convert

_SECOND = 1_000_000_000
_DURATIONS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgtp])i?)?b?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def duration(value: Any, where: str) -> int:
    """``1m30s`` in nanoseconds; a bare number is nanoseconds already, as the API has it."""
    text = str(value).strip().lower()
    if isinstance(value, bool) or (not text.isdigit() and not re.fullmatch(f"({_DURATION.pattern})+", text)):
        raise InputError(f'option "{where}": "{value}" is not a duration; give for example 500ms, 10s or 1m30s')
    if text.isdigit():
        return int(text)
    return sum(round(float(number) * _DURATIONS[unit]) for number, unit in _DURATION.findall(text))


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
    text = str(value).strip()
    if text == "-1":
        return -1
    found = _SIZE.fullmatch(text)
    if isinstance(value, bool) or not found:
        raise InputError(f'option "{where}": "{value}" is not a size; give bytes or for example 512M or 2G')
    return round(float(found.group(1)) * 1024 ** _POWERS[(found.group(2) or "").lower()])


def show_size(value: Any) -> Any:
    for power, unit in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        if value and value > 0 and value % 1024**power == 0:
            return f"{value // 1024**power}{unit}"
    return value


def cpus(value: Any, where: str) -> int:
    try:
        count = float(value)
    except (TypeError, ValueError):
        count = -1.0
    if isinstance(value, bool) or not 0 <= count < 1_000_000:
        raise InputError(f'option "{where}": "{value}" is not a number of CPUs; give for example 0.5 or 2')
    return round(count * _SECOND)


def positive(value: Any, where: str) -> int:
    """Of some numbers the Engine takes 0 for not given."""
    if value < 1:
        raise InputError(f'option "{where}": {value} says nothing to the Engine; give 1 or more, or leave it out')
    return int(value)


def text(value: Any, where: str) -> str:
    """A string where YAML may have made a number; what YAML may have mangled (yes, 0.10) must be quoted."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InputError(f'option "{where}": {value!r} is not a string; quote it')


def text_map(value: Any, where: str) -> dict[str, str]:
    """Labels and driver options: a mapping, or a list of KEY=VALUE."""
    if isinstance(value, dict):
        return {str(key): text(one, f"{where}.{key}") for key, one in value.items()}
    return dict(_pair(item) for item in value)


def env_list(value: Any, where: str) -> list[str]:
    """A mapping or a list of KEY=VALUE, as the list of the API."""
    if isinstance(value, dict):
        return [f"{key}={text(one, f'{where}.{key}')}" for key, one in value.items()]
    items = value.split(",") if isinstance(value, str) else value
    return [text(item, where) for item in items]


def words(value: Any, where: str) -> list[str]:
    """A text is split as a shell splits it."""
    if isinstance(value, str):
        try:
            return shlex.split(value)
        except ValueError as error:
            raise InputError(f'option "{where}" cannot be split into words ({error}); give a list') from error
    return [str(word) for word in value]


def _pair(item: Any) -> tuple[str, str]:
    key, _equals, one = str(item).partition("=")
    return key, one


DURATION = Convert(parse=duration, show=show_duration)
SIZE = Convert(parse=size, show=show_size)
CPUS = Convert(parse=cpus, show=lambda value: value / _SECOND)
POSITIVE = Convert(parse=positive)
TEXT_MAP = Convert(parse=text_map)
ENV = Convert(parse=env_list)
WORDS = Convert(parse=words)
