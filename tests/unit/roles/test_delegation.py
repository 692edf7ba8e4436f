# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No task that may run on the controller becomes root there."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ANSIBLE = "ansible_collections.baremetal.overlay.plugins.action"
# Hosts of the deployment, where a task has the rights that it has on all of them.
MEMBERS = {
    "{{ preflight_plan.acting_manager }}",
    "{{ preflight_plan.minio.credentials_from or inventory_hostname }}",
    "{{ teardown_plan.acting_manager }}",
    "{{ groups.managers[0] }}",
    # The managers that a teardown leaves out.
    "{{ item }}",
}


def tasks(path: Path) -> Iterator[dict[str, Any]]:
    """All tasks of a file, those of its blocks among them."""

    def walk(found: Any) -> Iterator[dict[str, Any]]:
        for task in found or []:
            if "name" in task and not {"block", "tasks"} & set(task):
                yield task
            for inner in ("block", "rescue", "always", "pre_tasks", "tasks", "post_tasks", "handlers"):
                yield from walk(task.get(inner))

    yield from walk(yaml.safe_load(path.read_text(encoding="utf-8")))


FILES = [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("roles/*/handlers/*.yml"), *ROOT.glob("playbooks/*.yml")]
DELEGATED = [
    pytest.param(task, id=f"{path.relative_to(ROOT)}: {task['name']}")
    for path in sorted(FILES)
    for task in tasks(path)
    if "local_action" in task or task.get("delegate_to", "{{ item }}") not in MEMBERS
]


def stays_unprivileged(module: str) -> bool:
    """Whether our own action plugin takes become away on the controller."""
    name = module.removeprefix("baremetal.overlay.")
    if not (ROOT / "plugins" / "action" / f"{name}.py").is_file():
        return False
    return hasattr(importlib.import_module(f"{ANSIBLE}.{name}"), "stay_unprivileged")


def test_there_are_some() -> None:
    assert len(DELEGATED) >= 7


@pytest.mark.parametrize("task", DELEGATED)
def test_a_task_that_may_run_on_the_controller_is_never_root_there(task: dict[str, Any]) -> None:
    ours = [key for key in task if key.startswith("baremetal.overlay.")]
    # A variable of the task goes before that of a group, `become` alone does not.
    says_it = task.get("become") is False and task.get("vars", {}).get("ansible_become") is False
    assert says_it or any(stays_unprivileged(module) for module in ours)


@pytest.mark.parametrize("task", DELEGATED)
def test_what_is_ours_is_never_root_there_even_if_the_command_line_says_so(task: dict[str, Any]) -> None:
    """Which goes before a task's variable."""
    ours = [key for key in task if key.startswith("baremetal.overlay.")]
    assert all(stays_unprivileged(module) for module in ours)
