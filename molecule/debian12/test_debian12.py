# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian 12: a single host first, then all of them, deployed, deployed again without a change, moved and used."""

from __future__ import annotations

import io
import json
import os
import subprocess
from typing import Any

import pytest
from conftest import CHECKS, INVENTORY, ROOT, Lab, Run


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


def test_a_single_host_by_its_own_bridge(lab: Lab, changed_inventory: Any) -> None:
    """Deployed, used and taken away with its drives, so that the host is as bare as the others again."""

    def alone(inventory: dict[str, Any]) -> None:
        groups = inventory["all"]["children"]
        del groups["workers"]
        for group in ("managers", "minio"):
            groups[group]["hosts"] = {"n1": groups[group]["hosts"]["n1"]}

    inventory = changed_inventory(alone)
    bridge = ("-e", "overlay_network_driver=bridge")
    first = lab.site(*bridge, inventory=inventory)
    assert first.rc == 0, first.output[-3000:]
    assert "1 of 1 endpoints are healthy and serve equal objects" in first.text
    assert lab.hosts["n1"].check_output("docker service inspect -f '{{len .Spec.TaskTemplate.Networks}}' minio1") == "1"
    store(lab, "n1", "n1", "alone")
    verified = lab.play("verify", *bridge, inventory=inventory)
    assert verified.rc == 0 and verified.passed > 0, verified.output[-3000:]
    second = lab.site(*bridge, inventory=inventory)
    assert (second.rc, second.changed) == (0, {"n1": 0}), second.output[-3000:]
    drives = [f"n1:/dev/disk/by-id/overlay-n1-drive{number}" for number in (1, 2)]
    said = {"overlay_teardown_consent": ["n1"], "overlay_teardown_drives_consent": drives}
    refused = lab.play("teardown", "-e", json.dumps(said), inventory=inventory)
    assert (refused.rc != 0, len(refused.entries)) == (True, 2), refused.output[-3000:]
    said["overlay_teardown_drives_consent"] = refused.entries
    down = lab.play("teardown", "-e", json.dumps(said), inventory=inventory)
    assert down.rc == 0, down.output[-3000:]
    assert "minio" not in lab.hosts["n1"].check_output("docker network ls --format '{{.Name}}'")


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


def store(lab: Lab, writer: str, reader: str, bucket: str) -> None:
    """An object that one server takes is what another one gives."""
    client = lab.s3(writer)
    if not client.bucket_exists(bucket_name=bucket):
        client.make_bucket(bucket_name=bucket)
    data = os.urandom(1 << 20)
    client.put_object(bucket_name=bucket, object_name="proof", data=io.BytesIO(data), length=len(data))
    assert lab.s3(reader).get_object(bucket_name=bucket, object_name="proof").read() == data


def test_objects_are_served(lab: Lab) -> None:
    store(lab, "n1", "n4", "debian12")


def test_it_verifies_itself() -> None:
    command = ["ansible-playbook", "-i", str(INVENTORY), str(ROOT / "playbooks" / "verify.yml")]
    own = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    run = Run(done.returncode, done.stdout + done.stderr)
    assert (run.rc, run.passed) == (0, CHECKS), run.output[-3000:]


def test_servers_move_to_addresses_of_their_own_on_the_lan(lab: Lab) -> None:
    """Which this engine gives out in its own way: a range of one address, networks that each node configures."""
    said = {"swarm_lan_parent": "eth0", "swarm_lan_subnet": "172.31.77.128/25", "overlay_network_driver": "macvlan"}
    moved = lab.site("-e", json.dumps({**said, "minio_network_consent": "macvlan"}))
    assert moved.rc == 0, moved.output[-3000:]
    store(lab, "n2", "n3", "debian12")
    verified = lab.play("verify", "-e", json.dumps(said))
    assert (verified.rc, verified.passed) == (0, CHECKS), verified.output[-3000:]
    again = lab.site("-e", json.dumps(said))
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output[-3000:]
