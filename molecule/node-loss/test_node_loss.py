# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts die without a word: what still works, what says so, and what is there afterwards.

Four hosts of two drives are one erasure set of eight with parity four: reads survive two hosts, writes one.

A host that dies takes its connections with it in silence, so MinIO needs a while to notice: what holds is asked for
once a node itself sees the drives as they are. A server that returned takes too few parts of an object for none at
all, and says ``NoSuchKey`` for what was written without it, for some seconds in which it already calls all drives ok.
Nothing that it shows says when that is over, so the objects are asked for until they are all there; one that differs
fails at once.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from minio import Minio
from minio.error import S3Error

BUCKET = "node-loss"
LOST = ("n4", "n3")


def put(client: Minio, name: str, size: int = 300_000) -> str:
    """Put an object of random bytes; return the SHA-256 that it must be read with."""
    body = os.urandom(size)
    client.put_object(bucket_name=BUCKET, object_name=name, data=io.BytesIO(body), length=size)
    return hashlib.sha256(body).hexdigest()


def get(client: Minio, name: str) -> str:
    """The SHA-256 of an object as it is read."""
    response = client.get_object(bucket_name=BUCKET, object_name=name)
    try:
        return hashlib.sha256(response.read()).hexdigest()
    finally:
        response.close()


def impatient(lab: Any, node: str) -> Minio:
    """A client that does not retry, so that a refusal is seen as it comes."""
    user, password = lab.credentials()
    http = urllib3.PoolManager(timeout=urllib3.Timeout(30), retries=urllib3.Retry(0, raise_on_status=False))
    return Minio(
        endpoint=f"172.31.77.1{node[1:]}:9000", access_key=user, secret_key=password, secure=False, http_client=http
    )


@pytest.fixture(scope="module")
def objects(lab: Any) -> Iterator[dict[str, str]]:
    """Objects and their SHA-256, added to while hosts are away; removed when all are back."""
    client = lab.s3("n1")
    if not client.bucket_exists(bucket_name=BUCKET):
        client.make_bucket(bucket_name=BUCKET)
    kept = {f"before-{number}": put(client, f"before-{number}") for number in range(6)}
    yield kept
    for host in LOST:
        lab.engine("start", f"overlay-lab-{host}")
    lab.eventually(lambda: set(lab.drives("n1").values()), {"ok"})
    for entry in client.list_objects(bucket_name=BUCKET):
        client.remove_object(bucket_name=BUCKET, object_name=entry.object_name)
    client.remove_bucket(bucket_name=BUCKET)


def answer(lab: Any, node: str) -> str:
    """What a write without a quorum gets: an error, or none in time; one that is acknowledged fails the test."""
    try:
        put(impatient(lab, node), "refused")
    except S3Error as error:
        return error.code or ""
    except urllib3.exceptions.HTTPError:
        return "no answer"
    pytest.fail(f"a write without a quorum was acknowledged by {node}")


def refused(lab: Any) -> bool:
    """Whether writes are refused through both servers; a server may first have to notice that its peers are away."""
    answers = {answer(lab, node) for node in ("n1", "n2")}
    if not answers <= {"SlowDownWrite", "no answer"}:
        pytest.fail(f"writes without a quorum got {answers}")
    return answers == {"SlowDownWrite"}


def sees(lab: Any, node: str, lost: int) -> None:
    """Wait until a node knows how many drives are away."""
    lab.eventually(lambda: sum(state != "ok" for state in lab.drives(node).values()), lost)


def all_equal(client: Minio, objects: dict[str, str]) -> None:
    assert {name: get(client, name) for name in objects} == objects


def missing(client: Minio, objects: dict[str, str]) -> list[str]:
    """Which objects a server does not find; the others are equal."""
    absent = []
    for name, wanted in objects.items():
        try:
            found = get(client, name)
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
            absent.append(name)
        else:
            if found != wanted:
                pytest.fail(f"{name} was read as {found}, it was written as {wanted}")
    return absent


def test_one_host_lost_reads_and_writes_go_on(lab: Any, objects: dict[str, str]) -> None:
    lab.engine("kill", "overlay-lab-n4")
    for node in ("n1", "n2", "n3"):
        sees(lab, node, lost=2)
        all_equal(lab.s3(node), objects)
        objects[f"three-left-{node}"] = put(lab.s3(node), f"three-left-{node}")
    assert lab.healthy("n1") == 200


def test_two_hosts_lost_reads_go_on_and_writes_say_so(lab: Any, objects: dict[str, str]) -> None:
    lab.engine("kill", "overlay-lab-n3")
    for node in ("n1", "n2"):
        sees(lab, node, lost=4)
        assert (lab.healthy(node), lab.healthy(node, "cluster/read")) == (503, 200)
        all_equal(lab.s3(node), objects)
    lab.eventually(lambda: refused(lab), True)


def test_both_back_all_objects_are_equal(lab: Any, objects: dict[str, str]) -> None:
    for host in LOST:
        lab.engine("start", f"overlay-lab-{host}")
    for node in lab.hosts:
        sees(lab, node, lost=0)
        lab.eventually(lambda node=node: lab.healthy(node), 200)
        lab.eventually(lambda node=node: missing(lab.s3(node), objects), [])
    for node in lab.hosts:
        all_equal(lab.s3(node), objects)
    run = lab.site()
    assert run.rc == 0, run.output
    assert set(run.changed.values()) == {0}, run.output
