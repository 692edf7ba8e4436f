#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_info
short_description: Tell what there is in a Docker swarm
version_added: 0.1.0
description:
  - Returns the swarm, its nodes, services and tasks; must run on a manager.
  - Whether there is an engine, a swarm and a manager is returned on failure too.
options:
  nodes:
    description: Whether to list the nodes.
    type: bool
    default: false
  nodes_filters:
    description: Filters of the Engine for the list of nodes, for example C(role) V(manager).
    type: dict
  services:
    description: Whether to list the services.
    type: bool
    default: false
  services_filters:
    description: Filters of the Engine for the list of services.
    type: dict
  tasks:
    description: Whether to list the tasks.
    type: bool
    default: false
  tasks_filters:
    description: Filters of the Engine for the list of tasks.
    type: dict
  verbose_output:
    description: Whether the lists hold the Engine's own inspect instead of the essentials.
    type: bool
    default: false
  unlock_key:
    description: Whether to return the key that unlocks a locked manager. Give the task C(no_log).
    type: bool
    default: false
  join_tokens:
    description: Whether to return the tokens that let hosts into the swarm. Give the task C(no_log).
    type: bool
    default: false
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes_info
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: List the nodes
  baremetal.overlay.swarm_info:
    nodes: true

- name: Read the join tokens
  baremetal.overlay.swarm_info:
    join_tokens: true
  no_log: true
  register: tokens
"""

RETURN = r"""
can_talk_to_docker:
  description: Whether an engine answers.
  returned: success and failure
  type: bool
  sample: true
docker_swarm_active:
  description: Whether this host is in a swarm, be it one that is locked or that it is still joining.
  returned: success and failure
  type: bool
  sample: true
docker_swarm_manager:
  description: Whether this host is a manager.
  returned: success and failure
  type: bool
  sample: true
swarm_facts:
  description: The Engine's own inspect of the swarm, without its join tokens.
  returned: success
  type: dict
  sample: {"ID": "abajmipo7b4xz5ip2nrla6b11", "Spec": {"Name": "default"}}
join_tokens:
  description: The join tokens, C(Worker) and C(Manager).
  returned: when O(join_tokens=true)
  type: dict
swarm_unlock_key:
  description: The unlock key, if the managers lock themselves.
  returned: when O(unlock_key=true)
  type: str
nodes:
  description: The nodes.
  returned: when O(nodes=true)
  type: list
  elements: dict
  sample: [{"ID": "l1vx2y", "Hostname": "n1", "Status": "ready", "Availability": "active", "ManagerStatus": "Leader"}]
services:
  description: The services; C(Replicas) of a global one is the number of its tasks.
  returned: when O(services=true)
  type: list
  elements: dict
  sample: [{"ID": "m7q3", "Name": "minio1", "Mode": "Replicated", "Replicas": 1}]
tasks:
  description: The tasks.
  returned: when O(tasks=true)
  type: list
  elements: dict
  sample: [{"ID": "v9k2", "Node": "n1", "DesiredState": "running", "CurrentState": "running"}]
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.info import SPEC, UNKNOWN, gather


def main() -> None:
    run_module(SPEC, gather, failure=UNKNOWN)


if __name__ == "__main__":
    main()
