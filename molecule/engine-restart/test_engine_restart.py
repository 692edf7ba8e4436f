# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A changed engine setting reaches running engines without taking MinIO or the swarm away from their users.

The cluster is one of its own: MinIO has another port than the usual one, and the first manager, which leads the swarm
and restarts first, has no MinIO.
"""

from __future__ import annotations

import io
import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ADDRESSES, INVENTORY
from minio import Minio

PORT = 9100
SETTING = ("-e", "docker_engine_log_max_size=11m")
BUCKET = "engine-restart"
SERVERS = ("n2", "n3", "n4")
MANAGERS = ("n1", "n2", "n3")
STARTED = "systemctl show -p InvocationID --value docker"
STARTS = "journalctl -u docker --no-pager -o cat | grep -c '^Started docker.service'"


@pytest.fixture(scope="module", autouse=True)
def inventory(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Before and afterwards hosts are bare, as other scenarios have another cluster on them."""
    directory = tmp_path_factory.mktemp("given") / "inventory"
    shutil.copytree(INVENTORY, directory)
    path = directory / "hosts.yml"
    data = yaml.safe_load(path.read_text())
    groups = data["all"]["children"]
    for number, name in enumerate(SERVERS, 1):
        group = "managers" if name in MANAGERS else "workers"
        groups[group]["hosts"][name]["overlay_host_number"] = number
    del groups["minio"]["hosts"]["n1"], groups["managers"]["hosts"]["n1"]["minio_drives"]
    groups["managers"]["hosts"]["n1"]["overlay_host_number"] = len(ADDRESSES)
    data["all"]["vars"] = {"minio_port": PORT}
    path.write_text(yaml.safe_dump(data))
    fresh(lab)
    run = lab.site(inventory=directory)
    assert run.rc == 0, run.output
    yield directory
    fresh(lab)


def fresh(lab: Any) -> None:
    for name in ADDRESSES:
        lab.lose(name)
    lab.bring()


def alive(address: str) -> bool:
    """Whether the MinIO of a host answers."""
    try:
        with urllib.request.urlopen(f"http://{address}:{PORT}/minio/health/live", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def engine_answers(lab: Any, name: str) -> bool:
    """Whether the engine of a host is up."""
    return bool(lab.hosts[name].run("systemctl is-active --quiet docker").rc == 0)


@contextmanager
def watched(subjects: Mapping[str, Callable[[], bool]]) -> Iterator[list[frozenset[str]]]:
    """Look at all of them again and again; yields the sets of those that did not answer at one time."""
    seen: list[frozenset[str]] = []
    done = threading.Event()

    def watch() -> None:
        with ThreadPoolExecutor(len(subjects)) as pool:
            while not done.is_set():
                answers = list(pool.map(lambda answers: answers(), subjects.values()))
                seen.append(frozenset(name for name, answer in zip(subjects, answers, strict=True) if not answer))
                time.sleep(0.2)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def client(lab: Any) -> Minio:
    user, password = lab.credentials()
    return Minio(endpoint=f"{ADDRESSES['n2']}:{PORT}", access_key=user, secret_key=password, secure=False)


def leader(lab: Any, through: str) -> str:
    lines = lab.hosts[through].check_output("docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'").splitlines()
    return next(line.split()[0] for line in lines if line.endswith(" Leader"))


def test_engines_restart_one_after_another_the_leader_first(lab: Any, inventory: Path) -> None:
    assert leader(lab, "n2") == "n1"
    started = {name: host.check_output(STARTED) for name, host in lab.hosts.items()}
    store = client(lab)
    store.make_bucket(bucket_name=BUCKET)
    store.put_object(bucket_name=BUCKET, object_name="kept", data=io.BytesIO(b"kept"), length=4)
    servers = {name: partial(alive, ADDRESSES[name]) for name in SERVERS}
    engines = {f"engine of {name}": partial(engine_answers, lab, name) for name in MANAGERS}
    with watched(servers) as seen, watched(engines) as managers:
        run = lab.site(*SETTING, inventory=inventory)
    assert run.rc == 0, run.output
    assert all(host.check_output(STARTED) != started[name] for name, host in lab.hosts.items())
    for found, subjects in ((seen, servers), (managers, engines)):
        assert max(len(down) for down in found) == 1, [down for down in found if len(down) > 1]
        assert frozenset().union(*found) == set(subjects), "the watch saw no restart, so it proves nothing"
    # Who leads in the end is chance: each manager restarts once, the leader of the beginning before the others.
    assert next(down for down in managers if down) == {"engine of n1"}
    assert store.get_object(bucket_name=BUCKET, object_name="kept").read() == b"kept"


def test_the_setting_is_there_and_the_next_run_restarts_nothing(lab: Any, inventory: Path) -> None:
    for host in lab.hosts.values():
        assert '"max-size": "11m"' in host.check_output("cat /etc/docker/daemon.json")
    run = lab.site(*SETTING, inventory=inventory)
    assert run.rc == 0, run.output
    assert set(run.changed.values()) == {0}, run.output


def test_without_a_leader_no_manager_restarts(lab: Any, inventory: Path) -> None:
    """Two of three managers stand still while the third is to restart."""
    started = lab.hosts["n1"].check_output(STARTED)
    values = {"docker_engine_log_max_size": "12m", "docker_engine_restart_timeout": 20}
    for name in ("n2", "n3"):
        lab.hosts[name].check_output("systemctl kill --signal=STOP --kill-whom=main docker")
    try:
        lab.eventually(lambda: lab.hosts["n1"].run("timeout 60 docker node ls").rc != 0, True, 120)
        run = lab.site("--limit", "n1", "-e", json.dumps(values), inventory=inventory)
        assert run.rc != 0, run.output
        assert "n1: this manager reaches no leader of its swarm" in run.text, run.output
        assert set(run.changed.values()) == {0}, run.output
    finally:
        for name in ("n2", "n3"):
            lab.hosts[name].check_output("systemctl kill --signal=CONT --kill-whom=main docker")
    assert lab.hosts["n1"].check_output(STARTED) == started
    lab.eventually(lambda: lab.hosts["n1"].run("docker node ls").rc, 0, 120)


def test_of_two_runs_one_restarts_engines_and_the_other_changes_nothing(lab: Any, inventory: Path) -> None:
    """Ten times, on one host, as two controllers that begin together."""
    host = lab.hosts["n4"]
    for size in range(20, 30):
        before = int(host.check_output(STARTS))
        arguments = ("--limit", "n4", "-e", f"docker_engine_log_max_size={size}m")
        with ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(lambda _one, given=arguments: lab.site(*given, inventory=inventory), range(2)))
        won, lost = sorted(runs, key=lambda run: run.rc)
        assert (won.rc, lost.rc != 0) == (0, True), won.output + lost.output
        assert "the deployment's lease: " in lost.text, lost.output
        assert "nothing: wait" in lost.text or "nothing was changed: run again" in lost.text, lost.output
        assert (won.changed["n4"], lost.changed["n4"]) == (2, 0), won.output + lost.output
        assert int(host.check_output(STARTS)) == before + 1
