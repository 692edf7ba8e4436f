# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    # What secrets and configs have in common: contents under a name.
    DOCUMENTATION = r"""
options:
  name:
    description: The object's exact name; with O(rolling_versions=true) what the versions' names begin with.
    type: str
    required: true
  state:
    description: Whether it is there; with O(rolling_versions=true), V(absent) removes all versions.
    type: str
    choices: [absent, present]
    default: present
  data:
    description:
      - The object's content.
      - Without O(data) and O(data_src) the content of an object that exists stays as it is.
    type: str
  data_is_b64:
    description: Whether O(data) is Base64 that is decoded first.
    type: bool
    default: false
  data_src:
    description: The file on the managed host that holds the content, byte for byte.
    type: path
  labels:
    description: Its labels.
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
    description: Makes it anew even where its content is the same.
    type: bool
    default: false
"""
