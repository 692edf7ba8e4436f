#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: config
short_description: Manage configs of a Docker swarm
version_added: 0.1.0
description:
  - Makes a config, changes its labels in place, or replaces it when its content is another. The content is compared
    with what the cluster holds, byte for byte, and shown as a difference.
  - A config that services use is never removed; the message names them. With O(rolling_versions=true) other content is
    a config of another name, so that services can go over to it.
options:
  name:
    description: The config's exact name; with O(rolling_versions=true) what the versions' names begin with.
    type: str
    required: true
  state:
    description: Whether the config is there; with O(rolling_versions=true), V(absent) removes all versions.
    type: str
    choices: [absent, present]
    default: present
  data:
    description:
      - The config's content.
      - Without O(data) and O(data_src) the content of a config that exists stays as it is.
    type: str
  data_is_b64:
    description: Whether O(data) is Base64 that is decoded first.
    type: bool
    default: false
  data_src:
    description: The file on the managed host that holds the content, byte for byte.
    type: path
  labels:
    description: Labels of the config.
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
    description: Makes the config anew even where its content is the same.
    type: bool
    default: false
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: A configuration file that services can read
  baremetal.overlay.config:
    name: web_settings
    data: "{{ lookup('ansible.builtin.template', 'settings.j2') }}"

- name: A configuration that is going to change while services use it
  baremetal.overlay.config:
    name: web_settings
    data_src: /etc/web/settings.conf
    labels:
      owner: web
    rolling_versions: true
  register: settings

- name: A service that uses the newest version
  baremetal.overlay.service:
    name: web
    configs:
      - config_name: "{{ settings.config_name }}"
        filename: /etc/settings.conf
"""

RETURN = r"""
config_id:
  description: The config's ID; empty where it does not exist, or not yet.
  returned: success
  type: str
  sample: hzehrmyjigmcp2gb6nlhmjqcv
config_name:
  description: The config's name, with its version's number.
  returned: success
  type: str
  sample: web_settings_v2
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: ['create config "web_settings_v2"']
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.config import OPTIONS, SPEC, converge


def main() -> None:
    run_module(SPEC, converge, **OPTIONS)


if __name__ == "__main__":
    main()
