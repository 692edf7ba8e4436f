#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image_info
short_description: Tell which images are on a host, by name, ID or filter
version_added: 0.1.0
description:
  - Returns the Engine's own inspect of the images that are there. Nothing is pulled.
options:
  name:
    description:
      - Names, with V(latest) for a missing tag, digests, or IDs of at least twelve digits. All images where it is not
        given.
    type: list
    elements: str
  filters:
    description: Filters of the Engine for the list of images, for example C(reference), C(label) or C(dangling).
    type: dict
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes_info
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: Is the image there?
  baremetal.overlay.image_info:
    name: [registry.example.com/web:1.0]
  register: web

- name: Images that no name leads to any more
  baremetal.overlay.image_info:
    filters:
      dangling: true
  register: dangling
"""

RETURN = r"""
images:
  description: The Engine's own inspect of each image.
  returned: success
  type: list
  elements: dict
  sample: [{"Id": "sha256:ab1a3e9d", "RepoTags": ["registry.example.com/web:1.0"]}]
missing:
  description: What was asked for by name and is not there.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.image_info import OPTIONS, SPEC, gather
from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module


def main() -> None:
    run_module(SPEC, gather, **OPTIONS)


if __name__ == "__main__":
    main()
