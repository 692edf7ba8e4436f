# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""walkthrough.yml on one manager and three workers: it asserts each step, and its outcome is seen from outside."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ADDRESSES, INVENTORY, ROOT, Lab, Run
from minio import Minio

USER, PASSWORD = "walkthrough", "walk-through-0"
SCREENSHOT = ROOT / "build" / "walkthrough" / "console.png"
VOLUMES = ("article_minio-data", "minio_service")
NETWORK = "minio-overlay-network"


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's, with n2 and n3 among the workers."""
    copy = tmp_path_factory.mktemp("one-manager") / "inventory"
    shutil.copytree(INVENTORY, copy)
    hosts = yaml.safe_load((copy / "hosts.yml").read_text())
    children = hosts["all"]["children"]
    for name in ("n2", "n3"):
        children["workers"]["hosts"][name] = children["managers"]["hosts"].pop(name)
    (copy / "hosts.yml").write_text(yaml.safe_dump(hosts))
    return copy


@pytest.fixture(scope="module", autouse=True)
def no_swarm(lab: Lab, inventory: Path) -> Iterator[None]:
    """What was deployed goes first, and what the walk has made goes last."""
    consent = ("-e", json.dumps({"overlay_teardown_consent": list(ADDRESSES)}))
    before = lab.play("teardown", *consent)
    assert before.rc == 0, before.output[-3000:]
    yield
    after = lab.play("teardown", *consent, inventory=inventory)
    assert after.rc == 0, after.output[-3000:]
    for host in lab.hosts.values():
        for volume in VOLUMES:
            host.run(f"docker volume rm {volume}")
        assert host.check_output("docker info -f '{{.Swarm.LocalNodeState}}'") == "inactive"


def walk(lab: Lab, inventory: Path, **more: Any) -> Run:
    variables = {"walkthrough_root_password": PASSWORD, "walkthrough_screenshot": str(SCREENSHOT), **more}
    return lab.play("walkthrough", "-e", json.dumps(variables), inventory=inventory)


def test_three_managers_are_refused(lab: Lab) -> None:
    run = walk(lab, INVENTORY)
    assert run.rc != 0
    assert "give an inventory of one and three" in run.text
    assert set(run.changed.values()) == {0}


def test_every_step_brings_about_what_the_article_says(lab: Lab, inventory: Path) -> None:
    SCREENSHOT.parent.mkdir(parents=True, exist_ok=True)
    SCREENSHOT.unlink(missing_ok=True)
    run = walk(lab, inventory)
    assert run.rc == 0, run.output[-5000:]
    assert PASSWORD not in run.output


def test_the_docker_command_sees_the_same(lab: Lab) -> None:
    manager = lab.hosts["n1"]
    nodes = manager.check_output("docker node ls --format '{{.Hostname}} {{.Status}} {{.ManagerStatus}}'").splitlines()
    assert sorted(line.strip() for line in nodes) == ["n1 Ready Leader", "n2 Ready", "n3 Ready", "n4 Ready"]
    services = manager.check_output("docker service ls --format '{{.Name}} {{.Mode}} {{.Replicas}}'").splitlines()
    assert sorted(line.split(" (")[0] for line in services) == [
        "article_minio global 3/3",
        "minio_service replicated 4/4",
    ]
    network = json.loads(manager.check_output(f"docker network inspect {NETWORK}"))[0]
    assert (network["Driver"], network["Attachable"], network["Options"].get("encrypted")) == ("overlay", True, None)
    spec = json.loads(manager.check_output("docker service inspect minio_service"))[0]["Spec"]
    assert [one["Target"] for one in spec["TaskTemplate"]["Networks"]] == [network["Id"]]


def test_nothing_was_pulled(lab: Lab) -> None:
    for host in lab.hosts.values():
        assert "minio/minio" not in host.check_output("docker images --format '{{.Repository}}'")


def test_the_console_was_seen() -> None:
    """What it showed is asserted by the playbook; the picture stays in build/."""
    data = SCREENSHOT.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    assert width == 1280
    assert height > 500
    assert len(data) > 20_000, "there is hardly anything on it"


def test_these_are_four_stores_and_not_one() -> None:
    buckets = {}
    for name, address in ADDRESSES.items():
        client = Minio(endpoint=f"{address}:9000", access_key=USER, secret_key=PASSWORD, secure=False)
        buckets[name] = {one.name for one in client.list_buckets()}
    assert buckets == {name: {f"on-{name}", "sdk"} for name in ADDRESSES}


def test_a_second_walk_only_adds_and_removes_the_network_again(lab: Lab, inventory: Path) -> None:
    run = walk(lab, inventory)
    assert run.rc == 0, run.output[-5000:]
    assert {name: count for name, count in run.changed.items() if count} == {"n1": 2}, run.output[-5000:]


def test_it_is_all_taken_away(lab: Lab, inventory: Path) -> None:
    run = walk(lab, inventory, walkthrough_state="absent")
    assert run.rc == 0, run.output[-3000:]
    manager = lab.hosts["n1"]
    assert manager.check_output("docker service ls --quiet") == ""
    assert manager.check_output("docker secret ls --quiet") == ""
    assert manager.check_output("docker network ls --filter driver=overlay --format '{{.Name}}'") == "ingress"
    again = walk(lab, inventory, walkthrough_state="absent")
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output[-3000:]
