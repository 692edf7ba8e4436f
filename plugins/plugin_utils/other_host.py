# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another host of the inventory, reached over its own connection from within a task, as delegation reaches it."""

from __future__ import annotations

from typing import Any

from ansible.executor.task_executor import TaskExecutor
from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.overlay.plugins.plugin_utils.controller import stay_unprivileged


class _Reach(TaskExecutor):
    """What core does to connect, with become, passwords and plugin options; without running the task."""

    _task: Any = None

    def __init__(self, action: ActionBase, task: Any, play_context: Any) -> None:
        self._task = task
        self._play_context = play_context
        self._shared_loader_obj = action._shared_loader_obj
        self._connection: Any = None

    def connect(self, variables: dict[str, Any], templar: Any) -> Any:
        kind = variables.get("ansible_connection")
        self._connection = self._get_connection(variables, templar, templar.template(kind) if kind else "ssh")
        self._set_connection_options(variables, templar)
        return self._connection


class OtherHost:
    """``run`` is ``_execute_module`` there. Close it afterwards.

    ``secret``: what the module returns is shown at no verbosity. ``privileged``: whether to become as the task does.
    """

    def __init__(
        self, action: ActionBase, host: str, task_vars: dict[str, Any], secret: bool = False, privileged: bool = True
    ) -> None:
        task = action._task.copy(exclude_parent=True, exclude_tasks=True)
        task._parent = action._task._parent
        task.delegate_to = host
        task.no_log = secret or task.no_log
        if not privileged:
            # A variable that all hosts have in common goes before `become`, and this one before that.
            task.become, task.vars = False, {**task.vars, "ansible_become": False}
        manager = task_vars["hostvars"]._variable_manager
        delegated, _name = manager.get_delegated_vars_and_hostname(action._templar, task, task_vars)
        self._variables = {**task_vars, **delegated}
        own = delegated["ansible_delegated_vars"][host]
        templar = action._templar.copy_with_new_env(available_variables=own)
        play_context = action._play_context.set_task_and_variable_override(task, self._variables, templar)
        # The host's name is its address where nothing else is said.
        play_context.remote_addr = own.get("ansible_host") or host
        self._connection = _Reach(action, task, play_context).connect(own, templar)
        self._handler = action._shared_loader_obj.action_loader.get(
            "ansible.legacy.normal",
            task=task,
            connection=self._connection,
            play_context=play_context,
            loader=action._loader,
            templar=action._templar,
            shared_loader_obj=action._shared_loader_obj,
        )
        stay_unprivileged(self._handler, self._variables)

    def run(self, module: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._handler._execute_module(
            module_name=module, module_args=arguments, task_vars=self._variables
        )
        return result

    def close(self) -> None:
        self._handler.cleanup()
        self._connection.close()
