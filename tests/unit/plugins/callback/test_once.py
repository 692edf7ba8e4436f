# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A failure is said once by the settings of the example, and twice, with its place, where more is asked for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.assert:
        that: 1 == 2
        fail_msg: ["one sentence", "another sentence"]
"""


def output(folder: Path, *arguments: str) -> str:
    (folder / "play.yml").write_text(PLAY)
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    own |= {"ANSIBLE_CONFIG": str(ROOT / "inventories" / "example" / "ansible.cfg"), "NO_COLOR": "1"}
    own |= {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections")}
    command = ["ansible-playbook", "-i", "localhost,", "play.yml", *arguments]
    done = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    return done.stdout + done.stderr


@pytest.mark.parametrize(("arguments", "times"), [((), 1), (("-v",), 2)])
def test_a_failure_is_said(tmp_path: Path, arguments: tuple[str, ...], times: int) -> None:
    assert output(tmp_path, *arguments).count("another sentence") == times
