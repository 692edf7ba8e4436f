# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name: with the controller's time on both sides, and with a client of S3 elsewhere.

A signed URL is a credential while it lasts. It goes from the host that signs to the client within one task, so that no
result, no variable and no output has it.
"""

from __future__ import annotations

import time
from typing import Any, Optional

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action.normal import ActionModule as NormalActionModule
from ansible_collections.baremetal.overlay.plugins.plugin_utils.controller import end_with_run, stay_unprivileged
from ansible_collections.baremetal.overlay.plugins.plugin_utils.other_host import OtherHost

MODULE = "baremetal.overlay.probe"
Result = dict[str, Any]


class ActionModule(NormalActionModule):
    """As any module is run, but for the client."""

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Result] = None) -> Result:
        stay_unprivileged(self, task_vars)
        end_with_run()
        if self._task.args.get("visitor"):
            return self._visit(task_vars or {})
        sent = time.time()
        result: Result = super().run(tmp, task_vars)
        if "sight" in result:
            result["stamps"] = {"sent": sent, "received": time.time()}
        return result

    def _visit(self, variables: Result) -> Result:
        """The client's result. What it could not be given is no failure of the visit: it looks at the health anyway."""
        arguments, visitor = dict(self._task.args), dict(self._task.args["visitor"])
        del arguments["visitor"]
        store, signed = dict(arguments["store"]), {"offers": [], "error": ""}
        if self._task.check_mode:
            return {"changed": False, "skipped": True, "msg": "check mode stores nothing"}
        if visitor.get("signs", True):
            own = {**arguments, "store": {**store, "mode": "sign"}}
            told = self._at(str(variables["inventory_hostname"]), own, variables, secret=True)
            signed = told.get("store") or {"offers": [], "error": str(told.get("msg"))}
        wanted = {"mode": "visit", "bucket": "", "clients": store["clients"], "offers": signed["offers"]}
        wanted |= {name: visitor[name] for name in ("ca_path", "ca_certificates") if visitor.get(name)}
        wanted |= {"timeout": store["timeout"]} if "timeout" in store else {}
        seen = self._at(str(visitor["host"]), {**arguments, "store": wanted}, variables, privileged=False)
        if "store" not in seen:
            return {"failed": True, "changed": False, "msg": str(seen.get("msg"))}
        return {"changed": False, "store": {**seen["store"], "error": signed["error"]}}

    def _at(self, host: str, arguments: Result, variables: Result, **how: bool) -> Result:
        """Raised, an error would make the host of the task an unreachable one."""
        try:
            other = OtherHost(self, host, variables, **how)
            try:
                return other.run(MODULE, arguments)
            finally:
                other.close()
        except AnsibleConnectionFailure as error:
            return {"failed": True, "msg": f"{host} cannot be reached: {error}"}
