#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: config_info
short_description: Tell which configs a swarm holds, and who uses them
version_added: 0.1.0
description:
  - Returns the Engine's own inspect of all configs, or of those that are named, and their content. Must run on a
    manager.
options:
  name:
    description: Exact names or IDs; all configs where it is not given.
    type: list
    elements: str
  rolling_versions:
    description: Whether the names are also those of versions, C(<name>_v1) and so on, which are told oldest first.
    type: bool
    default: false
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes_info
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: All versions of a config, and who uses them
  baremetal.overlay.config_info:
    name: [web_settings]
    rolling_versions: true
  register: settings

- name: Show the newest one
  ansible.builtin.debug:
    msg: "{{ settings.configs[-1].Spec.Name }}"
"""

RETURN = r"""
configs:
  description: The Engine's own inspect of each.
  returned: success
  type: list
  elements: dict
  sample: [{"ID": "hzehrmyj", "Spec": {"Name": "web_settings_v2", "Labels": {}}}]
users:
  description: For each, the names of the services that use it.
  returned: success
  type: dict
  sample: {"web_settings_v2": ["web"]}
contents:
  description: For each, its content as text; bytes that are no text become a mark.
  returned: success
  type: dict
  sample: {"web_settings_v2": "port = 80"}
missing:
  description: What was asked for by name and is not there.
  returned: success
  type: list
  elements: str
  sample: []
"""

from functools import partial

from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.blob_info import SPEC, gather
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.config import KIND


def main() -> None:
    run_module(SPEC, partial(gather, KIND))


if __name__ == "__main__":
    main()
