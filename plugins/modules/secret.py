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
  - Makes a secret, changes its labels in place, or replaces it when its content is another. The Engine never shows the
    content; a salted scrypt label tells whether it is the one that is wanted.
  - What community.docker's C(docker_secret) made is known by its label C(ansible_key) and not made anew. That label is
    an unsalted hash; it is replaced when the secret's labels or content change.
  - A secret that services use is never removed; the message names them. With O(rolling_versions=true) other content is
    a secret of another name, so that services can go over to it.
options:
  driver:
    description: A plugin of the engine that has the content, in place of the cluster. Excludes O(data) and O(data_src).
    type: dict
    suboptions:
      name:
        description: The plugin's name.
        type: str
      options:
        description: Options of the plugin.
        type: dict
extends_documentation_fragment:
  - baremetal.overlay.blob
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: A password that services can read
  baremetal.overlay.secret:
    name: database_password
    data: "{{ database_password }}"

- name: A password that is going to change while services use it
  baremetal.overlay.secret:
    name: database_password
    data: "{{ database_password }}"
    rolling_versions: true
    versions_to_keep: 2
  register: password

- name: A service that uses the newest version under a name that stays
  baremetal.overlay.service:
    name: database
    secrets:
      - secret_name: "{{ password.secret_name }}"
        filename: database_password
"""

RETURN = r"""
secret_id:
  description: The secret's ID; empty where it does not exist, or not yet.
  returned: success
  type: str
  sample: hzehrmyjigmcp2gb6nlhmjqcv
secret_name:
  description: The secret's name, with its version's number.
  returned: success
  type: str
  sample: database_password_v2
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: ['create secret "database_password_v2"']
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.secret import OPTIONS, SPEC, converge


def main() -> None:
    run_module(SPEC, converge, **OPTIONS)


if __name__ == "__main__":
    main()
