# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reboot of each machine in turn: everything comes back by itself, and what was written before is read after it."""

from __future__ import annotations

import hashlib
import io
import os

import pytest
from conftest import REBOOT, Machines, eventually

# Larger than what is kept with an object's metadata: it lies on the drives of all hosts.
DATA = os.urandom(3 << 20)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(scope="module")
def written(deployed: Machines) -> Machines:
    """An object from before all reboots."""
    client = deployed.s3(next(iter(deployed.hosts)))
    if not client.bucket_exists(bucket_name="reboot"):
        client.make_bucket(bucket_name="reboot")
    client.put_object(bucket_name="reboot", object_name="before", data=io.BytesIO(DATA), length=len(DATA))
    return deployed


def digest(vm: Machines, through: str) -> str:
    """The SHA-256 of the object as one host serves it."""
    return hashlib.sha256(vm.s3(through).get_object(bucket_name="reboot", object_name="before").read()).hexdigest()


@pytest.mark.parametrize("number", [0, 1])
def test_a_reboot_takes_no_hand(written: Machines, number: int) -> None:
    name = list(written.hosts)[number]
    manager = next(iter(written.hosts))
    written.reboot(name)
    nodes = "docker node ls --format '{{.Status}}' | sort | uniq -c | tr -s ' '"
    eventually(lambda: written.hosts[manager].check_output(nodes).strip(), f"{len(written.hosts)} Ready", REBOOT)
    eventually(lambda: {n: written.healthy(n) for n in written.hosts}, dict.fromkeys(written.hosts, 200), REBOOT)
    # MinIO keeps the addresses of the other servers for half a minute.
    eventually(lambda: {digest(written, n) for n in written.hosts}, {SHA256}, 120)
    failed = "systemctl --failed --plain --no-legend"
    assert written.hosts[name].check_output(failed) == ""


def test_nothing_is_left_to_do(written: Machines) -> None:
    again = written.site()
    assert again.rc == 0, again.output[-3000:]
    assert set(again.changed.values()) == {0}, again.output[-3000:]
