#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: task_exec
short_description: Run a command in a task of a service, on whichever node of the swarm it runs
version_added: 0.1.0
description:
  - Asks a manager where the task is. Where that is the manager's own node, the command runs there; otherwise on the
    host of the inventory that is the node, over that host's own connection, whether or not C(--limit) names it.
  - A host is a node if its C(overlay_underlay_address) is the node's address; otherwise by C(ansible_host), or by its
    name. If none is, or several are, the message lists what was looked at.
  - Nothing of the C(docker) command is needed on any host.
  - Fails where the command's exit code is not 0, as M(ansible.builtin.command) does; C(failed_when) decides otherwise.
options:
  service:
    description: The service's name or ID. One of its tasks that run is taken, the one of the lowest slot.
    type: str
  slot:
    description: Takes the task of this slot.
    type: int
  node:
    description: Takes a task on the node of this host name or ID.
    type: str
  container_id:
    description: In place of O(service), a container on the addressed host itself; no manager is asked.
    type: str
  argv:
    description: The program and its arguments, as they are; no shell takes part.
    type: list
    elements: str
  command:
    description: The same as one text, which is taken apart as a shell would, and nothing else.
    type: str
  chdir:
    description: The directory to run in; the image's own where it is not given.
    type: str
    aliases: [workdir, working_dir]
  user:
    description: The user to run as, by name or ID, or both as C(user:group); the container's own where not given.
    type: str
  env:
    description: Variables to set beside the container's own. Quote what YAML would take for a number or a boolean.
    type: dict
  secret_env:
    description: Variables whose values are secret. They are masked wherever the output has them.
    type: dict
  stdin:
    description: What the command reads. Without it, and without O(secret_stdin), there is nothing to read.
    type: str
  secret_stdin:
    description: The same as a secret, which is masked wherever the output has it.
    type: str
  stdin_add_newline:
    description: Whether a line's end is added to what the command reads.
    type: bool
    default: true
  strip_empty_ends:
    description: Whether empty lines at the end of the output are left out.
    type: bool
    default: true
  command_timeout:
    description:
      - Seconds to wait for the command's end; without it, as long as it takes.
      - The Engine cannot end a command, so that one that is given up goes on; the message names its process.
    type: float
  docker_hosts:
    description:
      - Where the engines of other hosts listen, by the hosts' names in the inventory, where that is not O(docker_host).
    type: dict
extends_documentation_fragment:
  - baremetal.overlay.engine
attributes:
  check_mode:
    description: Can run in check mode and predict what would be changed, without changing it.
    support: partial
    details: What a command would change cannot be known; it is not run, and the task is skipped.
  diff_mode:
    description: Returns what differs, before and after.
    support: none
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: Which address has the other service, seen from inside?
  baremetal.overlay.task_exec:
    service: web
    argv: [getent, hosts, database]
  register: seen
  changed_when: false

- name: In each of three tasks
  baremetal.overlay.task_exec:
    service: web
    slot: "{{ item }}"
    argv: [/usr/local/bin/reload, --quiet]
  loop: [1, 2, 3]

- name: With a secret that the command reads
  baremetal.overlay.task_exec:
    service: database
    node: n2
    user: postgres
    argv: [psql]
    secret_stdin: "ALTER USER web PASSWORD '{{ web_password }}';"
"""

RETURN = r"""
stdout:
  description: What the command said.
  returned: when it ran
  type: str
  sample: 10.77.0.5 database
stderr:
  description: What it said of errors.
  returned: when it ran
  type: str
  sample: ""
rc:
  description: Its exit code.
  returned: when it ran
  type: int
  sample: 0
cmd:
  description: The program and its arguments.
  returned: when it ran
  type: list
  elements: str
  sample: [getent, hosts, database]
task:
  description: The task's name.
  returned: when O(service) is given
  type: str
  sample: web.1
node:
  description: The host name of the node where it runs.
  returned: when O(service) is given
  type: str
  sample: n2
node_id:
  description: The node's ID.
  returned: when O(service) is given
  type: str
  sample: l1vx2y
host:
  description: The inventory's name of the host that ran it.
  returned: when the task is on another node than the manager that was asked
  type: str
  sample: rack2
container_id:
  description: The container's ID.
  returned: when it ran
  type: str
  sample: 4f1c0f4b8f1e
start:
  description: When the command was started, by the clock of the host where it ran.
  returned: when it ran
  type: str
  sample: "2026-11-26T03:00:00.000000+00:00"
end:
  description: When it had ended.
  returned: when it ran
  type: str
  sample: "2026-11-26T03:00:00.150000+00:00"
delta:
  description: How long that took.
  returned: when it ran
  type: str
  sample: "0:00:00.150000"
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.task_exec import OPTIONS, SPEC, run


def main() -> None:
    run_module(SPEC, run, **OPTIONS)


if __name__ == "__main__":
    main()
