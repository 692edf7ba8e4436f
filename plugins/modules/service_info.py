#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_info
short_description: Tell what a swarm's services are told, how many of their tasks run, and what became of each task
version_added: 0.1.0
description:
  - Returns the Engine's own inspect of one service, of several, or of all of a stack, with their tasks. Must run on a
    manager.
  - However many services are asked for, it costs three calls to the Engine.
options:
  name:
    description: The service's exact name or its ID.
    type: str
  names:
    description: Exact names or IDs of several services.
    type: list
    elements: str
  stack:
    description: The stack whose services are meant.
    type: str
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes_info
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: What became of a service
  baremetal.overlay.service_info:
    name: web
  register: web

- name: All of it runs
  ansible.builtin.assert:
    that: web.exists and web.replicas.running == web.replicas.wanted

- name: The tasks of a stack that have failed, and where
  baremetal.overlay.service_info:
    stack: store
  register: store
  failed_when: store.tasks | selectattr("state", "in", ["failed", "rejected"]) | length > 0
"""

RETURN = r"""
exists:
  description: Whether the service is there.
  returned: when O(name) is given
  type: bool
  sample: true
service:
  description: The Engine's own inspect of the service; null where it is not there.
  returned: when O(name) is given
  type: dict
  sample: {"ID": "m7q3", "Spec": {"Name": "web"}}
replicas:
  description: How many tasks run of how many that are wanted. Of a job, and of a service whose restart condition is
    V(none) or V(on-failure), also how many are complete.
  returned: when O(name) is given
  type: dict
  sample: {"running": 3, "wanted": 3}
services:
  description: The same of each service.
  returned: success
  type: list
  elements: dict
  sample: [{"name": "web", "exists": true, "service": {"ID": "m7q3"}, "replicas": {"running": 3, "wanted": 3}}]
tasks:
  description: The services' tasks by service and slot, the newest of each first; those that are over as long as the
    swarm remembers them.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The task's ID.
      type: str
    name:
      description: The service's name with the slot, or with the node's ID where the service is global.
      type: str
    service:
      description: The service's name.
      type: str
    slot:
      description: The slot; null where the service is global.
      type: int
    node:
      description: The node's host name; null where the task has no node yet.
      type: str
    node_id:
      description: The node's ID.
      type: str
    state:
      description: What it does, for example V(running), V(failed) or V(pending).
      type: str
    desired_state:
      description: What it is to do.
      type: str
    message:
      description: What the swarm says of the state.
      type: str
    error:
      description: What went wrong; otherwise empty.
      type: str
    exit_code:
      description: The exit code of a container that is over; otherwise null.
      type: int
    container_id:
      description: The container's ID on the node.
      type: str
    image:
      description: The image.
      type: str
    addresses:
      description: The task's addresses, as lists by network name.
      type: dict
    timestamp:
      description: When it came into the state.
      type: str
  sample:
    - id: v9k2
      name: web.1
      service: web
      slot: 1
      node: n1
      state: running
      desired_state: running
      addresses: {"storage": ["10.77.0.3"]}
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.service_info import OPTIONS, SPEC, gather


def main() -> None:
    run_module(SPEC, gather, **OPTIONS)


if __name__ == "__main__":
    main()
