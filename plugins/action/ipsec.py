# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name, and confirms over a new connection what could cut the host off."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.overlay.plugins.plugin_utils.confirmed import ConfirmedAction
from ansible_collections.baremetal.overlay.plugins.plugin_utils.controller import end_with_run


class ActionModule(ConfirmedAction):
    """Only where clear text may begin to be refused; to be ready for it, and to end it, cuts nobody off."""

    module = "baremetal.overlay.ipsec"

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """One execution where nothing has to be confirmed."""
        arguments = self._task.args
        if arguments.get("state", "present") == "present" and arguments.get("phase", "finish") != "prepare":
            return super().run(tmp, task_vars)
        end_with_run()
        base: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        return {**base, **self._module(dict(arguments), task_vars or {})}
