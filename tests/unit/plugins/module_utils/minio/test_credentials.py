# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping root credentials: readable by root only, never replaced, never said."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import credentials

USER, PASSWORD = "minioroot", "correct-horse"


def keep(directory, user=USER, password=PASSWORD):
    changes = credentials.plan(directory, credentials.read(directory), user, password)
    credentials.apply(directory, changes, user, password)
    return [path.name for path in changes]


def test_kept_once_for_root_only_and_left_alone_afterwards(tmp_path):
    directory = tmp_path / "etc"
    assert keep(directory) == ["etc", *credentials.NAMES]
    assert json.loads((directory / "minio-root.json").read_text()) == {"user": USER, "password": PASSWORD}
    assert (directory / "minio-root-password").read_text() == PASSWORD
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700
    assert keep(directory) == []


def test_a_mode_that_is_too_wide_and_a_missing_file_are_mended(tmp_path):
    directory = tmp_path / "etc"
    keep(directory)
    directory.chmod(0o755)
    (directory / "minio-root-user").unlink()
    (directory / "minio-root-password").chmod(0o644)
    assert keep(directory) == ["etc", "minio-root-user", "minio-root-password"]


def test_a_host_that_is_to_keep_none_has_only_these_removed(tmp_path):
    keep(tmp_path)
    (tmp_path / "other").touch()
    for path in credentials.leftovers(tmp_path):
        path.unlink()
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    assert credentials.leftovers(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("user", "password", "part"),
    [
        (USER, "another-password", "keeps another password"),
        ("someone", PASSWORD, "keeps another user"),
        ("mi", "short", "root_user: has 2 characters; MinIO takes 3 or more"),
        (USER, "short", "root_password: has 5 characters; MinIO takes 8 or more"),
    ],
)
def test_other_or_weak_credentials_change_nothing_and_are_not_said(tmp_path, user, password, part):
    directory = tmp_path / "etc"
    keep(directory)
    before = {path: path.read_bytes() for path in directory.iterdir()}
    with pytest.raises(OverlayError) as caught:
        keep(directory, user, password)
    assert part in str(caught.value)
    assert not any(secret in str(caught.value) for secret in (PASSWORD, password))
    assert {path: path.read_bytes() for path in directory.iterdir()} == before


def test_a_file_that_is_something_else_is_not_overwritten(tmp_path):
    directory = tmp_path / "etc"
    keep(directory)
    (directory / "minio-root.json").write_text("[]")
    with pytest.raises(OverlayError, match="is not a JSON object with user and password"):
        keep(directory)


def test_contents_are_not_printed(tmp_path):
    keep(tmp_path / "etc")
    assert PASSWORD not in repr(credentials.read(tmp_path / "etc"))
