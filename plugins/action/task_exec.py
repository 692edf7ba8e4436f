# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command in a task wherever it runs: a manager says where, the node's own host runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.overlay.plugins.plugin_utils.controller import end_with_run
from ansible_collections.baremetal.overlay.plugins.plugin_utils.node_host import ADDRESSES, NoHost, host_of
from ansible_collections.baremetal.overlay.plugins.plugin_utils.other_host import OtherHost

MODULE = "baremetal.overlay.task_exec"
# What the manager was told to find the task by; the node's host is told the container.
_BY_MANAGER = ("service", "slot", "node")
_TOLD = ("task", "node", "node_id", "container_id")


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        end_with_run()
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        found = self._execute_module(module_name=MODULE, module_args=dict(self._task.args), task_vars=variables)
        if found.get("elsewhere") and not found.get("failed"):
            found = self._elsewhere(found, variables)
        found.pop("elsewhere", None)
        found.pop("node_addresses", None)
        return {**result, **found}

    def _elsewhere(self, place: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        told = {key: place[key] for key in _TOLD}
        try:
            host = host_of(place["node"], place["node_addresses"], hosts_of(task_vars["hostvars"]))
        except NoHost as error:
            # Returned, not raised: Ansible would repeat the sentence with every cause behind it.
            return {**told, "failed": True, "changed": False, "msg": str(error)}
        done = self._at(host, place, task_vars)
        if done.get("failed") and "rc" not in done:
            done["msg"] = f"task {place['task']} on node {place['node']}, host {host}: {done.get('msg', '')}"
        return {**done, **told, "host": host}

    def _at(self, host: str, place: Mapping[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        arguments = {key: value for key, value in self._task.args.items() if key not in _BY_MANAGER}
        arguments["container_id"] = place["container_id"]
        engines = arguments.get("docker_hosts") or {}
        if host in engines:
            arguments["docker_host"] = engines[host]
        try:
            other = OtherHost(self, host, task_vars)
            try:
                return other.run(MODULE, arguments)
            finally:
                other.close()
        except AnsibleConnectionFailure as error:
            # Raised, it would make the manager an unreachable host.
            return {"failed": True, "changed": False, "msg": f"the host cannot be reached: {error}"}


def hosts_of(hostvars: Any) -> dict[str, dict[str, Any]]:
    """What says which node a host is; ``--limit`` leaves no host out of it."""
    wanted = (*ADDRESSES, "inventory_hostname", "ansible_facts")
    return {name: {key: hostvars[name][key] for key in wanted if key in hostvars[name]} for name in hostvars}
