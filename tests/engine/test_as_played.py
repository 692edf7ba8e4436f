# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules as a playbook runs them: arguments, defaults, returned keys, a diff, check mode on a bare host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from private import PrivateEngine

ROOT = Path(__file__).resolve().parents[2]


def play(folder: Path, host: str, tasks: list[dict[str, Any]], *arguments: str, warns: str = "") -> str:
    """``warns``: the one warning that is expected."""
    defaults = {"group/baremetal.overlay.engine": {"docker_host": host}}
    named = [{"name": f"step {number}", **task} for number, task in enumerate(tasks)]
    text = [{"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": named}]
    (folder / "play.yml").write_text(yaml.safe_dump(text))
    (folder / "ansible.cfg").write_text(
        f"[defaults]\ncollections_path = {ROOT / '.cache' / 'collections'}\n"
        f"local_tmp = {folder}/tmp\nremote_tmp = {folder}/tmp\nlocalhost_warning = False\n"
    )
    done = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}",
         *arguments, "play.yml"],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    warnings = [line for line in said.splitlines() if line.startswith(("[WARNING]", "[DEPRECATION"))]
    assert [line for line in warnings if not warns or warns not in line] == [], said
    assert bool(warnings) is bool(warns)
    return said


def step(module: str, register: str, **arguments: Any) -> dict[str, Any]:
    return {f"baremetal.overlay.{module}": arguments or None, "register": register}


def that(*conditions: str) -> dict[str, Any]:
    return {"ansible.builtin.assert": {"that": list(conditions)}}


def test_contents_and_what_is_told_of_them(swarm_engine: Engine, engines: list[PrivateEngine], tmp_path: Path) -> None:
    rolled = {"name": "settings", "rolling_versions": True, "labels": {"a": "1"}}
    tasks = [
        step("config", "made", data="port = 80\n", **rolled),
        that("made is changed", "made.config_name == 'settings_v1'", "made.config_id | length == 25"),
        step("config", "again", data="port = 80\n", **rolled),
        that("again is not changed", "again.config_id == made.config_id"),
        step("config", "next", data="port = 81\n", **rolled),
        that("next.config_name == 'settings_v2'"),
        step("secret", "secret", name="pass", data="aHVudGVyMg==", data_is_b64=True),
        that("secret is changed", "secret.secret_name == 'pass'"),
        step("config_info", "told", name=["settings"], rolling_versions=True),
        that(
            "told.configs | map(attribute='Spec.Name') == ['settings_v1', 'settings_v2']",
            "told.contents.settings_v2 == 'port = 81\\n'",
            "told.missing == [] and told.users.settings_v1 == []",
        ),
        step("secret_info", "told"),
        that("told.secrets | map(attribute='Spec.Name') == ['pass']"),
        step("config", "gone", state="absent", **rolled),
        step("secret", "gone", name="pass", state="absent"),
        that("gone is changed"),
    ]
    said = play(tmp_path, engines[0].url, tasks, "--diff", "-vvv")
    assert '"port = 80\\n"' in said.replace("\\\\n", "\\n") and "hunter2" not in said and "aHVudGVyMg" not in said
    assert "scrypt:" not in said
    assert not swarm_engine.call("GET", "/configs") and not swarm_engine.call("GET", "/secrets")


def test_what_is_told_of_a_swarm(swarm_engine: Engine, engines: list[PrivateEngine], tmp_path: Path) -> None:
    body = {"Name": "told", "TaskTemplate": {"ContainerSpec": {"Image": f"sha256:{'0' * 64}"}}}
    label = {"com.docker.stack.namespace": "told"}
    ident = swarm_engine.call(
        "POST", "/services/create", {**body, "Labels": label, "Mode": {"Replicated": {"Replicas": 0}}}
    )
    tasks = [
        step("node_info", "nodes", self=True),
        that("nodes.nodes | length == 1 and nodes.nodes[0].ManagerStatus.Leader"),
        step("node_info", "nodes", name="nobody"),
        that("nodes.nodes == [] and nodes.missing == ['nobody']"),
        step("network_info", "network", name="ingress"),
        that("network.exists and network.network.Ingress and network.subnets | length == 1"),
        step("network_info", "network", name="nobody"),
        that("not network.exists and network.network is none"),
        step("service_info", "service", name="told"),
        that("service.exists and service.replicas == {'running': 0, 'wanted': 0} and service.tasks == []"),
        step("service_info", "service", stack="told"),
        that("service.services | map(attribute='name') == ['told']"),
        step("stack_info", "stacks"),
        that("stacks.stacks | map(attribute='name') == ['told'] and stacks.stacks[0].Services == '1'"),
        step("image_info", "images", filters={"dangling": True}),
        step("image_info", "images", name="nobody:1"),
        that("images.images == [] and images.missing == ['nobody:1']"),
    ]
    play(tmp_path, engines[0].url, tasks)
    play(tmp_path, engines[0].url, tasks, "--check")
    swarm_engine.call("DELETE", f"/services/{ident['ID']}")


def test_a_bare_host_is_planned_for(tmp_path: Path) -> None:
    """No engine is there: contents would be made, and there is nothing to tell."""
    tasks = [
        step("config", "made", name="settings", data="x"),
        step("secret", "secret", name="pass", data="x", rolling_versions=True),
        that("made is changed and secret.secret_name == 'pass_v1' and secret.secret_id == ''"),
        step("service_info", "service", name="told"),
        that("not service.exists"),
        step("stack_info", "stacks"),
        that("stacks.stacks == []"),
        step("task_exec", "ran", service="told", argv=["true"]),
        that("ran is skipped"),
    ]
    warning = "the plan is for a newly installed engine"
    play(tmp_path, f"unix://{tmp_path}/none.sock", tasks, "--check", warns=warning)
