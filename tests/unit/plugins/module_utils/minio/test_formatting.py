# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives that are formatted in MinIO's place: only blank ones, and as MinIO itself has it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import Refused
from ansible_collections.baremetal.overlay.plugins.module_utils.host import formats
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import formatting

FIXTURES = Path(__file__).parents[3] / "fixtures"
SEED = "0b0f7d5e-6a37-4c55-9d52-b2d7e1d3a001"
SETS = formatting.new_sets([8], SEED)
WANTED = formatting.document(formatting.identity(SEED, "deployment"), SETS, SETS[0][0])


@pytest.fixture
def drive(tmp_path, monkeypatch):
    monkeypatch.setattr(type(tmp_path), "is_mount", lambda path: path == tmp_path)
    return tmp_path


def test_a_blank_drive_is_formatted_once(drive):
    # MinIO that waits makes its directories.
    (drive / ".minio.sys" / "tmp").mkdir(parents=True)
    assert formatting.is_due(drive, WANTED)
    formatting.apply(drive, WANTED, os.getuid())
    assert not formatting.is_due(drive, WANTED)
    path = drive / ".minio.sys" / "format.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [entry.name for entry in (drive / ".minio.sys").iterdir()] != ["format.json"]
    found = formats.parse(path.read_text())
    assert (found["state"], found["this"], found["sets"]) == ("formatted", SETS[0][0], [8])


def test_it_is_what_minio_writes_but_for_the_identities():
    minios = json.loads((FIXTURES / "host" / "format.json").read_text())
    sets = minios["xl"]["sets"]
    assert formatting.document(minios["id"], sets, minios["xl"]["this"]) == minios


def test_whose_it_is_can_be_told():
    assert all(formatting.is_ours(one) for one in SETS[0])
    assert not formatting.is_ours("c0d95130-6a41-4b60-b295-0f4401c734e5")
    assert not formatting.is_ours("no identity")


@pytest.mark.parametrize("there", ["{}", "", json.dumps({**WANTED, "id": "another"})])
def test_a_drive_that_somebody_formatted_meanwhile_is_refused(drive, there):
    (drive / ".minio.sys").mkdir()
    (drive / ".minio.sys" / "format.json").write_text(there)
    with pytest.raises(Refused, match="nothing was written: run again"):
        formatting.is_due(drive, WANTED)
    assert (drive / ".minio.sys" / "format.json").read_text() == there


def test_a_drive_with_files_is_refused(drive):
    (drive / "bucket").mkdir()
    with pytest.raises(Refused, match=r"holds bucket; only a blank drive is formatted"):
        formatting.is_due(drive, WANTED)


def test_a_mount_point_is_no_drive(tmp_path):
    with pytest.raises(Refused, match="no drive is mounted there"):
        formatting.is_due(tmp_path, WANTED)
