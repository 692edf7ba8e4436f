# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strategies: whatever YAML can say, and what an argument spec asks for with anything in its places."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

SOAK = bool(os.environ.get("OVERLAY_SOAK"))


def profile(examples: int) -> settings:
    """The same examples in every run; many more, and others each time, where there is time for them."""
    return settings(
        max_examples=examples * (10 if SOAK else 1),
        derandomize=not SOAK,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


# No capital letters: what becomes "None" or "True" in a plan was no text before.
TEXTS = st.one_of(
    st.sampled_from(
        ["", "a", "=x", "a=b", "a=", "1", "-1", "0", "1m", "1.5s", "64m", "a:b", "/a", "/a:/b", "80:80", "9-8:80", "\0",
         "10.0.0.1", "10.0.0.0/8", "fd00::/8", "'", "a b", "$", "${x", "vip", "global", "é", "0x1", "1e9", "²", "٣"]
    ),
    st.text(alphabet="abx01:=/.-_ $'\"\\,#{}[]²", max_size=6),
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(-3, 5),
    st.sampled_from([70000, 1 << 31, 1 << 63, -(1 << 63), 10**30]),
    st.sampled_from([0.5, -1.5, 1e300, float("inf"), float("nan")]),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)


def anything(keys: st.SearchStrategy[Any] = TEXTS) -> st.SearchStrategy[Any]:
    return st.recursive(
        SCALARS,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
        max_leaves=6,
    )


ANYTHING = anything()
_PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "str": TEXTS,
    "path": TEXTS,
    "int": st.integers(-3, 70000),
    "float": st.floats(-1, 5),
    "bool": st.booleans(),
    "dict": st.dictionaries(TEXTS, TEXTS, max_size=3),
    "raw": ANYTHING,
}


def shaped(argument: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """What an option asks for, and in one place of four anything."""
    wanted = argument.get("type", "str")
    if wanted == "list":
        element = {**argument, "type": argument.get("elements", "raw"), "elements": "raw"}
        right = st.lists(shaped(element), max_size=3)
    elif wanted == "dict" and argument.get("options"):
        right = st.fixed_dictionaries({}, optional={name: shaped(one) for name, one in argument["options"].items()})
    elif argument.get("choices"):
        right = st.sampled_from(list(argument["choices"]))
    else:
        right = _PLAIN[wanted]
    return st.one_of(right, right, right, ANYTHING)


def options(spec: Mapping[str, Any], few: int = 4) -> st.SearchStrategy[dict[str, Any]]:
    """A few of the options of a module."""
    named = [st.tuples(st.just(name), shaped(argument)) for name, argument in sorted(spec.items())]
    return st.lists(st.one_of(named), min_size=1, max_size=few).map(dict)
