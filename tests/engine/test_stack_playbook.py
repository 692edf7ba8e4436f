# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``stack`` in a real playbook: what lies on the controller is read there, and no secret is shown."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from private import PrivateEngine

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = Path(__file__).resolve().parent / "compose"
VAULTED = "correct horse battery staple"


class Playbook:
    def __init__(self, engine: PrivateEngine, folder: Path) -> None:
        self.engine, self.folder = engine, folder

    def __call__(self, *options: str, **stack: Any) -> tuple[int, str, dict[str, Any]]:
        """What ansible-playbook ended with, all that it printed, what the module returned."""
        answer = self.folder / "answer.json"
        answer.unlink(missing_ok=True)
        task = {"baremetal.overlay.stack": {"docker_host": self.engine.url, **stack}, "register": "made"}
        copied = {
            "ansible.builtin.copy": {"content": "{{ made | to_json }}", "dest": str(answer), "mode": "0600"},
            "check_mode": False,
        }
        play = [{"hosts": "localhost", "gather_facts": False, "tasks": [task, copied]}]
        (self.folder / "play.yml").write_text(json.dumps(play), encoding="utf-8")
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "-vvvv", *options]
        ended = subprocess.run(
            [*command, "play.yml"], cwd=self.folder, capture_output=True, text=True, check=False,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": _tree(),
                 "ANSIBLE_PYTHON_INTERPRETER": sys.executable},
        )  # fmt: skip
        found = json.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
        return ended.returncode, ended.stdout + ended.stderr, found


def _tree() -> str:
    return str(ROOT / ".cache" / "collections")


@pytest.fixture
def playbook(swarm_engine: Engine, engines: list[PrivateEngine], tmp_path: Path) -> Iterator[Playbook]:
    assert swarm_engine
    shutil.copytree(COMPOSE, tmp_path / "compose")
    vaulted = {
        "services": {
            "app": {
                "image": "corpus/app:1",
                "deploy": {"replicas": 0},
                "secrets": ["password"],
                "env_file": "files/first.env",
            }
        },
        "secrets": {"password": {"file": "files/vaulted.txt"}},
    }
    (tmp_path / "compose" / "vaulted.yml").write_text(json.dumps(vaulted), encoding="utf-8")
    made = Playbook(engines[0], tmp_path)
    yield made
    made(name="played", state="absent")


def test_files_are_read_on_the_controller_and_secrets_are_not_shown(playbook: Playbook, swarm_engine: Engine) -> None:
    key = playbook.folder / "key"
    key.write_text("vault key\n")
    vaulted = playbook.folder / "compose" / "files" / "vaulted.txt"
    vaulted.write_text(VAULTED)
    subprocess.run(
        [sys.executable, "-m", "ansible", "vault", "encrypt", "--vault-password-file", str(key), str(vaulted)],
        check=True, capture_output=True,
    )  # fmt: skip
    asked: dict[str, Any] = {"name": "played", "compose": ["compose/vaulted.yml"], "wait": False}
    vault = ("--vault-password-file", str(key))
    code, predicted_said, predicted = playbook("--check", "--diff", *vault, **asked)
    assert code == 0, predicted_said
    code, said, made = playbook("--diff", *vault, **asked)
    assert code == 0, said
    assert made["plan"] == predicted["plan"]
    assert made["plan"][-1] == 'create service "played_app"'
    for text in (VAULTED, base64.b64encode(VAULTED.encode()).decode()):
        assert text not in said + predicted_said + json.dumps(made)
    services = {one["Spec"]["Name"]: one["Spec"] for one in swarm_engine.call("GET", "/services")}
    assert "FIRST=1" in services["played_app"]["TaskTemplate"]["ContainerSpec"]["Env"]
    assert not playbook(*vault, **asked)[2]["changed"]
    for wrong in (
        {"prune": "perhaps"},
        {"strict": True, "compose": [*asked["compose"], {"services": {"app": {"pid": "x"}}}]},
    ):
        code, said, _failed = playbook(*vault, **{**asked, "secret_data": {"password": VAULTED + "!"}, **wrong})
        assert code != 0
        assert VAULTED not in said
    changed = playbook(*vault, **{**asked, "secret_data": {"password": VAULTED + "!"}})[2]
    assert changed["plan"][0] == 'create secret "played_password_v2": its content changed'


def test_inline_data_and_files_beside_the_playbook(playbook: Playbook) -> None:
    inline = {
        "services": {"app": {"image": "corpus/app:1", "deploy": {"replicas": 0}, "configs": ["settings"]}},
        "configs": {"settings": {"file": "${WHERE}/settings.conf"}},
    }
    asked = {"name": "played", "compose": [inline], "variables": {"WHERE": "compose/files"}, "wait": False}
    code, said, made = playbook(**asked)
    assert code == 0, said
    assert 'create config "played_settings"' in made["plan"]
    assert not playbook(**asked)[2]["changed"]


@pytest.mark.parametrize(
    ("compose", "words"),
    [
        (["compose/nowhere.yml"], 'file "compose/nowhere.yml" is not there on the controller'),
        (["compose/files/binary.dat"], "cannot be read as a Compose definition"),
        (
            [{"services": {"a": {"image": "i", "env_file": "nowhere.env"}}}],
            '"nowhere.env" is not there on the controller',
        ),
        (
            [{"services": {"a": {"image": "i"}}, "secrets": {"s": {"file": "nowhere"}}}],
            'secret "s": file "nowhere" is not there on the controller',
        ),
    ],
)
def test_a_file_that_is_missing_is_named(playbook: Playbook, compose: list[Any], words: str) -> None:
    code, said, _made = playbook(name="played", compose=compose, wait=False)
    assert code != 0
    assert words in said.replace('\\"', '"')
