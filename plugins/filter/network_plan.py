# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which networks MinIO's servers are reached, from what the inventory declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils import network_plan as networks
from ansible_collections.baremetal.overlay.plugins.plugin_utils import plan

DOCUMENTATION = r"""
name: network_plan
short_description: By which networks MinIO's servers are reached
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - Says what C(overlay_network_driver) means for each host, from what the inventory declares; no host is looked at.
options:
  _input:
    description: C(hostvars).
    type: dict
    required: true
  groups:
    description: C(groups).
    type: dict
    required: true
  settings:
    description: The cluster's settings, C(network_driver), C(minio_network), C(kernel_subnet) and C(lan_subnet).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say where each server is reached by its peers
  ansible.builtin.debug:
    msg: "{{ (hostvars | baremetal.overlay.network_plan(groups, {'network_driver': 'kernel'})).addresses }}"
"""

RETURN = r"""
_value:
  description: >-
    C(driver), C(attachment) (what the services are given), C(cluster) (networks of the swarm that take their
    configuration from the nodes), C(nodes) (each host's configuration of them), C(probed) (the network on which servers
    reach each other) and C(addresses) (where they do so, in the hosts' own network).
  type: dict
"""


def network_plan(
    hostvars: Mapping[str, Any], groups: Mapping[str, Sequence[str]], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the plan of the servers' networks."""
    return networks.draw(plan.read_cluster(hostvars, groups, (), settings))


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"network_plan": network_plan}
