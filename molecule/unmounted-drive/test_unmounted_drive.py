# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host restarts and one of its drives does not mount: MinIO must not mistake the empty place for the drive."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import CHECKS
from minio import Minio
from minio.error import S3Error

MOUNT_POINT = "/srv/minio/drive2"
ENDPOINT = "http://minio4:9000/drives/drive2"
BUCKET = "while-a-drive-is-away"


@pytest.fixture(scope="module")
def restarted(lab: Any) -> Iterator[Any]:
    """The fourth host, restarted with its second drive kept from mounting."""
    host = lab.hosts["n4"]
    unit = host.check_output(f"systemd-escape -p --suffix=mount {MOUNT_POINT}")
    host.check_output(f"systemctl mask {unit}")
    lab.engine("restart", "overlay-lab-n4")
    lab.eventually(lambda: host.run("systemctl is-active --quiet docker").rc, 0)
    yield host
    host.run(f"systemctl unmask {unit}; systemctl daemon-reload; systemctl start {unit}")


def test_the_drive_is_offline_and_the_others_are_not(lab: Any, restarted: Any) -> None:
    assert not restarted.mount_point(MOUNT_POINT).exists
    lab.eventually(lambda: {e for e, state in lab.drives("n1").items() if state != "ok"}, {ENDPOINT})


def test_verify_is_red_and_names_the_drive_and_the_host(lab: Any, restarted: Any) -> None:
    assert not restarted.mount_point(MOUNT_POINT).exists
    run = lab.play("verify")
    assert run.rc != 0, run.output
    assert f"2 of {CHECKS} checks failed; 1 with a warning" in run.text
    assert f"n4: drive2 (/dev/disk/by-id/overlay-n4-drive2): nothing is mounted on {MOUNT_POINT}" in run.text
    assert "n4: drive2 is " in run.text


def test_nothing_is_written_below_the_bare_mount_point(lab: Any, restarted: Any) -> None:
    client = lab.s3("n1")
    if not client.bucket_exists(bucket_name=BUCKET):
        client.make_bucket(bucket_name=BUCKET)
    for number in range(8):
        client.put_object(bucket_name=BUCKET, object_name=f"o{number}", data=io.BytesIO(b"x" * 200_000), length=200_000)
    place = restarted.file(MOUNT_POINT)
    assert (place.mode, place.user, place.group) == (0o555, "root", "root")
    assert restarted.check_output(f"find {MOUNT_POINT} -mindepth 1") == ""


@pytest.fixture
def emptied(restarted: Any) -> Iterator[Any]:
    """The drive that is not mounted, for what a fault makes of it; what was on it comes back afterwards."""
    device, copy = "/dev/disk/by-id/overlay-n4-drive2", "/var/tmp/drive2"
    whole = "bs=1M conv=sparse,notrunc,fsync status=none"
    restarted.check_output(f"truncate -s $(blockdev --getsize64 {device}) {copy} && dd if={device} of={copy} {whole}")
    try:
        yield device
    finally:
        restarted.check_output(f"blkdiscard --zeroout {device} && dd if={copy} of={device} {whole} && rm {copy}")
        restarted.check_output("mv -n /var/tmp/drive-receipts.json /etc/baremetal-overlay/ 2>/dev/null || true")
        restarted.check_output("udevadm settle")


def test_a_drive_that_lost_its_beginning_is_not_formatted(lab: Any, restarted: Any, emptied: str) -> None:
    restarted.check_output(f"dd if=/dev/zero of={emptied} bs=1M count=4 conv=notrunc,fsync status=none")
    run = lab.play("preflight", "--limit", "n4")
    assert run.rc != 0
    assert f"n4: drive 2 ({emptied}): " in run.text
    assert 'a copy of the superblock of xfs labelled "minio4d2"' in run.text and "xfs_repair -n" in run.text
    assert "drives_format_consent" not in run.text


def test_a_drive_that_reads_as_zeros_is_not_formatted(lab: Any, restarted: Any, emptied: str) -> None:
    """Also where the host has lost its own receipts: managers keep them."""
    restarted.check_output(f"blkdiscard --zeroout {emptied}")
    restarted.check_output("mv /etc/baremetal-overlay/drive-receipts.json /var/tmp/")
    restarted.check_output("cp -p /etc/fstab /var/tmp/ && sed -i /minio4d2/d /etc/fstab")
    run = lab.play("preflight")
    restarted.check_output("mv /var/tmp/fstab /etc/fstab")
    assert run.rc != 0
    assert 'reads as blank, but a receipt says that it was formatted as "minio4d2"' in run.text
    assert f'drives_format_consent: ["n4:{emptied}:' in run.text


