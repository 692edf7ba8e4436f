# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door between playbooks and the plan of a teardown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils import teardown_plan

DOCUMENTATION = r"""
name: teardown_plan
short_description: What a teardown must not do, and what it has to do
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - Reads what the inventory declares and what M(baremetal.overlay.teardown) found on every host of the run.
  - Returns all violations of all hosts at once, and the work as computed groups.
options:
  _input:
    description: C(hostvars).
    type: dict
    required: true
  groups:
    description: C(groups).
    type: dict
    required: true
  looked_at:
    description: The hosts of the play, C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  settings:
    description: >-
      C(consent), C(drives_consent), C(outside) (the results of M(baremetal.overlay.host) on the managers that stay),
      C(parity) and C(port).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Draw the plan of this teardown
  ansible.builtin.set_fact:
    teardown_plan: "{{ hostvars | baremetal.overlay.teardown_plan(groups, ansible_play_hosts_all, settings) }}"
  vars:
    settings:
      consent: [n4]
  run_once: true
"""

RETURN = r"""
_value:
  description: >-
    C(violations) (sentences; with any of them nothing may be done), C(summary) (sentences on what it leads to),
    C(whole) (whether the swarm ends),
    C(acting_manager), C(demote) and C(remove) (IDs of nodes), C(stays) and C(work) (the computed groups) of each host.
  type: dict
"""


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"teardown_plan": teardown_plan.draw, "teardown_drives_left": teardown_plan.drives_left}
