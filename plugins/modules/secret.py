#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secret
short_description: Manage secrets of a Docker swarm
version_added: 0.1.0
description:
  - Makes a secret, or replaces it when its data is another; a salted scrypt label tells, and the data is never shown.
  - Labels are changed in place. A secret that services use is never removed; the message names them.
options:
  name:
    description: The secret's exact name.
    type: str
    required: true
  state:
    description: Whether the secret is there.
    type: str
    choices: [absent, present]
    default: present
  data:
    description: The secret itself. Needed with O(state=present).
    type: str
  data_is_b64:
    description: Whether O(data) is Base64 that is decoded first.
    type: bool
    default: false
  labels:
    description: Labels to set; others stay.
    type: dict
  template_driver:
    description: The driver that fills in the data as a template, for example V(golang).
    type: str
  force:
    description: Replaces the secret even where its data is the same.
    type: bool
    default: false
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: A password that services can read
  baremetal.overlay.secret:
    name: database_password
    data: "{{ database_password }}"
"""

RETURN = r"""
secret_id:
  description: The secret's ID; empty where it does not exist, or not yet.
  returned: success
  type: str
  sample: hzehrmyjigmcp2gb6nlhmjqcv
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.secret import OPTIONS, SPEC, converge


def main() -> None:
    run_module(SPEC, converge, **OPTIONS)


if __name__ == "__main__":
    main()
