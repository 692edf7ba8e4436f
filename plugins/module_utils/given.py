# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task gave, before Ansible makes of it what the argument spec says.

Ansible makes a text of anything where a string is wanted, and a number of ``true``: the Engine would be told "True",
"None" or the text of a mapping. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .units import kind

# Type → what it may be given as, and how that is said. A text may be the JSON of a list or mapping, or KEY=VALUE.
_TAKEN: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str, int, float), "a string, in quotes"),
    "path": ((str, int, float), "a path, in quotes"),
    "int": ((str, int), "a whole number"),
    "float": ((str, int, float), "a number"),
    "list": ((list, tuple, str, int, float), "a list"),
    "dict": ((dict, str), "a mapping"),
}


def strange(argument_spec: Mapping[str, Any], given: Any, where: str = "") -> list[str]:
    """A sentence for each value that Ansible would make something else of, or could not take at all."""
    return list(_options(argument_spec, given, where))


def _options(argument_spec: Mapping[str, Any], given: Any, where: str) -> Iterator[str]:
    """What is no option is for Ansible to say."""
    for name, argument in argument_spec.items() if isinstance(given, Mapping) else ():
        for word in (name, *argument.get("aliases", ())):
            if given.get(word) is not None:
                yield from _value(argument, given[word], f"{where}{word}")


def _value(argument: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
    wanted = argument.get("type", "str")
    if wanted in _TAKEN and (isinstance(value, bool) or not isinstance(value, _TAKEN[wanted][0])):
        yield f'option "{at}" is {kind(value)}; give {_TAKEN[wanted][1]}'
    elif wanted == "dict" and argument.get("options"):
        yield from _options(argument["options"], value, f"{at}.")
    elif wanted == "list" and isinstance(value, (list, tuple)):
        element = {**argument, "type": argument.get("elements", "raw"), "elements": "str"}
        for number, one in enumerate(value):
            yield from _value(element, one, f"{at}[{number}]")
