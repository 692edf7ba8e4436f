# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a report shows what hosts said: names as short as they can be told apart, and no characters without a sign.

A matrix has no room for a domain in every column. A character that XML does not know would make a file that no reader
opens, and one that terminals obey would do things there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

# What fits into a column of a matrix of four hosts.
FITS = 10
# A name of one part that does not fit keeps its ends.
HEAD, TAIL = 3, 6
# Controls but for tab and line feed, halves of a pair, and what is no character at all.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def shorten(names: Sequence[str]) -> Mapping[str, str]:
    """Each name's short form, which no other one has; the name itself where all fit."""
    if all(len(name) <= FITS for name in names):
        return {name: name for name in names}
    own = _without_domain(names)
    ways = (_without_head(own), _last_parts(own), [_elide(name) for name in own])
    for found in ways:
        if len(set(found)) == len(names) and all(0 < len(name) <= FITS for name in found):
            return dict(zip(names, found))
    return {name: f"host {number}" for number, name in enumerate(names, 1)}


def _without_domain(names: Sequence[str]) -> list[str]:
    """Without the labels at the end that all have in common; an address has none."""
    if any(re.fullmatch(r"[\d.]+", name) for name in names):
        return list(names)
    if len(names) == 1:
        return [names[0].partition(".")[0]]
    labels = [name.split(".") for name in names]
    same = _common([parts[:0:-1] for parts in labels])
    return [".".join(parts[: len(parts) - same]) for parts in labels]


def _parts(name: str) -> list[str]:
    return re.findall(r"[^-._]+[-._]*|^[-._]+", name)


def _without_head(names: Sequence[str]) -> list[str]:
    """Without the parts at the start that all have in common; a number alone keeps the part before it."""
    parts = [_parts(name) for name in names]
    same = min(_common(parts), *(len(one) - 1 for one in parts)) if len(names) > 1 else 0
    while same > 0 and not all(re.match("[A-Za-z]", one[same]) for one in parts):
        same -= 1
        if all(len(one) - same > 1 for one in parts):
            break
    return ["".join(one[same:]) for one in parts]


def _last_parts(names: Sequence[str]) -> list[str]:
    """As few parts from the end as tell them apart."""
    parts = [_parts(name) for name in names]
    for count in range(1, max(map(len, parts)) + 1):
        found = ["".join(one[-count:]) for one in parts]
        if len(set(found)) == len(found) and all(re.search("[A-Za-z]", name) for name in found):
            return found
    return list(names)


def _common(lists: Sequence[Sequence[str]]) -> int:
    """How many entries all of them begin with."""
    return len(list(takewhile(lambda entries: len(set(entries)) == 1, zip(*lists))))


def _elide(name: str) -> str:
    return name if len(name) <= FITS else f"{name[:HEAD]}…{name[-TAIL:]}"


def visible(value: Any) -> Any:
    """The same, with every character in it that cannot be shown by its number, as Python writes it."""
    if isinstance(value, str):
        return UNSEEN.sub(lambda found: _escape(ord(found[0])), value)
    if isinstance(value, Mapping):
        return {visible(key): visible(inner) for key, inner in value.items()}
    return [visible(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _escape(number: int) -> str:
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
