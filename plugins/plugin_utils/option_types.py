# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as people type them, made what an argument spec says: text of surveys and command lines included; pure.

Ansible's own conversions, and JSON where lists and dictionaries come as text. What cannot be converted is an error in
words that name the option, what was found and what is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml
from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.common.yaml import yaml_load
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError

Option = Mapping[str, Any]
_CONTAINERS = (Mapping, list, tuple)


def convert(value: Any, option: Option, where: str) -> Any:
    """The value in the option's type; InputError has all that is wrong with it."""
    kind = str(option.get("type") or "str")
    if value is None:
        return None
    if isinstance(value, str) and not value.strip() and kind not in ("str", "raw", "path"):
        return _empty(kind, option, where)
    choices = option.get("choices")
    converted = _CONVERTERS[kind](_unmangled(value, choices or ()), option, where)
    if choices and converted not in choices:
        raise InputError(f"{where}: {show(converted)} is unknown; allowed: {', '.join(map(str, choices))}")
    return converted


def _unmangled(value: Any, choices: Sequence[Any]) -> Any:
    """YAML takes a bare off for false, and a bare on for true."""
    if not isinstance(value, bool):
        return value
    words = ("on", "yes", "true") if value else ("off", "no", "false")
    return next((word for word in words if word in choices), value)


def show(value: Any) -> str:
    """A value as a message quotes it, cut where it is long."""
    text = str(value)
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'


def _empty(kind: str, option: Option, where: str) -> Any:
    """What a survey gives where nothing was answered."""
    if kind in ("list", "dict"):
        return [] if kind == "list" else {}
    if option.get("default") is None:
        return None
    raise InputError(f"{where}: is empty; give {_WORDS[kind]}, or leave it out for {option['default']}")


def _text(value: Any, _option: Option, where: str) -> str:
    if isinstance(value, _CONTAINERS):
        raise InputError(f"{where}: a {_kind(value)} is no text; give a single value")
    return str(value)


def _whole(value: Any, option: Option, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    text = str(value).strip()
    if isinstance(value, str) and text.lstrip("+-").isascii() and text.lstrip("+-").isdigit():
        return int(text)
    raise InputError(f"{where}: {show(value)} is not a whole number; give for example {_example(option)}")


def _example(option: Option) -> Any:
    default = option.get("default")
    return default if isinstance(default, int) and not isinstance(default, bool) else 1


def _number(value: Any, _option: Option, where: str) -> float:
    try:
        if not isinstance(value, (bool, *_CONTAINERS)):
            return float(value)
    except ValueError:
        pass
    raise InputError(f"{where}: {show(value)} is not a number; give for example 2.5")


def _truth(value: Any, _option: Option, where: str) -> bool:
    known = value.strip().lower() if isinstance(value, str) else value
    if not isinstance(known, _CONTAINERS):
        if known in BOOLEANS_TRUE:
            return True
        if known in BOOLEANS_FALSE:
            return False
    raise InputError(f"{where}: {show(value)} is neither true nor false; allowed: true, false")


def _list(value: Any, option: Option, where: str) -> list[Any]:
    """A list, JSON, or words with commas between them; a single value is a list of one."""
    if isinstance(value, Mapping):
        raise InputError(f"{where}: a dictionary is not a list; give for example [a, b]")
    if isinstance(value, str):
        text = value.strip()
        value = _json(text, where, "list") if text.startswith("[") else [part.strip() for part in text.split(",")]
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    element: Option = {**option, "type": option.get("elements", "raw"), "default": None}
    several = len(items) > 1
    return _all(
        (item, element, f"{where}: entry {number}" if several else where) for number, item in enumerate(items, start=1)
    )


def _all(parts: Any) -> list[Any]:
    """Every part converted, or all that is wrong with any of them."""
    converted, wrong = [], []
    for item, element, where in parts:
        try:
            converted.append(convert(item, element, where))
        except InputError as error:
            wrong += error.violations
    if wrong:
        raise InputError(wrong)
    return converted


def _dictionary(value: Any, option: Option, where: str) -> dict[str, Any]:
    if isinstance(value, str):
        text = value.strip()
        value = _json(text, where, "dictionary") if text.startswith("{") else _pairs(text, where)
    if not isinstance(value, Mapping):
        raise InputError(f"{where}: is a {_kind(value)}, not a dictionary; give for example {{name: value}}")
    known: Mapping[str, Option] | None = option.get("options")
    if known is None:
        return dict(value)
    wrong = [f"{where}: {name} is unknown; allowed: {', '.join(known)}" for name in value if name not in known]
    wrong += [
        f"{where}: {name} is missing; give it"
        for name, one in known.items()
        if one.get("required") and value.get(name) is None
    ]
    names = [name for name in known if name in value]
    try:
        parts = _all((value[name], {**known[name], "default": None}, f"{where}: {name}") for name in names)
    except InputError as error:
        wrong += error.violations
    if wrong:
        raise InputError(wrong)
    return dict(zip(names, parts))


def _pairs(text: str, where: str) -> dict[str, str]:
    """``a=1 b=2`` as the command line of Ansible has it; what it is not is never quoted, it may hold a secret."""
    try:
        return dict(check_type_dict(text))
    except TypeError:
        raise InputError(f'{where}: is text, not a dictionary; give JSON such as {{"name": "value"}}') from None


def _json(text: str, where: str, what: str) -> Any:
    """JSON, or YAML on one line as people type it; the error has a position, and nothing of the text."""
    try:
        return json.loads(text)
    except ValueError as error:
        try:
            return yaml_load(text)
        except yaml.YAMLError:
            raise InputError(f"{where}: is not a {what} in JSON ({error}); correct it") from None


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "dictionary"
    return "list" if isinstance(value, (list, tuple)) else "single value"


def _raw(value: Any, _option: Option, _where: str) -> Any:
    return value


_CONVERTERS: dict[str, Callable[[Any, Option, str], Any]] = {
    "str": _text,
    "path": _text,
    "int": _whole,
    "float": _number,
    "bool": _truth,
    "list": _list,
    "dict": _dictionary,
    "raw": _raw,
}
_WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}
