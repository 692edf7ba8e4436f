# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root's programs are found whatever PATH the user had who became root, and arguments are as they are written."""

from __future__ import annotations

import subprocess
import sys

import pytest

MAIN = """
import sys
from ansible.module_utils import basic
from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import System
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = b'{"ANSIBLE_MODULE_ARGS": {}}', "legacy"
system = System(basic.AnsibleModule({}))
print(getattr(system, sys.argv[1])(["sh", "-c", "echo $PATH '~' '$HOME'; cat >/dev/null"], *sys.argv[2:]))
"""


@pytest.mark.parametrize("call", [("query",), ("answer",), ("run",), ("refusal", "text")])
def test_every_command_has_the_directories_of_root_s_programs(call: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", MAIN, *call]
    own = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=own, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    # A check that accepts says nothing.
    said = done.stdout.strip()
    assert said == "" if call[0] == "refusal" else said == f"/usr/sbin:/sbin:{own['PATH']} ~ $HOME", said
