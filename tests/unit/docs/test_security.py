# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/security.md promises has a test each, and every test that it names is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
SECTIONS = ("Who is trusted with what", "What is promised, and by which test", "What is not promised")
NAME = re.compile(r"`(test_[a-z0-9_]+)`")


@cache
def existing() -> frozenset[str]:
    """The test functions of the project; those of the collection's copy in the cache are the same."""
    files = [path for folder in ("molecule", "tests") for path in (ROOT / folder).rglob("test_*.py")]
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in files)
    return frozenset(
        node.name
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


PROMISES = [
    line
    for line in section(SECTIONS[1]).splitlines()
    if line.startswith("| ") and not line.startswith(("| promise", "|---"))
]


def test_it_says_who_is_trusted_what_is_promised_and_what_is_not() -> None:
    assert re.findall(r"^## (.+)$", PAGE, re.MULTILINE) == list(SECTIONS)
    assert len(PROMISES) > 20


@pytest.mark.parametrize("line", PROMISES, ids=[line[2:60] for line in PROMISES])
def test_every_promise_names_its_tests_and_they_are_there(line: str) -> None:
    named = NAME.findall(line.rsplit("|", 2)[1])
    assert named
    assert set(named) - existing() == set()
