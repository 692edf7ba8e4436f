# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No module returns a key that ansible-core keeps for itself: some cores rename it, others read a meaning into it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
MODULES = sorted((PLUGINS / "modules").glob("*.py"))
# Of task results: executor, action base and callbacks of ansible-core 2.19 to 2.21. ``diff`` and ``msg`` are for
# modules to set; ``changed`` is, with its one meaning, and is not documented among the return values.
RESERVED = {
    *("add_group", "add_host", "ansible_facts", "ansible_job_id", "ansible_loop", "ansible_loop_var", "ansible_stats"),
    *(
        "attempts",
        "censored",
        "changed",
        "deprecations",
        "exception",
        "failed",
        "failed_when_result",
        "false_condition",
    ),
    *("finished", "include_args", "include_file", "include_variables", "invocation", "item", "meta", "module_stderr"),
    *("module_stdout", "register", "results", "results_file", "retries", "skip_reason", "skipped", "skipped_reason"),
    *("started", "unreachable", "warnings"),
}
# What the output of a command is called everywhere, and the start of a job that is not polled for.
COMMAND = {"cmd", "rc", "stdout", "stderr", "start", "end", "delta"}


def documented(path: Path) -> dict[str, Any]:
    """The RETURN block of a module."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RETURN":
            return yaml.safe_load(ast.literal_eval(node.value)) or {}
    return {}


def returned(path: Path) -> Iterator[str]:
    """The keys that are given to ``exit_json`` and ``fail_json`` by name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("exit_json", "fail_json"):
            yield from (keyword.arg for keyword in node.keywords if keyword.arg)


def reserved(names: Iterator[str] | dict[str, Any]) -> list[str]:
    return sorted(name for name in names if name in RESERVED or re.match(r"_?ansible_", name))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_reserved_key_is_documented(path: Path) -> None:
    assert reserved(documented(path)) == []


def test_no_reserved_key_is_returned() -> None:
    found = {
        path.relative_to(PLUGINS).as_posix(): sorted(set(reserved(returned(path))) - {"changed"})
        for path in PLUGINS.rglob("*.py")
    }
    assert {path: names for path, names in found.items() if names} == {}


def test_all_modules_are_walked() -> None:
    assert len(MODULES) >= 31
    assert {"results"} <= RESERVED and not RESERVED & COMMAND
