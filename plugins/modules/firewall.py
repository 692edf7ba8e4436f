#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: who may reach the cluster's ports on one host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall
short_description: Lets clients reach S3 and members reach the cluster's ports, and nobody else
version_added: 0.1.0
description:
  - Owns one nftables table, C(inet baremetal_overlay), and touches no other. It is written to
    C(/etc/baremetal-overlay/firewall.nft) and loaded before the network is up by C(baremetal-overlay-firewall.service).
  - Packets are judged ahead of the Engine's address translation, which published ports take past rules for input.
  - Only the ports that are named are filtered, unless interfaces are named for a default drop (O(drop_interfaces)).
    The host itself may reach all, and established connections go on.
  - The table is replaced in one transaction, after nft has checked it. One that is gone or was changed is loaded.
  - A change is kept only if it is confirmed over a new connection, and if the TCP ports that hosts of the cluster
    reached of each other before still answer. Otherwise the host takes it back by itself, and the task fails.
  - A host on which firewalld runs is refused.
author: the baremetal.overlay developers (@baremetal)
options:
  client_networks:
    description: Networks, as CIDR, that may reach S3 and the console.
    type: list
    elements: str
    required: true
  peers:
    description: Addresses of the members of the cluster, which may reach every port of it.
    type: list
    elements: str
    required: true
  client_ports:
    description: TCP ports of S3 and the console.
    type: list
    elements: int
    default: [9000, 9001]
  cluster_tcp_ports:
    description: TCP ports for members only.
    type: list
    elements: int
    default: [2377, 7946]
  cluster_udp_ports:
    description: UDP ports for members only.
    type: list
    elements: int
    default: [4789, 7946]
  container_interfaces:
    description: The host's own bridges, whose containers may reach S3 and the console.
    type: list
    elements: str
    default: [docker0, docker_gwbridge]
  gre_vsid:
    description: The VSID of an NVGRE overlay, whose tunnels are for members only. Other tunnels are not judged.
    type: int
  overlay_interfaces:
    description: Interfaces of a kernel overlay, on which addresses of
      O(overlay_networks) are members.
    type: list
    elements: str
    default: []
  overlay_networks:
    description: The addresses of members in a kernel overlay, as CIDR.
    type: list
    elements: str
    default: []
  drop_interfaces:
    description:
      - Interfaces by which nothing comes in that is not listed, be it for the host, a container or others.
      - Let in are answers, ICMP as far as networks need it, DHCP, the cluster's ports as everywhere,
        O(management_ports),
        O(allowed) and what O(extra_rules)
        accept.
    type: list
    elements: str
    default: []
  management_networks:
    description: Networks, as CIDR, that may reach O(management_ports) by such an interface.
    type: list
    elements: str
    default: []
  management_ports:
    description: TCP ports of management.
    type: list
    elements: int
    default: [22]
  controller_manages:
    description:
      - Whether networks that leave out the machine that runs this are refused.
      - Without it such a change is tried, and taken back unless it can be confirmed.
    type: bool
    default: true
  allowed:
    description: What else may come in by such an interface, ports that containers publish among it.
    type: list
    elements: dict
    default: []
    suboptions:
      protocol:
        description: The protocol. Only V(tcp), V(udp) and V(sctp) have ports.
        type: str
        choices: [tcp, udp, sctp, igmp, gre, esp, ah, ospf, vrrp]
        default: tcp
      port:
        description: The port on the host.
        type: int
      sources:
        description: Networks, as CIDR.
        type: list
        elements: str
        required: true
      comment:
        description: What it is for, as the table shows it.
        type: str
  extra_rules:
    description: Rules in the words of nft, before the drop. They are checked by nft before anything is changed.
    type: list
    elements: str
    default: []
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
    description: Predicts what the real run does, also where nftables is not installed yet.
    support: full
  diff_mode:
    description: Files before and after, other steps as sentences.
    support: full
"""

EXAMPLES = r"""
- name: S3 for one network, the cluster's ports for three members
  baremetal.overlay.firewall:
    client_networks: [192.0.2.0/24, "2001:db8:7::/64"]
    peers: [198.51.100.11, 198.51.100.12, 198.51.100.13]

- name: Nothing else by the first interface but ssh from one network, and what monitors it
  baremetal.overlay.firewall:
    client_networks: [192.0.2.0/24]
    peers: [198.51.100.11, 198.51.100.12, 198.51.100.13]
    drop_interfaces: [eth0]
    management_networks: [203.0.113.0/28]
    allowed:
      - {port: 9100, sources: [203.0.113.9/32], comment: node exporter}
"""

RETURN = r"""
sections:
  description: The plan, under the key C(firewall), as M(baremetal.overlay.host) returns it.
  returned: always
  type: dict
  sample:
    firewall:
      changed: true
      plan: [load the table inet baremetal_overlay (it is not there)]
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

from ..module_utils.host import confirmed, firewall, runner, sections
from ..module_utils.host.confirmed import Confirmed
from ..module_utils.host.system import System

SECTION = Confirmed(
    name=firewall.NAME,
    plan=lambda options, snapshot: firewall.plan(options, snapshot.firewall()),
    guard=lambda options, snapshot: firewall.guard(options, snapshot.firewall(), snapshot.system),
    prepares=firewall.PREPARES,
    verify=firewall.TABLE.verify,
    watched=lambda options, snapshot: firewall.watched(options, snapshot.addresses, snapshot.system),
)


def main() -> None:
    """Wires the options to the plan of the section ``firewall``."""
    spec = {**sections.FIREWALL_SPEC, **confirmed.CONFIRM_SPEC}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    with runner.failing(module):
        confirmed.run(module, SECTION, System(module))


if __name__ == "__main__":
    main()
