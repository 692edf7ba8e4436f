#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm
short_description: Make, change, join and leave a Docker swarm
version_added: 0.1.0
description:
  - Makes a swarm on this host or changes the one that the host manages; joins one, leaves one, removes a node.
  - A change keeps everything that is not given, labels, raft settings, autolock and tokens included.
  - Addresses, pools and ports are checked before a swarm is made or joined, against the host's own addresses and routes
    where the engine is reached through a socket file; all that is wrong is said at once.
  - Join tokens and unlock keys are never returned; M(baremetal.overlay.swarm_info) returns them when it is asked to.
options:
  state:
    description:
      - V(present) makes a swarm, or changes the live one.
      - V(join) joins the swarm of O(remote_addrs). A host of that swarm stays as it is; one of another is refused.
      - V(absent) leaves the swarm. A manager is drained and demoted first, and stays if the swarm would lose its
        quorum. A worker cannot drain itself; M(baremetal.overlay.node) can, through a manager.
      - V(remove) removes the node O(node_id) once it is down; a manager that is down is demoted first, if the others
        have a quorum without it.
    type: str
    choices: [present, join, absent, remove]
    default: present
  force:
    description:
      - With O(state=present), makes this manager the only one of its swarm, whose services, secrets, networks and
        labels stay. This is the way back when the other managers are lost for good; the Engine has it only for swarms
        without O(autolock_managers). Changes something on every run.
      - With O(state=absent), leaves even if the swarm ends or loses its quorum with that, has no leader, or is locked.
        What could not be handed over in order is a warning.
      - With O(state=remove), removes the node without waiting until it is down.
    type: bool
    default: false
  node_id:
    description: ID or exact host name of the node to remove.
    type: str
  join_token:
    description: The token to join with; it says whether the host joins as a worker or as a manager.
    type: str
  unlock_key:
    description:
      - The key of a swarm that locks its managers. Where the engine restarted and its swarm is locked, it is unlocked
        before anything else; otherwise the key is not used.
    type: str
  remote_addrs:
    description: Managers to join through, tried one by one until one takes the host; the port is 2377 unless given.
    type: list
    elements: str
  listen_addr:
    description:
      - Where this host listens for the cluster's management, as address or interface, with or without a port.
      - Used when it makes or joins a swarm.
    type: str
    default: 0.0.0.0:2377
  advertise_addr:
    description:
      - The address or interface that the others reach this host at, with or without a port.
      - An address that this host does not have is refused unless O(behind_nat) is set. One that a manager of the swarm
        has is always refused, because two managers with one address leave the swarm without a leader.
      - Used when it makes or joins a swarm. A node keeps it for as long as it is in the swarm.
    type: str
  data_path_addr:
    description:
      - Address or interface of the data path, without a port. Used when the host makes or joins a swarm.
      - Checked as O(advertise_addr) is.
    type: str
  behind_nat:
    description:
      - Whether O(advertise_addr) and O(data_path_addr) may be addresses that this host does not have, because address
        translation leads from there to this host, as with the floating address of a cloud.
      - One that already answers on the port of the cluster's management before the host joins is refused nevertheless.
    type: bool
    default: false
  availability:
    description: Whether the node takes tasks. Used when it makes or joins a swarm.
    type: str
    choices: [active, pause, drain]
  default_addr_pool:
    description:
      - Address pools of overlay networks, as IPv4 CIDRs that do not overlap. One that this host has a route into is a
        warning.
      - Cannot be changed later; a difference is refused.
    type: list
    elements: str
  subnet_size:
    description:
      - Prefix length of the subnets in the pools, 29 at most; V(24) where only O(default_addr_pool) is given. Without
        O(default_addr_pool) it is that of the Engine's own pool, V(10.0.0.0/8).
      - Cannot be changed later; a difference is refused.
    type: int
  data_path_port:
    description: The VXLAN port, from 1024 to 49151. Cannot be changed later; a difference is refused.
    type: int
  name:
    description: The swarm's name; the Engine knows no other than V(default).
    type: str
  labels:
    description: Labels of the swarm, all of them.
    type: dict
  task_history_retention_limit:
    description: How many finished tasks are kept. The Engine's default is V(5).
    type: int
  snapshot_interval:
    description: Log entries between snapshots. The Engine's default is V(10000).
    type: int
  keep_old_snapshots:
    description: Snapshots to keep beyond the current one.
    type: int
  log_entries_for_slow_followers:
    description: Log entries to keep for slow followers after a snapshot. The Engine's default is V(500).
    type: int
  heartbeat_tick:
    description: Ticks between raft heartbeats. The Engine's default is V(1).
    type: int
  election_tick:
    description: Ticks without a leader before an election. The Engine's default is V(10).
    type: int
  dispatcher_heartbeat_period:
    description: Nanoseconds between the heartbeats of an agent. The Engine's default is 5 seconds.
    type: int
  node_cert_expiry:
    description: Nanoseconds that a node's certificate is valid. The Engine's default is 90 days.
    type: int
  external_cas:
    description: External certificate authorities, by their URL.
    type: list
    elements: dict
    suboptions:
      protocol:
        description: The protocol.
        type: str
        choices: [cfssl]
      url:
        description: Where the authority is asked.
        type: str
        required: true
      options:
        description: What the authority is asked with.
        type: dict
      ca_cert:
        description: The authority's root certificate in PEM format.
        type: str
  signing_ca_cert:
    description:
      - The certificate that the nodes' certificates are signed with, in PEM format. Compared with the swarm's root.
      - A new root is waited for until all nodes have certificates of it; nodes that are away keep the swarm from it.
    type: str
  signing_ca_key:
    description: Its key, in PEM format.
    type: str
  ca_force_rotate:
    description: A number; another one makes the swarm renew its root certificate, which is waited for, and its tokens.
    type: int
  autolock_managers:
    description: Whether a manager's data is locked with a key when its engine restarts.
    type: bool
  log_driver:
    description:
      - The log driver of tasks whose service names none.
      - The Engine never shows it again. It is sent along with whatever else is changed, and alone it is no change;
        a change that does not name it loses it.
    type: dict
    suboptions:
      name:
        description: The driver.
        type: str
      options:
        description: Its options.
        type: dict
  rotate_worker_token:
    description: Makes a new join token for workers. Changes something on every run.
    type: bool
    default: false
  rotate_manager_token:
    description: Makes a new join token for managers. Changes something on every run.
    type: bool
    default: false
  rotate_manager_unlock_key:
    description: Makes a new unlock key, where O(autolock_managers) is on. Changes something on every run.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for each step, such as joining, draining, leaving, or a new root certificate.
    type: int
    default: 120
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: Make a swarm
  baremetal.overlay.swarm:
    state: present
    advertise_addr: 192.0.2.11

- name: Change one raft setting and nothing else
  baremetal.overlay.swarm:
    election_tick: 20

- name: Join it
  baremetal.overlay.swarm:
    state: join
    advertise_addr: 192.0.2.12
    remote_addrs: [192.0.2.11, 192.0.2.13]
    join_token: "{{ tokens.join_tokens.Worker }}"

- name: Unlock a manager whose engine restarted
  baremetal.overlay.swarm:
    unlock_key: "{{ vault_swarm_unlock_key }}"

- name: Leave, unless the swarm would lose its quorum
  baremetal.overlay.swarm:
    state: absent
"""

RETURN = r"""
swarm_facts:
  description: The Engine's own inspect of the swarm without its join tokens; in check mode as it is predicted.
  returned: success, filled on managers
  type: dict
  sample: {"ID": "abajmipo7b4xz5ip2nrla6b11", "Spec": {"Name": "default", "Raft": {"ElectionTick": 10}}}
actions:
  description: What was done, or would be.
  returned: success
  type: list
  elements: str
  sample: ["initialised a swarm"]
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import System
from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.cluster import SPEC, converge


def main() -> None:
    run_module(SPEC, converge, host=System)


if __name__ == "__main__":
    main()
