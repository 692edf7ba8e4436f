# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name; on the controller never as another user than the one who runs Ansible."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action.normal import ActionModule as NormalActionModule
from ansible_collections.baremetal.overlay.plugins.plugin_utils.controller import end_with_run, stay_unprivileged


class ActionModule(NormalActionModule):
    """As any module is run."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The module's result, as it is."""
        stay_unprivileged(self, task_vars)
        end_with_run()
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result
