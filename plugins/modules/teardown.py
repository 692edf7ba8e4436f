#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: what is ours on a host goes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: teardown
short_description: Takes what is ours off one host
version_added: 0.1.0
description:
  - Removes the kernel overlay's links and their unit, the firewall's table, unit and file, drop-ins of units,
    C(/etc/baremetal-overlay), and holds of packages.
  - Of C(/etc/baremetal-overlay) only files that this collection writes are removed. Others stay, and are told.
  - Drives stay mounted with their data. Those of O(drives_consent) are unmounted and wiped.
  - The engine, its packages, images and C(/etc/docker/daemon.json) stay.
  - The host has left its swarm before, see M(baremetal.overlay.swarm).
author: the baremetal.overlay developers (@baremetal)
options:
  devices:
    description: The drives as they were declared for M(baremetal.overlay.drive), in the same order.
    type: list
    elements: str
    default: []
  number:
    description: The number of the host, which is part of the label of every drive.
    type: int
    required: true
  parent:
    description: The directory of the mount points.
    type: path
    default: /srv/minio
  host:
    description: The name of the host in the inventory, with which entries of O(drives_consent) begin.
    type: str
    default: ''
  drives_consent:
    description:
      - Drives whose data is erased for good, each as C(<host>:<entry of devices>:<digest>).
      - The digest is of what was found on the device, so that an entry is used up by its use. An entry without it is
        refused, and the refusal prints the whole one.
      - A device that does not carry the label of its place is refused.
      - Entries of other hosts are left alone.
    type: list
    elements: str
    default: []
  keep_credentials:
    description: Whether MinIO's root credentials stay, without which data that stays cannot be used again.
    type: bool
    default: true
  unhold:
    description: Whether engine and runtime packages are no longer held from upgrades.
    type: bool
    default: true
  keep:
    description: Entries of C(/etc/baremetal-overlay) that stay, by their whole path, because other hosts need them.
    type: list
    elements: path
    default: []
  directories:
    description:
      - Directories of CAs that go. The key and the certificate of a CA are removed, and then the directory, where it
        was made for them and nothing else is in it.
      - A CA that this collection did not make stays.
    type: list
    elements: path
    default: []
  violations:
    description:
      - What violations lead to.
      - With V(fail) the module fails and changes nothing.
      - With V(report) it returns them, and applies nothing where there is one.
    type: str
    choices: [fail, report]
    default: fail
attributes:
  check_mode:
    description: Predicts what the real run does.
    support: full
  diff_mode:
    description: C(/etc/fstab) before and after, other steps as sentences.
    support: full
"""

EXAMPLES = r"""
- name: Take everything but the drives and the credentials off a host
  baremetal.overlay.teardown:
    number: 1
    devices: [/dev/disk/by-id/nvme-example-1, "serial:S3Z8NB0K"]

- name: Erase one of the drives, too
  baremetal.overlay.teardown:
    number: 1
    devices: [/dev/disk/by-id/nvme-example-1, "serial:S3Z8NB0K"]
    host: rack1
    drives_consent: ["rack1:serial:S3Z8NB0K:1a2b3c4d"]
"""

RETURN = r"""
sections:
  description: The plan, under the key C(teardown), with what stays.
  returned: always
  type: dict
  sample:
    teardown:
      changed: true
      plan: [remove /etc/baremetal-overlay/firewall.nft]
      stays: ["drive 1 (/dev/disk/by-id/nvme-example-1), with its data"]
      violations: []
violations:
  description: Why nothing was changed.
  returned: always
  type: list
  elements: str
facts:
  description: What the host is and what runs there, as M(baremetal.overlay.host) returns it, before the changes.
  returned: success
  type: dict
  sample: {hostname: n1, swarm: {manager: false, node_id: null, state: inactive}}
"""

from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.host import drive_state, runner, teardown
from ..module_utils.host.snapshot import Snapshot
from ..module_utils.host.system import System

SPEC = {
    "devices": {"type": "list", "elements": "str", "default": []},
    "number": {"type": "int", "required": True},
    "parent": {"type": "path", "default": "/srv/minio"},
    "host": {"type": "str", "default": ""},
    "drives_consent": {"type": "list", "elements": "str", "default": []},
    "keep_credentials": {"type": "bool", "default": True},
    "unhold": {"type": "bool", "default": True},
    "keep": {"type": "list", "elements": "path", "default": []},
    "directories": {"type": "list", "elements": "path", "default": []},
    "violations": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
}


def main() -> None:
    """Look, plan, refuse or apply."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    with runner.failing(module):
        system = System(module)
        snapshot = Snapshot(system)
        drives = drive_state.read(module.params, snapshot)
        state = teardown.read(module.params, drives, snapshot.packages, system)
        state = replace(state, ipsec=snapshot.ipsec())
        plans = {"teardown": teardown.plan(module.params, state)}
        if module.params["violations"] == "fail":
            runner.refuse(module, plans)
        facts = snapshot.facts()
        changed = runner.apply(module, plans.values(), system)
        module.exit_json(changed=changed, facts=facts, **runner.report(plans))


if __name__ == "__main__":
    main()
