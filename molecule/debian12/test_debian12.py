# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian 12: deployed, deployed again without a change, and used."""

from __future__ import annotations

import io
import os
import subprocess

import pytest
from conftest import INVENTORY, ROOT, Lab


@pytest.fixture(scope="module", autouse=True)
def hosts() -> None:
    """Bare hosts of that release in the place of those that were there."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))}
    command = ["make", "lab-down", "lab", "LAB_DEBIAN=bookworm"]
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_the_hosts_are_what_this_is_about(lab: Lab) -> None:
    for host in lab.hosts.values():
        assert host.check_output(". /etc/os-release; echo $VERSION_ID") == "12"


def test_it_is_deployed_and_then_left_alone(lab: Lab) -> None:
    first = lab.site()
    assert first.rc == 0, first.output[-3000:]
    assert "4 of 4 endpoints are healthy and serve equal objects" in first.text
    second = lab.site()
    assert second.rc == 0, second.output[-3000:]
    assert set(second.changed.values()) == {0}, second.output[-3000:]


def test_the_engine_is_the_oldest(lab: Lab) -> None:
    for host in lab.hosts.values():
        assert host.check_output("docker version -f '{{.Server.Version}}'").startswith("20.10.")


def test_objects_are_served(lab: Lab) -> None:
    client = lab.s3("n1")
    if not client.bucket_exists(bucket_name="debian12"):
        client.make_bucket(bucket_name="debian12")
    data = os.urandom(1 << 20)
    client.put_object(bucket_name="debian12", object_name="proof", data=io.BytesIO(data), length=len(data))
    assert lab.s3("n4").get_object(bucket_name="debian12", object_name="proof").read() == data


def test_it_verifies_itself() -> None:
    command = ["ansible-playbook", "-i", str(INVENTORY), str(ROOT / "playbooks" / "verify.yml")]
    own = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
