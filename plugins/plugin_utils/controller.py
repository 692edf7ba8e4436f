# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on the controller runs as the user who runs Ansible, and ends with that run.

``become: false`` on a task does not do it: ``ansible_become`` of the group ``all`` overrides it, and the controller is
in that group, too. A variable of the task overrides the group's, and ``-e ansible_become=true`` overrides both.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

MANAGED = ("managers", "workers", "minio")
# <sys/prctl.h>
PR_SET_PDEATHSIG = 1


def is_controller(action: ActionBase, task_vars: Mapping[str, Any]) -> bool:
    """Whether the task was delegated to this machine, and not to a host of the deployment that is this machine."""
    name = action._task.delegate_to
    if not name or str(action._connection.transport) != "local":
        return False
    groups = task_vars.get("groups") or {}
    return not any(name in groups.get(group, ()) for group in MANAGED)


def stay_unprivileged(action: ActionBase, task_vars: Mapping[str, Any] | None) -> None:
    """Takes away what would make the task root, or anybody else, on the controller."""
    if is_controller(action, task_vars or {}):
        action._connection.set_become_plugin(None)
        action._play_context.become = False


def end_with_run() -> None:
    """Has the kernel end this worker once its run is killed; otherwise it would carry its task to the end on its own.

    Ansible's workers are sessions of their own, which a kill of the run does not reach. SIGTERM ends their children.
    """
    if multiprocessing.parent_process() is None:
        return
    run = os.getppid()
    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    if prctl is None:
        # Not Linux: the task is carried out to its end.
        return
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != run:
        raise AnsibleError("the run was killed; nothing more is done")
