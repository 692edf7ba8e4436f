# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wheel of another sum is not installed, whatever pip is set to: with pip itself, and an index in a directory."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.cache import Cache
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.wheels import Wheel, Wheels

NAME, VERSION = "overlay-test-part", "1.2.3"
FILE = "overlay_test_part-1.2.3-py3-none-any.whl"
META = {
    "METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "RECORD": "",
}


class Commands:
    """Runs them, and says nothing."""

    def run(self, command, environment=None, cwd=None):
        done = subprocess.run(
            command, env={**os.environ, **(environment or {})}, cwd=cwd, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise OverlayError(done.stderr)
        return done.stdout

    def say(self, sentence):
        pass


def index(directory, content):
    """An index with the wheel in it, and the wheel's sum."""
    page = directory / "simple" / NAME
    page.mkdir(parents=True)
    wheel = page / FILE
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("part/content", content)
        for name, text in META.items():
            archive.writestr(f"overlay_test_part-1.2.3.dist-info/{name}", text)
    (page / "index.html").write_text(f'<a href="{FILE}">{FILE}</a>')
    return (directory / "simple").as_uri(), hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_only_the_wheel_with_the_known_sum_is_taken(tmp_path, monkeypatch):
    good, known = index(tmp_path / "good", "as it was")
    bad, _other = index(tmp_path / "bad", "tampered with")
    wheel = Wheel(NAME, VERSION, known, "give another index")
    # What the build host is set to leads to what was tampered with, and is not looked at.
    monkeypatch.setenv("PIP_INDEX_URL", bad)
    monkeypatch.setenv("PIP_FIND_LINKS", f"{bad}/{NAME}/")
    taken = Wheels(Commands(), Cache(tmp_path / "one"), sys.executable, good).get(wheel)
    assert (taken / "part" / "content").read_text() == "as it was"
    assert not (taken / "requirements.txt").exists()
    with pytest.raises(OverlayError, match="DO NOT MATCH THE HASHES"):
        Wheels(Commands(), Cache(tmp_path / "two"), sys.executable, bad).get(wheel)
    assert list((tmp_path / "two" / "wheels").iterdir()) == []
