#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_info
short_description: Tell what the managers know of a swarm's nodes
version_added: 0.1.0
description:
  - Returns the Engine's own inspect of all nodes, or of those that are named. Must run on a manager.
options:
  name:
    description:
      - Host names, as the swarm knows them, or IDs. All nodes where it is not given.
      - Of several nodes of one host name, those that are not down are meant.
    type: list
    elements: str
  self:
    description: Only the node of the engine that answers; O(name) is then not looked at.
    type: bool
    default: false
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes_info
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: All nodes
  baremetal.overlay.node_info:
  register: swarm

- name: Every node is ready
  ansible.builtin.assert:
    that: swarm.nodes | map(attribute="Status.State") | unique == ["ready"]
"""

RETURN = r"""
nodes:
  description: The Engine's own inspect of each node, in the order in which they are asked for.
  returned: success
  type: list
  elements: dict
  sample: [{"ID": "l1vx2y", "Description": {"Hostname": "n1"}, "Status": {"State": "ready", "Addr": "10.0.0.1"}}]
missing:
  description: What was asked for by name and is not there.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.node_info import SPEC, gather


def main() -> None:
    run_module(SPEC, gather)


if __name__ == "__main__":
    main()
