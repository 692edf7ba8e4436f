#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: minio_credentials
short_description: Keep MinIO's root credentials on a host
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - Keeps the root credentials in a directory that only root enters, in files that only root reads.
  - They are kept as a JSON object (C(minio-root.json), with C(user) and C(password)), and each in a file of its own
    (C(minio-root-user), C(minio-root-password)), of which Swarm secrets are made.
  - Other credentials than those that are kept are refused; nothing is ever printed of either.
  - Removes them from a host that is not to keep them any longer.
attributes:
  check_mode:
    support: full
    description: Says what would be written or removed.
  diff_mode:
    support: full
    description: Shows the paths, never the contents.
options:
  state:
    description: Whether the host keeps the credentials.
    type: str
    choices: [present, absent]
    default: present
  root_user:
    description: The access key of MinIO's root user, 3 characters or more. Required with O(state=present).
    type: str
  root_password:
    description: Its secret key, 8 characters or more. Required with O(state=present).
    type: str
  directory:
    description: Where to keep them.
    type: path
    default: /etc/baremetal-overlay
"""

EXAMPLES = r"""
- name: Keep the root credentials on every manager
  baremetal.overlay.minio_credentials:
    root_user: "{{ minio_root_user }}"
    root_password: "{{ minio_root_password }}"

- name: Remove them from a host that is no longer a manager
  baremetal.overlay.minio_credentials:
    state: absent
"""

RETURN = r"""
path:
  description: The file with both values.
  returned: success
  type: str
  sample: /etc/baremetal-overlay/minio-root.json
paths:
  description: What was written, mended or removed.
  returned: success
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import OverlayError
from ..module_utils.minio import credentials

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "root_user": {"type": "str"},
    "root_password": {"type": "str", "no_log": True},
    "directory": {"type": "path", "default": "/etc/baremetal-overlay"},
}


def main() -> None:
    """Look, plan, and write or remove."""
    needed = [("state", "present", ["root_user", "root_password"])]
    module = AnsibleModule(ARGUMENTS, required_if=needed, supports_check_mode=True)
    directory = Path(module.params["directory"])
    try:
        {"present": keep, "absent": forget}[module.params["state"]](module, directory)
    except (OverlayError, OSError) as error:
        module.fail_json(msg=str(error))


def forget(module: AnsibleModule, directory: Path) -> None:
    """Remove what is there."""
    found = credentials.leftovers(directory)
    for path in [] if module.check_mode else found:
        path.unlink()
    before = "".join(f"{path}\n" for path in found)
    module.exit_json(
        changed=bool(found),
        path=str(directory / credentials.NAMES[-1]),
        paths=[str(path) for path in found],
        diff={"before": before, "after": ""},
    )


def keep(module: AnsibleModule, directory: Path) -> None:
    """Write what differs."""
    user, password = module.params["root_user"], module.params["root_password"]
    kept = credentials.read(directory)
    changes = credentials.plan(directory, kept, user, password)
    if not module.check_mode:
        credentials.apply(directory, changes, user, password)
    paths = [str(path) for path in changes]
    before = "".join(f"{path}\n" for path in changes if kept.modes[path] is not None)
    module.exit_json(
        changed=bool(changes),
        path=str(directory / credentials.NAMES[-1]),
        paths=paths,
        diff={"before": before, "after": "".join(f"{path} (credentials kept, mode set)\n" for path in paths)},
    )


if __name__ == "__main__":
    main()
