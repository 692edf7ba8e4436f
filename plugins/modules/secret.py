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
  name:
    description: The secret's exact name; with O(rolling_versions=true) what the versions' names begin with.
    type: str
    required: true
  state:
    description: Whether the secret is there; with O(rolling_versions=true), V(absent) removes all versions.
    type: str
    choices: [absent, present]
    default: present
  data:
    description:
      - The secret's content.
      - Without O(data) and O(data_src) the content of a secret that exists stays as it is.
    type: str
  data_is_b64:
    description: Whether O(data) is Base64 that is decoded first.
    type: bool
    default: false
  data_src:
    description: The file on the managed host that holds the content, byte for byte.
    type: path
  labels:
    description: Labels of the secret.
    type: dict
  labels_state:
    description:
      - V(merge) sets the given labels and keeps the others.
      - V(replace) makes the given labels the only ones.
    type: str
    choices: [merge, replace]
    default: merge
  template_driver:
    description: The driver that fills in the content as a template for each task; an empty string is none.
    type: str
    choices: [golang, '']
  template_options:
    description: Options of that driver; V(golang) has none.
    type: dict
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
  rolling_versions:
    description:
      - Whether the name is that of versions, C(<name>_v1), C(<name>_v2) and so on. Other content is then the next
        version, which services go over to by the returned name, while older ones stay for those that still use them.
    type: bool
    default: false
  versions_to_keep:
    description:
      - With O(rolling_versions=true), how many of the newest versions stay; V(0) and V(1) keep the current one, V(-1)
        all of them.
      - A version that a service uses is kept until a later run finds it unused.
    type: int
    default: 5
  force:
    description: Makes the secret anew even where its content is the same.
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
