# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes from a host, what stays, and which drives are not ours to wipe."""

from __future__ import annotations

import dataclasses
import subprocess

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import (
    drive_claims,
    drive_match,
    fstab,
    links,
    links_diff,
    links_plan,
    revert_script,
    teardown,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.host.blockdevices import BlockDevice, Mount, Signature
from ansible_collections.baremetal.overlay.plugins.module_utils.host.drive_steps import Wipe
from ansible_collections.baremetal.overlay.plugins.module_utils.host.packages import Package
from systemd_stub import Systemd

A, B = "/dev/disk/by-id/a", "/dev/disk/by-id/b"
ROOT_LINE = "UUID=1 / ext4 defaults 0 1"
ENTRIES = [fstab.Entry(f"minio1d{k}", f"/srv/minio/drive{k}") for k in (1, 2)]
OPTIONS = {
    "devices": [A, B],
    "number": 1,
    "parent": "/srv/minio",
    "host": "n1",
    "drives_consent": [],
    "keep_credentials": True,
    "unhold": True,
    "keep": [],
    "directories": [],
}
DRIVES = drive_match.State(
    devices=tuple(BlockDevice(f"/dev/sd{x}", n, "disk", 1 << 40) for x, n in (("a", "8:0"), ("b", "8:16"))),
    nodes={A: ("/dev/sda", "8:0"), B: ("/dev/sdb", "8:16")},
    signatures={"8:0": [Signature("xfs", "minio1d1", "u1")], "8:16": [Signature("xfs", "minio1d2", "u2")]},
    mounts=(
        Mount("8:0", "/srv/minio/drive1", "/dev/sda", "xfs"),
        Mount("8:16", "/srv/minio/drive2", "/dev/sdb", "xfs"),
    ),
    fstab=fstab.merge(ROOT_LINE + "\n", ENTRIES),
)
DEPLOYED = teardown.State(
    drives=DRIVES,
    packages={"docker.io": Package("26.1", True, "installed"), "python3-docker": Package("5", False, "installed")},
    files=[
        "firewall.loaded",
        "firewall.nft",
        "revert",
        "unconfirmed",
        "formatting-minio1d2",
        "minio-root.json",
        "minio-tls/CAs/ca.crt",
        "minio-tls/private.key",
        "minio-tls/public.crt",
    ],
    drop_ins=["/etc/systemd/system/docker.service.d/baremetal-overlay.conf"],
    runs=True,
    firewall_unit=True,
    firewall_table=True,
    way_back=True,
)
CLEAR = teardown.State(drives=dataclasses.replace(DRIVES, fstab=ROOT_LINE))


def plan(state=DEPLOYED, **options):
    return teardown.plan({**OPTIONS, **options}, state)


def entries(*devices, drives=DRIVES):
    """What an operator is told to give for them."""
    found, _wrong = drive_match.match(OPTIONS, drives)
    return [
        f"n1:{drive.place.declared}:{drive_claims.digest(drive, drives)}"
        for drive in found
        if drive.place.declared in devices
    ]


def test_all_but_data_and_what_opens_it_goes():
    found = plan()
    assert found.sentences == [
        "stop the timer of an unconfirmed change",
        "disable baremetal-overlay-revert-boot.service",
        "remove /etc/systemd/system/baremetal-overlay-revert-boot.service",
        "disable baremetal-overlay-firewall.service",
        "remove /etc/systemd/system/baremetal-overlay-firewall.service",
        "delete the table inet baremetal_overlay",
        "remove /etc/systemd/system/docker.service.d/baremetal-overlay.conf",
        "let upgrades at docker.io again",
        "remove /etc/baremetal-overlay/firewall.loaded",
        "remove /etc/baremetal-overlay/firewall.nft",
        "remove /etc/baremetal-overlay/revert",
        "remove /etc/baremetal-overlay/unconfirmed",
        "remove /etc/baremetal-overlay/minio-tls",
        "remove /run/baremetal-overlay",
    ]
    assert found.flags["stays"] == [
        f"drive 1 ({A}), with its data",
        f"drive 2 ({B}), with its data",
        "/etc/baremetal-overlay/formatting-minio1d2",
        "/etc/baremetal-overlay/minio-root.json",
        "the engine, its packages and images, and /etc/docker/daemon.json",
    ]


def test_the_timer_of_a_change_that_the_host_gave_up_is_gone_already(tmp_path):
    (step,) = [step for step in plan().steps if step.sentence == "stop the timer of an unconfirmed change"]
    systemd = Systemd(tmp_path, tmp_path / "log")
    (command,) = step.commands
    assert subprocess.run(command, env=systemd.environment, check=False).returncode == 0
    assert (tmp_path / "log").read_text() == f"systemctl stop {revert_script.UNIT}.timer\n"


def test_a_drive_that_is_named_is_erased_and_no_other():
    found = plan(drives_consent=entries(B))
    assert found.sentences[:3] == [
        "unmount /srv/minio/drive2",
        "change /etc/fstab",
        f"ERASE drive 2 ({B}): wipe /dev/sdb",
    ]
    assert not any("drive1" in sentence or "sda" in sentence for sentence in found.sentences)
    assert "remove /etc/baremetal-overlay/formatting-minio1d2" in found.sentences
    assert f"drive 1 ({A}), with its data" in found.flags["stays"]
    (change,) = [step for step in found.steps if getattr(step, "path", "") == fstab.PATH]
    assert change.after == f"{ROOT_LINE}\n{ENTRIES[0]}\n"


OTHER = dataclasses.replace(DRIVES, signatures={**DRIVES.signatures, "8:16": [Signature("xfs", "minio1d2", "u3")]})


@pytest.mark.parametrize(
    ("given", "drives"),
    [
        ([B], DRIVES),
        ([f"n1:{B}"], DRIVES),
        ([f"n1:{B}:00000000"], DRIVES),
        # It was used, and the place has another file system since.
        (entries(B), OTHER),
    ],
)
def test_consent_that_is_not_for_what_is_there_erases_nothing_and_is_told_the_entry(given, drives):
    state = dataclasses.replace(DEPLOYED, drives=drives)
    found = plan(state, drives_consent=given)
    (right,) = entries(B, drives=drives)
    assert found.steps == [] and found.violations[0].endswith(f'to erase the drive with its data, give ["{right}"]')
    assert f'"{given[0]}"' in found.violations[0]
    assert f"ERASE drive 2 ({B}): wipe /dev/sdb" in plan(state, drives_consent=[right]).sentences


def test_consent_for_the_drives_of_other_hosts_is_none_here():
    found = plan(drives_consent=[entry.replace("n1:", "n2:") for entry in entries(A, B)])
    assert found.violations == [] and not [sentence for sentence in found.sentences if "ERASE" in sentence]


def test_all_entries_are_told_at_once():
    (found,) = plan(drives_consent=[f"n1:{A}", f"n1:{B}"]).violations
    assert found.endswith("give [" + ", ".join(f'"{entry}"' for entry in entries(A, B)) + "]")


def test_without_data_the_credentials_go_too():
    found = plan(drives_consent=entries(A, B), keep_credentials=False)
    assert "remove /etc/baremetal-overlay/minio-root.json" in found.sentences
    assert found.flags["stays"] == ["the engine, its packages and images, and /etc/docker/daemon.json"]


CA = ["ca/ca.crt", "ca/ca.key"]


def test_the_ca_stays_for_those_who_stay_and_goes_with_all():
    state = dataclasses.replace(DEPLOYED, files=[*CA, "minio-tls/public.crt"])
    found = plan(state, keep=["/etc/baremetal-overlay/ca/"])
    assert [f"/etc/baremetal-overlay/{name}" for name in CA] == found.flags["stays"][2:4]
    assert "remove /etc/baremetal-overlay/ca" not in found.sentences
    ca = {"/etc/baremetal-overlay/ca": [f"/etc/baremetal-overlay/{name}" for name in CA]}
    whole = plan(dataclasses.replace(state, authorities=ca))
    assert (
        "remove /etc/baremetal-overlay/ca" in whole.sentences
        and "/etc/baremetal-overlay/ca" not in whole.flags["stays"]
    )
    elsewhere = plan(
        dataclasses.replace(DEPLOYED, authorities={"/srv/ca": ["/srv/ca/ca.key"], "/etc/ssl/private": None})
    )
    assert "remove /srv/ca" in elsewhere.sentences and "remove /etc/ssl/private" not in elsewhere.sentences
    assert "the CA in /etc/ssl/private, which this collection did not make" in elsewhere.flags["stays"]


@pytest.mark.parametrize(
    "name", ["notes.txt", "pki/ca/ca.key", "minio-tls/s3.example.org/private.key", "ca.key", "minio-tls"]
)
def test_what_the_record_does_not_name_stays(name):
    found = plan(dataclasses.replace(DEPLOYED, files=["firewall.nft", name]))
    assert f"/etc/baremetal-overlay/{name}" in found.flags["stays"]
    removed = [file for step in found.steps for file in getattr(step, "files", ())]
    assert removed == ["/etc/baremetal-overlay/firewall.nft"]


@pytest.mark.parametrize("consent", [[], [A, B]])
def test_a_clear_host_needs_nothing(consent):
    blank = dataclasses.replace(DRIVES, signatures={}, mounts=(), fstab=ROOT_LINE)
    found = plan(teardown.State(drives=blank) if consent else CLEAR, drives_consent=entries(*consent))
    assert (found.violations, found.sentences) == ([], [])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signatures": {"8:0": [Signature("ext4", "home")]}, "mounts": ()}, 'is not labelled "minio1d1" (found: ext4'),
        ({"signatures": {"8:0": [Signature("xfs", "minio2d1")]}, "mounts": ()}, 'is not labelled "minio1d1"'),
        ({"mounts": (*DRIVES.mounts, Mount("8:0", "/mnt", "/dev/sda", "xfs"))}, "is mounted on /mnt too"),
        ({"nodes": {B: ("/dev/sdb", "8:16")}}, "is not there, or is no block device"),
    ],
)
def test_what_is_not_ours_is_not_wiped_and_nothing_else_is_done(changes, words):
    state = dataclasses.replace(DEPLOYED, drives=dataclasses.replace(DRIVES, **changes))
    found = plan(state, drives_consent=entries(A))
    assert words in found.violations[0]
    assert found.steps == []
    # What is not named does not matter.
    assert plan(state).violations == []


