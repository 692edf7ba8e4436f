#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: minio_format
short_description: Format blank drives for a MinIO that starts without all of its hosts
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - MinIO formats the drives of a new pool only when all of them answer, so a first deployment waits for a host that is
    away.
  - Writes what MinIO itself would write (C(.minio.sys/format.json)) on the drives that are there. MinIO then starts as
    after the loss of a host, and takes the blank drives of the absent hosts when they come.
  - Only a mounted drive without anything on it is formatted. One that has another format, or other files, is refused.
    Nothing is ever erased.
attributes:
  check_mode:
    support: full
    description: Says which drives would be formatted; drives that are not mounted yet count among them.
  diff_mode:
    support: full
    description: Shows the files.
options:
  drives:
    description: Where the drives are mounted, and the format of each.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The mount point.
        type: path
        required: true
      format:
        description: The content of C(format.json).
        type: dict
        required: true
  owner:
    description: The user and group that MinIO runs as.
    type: int
    default: 9000
"""

EXAMPLES = r"""
- name: Format what is there
  baremetal.overlay.minio_format:
    drives: "{{ preflight_plan.minio.format[inventory_hostname] }}"
"""

RETURN = r"""
paths:
  description: The drives that were formatted.
  returned: success
  type: list
  elements: str
  sample: [/srv/minio/drive1, /srv/minio/drive2]
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import OverlayError
from ..module_utils.minio import formatting

ARGUMENTS: dict[str, Any] = {
    "drives": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"path": {"type": "path", "required": True}, "format": {"type": "dict", "required": True}},
    },
    "owner": {"type": "int", "default": 9000},
}


def main() -> None:
    """All drives are looked at before the first is written to."""
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True)
    drives = [(Path(drive["path"]), drive["format"]) for drive in module.params["drives"]]
    try:
        # What the run would mount before is no blank drive yet.
        due = [
            (path, wanted)
            for path, wanted in drives
            if (module.check_mode and not path.is_mount()) or formatting.is_due(path, wanted)
        ]
        for path, wanted in [] if module.check_mode else due:
            formatting.apply(path, wanted, module.params["owner"])
    except (OverlayError, OSError) as error:
        module.fail_json(msg=str(error))
    paths = [str(path) for path, _wanted in due]
    files = "".join(f"{path}/{formatting.META}/{formatting.FILE}\n" for path in paths)
    module.exit_json(changed=bool(due), paths=paths, diff={"before": "", "after": files})


if __name__ == "__main__":
    main()
