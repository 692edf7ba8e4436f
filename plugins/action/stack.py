# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the Compose files of the module ``stack``: they lie on the controller, the module runs on a manager."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        compose = self._task.args.get("compose") or []
        if not isinstance(compose, list):
            compose = [compose]
        arguments = {**self._task.args, "compose": [self._definition(one) for one in compose]}
        result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        return result

    def _definition(self, one: Any) -> Any:
        if not isinstance(one, str):
            return one
        path = self._find_needle("files", one)
        try:
            definition = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise AnsibleError(f"{path} cannot be read as a Compose definition: {error}") from error
        if not isinstance(definition, dict):
            raise AnsibleError(f"{path} is not a Compose definition: it holds no mapping")
        return definition