def test_receipts_stay_as_long_as_drives_keep_data():
    """By them the next deployment tells a drive that reads as blank from a new one."""
    kept = ["drive-receipts.json", "cluster-drive-receipts.json"]
    state = dataclasses.replace(DEPLOYED, files=kept)
    paths = [f"/etc/baremetal-overlay/{name}" for name in kept]
    assert set(paths) <= set(plan(state, drives_consent=entries(B)).flags["stays"])
    gone = plan(state, drives_consent=entries(A, B), keep_credentials=False)
    assert {f"remove {path}" for path in paths} <= set(gone.sentences)
    # A host that leaves others: managers keep theirs, and its own say which of its drives were erased.
    left = plan(state, drives_consent=entries(B), keep_credentials=False, keep=[paths[0]])
    assert paths[0] in left.flags["stays"] and f"remove {paths[1]}" in left.sentences
    wipes = [[step for step in one.steps if isinstance(step, Wipe)] for one in (gone, left)]
    assert [[wipe.recorded for wipe in one] for one in wipes] == [[False, False], [True]]


def test_a_drive_is_not_wiped_where_its_receipt_cannot_be_written():
    broken = dataclasses.replace(
        DEPLOYED, drives=dataclasses.replace(DRIVES, receipts_wrong="drive-receipts.json: is broken")
    )
    assert plan(broken, drives_consent=entries(A)).violations == ["drive-receipts.json: is broken"]
    assert plan(broken).violations == []


