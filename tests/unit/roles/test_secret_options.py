# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of every role that holds a secret says no_log, and so does every one of a module."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
SECRET = re.compile(r"(^|_)(password|passphrase|secret|secrets|token|tokens|psk|master|private_key)(_|$)")
# Named after a secret, and none: where one lies, what is agreed to, which one of several it is.
NONE = re.compile(r"_(file|files|path|dir|consent|epoch|name|names|user|days|is_rotated|rotate)$")


def options(specs: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, option in specs.items():
        yield name, option
        yield from options(option.get("options") or {})


def of_roles() -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        for entry in yaml.safe_load(path.read_text())["argument_specs"].values():
            found.update(options(entry.get("options") or {}))
    return found


ROLES = of_roles()
NAMED = sorted(name for name in ROLES if SECRET.search(name) and not NONE.search(name))


def test_the_walk_finds_them() -> None:
    assert {"minio_root_password", "minio_secret_environment", "ipsec_psk_master"} <= {*NAMED}


@pytest.mark.parametrize("name", NAMED)
def test_an_option_that_is_a_secret_is_kept_from_logs(name: str) -> None:
    assert ROLES[name].get("no_log") is True, f"{name}: no_log: true is missing"


@pytest.mark.parametrize("path", sorted(ROOT.glob("plugins/modules/*.py")), ids=lambda path: path.stem)
def test_a_module_says_of_each_such_option_whether_it_is_one(path: Path) -> None:
    module = import_module(f"ansible_collections.baremetal.overlay.plugins.modules.{path.stem}")
    spec = getattr(module, "SPEC", None) or getattr(module, "ARGUMENTS", None) or {}
    silent = [
        name
        for name, option in options(spec)
        if SECRET.search(name) and not NONE.search(name) and option.get("no_log") is None
    ]
    assert silent == []
