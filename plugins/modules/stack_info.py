#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: stack_info
short_description: Tell which stacks a swarm holds, with their services and how many of their tasks run
version_added: 0.1.0
description:
  - Returns all stacks, or those that are named, with what carries their label. Must run on a manager.
  - A stack whose services are gone is told as long as a network, secret or config of it is left.
options:
  name:
    description: Names of the stacks that are meant; all of them where it is not given.
    type: list
    elements: str
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes_info
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: List the stacks
  baremetal.overlay.stack_info:
  register: told

- name: Show the services that do not run as wanted
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.replicas.running }} of {{ item.replicas.wanted }}"
  loop: "{{ told.stacks | map(attribute='services') | flatten }}"
  loop_control:
    label: "{{ item.name }}"
  when: item.replicas.running != item.replicas.wanted
"""

RETURN = r"""
stacks:
  description: The stacks, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The stack's name; C(Name) is the same.
      type: str
    services:
      description: Its services, each with C(id), C(name), C(mode), C(image), C(replicas) and published C(ports).
      type: list
      elements: dict
    Services:
      description: Their number, as a text.
      type: str
    replicas:
      description: How many tasks of the stack run of how many.
      type: dict
    networks:
      description: Names of its networks.
      type: list
      elements: str
    secrets:
      description: Names of its secrets.
      type: list
      elements: str
    configs:
      description: Names of its configs.
      type: list
      elements: str
  sample:
    - name: web
      replicas: {"running": 3, "wanted": 3}
      services: [{"name": "web_web", "mode": "replicated", "replicas": {"running": 3, "wanted": 3}}]
      networks: [web_default]
      secrets: []
      configs: []
missing:
  description: What was asked for by name and is not there.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.stack_info import SPEC, gather


def main() -> None:
    run_module(SPEC, gather)


if __name__ == "__main__":
    main()
