# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of ``image``: looks into the archive, and sends it only where the image is missing."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.overlay.plugins.module_utils import image_archive
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.plugin_utils.controller import end_with_run

MODULE = "baremetal.overlay.image"


class ActionModule(ActionBase):
    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        end_with_run()
        result: dict[str, Any] = super().run(tmp, task_vars)
        if boolean(self._task.args.get("remote_src", False)):
            result.update(self._execute_module(module_name=MODULE, task_vars=task_vars))
            return result
        try:
            path, args = self._archive()
            image = image_archive.pick(path, args.get("image_id"))
        except InputError as error:
            # Returned, not raised: Ansible would repeat the sentence with every cause behind it.
            return {**result, "failed": True, "changed": False, "msg": str(error)}
        args["image_id"] = image.id
        result.update(self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars))
        if result.get("missing") and not result.get("failed") and not self._task.check_mode:
            result.update(self._send(path, args, task_vars))
        return result

    def _archive(self) -> tuple[str, dict[str, Any]]:
        args = dict(self._task.args)
        given = [args.pop(name) for name in ("archive", "path") if name in args]
        if len(given) != 1 or not isinstance(given[0], str) or not given[0]:
            raise InputError('option "archive" is needed once; give the path of an image archive on the controller')
        # Relative paths are looked up as the module copy does: in the role's files, then beside the playbook.
        try:
            return str(self._find_needle("files", given[0])), args
        except AnsibleError as error:
            raise InputError(f'archive "{given[0]}" is not there on the controller: {error}') from error

    def _send(self, path: str, args: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        folder = self._connection._shell.tmpdir or self._make_tmp_path()
        remote = self._connection._shell.join_path(folder, "image.tar")
        try:
            self._transfer_file(path, remote)
            self._fixup_perms2((folder, remote))
            loaded: dict[str, Any] = self._execute_module(
                module_name=MODULE, module_args={**args, "archive": remote}, task_vars=task_vars
            )
        finally:
            self._remove_tmp_path(folder, force=True)
        return loaded
