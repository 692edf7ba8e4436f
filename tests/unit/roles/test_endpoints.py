# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles make of an underlay of IPv6, and of one of IPv4, as Ansible itself templates it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
# Written in an unusual way, as it is allowed to be.
GIVEN = {4: {"n1": "192.0.2.11", "n2": "192.0.2.12"}, 6: {"n1": "fd31:79::11", "n2": "FD31:79:0::12"}}
SHOWN = {4: {"n1": "192.0.2.11", "n2": "192.0.2.12"}, 6: {"n1": "[fd31:79::11]", "n2": "[fd31:79::12]"}}


def tasks_of(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load((ROOT / path).read_text(encoding="utf-8")))


def swarm_arguments() -> dict[str, Any]:
    """What the module swarm is told when a swarm is made, and when a host joins it."""
    made, _tokens, joined = tasks_of("roles/swarm/tasks/join.yml")
    defaults = joined["module_defaults"]["baremetal.overlay.swarm"]
    return {
        "made": made["baremetal.overlay.swarm"]["listen_addr"],
        "joined": defaults["listen_addr"],
        "remote": defaults["remote_addrs"],
    }


def certificate_address() -> str:
    return next(
        str(task["baremetal.overlay.minio_certificate"]["address"])
        for task in tasks_of("roles/minio/tasks/tls.yml")
        if "address" in task.get("baremetal.overlay.minio_certificate", {})
    )


def report_variables() -> dict[str, Any]:
    _taken, report = tasks_of("playbooks/lab_report.yml")
    console = next(line for line in str(report).split("\\n") if "Console:" in line).partition("Console:")[2].strip()
    return {**report["vars"], "lab_console": console}


def play(version: int) -> list[dict[str, Any]]:
    """Asserts on the controller, with the roles' own variables; no host is connected to."""
    shown = SHOWN[version]
    endpoints = [f"http://{one}:9000" for one in shown.values()]
    running = {"running_tls": True, "running_urls": dict(zip(shown, endpoints)), "running_endpoints": endpoints}
    variables = {
        "own": f"{{{{ {shown!r}[inventory_hostname] }}}}",
        "swarm": swarm_arguments(),
        "certificate": certificate_address(),
        "preflight_plan": {"acting_manager": "n1", "minio": running},
        **report_variables(),
    }
    expressions = [
        "swarm.made == own ~ ':2377'",
        "swarm.joined == own ~ ':2377'",
        f"swarm.remote == ['{shown['n1']}:2377']",
        "certificate == own ~ ':9000'",
        "docker_engine_minio_url == 'http://' ~ own ~ ':9000'",
        f"docker_engine_minio_peers == {endpoints!r} | difference(['http://' ~ own ~ ':9000'])",
        f"__connectivity_endpoints == {endpoints!r}",
        f"lab_endpoints == {endpoints!r}",
        f"lab_console == 'http://{shown['n1']}:9001'",
    ]
    tasks = [
        *(
            {"ansible.builtin.import_role": {"name": f"baremetal.overlay.{name}", "tasks_from": "plan"}}
            for name in ("docker_engine", "swarm", "minio")
        ),
        # The role connectivity has no such door; its variables are all that is wanted of it.
        {"ansible.builtin.include_vars": str(ROOT / "roles/connectivity/vars/main.yml")},
        {"ansible.builtin.assert": {"that": expressions}},
    ]
    return [{"hosts": "all", "gather_facts": False, "vars": variables, "tasks": tasks}]


@pytest.mark.parametrize("version", [4, 6])
def test_ports_stand_behind_addresses_of_either_version(version: int, tmp_path: Path) -> None:
    hosts = {name: {"overlay_underlay_address": address} for name, address in GIVEN[version].items()}
    groups = {"managers": {"hosts": {"n1": {}}}, "minio": {"hosts": {name: {} for name in hosts}}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "children": groups}}))
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play(version)))
    command = [
        sys.executable,
        "-m",
        "ansible",
        "playbook",
        "-i",
        str(tmp_path / "hosts.yml"),
        str(tmp_path / "play.yml"),
    ]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "n2" in done.stdout and "failed=0" in done.stdout
