#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: image
short_description: Have an image on a host, from an archive, by its image ID
version_added: 0.1.0
description:
  - Reads the image ID from the archive on the controller, asks the host whether that image is there, and only where it
    is missing sends the archive and loads it. No registry is asked, and no tag is trusted.
  - An archive that is not an image, or is cut short, is refused before anything is sent.
options:
  archive:
    description:
      - Path of the archive on the controller, or with O(remote_src=true) on the managed host, as C(docker save) writes
        it or as an OCI layout.
      - Needed.
    type: path
    aliases: [path]
  image_id:
    description: The image ID that the archive must hold. Read from the archive where it is not given.
    type: str
  remote_src:
    description: Whether the archive is on the managed host already, so that nothing is sent.
    type: bool
    default: false
  state:
    description: The image is there.
    type: str
    choices: [present]
    default: present
extends_documentation_fragment:
  - baremetal.overlay.engine
  - baremetal.overlay.engine.attributes
author: the baremetal.overlay developers (@baremetal)
"""

EXAMPLES = r"""
- name: Have the image on every host
  baremetal.overlay.image:
    archive: /srv/images/minio.tar

- name: From an archive that the host has already
  baremetal.overlay.image:
    path: /var/cache/images/web.tar
    remote_src: true
"""

RETURN = r"""
image_id:
  description: The image's ID.
  returned: success
  type: str
  sample: sha256:ab1a3e9dc0b1a4b5b0c8f8f5d0cbe5d79e4ff6f3e7a2f9f9b8a6f0c1d2e3f405
image:
  description: The Engine's own inspect of the image; in check mode only its ID.
  returned: success
  type: dict
  sample: {"Id": "sha256:ab1a3e9dc0b1a4b5b0c8f8f5d0cbe5d79e4ff6f3e7a2f9f9b8a6f0c1d2e3f405", "Architecture": "amd64"}
images:
  description: The same image as a list, as C(docker_image_load) returns it.
  returned: success
  type: list
  elements: dict
  sample: [{"Id": "sha256:ab1a3e9dc0b1a4b5b0c8f8f5d0cbe5d79e4ff6f3e7a2f9f9b8a6f0c1d2e3f405"}]
image_names:
  description: The image's tags; its ID where it has none.
  returned: success
  type: list
  elements: str
  sample: ["registry.example.com/web:1.0"]
missing:
  description: Whether the image is still missing, as it is in check mode.
  returned: success
  type: bool
  sample: false
"""

from ansible_collections.baremetal.overlay.plugins.module_utils.image import SPEC, converge
from ansible_collections.baremetal.overlay.plugins.module_utils.run import run_module


def main() -> None:
    run_module(SPEC, converge)


if __name__ == "__main__":
    main()
