# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose engine it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from overlay_lab import engine


@pytest.mark.parametrize("content", [None, "", "no number", str(os.getpid()), "999999999"])
def test_what_is_no_engine_of_the_lab(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "dockerd.pid").write_text(content)
    assert engine.own_pid(tmp_path) is None


def test_an_engine_that_the_lab_did_not_start_is_not_stopped(tmp_path: Path) -> None:
    assert engine.stop_own(tmp_path) is False
