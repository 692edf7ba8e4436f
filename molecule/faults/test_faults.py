# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks that are full or read-only, engines that hang, drives that err or hang: it is said, and a rerun converges."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

BUCKET = "faults"
DRIVE = "/srv/minio/drive1"
# What a change of the engine's settings, and one of the firewall's, have to write.
CHANGE = ("-e", json.dumps({"docker_engine_log_max_size": "11m"}))
TABLE = ("-e", json.dumps({"firewall_client_ports": [9000, 9001, 9100], "firewall_confirm_timeout": 15}))
# Each as the host has it: what is done to it, how that is mended, what is changed meanwhile, and what the error says.
DISKS = {
    "etc is read-only": (
        "mount --rbind /etc /etc && mount --make-rprivate /etc && mount -o remount,bind,ro /etc",
        "umount --recursive /etc",
        CHANGE,
        "the file system at /etc is read-only",
    ),
    "our directory is full": (
        "mkdir /mnt/kept && cp -a /etc/baremetal-overlay/. /mnt/kept/ && mount -t tmpfs -o size=256k,mode=0700 tmpfs "
        "/etc/baremetal-overlay && cp -a /mnt/kept/. /etc/baremetal-overlay/ && "
        "(cat /dev/zero > /etc/baremetal-overlay/filler; true)",
        "rm /etc/baremetal-overlay/filler",
        TABLE,
        "the file system at /etc/baremetal-overlay has no room left (No space left on device)",
    ),
}
GO_BACK = {"our directory is full": "umount /etc/baremetal-overlay && rm -r /mnt/kept"}
DRAFTS = r"find /etc /run/baremetal-overlay -xdev -regextype posix-extended -regex '.*/\.[^/]+\.[0-9]+\.[a-z0-9_]{8}'"


@pytest.fixture(autouse=True)
def as_the_inventory_says(lab: Any) -> Iterator[None]:
    """Afterwards, whatever happened."""
    yield
    run = lab.site()
    assert run.rc == 0, run.output
    lab.eventually(lambda: set(lab.drives("n1").values()), {"ok"})


@pytest.fixture(scope="module")
def objects(lab: Any) -> Iterator[dict[str, str]]:
    client = lab.s3("n1")
    if not client.bucket_exists(bucket_name=BUCKET):
        client.make_bucket(bucket_name=BUCKET)
    kept = {name: put(lab, "n1", name) for name in ("one", "two")}
    yield kept
    for name in kept:
        client.remove_object(bucket_name=BUCKET, object_name=name)
    client.remove_bucket(bucket_name=BUCKET)


def put(lab: Any, node: str, name: str) -> str:
    body = os.urandom(300_000)
    lab.s3(node).put_object(bucket_name=BUCKET, object_name=name, data=io.BytesIO(body), length=len(body))
    return hashlib.sha256(body).hexdigest()


def get(lab: Any, node: str, name: str) -> str:
    answer = lab.s3(node).get_object(bucket_name=BUCKET, object_name=name)
    try:
        return hashlib.sha256(answer.read()).hexdigest()
    finally:
        answer.close()


def unchanged(lab: Any, *arguments: str) -> None:
    run = lab.site(*arguments)
    assert (run.rc, set(run.changed.values())) == (0, {0}), run.output


@pytest.mark.parametrize("kind", DISKS)
def test_a_disk_that_takes_nothing_is_named_and_once_it_does_a_run_converges(lab: Any, kind: str) -> None:
    harm, mend, change, said = DISKS[kind]
    host = lab.hosts["n4"]
    before = host.check_output("sha256sum /etc/docker/daemon.json /etc/baremetal-overlay/firewall.nft")
    host.check_output(harm)
    try:
        run = lab.site("--limit", "n4", *change)
        assert run.rc != 0, run.output
        assert said in run.text, run.output
        assert "Traceback" not in run.output
        assert host.check_output("sha256sum /etc/docker/daemon.json /etc/baremetal-overlay/firewall.nft") == before
    finally:
        host.check_output(mend)
    try:
        assert host.check_output(DRAFTS) == ""
        run = lab.site("--limit", "n4", *change)
        assert run.rc == 0, run.output
        unchanged(lab, "--limit", "n4", *change)
    finally:
        host.check_output(GO_BACK.get(kind, "true"))


@contextlib.contextmanager
def hanging(lab: Any, name: str) -> Iterator[None]:
    """Its dockerd takes connections, and answers none."""
    lab.hosts[name].check_output("systemctl kill --signal=STOP --kill-whom=main docker")
    try:
        yield
    finally:
        lab.hosts[name].check_output("systemctl kill --signal=CONT --kill-whom=main docker")


@pytest.mark.parametrize("name", ["n4", "n1"], ids=["worker", "acting manager"])
def test_a_host_whose_engine_hangs_is_named_in_time(lab: Any, objects: dict[str, str], name: str) -> None:
    with hanging(lab, name):
        began = time.monotonic()
        run = lab.site()
        took = time.monotonic() - began
        assert run.rc != 0, run.output
        assert f"{name}: " in run.text and "nothing answers at its socket" in run.text, run.output
        assert took < 180, f"it took {took:.0f} s"
        # Containers run on without their engine.
        assert {one: get(lab, "n2", one) for one in objects} == objects
    lab.eventually(lambda: lab.hosts[name].run("timeout 5 docker info").rc, 0)
    unchanged(lab)


def uuid(lab: Any, name: str) -> str:
    return str(lab.hosts[name].check_output(f"blkid -p -o value -s UUID /dev/disk/by-id/overlay-{name}-drive1"))


def test_a_drive_that_errs_is_red_and_is_never_formatted(lab: Any, objects: dict[str, str]) -> None:
    """XFS ends a file system whose disk erred: from then on all of it is an error."""
    host, before = lab.hosts["n4"], uuid(lab, "n4")
    host.check_output(f"xfs_io -x -c shutdown {DRIVE}")
    lab.eventually(lambda: sum(state != "ok" for state in lab.drives("n1").values()), 1)
    objects["while-it-errs"] = put(lab, "n4", "while-it-errs")
    assert {one: get(lab, "n4", one) for one in objects} == objects
    run = lab.play("verify")
    assert run.rc != 0 and "n4: drive1" in run.text, run.output
    run = lab.site()
    assert uuid(lab, "n4") == before
    assert "format /dev" not in run.text, run.output
    # Once the disk is well again, a reboot mounts it.
    lab.engine("restart", "overlay-lab-n4")
    lab.bring_up("n4")
    # A server that has just started misses objects until it sees the drives of the others (docs/failures.md).
    for name in ("n1", "n4"):
        lab.eventually(lambda name=name: set(lab.drives(name).values()), {"ok"})
    assert uuid(lab, "n4") == before
    assert {one: get(lab, "n4", one) for one in objects} == objects


def test_a_drive_that_hangs_keeps_no_run_waiting(lab: Any, objects: dict[str, str]) -> None:
    """A file system that is frozen takes writes, and does not end them."""
    host, before = lab.hosts["n4"], uuid(lab, "n4")
    host.check_output(f"fsfreeze --freeze {DRIVE}")
    try:
        lab.eventually(lambda: get(lab, "n1", "one"), objects["one"])
        began = time.monotonic()
        run = lab.site()
        assert time.monotonic() - began < 300, run.output
        assert uuid(lab, "n4") == before
    finally:
        host.check_output(f"fsfreeze --unfreeze {DRIVE}")
    lab.eventually(lambda: {one: get(lab, "n4", one) for one in objects}, objects)
