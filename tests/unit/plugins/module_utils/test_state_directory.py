# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our directory is root's alone, whichever part of us makes it."""

from __future__ import annotations

import os
import re
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import state_directory
from ansible_collections.baremetal.overlay.plugins.module_utils.host import engine_setup
from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import System
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import ca, credentials, pair

PLUGINS = Path(state_directory.__file__).parents[1]


class Module:
    def set_default_selinux_context(self, *_arguments):
        pass


@pytest.fixture
def ours(tmp_path, monkeypatch):
    directory = tmp_path / "etc" / "ours"
    monkeypatch.setattr(state_directory, "STATE_DIRECTORY", str(directory))
    before = os.umask(0o022)
    yield directory
    os.umask(before)


MAKERS = {
    "a file": lambda ours: System(Module()).write(str(ours / "deep" / "file"), "text"),
    "a lock": lambda ours: System(Module()).lock(str(ours / "lock")).__enter__(),
    "a key": lambda ours: pair.Pair(ours / "a" / "crt", ours / "a" / "key", ours / "a", ours / ".a.new", -1).stage(),
    "a CA": lambda ours: ca.Authority(ours / "ca").make(30, datetime.now(timezone.utc)),
    "credentials": lambda ours: credentials.apply(ours, [ours], {}),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_whatever_is_made_first_only_root_enters_it(ours, make):
    make(ours)
    assert ours.stat().st_mode & 0o777 == 0o700
    assert ours.parent.stat().st_mode & 0o777 == 0o755


def test_a_directory_elsewhere_is_none_of_ours(ours, tmp_path):
    state_directory.make_directories(tmp_path / "other" / "deep")
    assert not ours.exists()
    assert (tmp_path / "other" / "deep").stat().st_mode & 0o777 == 0o755


def test_one_that_is_open_to_all_is_closed():
    state = engine_setup.State(directory_mode=0o755)
    first = engine_setup.plan({}, state).steps[0]
    assert first.sentence == "let only root enter /etc/baremetal-overlay (its mode is 0755)"
    assert first.commands == (("chmod", "0700", "/etc/baremetal-overlay"),)


@pytest.mark.parametrize("mode", [None, 0o700])
def test_one_that_is_closed_or_not_there_is_left_alone(mode):
    steps = engine_setup.plan({}, engine_setup.State(directory_mode=mode)).steps
    assert not [step for step in steps if "only root" in step.sentence]


def test_nothing_else_makes_directories_with_their_parents():
    """But for those that lie elsewhere for certain."""
    elsewhere = {"minio/cache.py", "minio/toolchain.py", "host/drive_steps.py", "s3/kept.py", "state_directory.py"}
    found = {
        str(path.relative_to(PLUGINS / "module_utils"))
        for path in (PLUGINS / "module_utils").rglob("*.py")
        if re.search(r"mkdir\([^)]*parents=True|makedirs\(", path.read_text(encoding="utf-8"))
    }
    assert found - elsewhere == set()
