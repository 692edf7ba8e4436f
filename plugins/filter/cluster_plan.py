# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door between playbooks and the plan of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils import plan

DOCUMENTATION = r"""
name: cluster_plan
short_description: What is wrong with a cluster, and what a run has to do
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - Reads what the inventory declares and what M(baremetal.overlay.host) found on every host.
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
    description: The cluster's settings, see the role C(preflight).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Draw the plan of this run
  ansible.builtin.set_fact:
    preflight_plan: "{{ hostvars | baremetal.overlay.cluster_plan(groups, ansible_play_hosts_all, settings) }}"
  vars:
    settings:
      network_driver: overlay
      encryption: none
  run_once: true
"""

RETURN = r"""
_value:
  description: >-
    C(violations) (sentences; with any of them nothing may be done), C(advice) (sentences that stop nothing), C(summary)
    (what an operator reads where there is no violation), C(restarts) (which MinIO servers are restarted, and why),
    C(acting_manager), C(founder) (the manager that makes the swarm, if none exists), C(nodes) (what the nodes of the
    swarm are to be), C(underlay_mtu), C(work) (the computed groups of each host), and C(minio) (its servers, layout,
    image and credentials).
  type: dict
"""


def cluster_plan(
    hostvars: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    looked_at: Sequence[str],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the plan of a run for everything that the inventory and the hosts say."""
    return plan.draw(plan.read_cluster(hostvars, groups, looked_at, settings))


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"cluster_plan": cluster_plan}