def test_mounting_it_brings_it_back(lab: Any, restarted: Any) -> None:
    unit = restarted.check_output(f"systemd-escape -p --suffix=mount {MOUNT_POINT}")
    restarted.check_output(f"systemctl unmask {unit} && systemctl daemon-reload && systemctl start {unit}")
    lab.eventually(lambda: set(lab.drives("n1").values()), {"ok"})
    client = lab.s3("n4")
    client.make_bucket(bucket_name=f"{BUCKET}-and-back")
    assert restarted.run(f"test -d {MOUNT_POINT}/{BUCKET}-and-back").rc == 0, "the drive takes no part in a new bucket"
    client.remove_bucket(bucket_name=f"{BUCKET}-and-back")
    for number in range(8):
        assert client.get_object(bucket_name=BUCKET, object_name=f"o{number}").read() == b"x" * 200_000
        client.remove_object(bucket_name=BUCKET, object_name=f"o{number}")
    client.remove_bucket(bucket_name=BUCKET)


@pytest.fixture
def full(lab: Any, restarted: Any) -> Iterator[Any]:
    """A drive that something else than MinIO fills to 99 %."""
    host, filler = lab.hosts["n2"], "/srv/minio/drive1/filler"
    assert restarted.mount_point(MOUNT_POINT).exists
    room = "$(($(stat -f -c '%a*%S' /srv/minio/drive1) - $(stat -f -c '%b*%S' /srv/minio/drive1) / 100))"
    host.check_output(f"fallocate -l {room} {filler}")
    try:
        yield host
    finally:
        host.check_output(f"rm {filler}")


def upload(client: Minio) -> str:
    """What MinIO says of an object for which a full drive has no room."""
    try:
        client.put_object(bucket_name=BUCKET, object_name="large", data=io.BytesIO(bytes(1 << 26)), length=1 << 26)
    except S3Error as refused:
        return str(refused.code)
    client.remove_object(bucket_name=BUCKET, object_name="large")
    return "stored"


@pytest.mark.usefixtures("full")
def test_a_drive_without_room_is_red_where_clients_get_507(lab: Any) -> None:
    client = lab.s3("n1")
    client.make_bucket(bucket_name=BUCKET)
    # What it knows of its drives' room it looks at again after a moment.
    lab.eventually(lambda: upload(client), "XMinioStorageFull", 60)
    client.remove_bucket(bucket_name=BUCKET)
    run = lab.play("verify")
    assert run.rc != 0, run.output
    assert f"2 of {CHECKS} checks failed" in run.text
    assert "pool 1: 1 % is left on its fullest drive (n2 drive1)" in run.text
    assert "connectivity_room_minimum is 10 %" in run.text
    assert "pool 1, erasure set 1: MinIO refuses uploads whose length it is not told" in run.text


@pytest.mark.usefixtures("restarted")
def test_the_next_run_changes_nothing(lab: Any) -> None:
    run = lab.site()
    assert run.rc == 0, run.output
    assert set(run.changed.values()) == {0}, run.output


@pytest.mark.usefixtures("restarted")
def test_names_that_a_boot_has_swapped_are_told_apart_by_labels(
    lab: Any, changed_inventory: Callable[[Callable[[dict[str, Any]], None]], Path]
) -> None:
    host = lab.hosts["n4"]
    first, second = (host.check_output(f"readlink -f /dev/disk/by-id/overlay-n4-drive{number}") for number in (1, 2))

    def swapped(inventory: dict[str, Any]) -> None:
        inventory["all"]["children"]["workers"]["hosts"]["n4"]["minio_drives"] = [second, first]

    mounted = host.check_output("findmnt -rno TARGET,SOURCE,UUID -t xfs | sort")
    run = lab.site(inventory=changed_inventory(swapped))
    assert (run.rc, set(run.changed.values())) == (0, {0}), run.output
    assert f'drive 1 ({second}): its file system "minio4d1" is on {first} now' in run.text
    assert "declare serial:overlay-n4-drive1" in run.text and "drives_format_consent" not in run.text
    assert host.check_output("findmnt -rno TARGET,SOURCE,UUID -t xfs | sort") == mounted
