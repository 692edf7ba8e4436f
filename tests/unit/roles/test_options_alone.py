# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role asks of a host is the same beside all roles, as it is planned, and alone, as its play applies it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
OPTIONS = {
    "docker_engine": "__docker_engine_sections",
    "drives": "__drives_sections",
    "kernel_overlay": "__kernel_overlay_options",
    "firewall": "__firewall_options",
    "ipsec": "__ipsec_options",
    "swarm": "__swarm_driver_options",
    "minio": "__minio_sections",
}
BESIDE = ("docker_engine", "drives", "kernel_overlay", "firewall", "ipsec", "swarm", "minio")
CASES: list[dict[str, Any]] = [
    {"overlay_network_driver": "overlay", "overlay_encryption": "docker"},
    {"overlay_network_driver": "kernel", "overlay_encryption": "ipsec", "kernel_overlay_kind": "geneve"},
    {"overlay_network_driver": "kernel", "overlay_encryption": "ipsec", "kernel_overlay_kind": "nvgre"},
    {"overlay_network_driver": "kernel", "overlay_encryption": "ipsec", "kernel_overlay_port": 15000},
    {"overlay_network_driver": "macvlan", "overlay_encryption": "none"},
]


def play(roles: list[str], tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """A play with the variables of these roles only."""
    imports = [
        {"ansible.builtin.import_role": {"name": f"baremetal.overlay.{role}", "tasks_from": "plan"}} for role in roles
    ]
    return {"hosts": "all", "gather_facts": False, "tasks": [*imports, *tasks]}


def keep(name: str, variable: str) -> dict[str, Any]:
    return {"ansible.builtin.set_fact": {name: f"{{{{ {variable} | to_json }}}}"}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_the_same_alone_as_beside_all(case: dict[str, Any], tmp_path: Path) -> None:
    plays = [play([*BESIDE], [keep(f"beside_{role}", variable) for role, variable in OPTIONS.items()])]
    for role, variable in OPTIONS.items():
        same = {"that": f"alone_{role} == beside_{role}", "fail_msg": f"{{{{ [beside_{role}, alone_{role}] }}}}"}
        plays.append(play([role], [keep(f"alone_{role}", variable), {"ansible.builtin.assert": same}]))
    (tmp_path / "play.yml").write_text(yaml.safe_dump(plays))
    variables = {
        "ansible_connection": "local",
        "overlay_client_networks": ["192.0.2.0/24"],
        "ipsec_psk_master": "a master of more than thirty-two characters, 0123456789",
        "preflight_plan": {"swarm_mtu": 1500},
        **case,
    }
    hosts = {
        f"n{number}": {"overlay_host_number": number, "overlay_underlay_address": f"192.0.2.{number}"}
        for number in (1, 2)
    }
    groups = {name: {"hosts": dict.fromkeys(hosts)} for name in ("managers", "minio")}
    inventory = {"all": {"hosts": hosts, "children": groups}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    done = subprocess.run(
        ["ansible-playbook", "-i", tmp_path / "hosts.yml", tmp_path / "play.yml", "-e", json.dumps(variables)],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
