# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only workers of the lab's own killed playbooks are ended."""

from __future__ import annotations

from overlay_lab import orphans
from overlay_lab.orphans import Process

HERE = str(orphans.ROOT)
LAB = ["/v/bin/python", "/v/bin/ansible-playbook", "-i", "inventories/lab", "playbooks/site.yml"]
RUNNING = [
    Process(1, 0, ["/sbin/init"], "/"),
    Process(10, 1, LAB, HERE),
    Process(11, 1, LAB, "/elsewhere"),
    Process(12, 1, [*LAB[:2], "-i", "inventories/rack"], HERE),
    Process(13, 1, ["/usr/bin/less", "inventories/lab"], HERE),
    Process(20, 2, LAB, HERE),
    Process(21, 20, LAB, HERE),
    Process(30, 1, LAB, HERE),
    Process(31, 30, ["python", "-m", "overlay_lab", "remove"], HERE),
]


def test_orphans_of_this_checkouts_lab_and_no_others() -> None:
    assert orphans.of_the_lab(RUNNING, own_pid=31) == [10]
    assert orphans.of_the_lab(RUNNING, own_pid=999) == [10, 30]
