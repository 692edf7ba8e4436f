#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: one host's part of a kernel overlay."""

from __future__ import annotations

DOCUMENTATION = r"""
module: links
short_description: Has a host take part in an overlay of the kernel
version_added: 0.1.0
description:
  - Makes a bridge with the host's address in the overlay, and VXLAN, NVGRE or Geneve links to all peers in it.
  - Who is where is known beforehand. No host learns it from frames, and peers that are no longer named go.
  - Links are not bound to a device. Routes decide where packets leave, so the underlay may come up later.
  - All changes are one batch. What is as it should be is not touched, and traffic goes on meanwhile.
  - A change is kept only if it is confirmed over a new connection, and if the TCP ports of peers that answered on the
    underlay before still do. Otherwise the host takes it back by itself, and the task fails.
  - Links of ours are in the link group 7304812. Links of others with the same names are refused.
  - At boot C(baremetal-overlay-links.service) makes them, from batches of iproute2 in C(/etc/baremetal-overlay).
author: the baremetal.overlay developers (@baremetal)
options:
  kind:
    description: How frames travel. V(nvgre) and V(geneve) take a link for each peer, V(vxlan) one for all.
    type: str
    choices: [vxlan, nvgre, geneve]
    default: vxlan
  vni:
    description: The number of the network. That of V(nvgre) is from 4096.
    type: int
    default: 7700
  port:
    description: The UDP port. Without it 14789 for V(vxlan) and 6081 for V(geneve).
    type: int
  number:
    description: The number of this host, which gives it its address in the overlay.
    type: int
    required: true
  address:
    description: The address of this host on the underlay.
    type: str
    required: true
  peers:
    description: All hosts of the overlay. This one may be among them.
    type: list
    elements: dict
    required: true
    suboptions:
      number:
        description: The number of the host.
        type: int
        required: true
      address:
        description: Its address on the underlay.
        type: str
        required: true
  subnet:
    description: The subnet of the overlay, as CIDR. A host's address is its beginning plus the number.
    type: str
    default: 10.78.0.0/24
  bridge:
    description: The bridge that has the address. Names of other links begin with it.
    type: str
    default: ovl0
  mtu:
    description: The largest packet in the overlay. Without it the underlay's MTU less all headers.
    type: int
  underlay_mtu:
    description: The largest packet between the hosts, where that is less than the own interface has.
    type: int
  encryption:
    description: Whether the hosts encrypt the overlay with IPsec, whose headers need room.
    type: str
    choices: [none, ipsec]
    default: none
  replication:
    description: How a host knows the others. V(static) means by their list, and each gets what is for all.
    type: str
    choices: [static]
    default: static
  confirm_timeout:
    description:
      - Seconds within which a change is confirmed over a new connection.
      - Otherwise the host puts back what was there before, by a timer of systemd that runs before anything is changed,
        or at its next start.
    type: int
    default: 60
  confirm:
    description: The token of a change that is to be confirmed. The action plugin gives it.
    type: str
  confirm_refused:
    description: What speaks against the change that O(confirm) names, which is then taken back at once.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Predicts what the real run does.
    support: full
  diff_mode:
    description: Files before and after, other steps as sentences.
    support: full
"""

EXAMPLES = r"""
- name: A VXLAN of three hosts, of which this is the first
  baremetal.overlay.links:
    number: 1
    address: 192.0.2.11
    peers:
      - {number: 1, address: 192.0.2.11}
      - {number: 2, address: 192.0.2.12}
      - {number: 3, address: 192.0.2.13}

- name: Geneve between hosts that encrypt it
  baremetal.overlay.links:
    kind: geneve
    number: 1
    address: "2001:db8::11"
    peers:
      - {number: 2, address: "2001:db8::12"}
    encryption: ipsec
"""

RETURN = r"""
sections:
  description: The plan, under the key C(links), as M(baremetal.overlay.host) returns it, with address and MTU.
  returned: always
  type: dict
  sample:
    links:
      address: 10.78.0.1/24
      changed: true
      mtu: 1450
      mtu_is: 1500 - 20 (IPv4) - 8 (UDP) - 8 (VXLAN) - 14 (Ethernet) = 1450
      plan: ["make the links ovl0, ovl0-vx"]
      violations: []
confirmed:
  description: Whether the change was confirmed, and so is kept.
  returned: when something was changed
  type: bool
violations:
  description: Why nothing was changed.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.host import confirmed, links, runner, sections
from ..module_utils.host.confirmed import Confirmed
from ..module_utils.host.system import System

SECTION = Confirmed(
    name=links.NAME,
    plan=lambda options, snapshot: links.plan(options, snapshot.links(options["bridge"])),
    guard=lambda options, snapshot: links.guard(options, snapshot.links(options["bridge"]), snapshot.system),
)


def main() -> None:
    """Wires the options to the plan of the section ``links``."""
    spec = {**sections.LINKS_SPEC, **confirmed.CONFIRM_SPEC}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    with runner.failing(module):
        confirmed.run(module, SECTION, System(module))


if __name__ == "__main__":
    main()
