#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network
short_description: Manage networks of the Docker Engine, overlay networks above all
version_added: 0.1.0
description:
  - Makes a network with the options that are given, or removes it.
  - An option that is not given is not looked at; one that is given is compared strictly, so that a dropped
    C(encrypted) or MTU option is seen.
  - The Engine cannot change a network. One that differs is refused unless O(force) allows to make it anew; the message
    names the differences and the users.
  - A network that services use is made anew by taking it from them, deleting it, creating it and giving it back. The
    services are without tasks for that long, and afterwards exactly as they were. It works for the network of the
    routing mesh as well, with the services that publish ports in it.
  - Whoever is interrupted in the middle runs the same again, and it is completed.
options:
  name:
    description: The network's exact name.
    type: str
    required: true
    aliases: [network_name]
  state:
    description:
      - V(present) makes the network.
      - V(absent) removes it when nothing uses it, and waits until its last endpoint is gone.
    type: str
    choices: [absent, present]
    default: present
  force:
    description:
      - Allows to make a network anew that differs, and to stop the services that use it meanwhile.
      - Never makes anew what does not differ. Never disconnects a container that was attached by hand, and never has a
        job run again; such a network is refused, with the names of what to remove.
    type: bool
    default: false
    aliases: [recreate]
  wait_timeout:
    description:
      - Seconds to wait for each step, such as until a removed network is gone, or services that have their network back
        have converged.
      - The cluster has 30 seconds of them to give a new network its addresses. One that gets none is removed again, and
        the task says why.
    type: int
    default: 60
  connected:
    description:
      - Names or IDs of containers of this host that are to be connected. The list is complete without O(appends);
        an empty one disconnects all. Tasks of services are not concerned.
      - What is not given is left as it is.
    type: list
    elements: str
    aliases: [containers]
  appends:
    description: Leaves containers connected that O(connected) does not name.
    type: bool
    default: false
    aliases: [incremental]
  driver:
    description: The network driver, for example V(overlay). The Engine's default is V(bridge).
    type: str
  scope:
    description: Where the network exists.
    type: str
    choices: [local, global, swarm]
  driver_options:
    description:
      - Options of the driver, for example C(com.docker.network.driver.mtu), or C(encrypted) with an empty string.
      - C(encrypted) is refused for a new network where the engine would send it in clear text, as engines before 23.0.7
        and 24.0.3 do on another data path port than 4789.
    type: dict
  ipam_driver:
    description: The IPAM driver.
    type: str
  ipam_driver_options:
    description: Options of the IPAM driver.
    type: dict
  ipam_config:
    description:
      - The address pools; compared by subnet, and within one only in what is named.
      - For IPv4 or IPv6 without a pool here the Engine chooses one, which is left as it is.
    type: list
    elements: dict
    suboptions:
      subnet:
        description: The subnet as a CIDR.
        type: str
      iprange:
        description: The part of the subnet that addresses are given from.
        type: str
      gateway:
        description: The gateway's address.
        type: str
      aux_addresses:
        description: Addresses that the driver uses, by name.
        type: dict
  attachable:
    description: Whether containers that belong to no service may join an overlay network.
    type: bool
  internal:
    description: Whether the network has no way out.
    type: bool
  ingress:
    description: Whether this is the routing mesh's network.
    type: bool
  enable_ipv4:
    description: Whether the network has IPv4. The Engine's default is V(true). Needs Engine API 1.47.
    type: bool
  enable_ipv6:
    description: Whether the network has IPv6.
    type: bool
  config_only:
    description: Whether the network is only a configuration for others.
    type: bool
  config_from:
    description: The configuration network to take the configuration from.
    type: str
  labels:
    description: The network's labels, all of them.
    type: dict
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: An attachable overlay network
  baremetal.overlay.network:
    name: storage
    driver: overlay
    attachable: true
    ipam_config:
      - subnet: 10.77.0.0/24
    driver_options:
      com.docker.network.driver.mtu: "1450"

- name: Another MTU, for which the services that use the network stop for a moment
  baremetal.overlay.network:
    name: storage
    driver_options:
      com.docker.network.driver.mtu: "8950"
    recreate: true

- name: No network of that name
  baremetal.overlay.network:
    name: storage
    state: absent
"""

RETURN = r"""
network:
  description: The Engine's own inspect of the network; in check mode as it is predicted.
  returned: success
  type: dict
  sample: {"Name": "storage", "Driver": "overlay", "Scope": "swarm", "Attachable": true}
actions:
  description: What was done, or would be.
  returned: success
  type: list
  elements: str
  sample: ["created network storage"]
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.network import SPEC, converge


def main() -> None:
    run_module(SPEC, converge)


if __name__ == "__main__":
    main()
