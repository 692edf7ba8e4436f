#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: the drives of one MinIO host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drive
short_description: Formats, labels and mounts the drives of a MinIO host
version_added: 0.1.0
description:
  - Each device becomes an XFS file system with the label C(minio<number>d<position>), mounted by that label
    on C(<parent>/drive<position>) without access times.
  - A file system with exactly the expected label is taken as it is and never formatted again.
  - A device with any signature, with partitions, or in use is refused, and what was found is said.
  - So is a device without any that holds data in samples from its beginning to its end, or copies of superblocks.
  - What was formatted is recorded. A recorded device that reads as blank is refused, since a fault can return zeros.
  - A device is looked at once more immediately before it is formatted, under a lock, and has to be unchanged.
  - Mount points belong to root with mode 0555, so that an unmounted drive takes no data.
  - All devices are checked before the first is touched.
author: the baremetal.overlay developers (@baremetal)
options:
  devices:
    description: Paths of block devices, or C(serial:) and a serial number, in the order of the drives.
    type: list
    elements: str
    required: true
  number:
    description: The number of the host, which is part of the label of every drive.
    type: int
    required: true
  parent:
    description: The directory of the mount points.
    type: path
    default: /srv/minio
  owner:
    description: Numeric user that owns the root of each file system.
    type: int
    default: 9000
  group:
    description: Numeric group that owns the root of each file system.
    type: int
    default: 9000
  host:
    description: The name of the host in the inventory, with which entries of O(format_consent) begin.
    type: str
    default: ''
  format_consent:
    description:
      - Devices whose content may be erased, each as C(<host>:<entry of devices>:<digest>), as the refusal of the device
        prints it.
      - The digest is of what was found on the device, so that an entry is used up by its use.
      - A device with the label of a member, or with data of another MinIO, needs C(:<UUID>) of its file system as well.
      - A drive that is in use, or is one of ours already, is not formatted even then.
    type: list
    elements: str
    default: []
  receipts:
    description:
      - What others keep of drives that were formatted, as RV(receipts) of this module returned it.
      - A device of which there is a receipt, and that reads as blank, is formatted with O(format_consent) only.
    type: dict
    default: {}
  seen:
    description:
      - What an earlier look found of O(devices), as M(baremetal.overlay.host) returns it in C(sections.drives.devices).
      - A device that would be formatted has to be the one of that look.
    type: list
    elements: dict
    default: []
attributes:
  check_mode:
    description: Predicts what the real run does, also where the tools for XFS are not installed yet.
    support: full
  diff_mode:
    description: C(/etc/fstab) before and after, other steps as sentences.
    support: full
"""

EXAMPLES = r"""
- name: Two drives of host 1
  baremetal.overlay.drive:
    number: 1
    devices:
      - /dev/disk/by-id/nvme-example-1
      - "serial:S3Z8NB0K"

- name: Erase a disk that was used before
  baremetal.overlay.drive:
    number: 1
    devices: [/dev/disk/by-id/nvme-example-1]
    host: rack1
    format_consent: ["rack1:/dev/disk/by-id/nvme-example-1:1a2b3c4d"]
"""

RETURN = r"""
drives:
  description: The drives as they are after the changes, in check mode as they were found.
  returned: success
  type: list
  elements: dict
  sample:
    - declared: /dev/disk/by-id/nvme-example-1
      device: /dev/nvme0n1
      label: minio1d1
      mount: /srv/minio/drive1
      mounted: true
      name: drive1
      size: 1920383410176
      uuid: 22a92f78-2859-4b63-b474-32c0f3387fac
receipts:
  description:
    - What the host keeps of its formatted drives in C(/etc/baremetal-overlay/drive-receipts.json), by label.
    - In check mode what it would keep. A file system that is not made yet has no UUID.
  returned: success
  type: dict
  sample:
    minio1d1: {at: 1795532400, serial: S3Z8NB0K, size: 1920383410176, uuid: 22a92f78-2859-4b63-b474-32c0f3387fac}
sections:
  description: The plan, under the key C(drives), as M(baremetal.overlay.host) returns it.
  returned: always
  type: dict
  sample:
    drives:
      changed: true
      plan: [mount minio1d1 on /srv/minio/drive1]
      violations: []
violations:
  description: Why nothing was changed.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.host import drive_receipts, drive_refusals, drive_state, drives, runner, sections
from ..module_utils.host.snapshot import Snapshot
from ..module_utils.host.system import System


def main() -> None:
    """Wires the options to the plan of the section ``drives``."""
    module = AnsibleModule(argument_spec=dict(sections.DRIVE_SPEC), supports_check_mode=True)
    with runner.failing(module):
        run(module)


def run(module: AnsibleModule) -> None:
    """Look, plan, refuse or apply, and look again where something was changed."""
    system = System(module)
    state = drive_state.read(module.params, Snapshot(system))
    plans = {"drives": drives.plan(module.params, state)}
    runner.refuse(module, plans)
    changed = runner.apply(module, plans.values(), system)
    if changed and not module.check_mode:
        state = drive_state.read(module.params, Snapshot(system))
    for sentence in drive_refusals.renamed(module.params, state):
        module.warn(sentence)
    receipts = drives.receipts(plans["drives"], state) if module.check_mode else state.receipts
    module.exit_json(
        changed=changed,
        drives=drives.describe(module.params, state),
        receipts=drive_receipts.facts(drive_receipts.of_host(receipts, module.params["number"])),
        **runner.report(plans),
    )


if __name__ == "__main__":
    main()
