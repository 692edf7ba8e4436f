# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Makefile runs is configured by this project, whatever the caller's shell exports for another one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
EXPORTED = {
    "ANSIBLE_COLLECTIONS_PATH": "/nowhere",
    "ANSIBLE_ROLES_PATH": "/nowhere",
    "ANSIBLE_INVENTORY": "/nowhere",
    "ANSIBLE_BECOME": "true",
    "ANSIBLE_CONFIG": "/nowhere/ansible.cfg",
    "ANSIBLE_VERBOSITY": "3",
}


def test_exported_settings_of_ansible_do_not_reach_a_recipe() -> None:
    command = ["make", "--silent", "--eval=show: ; @env", "show"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **EXPORTED}, capture_output=True, text=True, check=True)
    found = {line for line in done.stdout.splitlines() if line.startswith("ANSIBLE_")}
    assert found == {f"ANSIBLE_CONFIG={ROOT / 'ansible.cfg'}", "ANSIBLE_VERBOSITY=3"}
