# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables in a definition: ``$NAME``, ``${NAME}``, ``${NAME:-default}``, ``${NAME:+other}``, ``${NAME:?message}``.

Without the colon an empty value counts as one. ``$$`` is a dollar sign. Values come from what is given, never from the
environment: a run must not depend on who started it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .values import Place

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOLLAR = re.compile(
    rf"\$(?:(?P<dollar>\$)|(?P<plain>{_NAME})|\{{(?P<name>{_NAME})(?:(?P<how>:?[-?+])(?P<word>[^}}]*))?\}}|(?P<strange>))"
)


def interpolate(place: Place, variables: Mapping[str, Any]) -> Any:
    """The value with every text in it filled in; keys stay as they are."""
    if isinstance(place.value, Mapping):
        return {key: interpolate(place.at(key, value), variables) for key, value in place.value.items()}
    if isinstance(place.value, (list, tuple)):
        return [interpolate(place.at(number, value), variables) for number, value in enumerate(place.value)]
    if isinstance(place.value, str) and "$" in place.value:
        return _DOLLAR.sub(lambda found: _filled(found, place, variables), place.value)
    return place.value


def _filled(found: re.Match[str], place: Place, variables: Mapping[str, Any]) -> str:
    if found["dollar"]:
        return "$"
    name, how, word = found["plain"] or found["name"], found["how"] or "", found["word"] or ""
    if not name:
        place.fail("has a $ that begins no variable; write $$ for a dollar sign")
        return ""
    if "${" in word:
        place.fail(f"has a variable inside what stands for {name}, which is not filled in; give {name} in variables")
        return ""
    value = variables.get(name)
    there = value is not None and (value != "" or not how.startswith(":"))
    if how.endswith("+"):
        return word if there else ""
    if there:
        return str(value)
    if how.endswith("-"):
        return word
    place.fail(f"{word or 'needs a value'} ({_which(found)}); give it in variables, or write $$ for a dollar sign")
    return ""


def _which(found: re.Match[str]) -> str:
    """The variable by its name. In the middle of other text that may be a part of a password: then by its place."""
    if found["plain"] and found[0] != found.string:
        return f"the variable that begins at character {found.start() + 1}"
    return f"variable {found['plain'] or found['name']}"
