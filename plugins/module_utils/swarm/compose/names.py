# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names the cluster takes: the Engine would say so one by one, after the first objects are made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Optional

from .values import Place

# Services and networks are names in DNS; dots are for secrets and configs only.
_DNS = (63, re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?"), "letters and digits, and - or _ between them")
_FILE = (
    64,
    re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9_.-]*[a-zA-Z0-9])?"),
    "letters and digits, and -, _ or . between them",
)
_RULES = {"service": _DNS, "network": _DNS, "secret": _FILE, "config": _FILE}


def impossible(kind: str, name: str) -> Optional[str]:
    """What is wrong with a name, as the end of a sentence."""
    longest, pattern, allowed = _RULES[kind]
    if len(name) <= longest and pattern.fullmatch(name):
        return None
    return f'"{name}" is no name for a {kind} ({len(name)} characters); give up to {longest} {allowed}'


def check_names(kind: str, named: Iterable[tuple[Place, str]]) -> None:
    """``named``: what the definition makes, and its name in the cluster."""
    seen: dict[str, Place] = {}
    for place, name in named:
        problem = impossible(kind, name)
        if problem:
            place.fail(problem)
        elif seen.setdefault(name, place) is not place:
            place.fail(f'has the name "{name}", which {seen[name].path} has; give it another')
