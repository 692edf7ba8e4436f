#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lease
short_description: Hold the deployment's lease, so that one run at a time changes it
version_added: 0.1.0
description:
  - Takes, renews or releases a lease that the swarm itself keeps, as the labels of a config. Two runs that try at the
    same moment are told apart by the swarm, and a run that is refused has changed nothing.
  - As a task it asks the managers of the inventory one after another, from the controller, and says which run this is.
    Where none of them is in a swarm yet, there is nothing to hold.
  - A lease that was not released can be taken once it has run out. Where its holder was a process of this very
    controller that is gone, it is taken at once.
  - C(docs/lease.md) says what holds it.
options:
  state:
    description:
      - V(present) takes the lease, or renews it where this run has it already.
      - V(absent) releases it, where this run has it.
    type: str
    choices: [absent, present]
    default: present
  seconds:
    description: For how long it is held from now on. Each step that needs it renews it.
    type: int
    default: 1800
  takeover:
    description: The run whose lease is taken although it has not run out. The refusal names it.
    type: str
    default: ""
  ended:
    description: A run that is known to have ended without releasing it. The task finds that out by itself.
    type: str
    default: ""
  looked:
    description:
      - When this run first looked at the hosts, in seconds since 1970 by a manager's clock. It is refused the lease
        where another run has held it since, because its plan may be out of date.
    type: float
  through:
    description: The hosts that are asked, in this order. Without it, those of the group C(managers).
    type: list
    elements: str
  holder:
    description: Who asks. The task says it by itself.
    type: dict
    suboptions:
      run:
        description: The run, by a name that no other has.
        type: str
        required: true
      controller:
        description: The host name of the controller.
        type: str
        required: true
      user:
        description: Who runs it there.
        type: str
        required: true
      pid:
        description: The run's process.
        type: int
        required: true
      started:
        description: When that process was started, as the controller's kernel says it.
        type: str
        default: ""
      place:
        description:
          - Where that process can be looked for, as a digest. Only a controller of the same digest can tell that it
            is gone.
        type: str
        default: ""
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: Restart something while no other run does
  block:
    - name: Hold the deployment's lease
      baremetal.overlay.lease:
      run_once: true
    - name: Restart it
      ansible.builtin.command: systemctl restart example
  always:
    - name: Release the deployment's lease
      baremetal.overlay.lease:
        state: absent
      run_once: true
"""

RETURN = r"""
taken:
  description: Whether this run did not have it before.
  returned: success
  type: bool
  sample: true
lease:
  description: Who holds it or held it last; empty where there is none, as before there is a swarm.
  returned: success, and where another run holds it
  type: dict
  sample:
    run: 3f9c2a7be1d04c55
    controller: ops1
    user: alice
    pid: 4711
    started: "81234567"
    place: 0b7e64a1f2c95d38
    released: false
    since: "2026-11-29T20:31:07.120000Z"
    until: "2026-11-29T21:01:07.120000Z"
outside:
  description: Whether this host is in no swarm.
  returned: where the engine cannot answer
  type: bool
gone:
  description: The run whose lease was taken at once, because its process on this controller is gone.
  returned: where that is so
  type: str
  sample: 5be0d1c2a3f44e67
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.lease import SPEC, converge


def main() -> None:
    run_module(SPEC, converge)


if __name__ == "__main__":
    main()
