# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's version numbers, compared as dpkg does it (deb-version(7))."""

from __future__ import annotations

import re
from itertools import zip_longest

PARTS = re.compile(r"(\D*)(\d*)")


def _order(letter: str) -> int:
    """A tilde comes before the end, letters before all else."""
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256


def _key(text: str) -> list[tuple[list[int], int]]:
    """Words and numbers in turns; a word ends with a 0 that sorts after a tilde and before all letters."""
    return [([*map(_order, word), 0], int(number or 0)) for word, number in PARTS.findall(text)]


def _split(version: str) -> tuple[int, str, str]:
    epoch, _colon, rest = version.rpartition(":")
    upstream, _dash, revision = rest.rpartition("-")
    return int(epoch or 0), upstream or revision, revision if upstream else ""


def _compare_parts(one: str, other: str) -> int:
    for mine, theirs in zip_longest(_key(one), _key(other), fillvalue=([0], 0)):
        if mine != theirs:
            return -1 if mine < theirs else 1
    return 0


def compare(one: str, other: str) -> int:
    """Negative where the first version is the older one, 0 where they are equal."""
    mine, theirs = _split(one), _split(other)
    if mine[0] != theirs[0]:
        return -1 if mine[0] < theirs[0] else 1
    return _compare_parts(mine[1], theirs[1]) or _compare_parts(mine[2], theirs[2])


def release_numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of an upstream version: ``5.0.3`` and ``5.0.3+dfsg`` are (5, 0, 3)."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in match.group().split(".")) if match else ()
