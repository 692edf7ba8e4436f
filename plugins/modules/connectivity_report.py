#!/usr/bin/python
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action that runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: connectivity_report
short_description: Write the report of the checks of connectivity
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - Writes C(connectivity.json), C(connectivity.xml) (JUnit) and C(connectivity.html) to a directory of the controller.
  - Without O(result), begins a run, and makes sure that the directory can be written before anything is probed.
  - Runs on the controller, as the user who runs Ansible.
attributes:
  action:
    support: full
    description: All of it happens on the controller.
  check_mode:
    support: full
    description: Writes nothing.
  diff_mode:
    support: none
    description: A report has no earlier state to compare with.
options:
  directory:
    description: Where to write. Nothing is written where this is empty. It is made if it is not there.
    type: path
  result:
    description: What P(baremetal.overlay.connectivity_verdict#filter) returned.
    type: dict
"""

EXAMPLES = r"""
- name: Begin
  baremetal.overlay.connectivity_report:
    directory: /var/tmp/report
  register: begun

- name: Write the report
  baremetal.overlay.connectivity_report:
    directory: /var/tmp/report
    result: "{{ connectivity }}"
"""

RETURN = r"""
run:
  description: Names this run, in 14 hexadecimal digits.
  returned: without O(result)
  type: str
began:
  description: When it began, in UTC.
  returned: without O(result)
  type: str
files:
  description: What was written.
  returned: with O(result)
  type: list
  elements: str
"""
