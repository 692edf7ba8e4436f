# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module ``stack`` with their defaults, as Ansible would fill them in."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import stack
from ansible_collections.baremetal.overlay.plugins.modules.stack import SPEC


def run(engine: Engine, name: str, *compose: dict[str, Any], check_mode: bool = False, **given: Any) -> dict[str, Any]:
    options = {option: argument.get("default") for option, argument in SPEC.items()}
    return stack.run(engine, {**options, "name": name, "compose": list(compose), **given}, check_mode)
