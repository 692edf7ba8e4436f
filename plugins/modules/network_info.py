#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: Tell how a host sees a network, with its subnets, peers and containers
version_added: 0.1.0
description:
  - Returns the Engine's own inspect of one network, from any host.
  - An engine knows the peers of an overlay once it has joined it, which it does for its first task or container
    there. A worker does not see an overlay at all before that. RV(msg) says so where that is why something is not
    told.
options:
  name:
    description: The network's exact name, its ID, or at least twelve characters that its ID begins with.
    type: str
    required: true
  verbose:
    description: Whether the inspect also tells the services and tasks that this node knows there.
    type: bool
    default: false
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes_info
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: Look at a network
  baremetal.overlay.network_info:
    name: storage
  register: storage

- name: It has the subnet that was planned, and this host takes part in it
  ansible.builtin.assert:
    that:
      - storage.exists
      - storage.subnets == ["10.77.0.0/24"]
      - storage.joined
"""

RETURN = r"""
exists:
  description: Whether the network is there, as far as this host can see; see RV(msg).
  returned: success
  type: bool
  sample: true
network:
  description: The Engine's own inspect; null where the network is not there.
  returned: success
  type: dict
  sample: {"Name": "storage", "Driver": "overlay", "Scope": "swarm", "Peers": [{"Name": "c0a1", "IP": "10.0.0.1"}]}
subnets:
  description: The network's subnets.
  returned: success
  type: list
  elements: str
  sample: [10.77.0.0/24]
peers:
  description: Addresses of the nodes that take part in it, this one included; empty where it has not joined.
  returned: success
  type: list
  elements: str
  sample: [10.0.0.1, 10.0.0.2]
joined:
  description: Whether this host takes part in the network, so that its peers are known here.
  returned: success
  type: bool
  sample: true
msg:
  description: What this host cannot tell, and who can; otherwise empty.
  returned: success
  type: str
  sample: ""
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.network_info import SPEC, gather


def main() -> None:
    run_module(SPEC, gather)


if __name__ == "__main__":
    main()
