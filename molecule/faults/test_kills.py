# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that change a deployment at work are killed before each of their steps; ``make kill-table`` does more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kill_table import CHANGES, Kept, Kills


@pytest.fixture(scope="module")
def kept(lab: Any) -> Iterator[Kept]:
    found = Kept(lab)
    found.look()
    found.write()
    yield found
    found.clear()


@pytest.mark.parametrize("change", CHANGES)
def test_modules_that_are_killed_at_any_step_converge(lab: Any, kept: Kept, tmp_path: Path, change: str) -> None:
    kills = Kills(lab, tmp_path)
    with kills.installed():
        assert kills.there_and_back(f"{change} changed", CHANGES[change], kept)
