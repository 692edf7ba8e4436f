# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module's ``main`` returns, by processes of their own as Ansible starts them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MAIN = """
import json, sys
from ansible.module_utils import basic
from ansible_collections.baremetal.overlay.plugins.modules import {name} as module
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = sys.argv[1].encode(), "legacy"
module.main()
"""


def run(of: str, /, **options: Any) -> dict[str, Any]:
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": options})
    command = [sys.executable, "-c", MAIN.format(name=of), arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PYTHONPATH": ":".join(sys.path)})
    return dict(json.loads(done.stdout))


def test_without_an_engine_swarm_info_says_what_it_knows(tmp_path: Path) -> None:
    said = run("swarm_info", docker_host=f"unix://{tmp_path}/none.sock")
    assert said["failed"] and "the socket does not exist; install the engine" in said["msg"]
    assert not (said["can_talk_to_docker"] or said["docker_swarm_active"] or said["docker_swarm_manager"])


@pytest.mark.parametrize("state", ["present", "join", "absent"])
def test_a_bare_host_is_planned_for_with_its_own_addresses(tmp_path: Path, state: str) -> None:
    options = {"docker_host": f"unix://{tmp_path}/none.sock", "state": state, "_ansible_check_mode": True}
    planned = run("swarm", **options, advertise_addr="lo", listen_addr="127.0.0.1")
    assert planned["changed"] is (state != "absent") and not planned.get("failed")
    refused = run("swarm", **options, listen_addr="203.0.113.7")
    assert bool(refused.get("failed")) is (state != "absent")
    assert state == "absent" or "203.0.113.7" in refused["violations"][0]


def test_a_key_is_not_in_what_is_returned(tmp_path: Path) -> None:
    said = run(
        "swarm", docker_host=f"unix://{tmp_path}/none.sock", unlock_key="SWMKEY-1-abcdefgh", join_token="SWMTKN-1-q"
    )
    assert said["failed"] and "SWMKEY-1-abcdefgh" not in json.dumps(said) and "SWMTKN-1-q" not in json.dumps(said)


def test_values_of_the_wrong_shape_are_told_before_ansible_reads_them(tmp_path: Path) -> None:
    host = f"unix://{tmp_path}/none.sock"
    said = run("service", docker_host=host, name="web", healthcheck=True, hostname=True, args=["a", None])
    assert said["failed"] and sorted(said["violations"]) == [
        'option "args[1]" is nothing; give a string, in quotes',
        'option "healthcheck" is a truth value; give a mapping',
        'option "hostname" is a truth value; give a string, in quotes',
    ]
    secret = run("secret", docker_host=host, name="s", data={"a": "hunter2"})
    assert secret["failed"] and "hunter2" not in json.dumps(secret)
    assert secret["violations"] == ['option "data" is a mapping; give a string, in quotes']
