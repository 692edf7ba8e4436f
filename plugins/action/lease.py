# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the managers for the deployment's lease, and tells a run of this controller that is gone from one that works."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.overlay.plugins.plugin_utils import this_run
from ansible_collections.baremetal.overlay.plugins.plugin_utils.controller import end_with_run
from ansible_collections.baremetal.overlay.plugins.plugin_utils.other_host import OtherHost

MODULE = "baremetal.overlay.lease"
SETTINGS = ("takeover", "seconds")


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        end_with_run()
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = {**self._settings(variables), **self._task.args}
        through = arguments.pop("through", None) or variables["groups"].get("managers", [])
        return {**result, **self._ask(through, {**arguments, "holder": this_run.holder()}, variables)}

    def _settings(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """What the inventory says of leases, so that no task has to pass it on."""
        given = {name: task_vars.get(f"overlay_lease_{name}") for name in SETTINGS}
        return {name: self._templar.template(value) for name, value in given.items() if value not in (None, "")}

    def _ask(self, through: list[str], arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        silent: dict[str, str] = {}
        outside: list[str] = []
        for name in through:
            found = self._at(name, arguments, task_vars)
            if "lease" in found:
                return found
            # No swarm yet, or no engine: a host that says so has no part in this.
            if found.get("outside"):
                outside.append(name)
            else:
                silent[name] = str(found.get("msg") or "no answer")
        if not silent:
            return {"changed": False, "taken": False, "lease": {}}
        return {
            "failed": True,
            "changed": False,
            "msg": "the deployment's lease: no manager can tell who holds it, so nothing was changed: "
            + "; ".join(f"{name}: {why}" for name, why in silent.items()),
        }

    def _at(self, name: str, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        try:
            host = OtherHost(self, name, task_vars)
            try:
                found = host.run(MODULE, arguments)
                held = found.get("lease") or {}
                if found.get("failed") and held and not held["released"] and this_run.is_gone(held):
                    found = host.run(MODULE, {**arguments, "ended": held["run"]})
                    # Another run may have been quicker.
                    found = found if found.get("failed") else {**found, "gone": held["run"]}
                return found
            finally:
                host.close()
        except AnsibleConnectionFailure as error:
            return {"failed": True, "msg": f"cannot be reached ({error})"}
