# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that OpenSSL reads on the controller are in no file that a killed run could leave."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils import secret_files


def test_they_are_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with secret_files.as_files("one", "two") as paths:
        assert [Path(path).read_text() for path in paths] == ["one", "two"]
        assert not list(tmp_path.iterdir())
    assert not any(Path(path).exists() and "baremetal" in str(Path(path).readlink()) for path in paths)


def test_where_there_is_no_such_memory_the_next_run_removes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delattr(os, "memfd_create")
    for name in ("baremetal.overlay.4194999.left", f"baremetal.overlay.{os.getppid()}.used", "others"):
        (tmp_path / name).mkdir()
    with secret_files.as_files("one") as (path,):
        assert Path(path).read_text() == "one" and Path(path).stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [f"baremetal.overlay.{os.getppid()}.used", "others"]
