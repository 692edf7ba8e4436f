#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node
short_description: Manage labels, role and availability of Swarm nodes, and remove them
version_added: 0.1.0
description:
  - Converges one node, or many in one execution, through a manager.
  - What is not given is left as it is.
  - A demotion or removal that would cost the swarm its quorum is refused before anything changes.
options:
  hostname:
    description:
      - The node's host name as the swarm knows it, or its ID.
      - Of several nodes of one host name, the only one that is not down is meant.
    type: str
  name:
    description: A name by which the Engine finds the node, besides its host name; no list shows it.
    type: str
  state:
    description:
      - V(absent) removes the node from the swarm once it is down; a manager is demoted first.
      - A node that runs leaves with M(baremetal.overlay.swarm) before; O(force) removes it as it is.
    type: str
    choices: [present, absent]
    default: present
  labels:
    description: Labels of the node.
    type: dict
  labels_state:
    description:
      - V(merge) sets the given labels and keeps the others.
      - V(replace) makes the given labels the only ones.
    type: str
    choices: [merge, replace]
    default: merge
  labels_to_remove:
    description: Names of labels to remove; a label that is also in O(labels) stays.
    type: list
    elements: str
  role:
    description: The role. A node that is down cannot become a manager.
    type: str
    choices: [worker, manager]
  availability:
    description: Whether the node takes tasks.
    type: str
    choices: [active, pause, drain]
  nodes:
    description: Several nodes, each with the options above.
    type: list
    elements: dict
    suboptions:
      hostname:
        description: The node's host name or ID.
        type: str
        required: true
      name:
        description: A name besides the host name.
        type: str
      state:
        description: Whether the node is to be in the swarm.
        type: str
        choices: [present, absent]
        default: present
      labels:
        description: Labels of the node.
        type: dict
      labels_state:
        description: What the given labels do to the others.
        type: str
        choices: [merge, replace]
        default: merge
      labels_to_remove:
        description: Names of labels to remove.
        type: list
        elements: str
      role:
        description: The role.
        type: str
        choices: [worker, manager]
      availability:
        description: Whether the node takes tasks.
        type: str
        choices: [active, pause, drain]
  force:
    description: Whether to remove a node that is not down.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait until the managers agree on a role, and until a node that is to be drained is empty, its tasks
        having ended there and run elsewhere. A task that has no other place is a warning.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait for each of that, and for a node that is to be removed to be down.
    type: int
    default: 120
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: Label all nodes in one go
  baremetal.overlay.node:
    nodes:
      - hostname: n1
        labels: {rack: a}
      - hostname: n2
        labels: {rack: b}

- name: Take a node out of service
  baremetal.overlay.node:
    hostname: n2
    availability: drain

- name: Remove a node that is down
  baremetal.overlay.node:
    hostname: n3
    state: absent
"""

RETURN = r"""
node:
  description: The Engine's own inspect of the node, empty once it is removed; in check mode as it is predicted.
  returned: when O(hostname) is given
  type: dict
  sample: {"ID": "l1vx2y", "Spec": {"Availability": "active", "Labels": {"rack": "a"}, "Role": "manager"}}
nodes:
  description: The same of every node, in the order in which they were given.
  returned: success
  type: list
  elements: dict
  sample: [{"ID": "l1vx2y", "Spec": {"Availability": "active", "Labels": {"rack": "a"}, "Role": "manager"}}]
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.node import OPTIONS, SPEC, converge


def main() -> None:
    run_module(SPEC, converge, **OPTIONS)


if __name__ == "__main__":
    main()
