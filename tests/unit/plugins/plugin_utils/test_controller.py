# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing of ours becomes root on the controller, whatever is said of the hosts, or outlives its run there."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.overlay.plugins.plugin_utils import confirmed
from ansible_collections.baremetal.overlay.plugins.plugin_utils.confirmed import ConfirmedAction

ROOT = Path(__file__).resolve().parents[4]
# What each answers where it ran: an archive that is not there is the module's own word on it.
DELEGATED = [
    (
        {"baremetal.overlay.minio_ca": {"directory": "{{ folder }}/ca", "requests": [], "names": [], "days": 30}},
        "said is success",
    ),
    ({"baremetal.overlay.probe": {"run": "00000000000000", "probes": []}}, "said is success"),
    (
        {"baremetal.overlay.minio_image": {"source": "archive", "archive": "{{ folder }}/image.tar"}},
        "said.msg is search('image.tar')",
    ),
]


def command(folder: Path, tasks: list[dict[str, Any]], **variables: object) -> list[str | Path]:
    """A run of tasks for one host; who becomes somebody else there is refused, as without sudo."""
    refuse = folder / "refuse"
    refuse.write_text("#!/bin/sh\necho the user is not in the sudoers file >&2\nexit 1\n")
    refuse.chmod(0o755)
    host = {"ansible_host": "192.0.2.1", **variables}
    everywhere = {"ansible_become": True, "ansible_become_exe": str(refuse), "folder": str(folder)}
    inventory = {"all": {"vars": everywhere, "hosts": {"rack1": host}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
    (folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "rack1", "gather_facts": False, "tasks": tasks}]))
    return ["ansible-playbook", "-i", folder / "hosts.yml", folder / "play.yml"]


def environment() -> dict[str, str]:
    """Who is root already is to be refused, too."""
    return {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_BECOME_ALLOW_SAME_USER": "true"}


def play(folder: Path, tasks: list[dict[str, Any]], *arguments: str, **variables: object) -> str:
    """Says what went wrong."""
    run = [*command(folder, tasks, **variables), *arguments]
    done = subprocess.run(run, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["--extra-vars", "ansible_become=true"], ["--become"]], ids=["group", "extra", "option"]
)
def test_modules_on_the_controller_become_nobody(tmp_path: Path, arguments: list[str]) -> None:
    tasks = [
        {**task, "delegate_to": "localhost", "become": False, "register": "said", "failed_when": f"not ({right})"}
        for task, right in DELEGATED
    ]
    assert play(tmp_path, tasks, *arguments) == ""


def test_a_host_of_the_deployment_that_is_the_controller_becomes_root(tmp_path: Path) -> None:
    members = {"ansible.builtin.group_by": {"key": "managers"}}
    ask = {**DELEGATED[1][0], "delegate_to": "rack1"}
    assert "sudoers" in play(tmp_path, [members, ask], ansible_connection="local")


def of_the_run(folder: Path) -> list[str]:
    """The processes whose command names the run's folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found


def until(done: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.05)
    return done()


def test_workers_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    """What they have begun on the controller ends, too."""
    slow = tmp_path / "slow-python"
    slow.write_text("#!/bin/sh\necho began > $0.began\nsleep 60\n")
    slow.chmod(0o755)
    variables = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": str(slow)}
    begun = command(tmp_path, [DELEGATED[1][0]], **variables)
    with subprocess.Popen(begun, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL) as run:
        assert until((tmp_path / "slow-python.began").exists)
        run.send_signal(signal.SIGKILL)
    assert until(lambda: not of_the_run(tmp_path), 5), of_the_run(tmp_path)


def test_every_action_of_ours_that_runs_modules_ends_with_its_run() -> None:
    for path in sorted((ROOT / "plugins" / "action").glob("*.py")):
        action = importlib.import_module(f"ansible_collections.baremetal.overlay.plugins.action.{path.stem}")
        if action.ActionModule._requires_connection and not issubclass(action.ActionModule, ConfirmedAction):
            assert hasattr(action, "end_with_run"), path
    assert hasattr(confirmed, "end_with_run")
