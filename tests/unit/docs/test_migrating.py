# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option and return value of community.docker has its counterpart, or a reason that docs/migrating.md gives."""

from __future__ import annotations

import json
from typing import Any

import migrating
import pytest

FACTS: dict[str, Any] = json.loads(migrating.FACTS.read_text(encoding="utf-8"))


def test_the_facts_are_of_every_module() -> None:
    assert set(FACTS) == set(migrating.COUNTERPARTS)
    assert sum(len(one["options"]) for one in FACTS.values()) > 300


@pytest.mark.parametrize("module", migrating.COUNTERPARTS)
def test_every_difference_has_a_reason(module: str) -> None:
    found = migrating.compare(module, FACTS[module], migrating.ours(migrating.COUNTERPARTS[module]))
    unexplained = [one for one in found if one.key not in migrating.reasons()]
    assert not unexplained, "keep the name, or say why in differences.yml"


def test_every_reason_has_a_difference() -> None:
    assert set(migrating.reasons()) <= {one.key for one in migrating.differences(FACTS)}


def test_the_page_lists_exactly_those() -> None:
    text = migrating.PAGE.read_text(encoding="utf-8")
    assert migrating.MARKS.search(text)
    assert text == migrating.page(text), "run: python tests/unit/docs/migrating.py page"


THEIRS: dict[str, Any] = {
    "options": {
        "name": {"type": "str", "required": True},
        "mode": {"type": "str", "choices": ["a", "b"], "aliases": ["kind"]},
        "old": {"type": "str"},
        "list": {"type": "list", "elements": "dict"},
        "list.port": {"type": "int", "default": 1},
    },
    "returns": {"thing": "dict"},
}
SAME: dict[str, Any] = {
    "options": {
        "name": {"type": "str", "required": True},
        "mode": {"type": "str", "choices": ["a", "b", "c"], "aliases": ["kind", "sort"]},
        "new": {"type": "str", "aliases": ["old"]},
        "list": {"type": "list", "elements": "dict"},
        "list.port": {"type": "int", "default": 1},
        "more": {"type": "bool", "default": False},
    },
    "returns": {"thing": "dict", "more": "str"},
}
OTHER: dict[tuple[str, str, str], Any] = {
    ("mode", "choices", "choices"): ["a"],
    ("mode", "aliases", "aliases"): [],
    ("mode", "type", "type"): "raw",
    ("list", "elements", "elements"): "str",
    ("list.port", "default", "default"): None,
    ("old", "required", "required"): True,
}


def test_what_ours_has_beyond_theirs_is_no_difference() -> None:
    assert not list(migrating.compare("x", THEIRS, SAME))


@pytest.mark.parametrize("change", OTHER)
def test_whatever_is_otherwise_is_found(change: tuple[str, str, str]) -> None:
    name, key, what = change
    ours = {**SAME, "options": {**SAME["options"], "old": {"type": "str"}}}
    ours["options"][name] = {**ours["options"][name], key: OTHER[change]}
    assert [one.key for one in migrating.compare("x", THEIRS, ours)] == [("x", name, what)]


def test_what_is_not_there_is_found_once() -> None:
    ours = {"options": {key: one for key, one in SAME["options"].items() if "list" not in key}, "returns": {}}
    found = [one.key for one in migrating.compare("x", THEIRS, ours)]
    assert found == [("x", "list", "option"), ("x", "thing", "return")]
    assert [one.key for one in migrating.compare("x", THEIRS, None)] == [("x", "", "module")]
