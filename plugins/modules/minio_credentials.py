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
  - To change them, the new ones are staged on every manager (O(state=staged)), and the servers are given them. Once
    they are proven to work they are promoted (O(state=promoted)). A run that is killed in between leaves both.
  - Credentials that MinIO does not start with, or that clients cannot log in with, are refused.
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
    description:
      - V(present) keeps the pair that is given, and refuses another one than that which is kept.
      - V(staged) writes it to C(minio-root-next.json), beside the pair that is kept.
      - V(promoted) keeps the pair that is staged in place of the one before. Without a staged pair nothing is changed.
      - V(absent) removes all of them.
    type: str
    choices: [present, promoted, staged, absent]
    default: present
  root_user:
    description:
      - The access key of MinIO's root user, 3 characters of ASCII or more, without blanks, C(=), C(,) and C(/).
      - Required with O(state=present) and O(state=staged).
    type: str
  root_password:
    description:
      - Its secret key, 8 characters or more, without blanks at its ends and without control characters.
      - Required with O(state=present) and O(state=staged).
    type: str
  directory:
    description:
      - Where to keep them.
      - A directory that is there and was not made by this collection is refused. Its mode and its files stay.
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

- name: Stage another password beside the one that is kept
  baremetal.overlay.minio_credentials:
    state: staged
    root_user: "{{ minio_root_user }}"
    root_password: "{{ minio_root_password }}"

- name: Keep it, now that the servers were proven to work with it
  baremetal.overlay.minio_credentials:
    state: promoted
"""

RETURN = r"""
path:
  description: The file with both values; with O(state=staged) that of the new ones.
  returned: success
  type: str
  sample: /etc/baremetal-overlay/minio-root.json
paths:
  description: What was written, mended or removed.
  returned: success
  type: list
  elements: str
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import own_directory
from ..module_utils.errors import OverlayError
from ..module_utils.minio import credentials

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "promoted", "staged", "absent"], "default": "present"},
    "root_user": {"type": "str"},
    "root_password": {"type": "str", "no_log": True},
    "directory": {"type": "path", "default": "/etc/baremetal-overlay"},
}


Change = Callable[[bool], list[Path]]


def present(directory: Path, kept: credentials.Kept, user: str, password: str) -> Change:
    """The pair is the one that is kept."""
    changes = credentials.plan(directory, kept, user, password)
    return _write(directory, changes, credentials.wanted(directory, user, password))


def staged(directory: Path, kept: credentials.Kept, user: str, password: str) -> Change:
    """The pair is there beside the one that is kept."""
    changes = credentials.plan_staged(directory, kept, user, password)
    return _write(directory, changes, credentials.staging(directory, user, password))


def promoted(directory: Path, kept: credentials.Kept, _user: None, _password: None) -> Change:
    """The pair that is staged is the one that is kept."""
    pair = credentials.staged(directory, kept)

    def change(check_mode: bool) -> list[Path]:
        if pair and not check_mode:
            credentials.promote(directory, kept, pair)
        return [directory / name for name in (*credentials.NAMES, credentials.STAGED)] if pair else []

    return change


def absent(directory: Path, _kept: credentials.Kept, _user: None, _password: None) -> Change:
    """Nothing is kept."""
    found = credentials.leftovers(directory)

    def change(check_mode: bool) -> list[Path]:
        if found and not check_mode:
            own_directory.remove(directory, credentials.KIND, list(map(str, found)))
        return found

    return change


def _write(directory: Path, changes: list[Path], want: Mapping[Path, bytes]) -> Change:
    def change(check_mode: bool) -> list[Path]:
        if not check_mode:
            credentials.apply(directory, changes, want)
        return changes

    return change


STATES: dict[str, Callable[..., Change]] = {
    "present": present,
    "promoted": promoted,
    "staged": staged,
    "absent": absent,
}


def main() -> None:
    """Look, plan, and write or remove."""
    given = ("root_user", "root_password")
    required = [("state", state, given) for state in ("present", "staged")]
    module = AnsibleModule(ARGUMENTS, supports_check_mode=True, required_if=required)
    directory = Path(module.params["directory"])
    state = module.params["state"]
    try:
        kept = credentials.read(directory)
        changes = STATES[state](directory, kept, *(module.params[name] for name in given))(module.check_mode)
    except (OverlayError, OSError) as error:
        module.fail_json(msg=str(error))
    paths = [str(path) for path in changes]
    before = "".join(f"{path}\n" for path in changes if kept.modes[path] is not None)
    gone = {"promoted": [credentials.STAGED], "absent": [credentials.STAGED, *credentials.NAMES]}.get(state, [])
    left = [str(path) for path in changes if path.name not in gone]
    module.exit_json(
        changed=bool(changes),
        path=str(directory / (credentials.STAGED if state == "staged" else credentials.NAMES[-1])),
        paths=paths,
        diff={"before": before, "after": "".join(f"{path} (credentials kept, mode set)\n" for path in left)},
    )


if __name__ == "__main__":
    main()