def test_the_lock_of_a_wipe_is_not_left():
    assert "remove /run/baremetal-overlay" in plan(teardown.State(drives=DRIVES), drives_consent=entries(A)).sentences


def test_lines_of_others_stay_in_fstab_as_they_are():
    text = "# by hand\n\nUUID=1 /\text4 defaults 0 1"
    assert fstab.without(text, ENTRIES) == text
    assert fstab.without(f"{ENTRIES[0]}\n{text}", ENTRIES) == text


def test_links_of_ours_go_after_the_unit_that_makes_them():
    ours = {
        name: links_diff.Found(name, kind, group)
        for name, kind, group in (
            ("ovl0", "bridge", str(links_plan.GROUP)),
            ("ovl0-vx", "vxlan", str(links_plan.GROUP)),
            ("br0", "bridge", "default"),
        )
    }
    remains = links.Remains(unit=True, networkd=True, found=ours)
    found = plan(dataclasses.replace(CLEAR, links=remains))
    assert found.sentences == [
        "disable baremetal-overlay-links.service",
        "remove /etc/systemd/system/baremetal-overlay-links.service",
        "remove the links ovl0, ovl0-vx",
        "remove /etc/systemd/network/05-baremetal-overlay.network",
    ]
    (batch,) = [step for step in found.steps if isinstance(step, links.Batch)]
    assert batch.lines == ("link delete dev ovl0", "link delete dev ovl0-vx")
