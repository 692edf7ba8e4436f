# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads Compose files, and the files that they name: they lie on the controller, the module runs on a manager."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.plugin_utils.compose_files import load, named_files
from ansible_collections.baremetal.overlay.plugins.plugin_utils.controller import end_with_run


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        end_with_run()
        result: dict[str, Any] = super().run(tmp, task_vars)
        try:
            arguments = self._arguments()
        except InputError as error:
            # Returned, not raised: Ansible would repeat the sentence with every cause behind it.
            return {**result, "failed": True, "changed": False, "msg": str(error), "violations": error.violations}
        result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        return result

    def _arguments(self) -> dict[str, Any]:
        args = dict(self._task.args)
        compose = args.get("compose") or []
        if not isinstance(compose, list):
            compose = [compose]
        paths = {one: self._find(one) for one in compose if isinstance(one, str)}
        args["compose"] = [load(self._text(paths[one]), one) if isinstance(one, str) else one for one in compose]
        # Relative to the first file, wherever a path is written: as the docker CLI takes several files.
        folder = Path(next(iter(paths.values()))).parent if paths else None
        variables = args.get("variables")
        named = named_files(args["compose"], variables if isinstance(variables, dict) else {})
        args["file_data"] = {path: self._data(path, folder) for path in named}
        return args

    def _data(self, path: str, folder: Path | None) -> str | None:
        """None for a file that is not there: only the module knows whether it is needed."""
        try:
            found = str(folder / path) if folder else self._find(path)
            return base64.b64encode(self._bytes(found)).decode()
        except _Missing:
            return None

    def _find(self, path: str) -> str:
        """As the module copy looks: in the role's files, then beside the playbook."""
        try:
            return str(self._find_needle("files", path))
        except AnsibleError as error:
            raise _Missing(f'file "{path}" is not there on the controller: {error}') from error

    def _text(self, path: str) -> str:
        try:
            return self._bytes(path).decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{path} cannot be read as a Compose definition: {error}") from error

    def _bytes(self, path: str) -> bytes:
        """Decrypted, where the file is in a vault."""
        if not Path(path).is_file():
            raise _Missing(f"{path} is not there on the controller")
        try:
            readable = self._loader.get_real_file(path)
            data = Path(readable).read_bytes()
        except (AnsibleError, OSError) as error:
            raise InputError(f"{path} cannot be read on the controller: {error}") from error
        self._loader.cleanup_tmp_file(readable)
        return data


class _Missing(InputError):
    pass
