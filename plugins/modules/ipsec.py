#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: the traffic between members in ESP, and not in clear text."""

from __future__ import annotations

DOCUMENTATION = r"""
module: ipsec
short_description: Encrypts named traffic between members by IPsec, and refuses it in clear text
version_added: 0.1.0
description:
  - Keeps one connection with each peer in strongSwan, in transport mode, in
    C(/etc/swanctl/conf.d/baremetal-overlay.conf). Connections of others are not touched, and one that is unchanged is
    not
    loaded again, so that what is negotiated goes on.
  - Owns one nftables table, C(inet baremetal_overlay_ipsec), which drops and counts what would leave or did arrive in
    clear
    text. It is loaded before the network is up, and stays whether strongSwan runs or not.
  - A cluster that is at work is taken through O(phase=prepare), O(phase=enforce) and O(phase=finish), all hosts
    through each
    before the next. The role P(baremetal.overlay.ipsec#role) does that.
  - What refuses clear text or asks for encryption, in whatever phase, is kept only if it is confirmed over a new
    connection, and if the TCP ports that hosts of the cluster reached of each other before still answer. Otherwise
    the host takes it back by itself, and the task fails.
  - A host on which another program speaks IKE is refused.
author: the baremetal.overlay developers (@baremetal)
options:
  state:
    description:
      - V(absent) lets clear text through. With O(phase=finish) it ends what is negotiated and removes files, too.
    type: str
    choices: [absent, present]
    default: present
  phase:
    description:
      - V(prepare) makes the host ready for its peers and asks for nothing.
      - V(enforce) negotiates with them, refuses clear text, and from then on asks for what is missing.
      - V(finish) does what was left to enforce, or else forgets keys of before. It is what a prediction is made for.
    type: str
    choices: [enforce, finish, prepare]
    default: finish
  number:
    description: The number of this host, by which its peers know it.
    type: int
    default: 0
  address:
    description: The address of this host towards its peers.
    type: str
    default: ""
  peers:
    description: The other members.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What messages call it.
        type: str
        required: true
      number:
        description: Its number.
        type: int
        required: true
      address:
        description: Its address towards its peers.
        type: str
        required: true
      secret:
        description: The key of the pair, as hexadecimal digits, with O(authentication=psk).
        type: str
  expect:
    description:
      - The names of peers with which everything has to be negotiated before clear text is refused. Without it, all.
    type: list
    elements: str
  protect:
    description: What is encrypted between members.
    type: list
    elements: dict
    default: []
    suboptions:
      protocol:
        description: The protocol.
        type: str
        choices: [gre, tcp, udp]
        required: true
      port:
        description: The receiver's port; GRE has none.
        type: int
        default: 0
      same:
        description: Whether the sender may have the same port, as Swarm's gossip over UDP has.
        type: bool
        default: false
      anybody:
        description: Whether clear text to this port is refused from and to everybody, not from members only.
        type: bool
        default: false
  authentication:
    description: How members prove who they are.
    type: str
    choices: [certificates, psk]
    default: psk
  trust:
    description:
      - The certificates of the authority of O(authentication=certificates), as PEM. Empty is what is there.
      - A host that has a certificate and nobody's authority to trust is refused.
    type: str
    default: ""
  ca_directory:
    description: Where this host keeps the CA of the members, if it does; its certificate is reported.
    type: path
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
    description: Predicts what the real run does, also where strongSwan is not installed yet.
    support: full
  diff_mode:
    description: Files before and after without their keys, other steps as sentences.
    support: full
"""

EXAMPLES = r"""
- name: Be ready for a peer
  baremetal.overlay.ipsec:
    phase: prepare
    number: 1
    address: 198.51.100.11
    peers:
      - name: rack2
        number: 2
        address: 198.51.100.12
        secret: "{{ pair_key }}"
    protect:
      - protocol: udp
        port: 4789
        anybody: true

- name: Encrypt what goes to it, and refuse clear text
  baremetal.overlay.ipsec:
    phase: enforce
    number: 1
    address: 198.51.100.11
    peers:
      - name: rack2
        number: 2
        address: 198.51.100.12
        secret: "{{ pair_key }}"
    protect:
      - protocol: udp
        port: 4789
        anybody: true

- name: Let clear text through again
  baremetal.overlay.ipsec:
    state: absent
    phase: prepare
"""

RETURN = r"""
sections:
  description: The plan, under the key C(ipsec), as M(baremetal.overlay.host) returns it.
  returned: always
  type: dict
  sample:
    ipsec:
      changed: true
      plan: [refuse clear text by the table inet baremetal_overlay_ipsec (it is not there)]
      violations: []
confirmed:
  description: Whether the change was confirmed, and so is kept.
  returned: when clear text began to be refused, or encryption to be asked for
  type: bool
violations:
  description: Why nothing was changed.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import OverlayError
from ..module_utils.host import confirm, confirmed, ipsec, runner
from ..module_utils.host.confirmed import Confirmed
from ..module_utils.host.ipsec_state import ENFORCE, NAME, PREPARE
from ..module_utils.host.snapshot import Snapshot
from ..module_utils.host.system import System

SECTION = Confirmed(
    name=NAME,
    plan=lambda options, snapshot: ipsec.plan(options, snapshot.ipsec()),
    guard=lambda options, snapshot: ipsec.guard(options, snapshot.ipsec(), snapshot.system),
    prepares=ipsec.PREPARES,
    verify=ipsec.verify,
    watched=lambda options, snapshot: ipsec.watched(options, snapshot.system),
)


def is_guarded(module: AnsibleModule, system: System) -> bool:
    """Whether this may cut the host off. To forget keys does not, and takes its time; what else is amiss may."""
    options = module.params
    if options["state"] == "absent" or options["phase"] == PREPARE:
        return False
    if options["confirm"] or options["phase"] == ENFORCE:
        return True
    if not module.check_mode:
        confirm.await_free(system)
    return ipsec.endangers(options, Snapshot(system).ipsec())


def run(module: AnsibleModule, system: System) -> None:
    """What cuts nobody off: no port is closed by it."""
    with confirmed.apart(module, NAME, system):
        state = Snapshot(system).ipsec()
        if ipsec.endangers(module.params, state):
            raise OverlayError("ipsec: somebody else changed this host meanwhile; nothing was changed: run again")
        plans = {NAME: ipsec.plan(module.params, state)}
        runner.refuse(module, plans)
        changed = runner.apply(module, plans.values(), system)
    module.exit_json(changed=changed, **runner.report(plans))


def main() -> None:
    """Wires the options to the plan of the section ``ipsec``."""
    module = AnsibleModule(argument_spec={**ipsec.SPEC, **confirmed.CONFIRM_SPEC}, supports_check_mode=True)
    with runner.failing(module):
        system = System(module)
        if is_guarded(module, system):
            confirmed.run(module, SECTION, system)
        else:
            run(module, system)


if __name__ == "__main__":
    main()
