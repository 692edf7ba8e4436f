# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name. On the controller it is not root, shows its progress, and ends with the run."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Optional

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.baremetal.overlay.plugins.plugin_utils.controller import end_with_run, stay_unprivileged
from ansible_collections.baremetal.overlay.plugins.plugin_utils.progress import Meter, Tail

MODULE = "baremetal.overlay.minio_image"


class ActionModule(ActionBase):
    """Only a local module's file can be read along."""

    TRANSFERS_FILES = False
    _requires_connection = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        """The module's result, as it is."""
        stay_unprivileged(self, task_vars)
        end_with_run()
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if not self._is_local() or arguments.get("progress_file"):
            return {**result, **self._execute_module(MODULE, module_args=arguments, task_vars=task_vars)}
        with tempfile.TemporaryDirectory(prefix="minio-image-") as directory:
            path = Path(directory) / "progress"
            arguments["progress_file"] = str(path)
            # Standard error is not buffered, also where the output goes to a file or a pipe.
            with Tail(path, Meter("minio"), partial(Display().display, stderr=True)):
                return {**result, **self._execute_module(MODULE, module_args=arguments, task_vars=task_vars)}

    def _is_local(self) -> bool:
        return str(self._connection.transport) == "local" and not self._play_context.become
