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
extends_documentation_fragment:
  - baremetal.overlay.blob
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
