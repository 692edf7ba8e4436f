# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real answers of a Debian 13 host, and a system that records what it is told."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import CommandFailed, System

FIXTURES = Path(__file__).parents[3] / "fixtures" / "host"


class FakeSystem(System):
    """Files and answers as plain data; what changes something is recorded."""

    def __init__(self, files=None, answers=None, failing=(), words="it failed"):
        self.files = dict(files or {})
        self.answers = dict(answers or {})
        self.failing = list(failing)
        self.words = words
        self.ran = []
        self.holders = {}
        self.warnings = []

    def query(self, argv):
        return self.answers.get(argv[0], "")

    def run(self, argv, _env=None, data=None):
        self.ran.append(" ".join(argv) + (f" <<\n{data}" if data else ""))
        if self.failing and self.failing[0] in self.ran[-1]:
            self.failing.pop(0)
            raise CommandFailed(self.words)
        return self.answers.get(argv[0], "")

    def refusal(self, argv, _data):
        return self.answers.get(" ".join(argv), "")

    def which(self, program):
        return f"/usr/bin/{program}" if program in self.answers else None

    def read(self, path):
        return self.files.get(path)

    def exists(self, path):
        return path in self.files

    def is_there(self, path):
        return path in self.files

    @property
    def process(self):
        return "4711 150432"

    def holder(self, path):
        return self.holders.get(path)

    def warn(self, words):
        self.warnings.append(words)

    @contextmanager
    def lock(self, path, _seconds=5):
        self.ran.append(f"lock {path}")
        yield path not in self.failing
        self.ran.append(f"unlock {path}")

    def write(self, path, text, _mode=0o644):
        self.ran.append(f"write {path}")
        self.files[path] = text

    def remove(self, path):
        self.ran.append(f"remove {path}")
        self.files.pop(path, None)

    def remove_tree(self, path):
        for inner in [name for name in self.files if f"{name}/".startswith(f"{path}/")]:
            self.remove(inner)


@pytest.fixture
def fixture_text():
    return lambda name: (FIXTURES / name).read_text(encoding="utf-8")


@pytest.fixture
def fake_system():
    return FakeSystem
