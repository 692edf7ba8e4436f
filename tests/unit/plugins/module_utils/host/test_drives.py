# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which devices are taken, which are refused, and with which words."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import blockdevices, drive_steps, drives, fstab
from ansible_collections.baremetal.overlay.plugins.module_utils.host.blockdevices import BlockDevice, Mount, Signature
from ansible_collections.baremetal.overlay.plugins.module_utils.host.packages import Package

A, B = "/dev/disk/by-id/a", "/dev/disk/by-id/b"
ROOT_LINE = "UUID=1 / ext4 defaults 0 1\n"
ENTRIES = [fstab.Entry(f"minio1d{k}", f"/srv/minio/drive{k}") for k in (1, 2)]
LABELS = {"8:0": [Signature("xfs", "minio1d1", "uuid-a")], "8:16": [Signature("xfs", "minio1d2", "uuid-b")]}
MOUNTS = (
    Mount("8:0", "/srv/minio/drive1", "/dev/sda", "xfs"),
    Mount("8:16", "/srv/minio/drive2", "/dev/sdb", "xfs"),
)
MINIOS = drives.Directory(0o750, 9000, 9000)
POINT = drives.Directory(0o555, 0, 0)
PARENT = drives.Directory(0o755, 0, 0)


def disk(name, number, **more):
    return BlockDevice(f"/dev/{name}", number, "disk", 100 << 30, **{"serial": f"S-{name}", **more})


# Two blank disks on a host that was never touched, and the same host after the module.
BARE = drives.State(
    devices=(disk("sda", "8:0"), disk("sdb", "8:16")),
    nodes={A: ("/dev/sda", "8:0"), B: ("/dev/sdb", "8:16")},
    fstab=ROOT_LINE,
)
FINISHED = dataclasses.replace(
    BARE,
    signatures=LABELS,
    mounts=MOUNTS,
    directories={"/srv/minio": PARENT},
    owners={"/srv/minio/drive1": MINIOS, "/srv/minio/drive2": MINIOS},
    fstab=fstab.merge(ROOT_LINE, ENTRIES),
    packages={"xfsprogs": Package("6.13.0", False, "installed")},
)


def plan(state, declared=(A, B), consent=(), **changes):
    options = {
        "devices": list(declared),
        "number": 1,
        "parent": "/srv/minio",
        "owner": 9000,
        "group": 9000,
        "format_consent": list(consent),
    }
    return drives.plan(options, dataclasses.replace(state, **changes))


def test_a_bare_host():
    found = plan(BARE)
    assert found.violations == []
    assert found.sentences == [
        "install xfsprogs",
        'format /dev/sda as XFS labelled "minio1d1"',
        'format /dev/sdb as XFS labelled "minio1d2"',
        "make /srv/minio root:root 0755",
        "make /srv/minio/drive1 root:root 0555",
        "make /srv/minio/drive2 root:root 0555",
        "change /etc/fstab",
        "mount minio1d1 on /srv/minio/drive1",
        "mount minio1d2 on /srv/minio/drive2",
    ]


def test_a_finished_host_needs_nothing():
    found = plan(FINISHED)
    assert (found.violations, found.steps) == ([], [])
    assert plan(FINISHED, declared=("serial:S-sda", "serial:S-sdb")).steps == []


def test_the_real_host_of_the_fixtures(fixture_text):
    mounts = blockdevices.parse_mounts(fixture_text("mountinfo-host.txt"))
    devices = blockdevices.parse(fixture_text("lsblk-host.json"), mounts)
    marks = blockdevices.parse_signatures(fixture_text("wipefs-host.json"))
    state = drives.State(
        devices=devices,
        mounts=mounts,
        nodes={A: ("/dev/loop3", "7:3")},
        signatures={device.number: marks.get(device.path[5:], ()) for device in devices},
    )
    first, second = plan(dataclasses.replace(state, mounts=()), declared=(A, "serial:h4-drive2")).violations
    assert "found: gpt, PMBR, /dev/loop3p1" in first and 'found: xfs labelled "minio3d3"' in second
    assert "/srv/minio/drive1 is taken by /dev/loop0 (xfs)" in plan(state, declared=(A,)).violations[0]
    elsewhere = plan(dataclasses.replace(state, mounts=mounts[2:3]), declared=("serial:h4-drive2",))
    assert "/dev/loop1 is mounted on /srv/minio/drive3 (xfs labelled" in elsewhere.violations[0]


UNMOUNTED = {
    "mounts": MOUNTS[:1],
    "directories": {"/srv/minio": PARENT, "/srv/minio/drive2": POINT},
    "owners": {"/srv/minio/drive1": MINIOS},
}


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        (UNMOUNTED, ["mount minio1d2 on /srv/minio/drive2"]),
        ({"fstab": FINISHED.fstab.replace("noatime", "atime")}, ["change /etc/fstab"]),
        (
            {"owners": {**FINISHED.owners, "/srv/minio/drive2": drives.Directory(0o755, 0, 0)}},
            ["give /srv/minio/drive2 to 9000:9000"],
        ),
        (
            {**UNMOUNTED, "directories": {"/srv/minio": PARENT, "/srv/minio/drive2": drives.Directory(0o755, 0, 0)}},
            ["make /srv/minio/drive2 root:root 0555", "mount minio1d2 on /srv/minio/drive2"],
        ),
    ],
)
def test_drift_is_mended_without_formatting(changes, sentences):
    found = plan(FINISHED, consent=(A, B), **changes)
    assert (found.violations, found.sentences) == ([], sentences)


EXT4 = {"8:0": [Signature("ext4", "data")]}
PARTITION = BlockDevice("/dev/sda1", "8:1", "part", 1 << 30)
VOLUME = BlockDevice("/dev/dm-0", "253:0", "lvm", 1 << 30)
REFUSED = [
    # what was found, and the words that must be in the message
    ({"signatures": EXT4}, ["sda is not blank, found: ext4", '"data"', f'drives_format_consent: ["{A}"]']),
    ({"signatures": {"8:0": LABELS["8:16"]}}, ['found: xfs labelled "minio1d2"', '"minio1d1" is taken']),
    ({"signatures": {"8:0": [*LABELS["8:0"], Signature("gpt")]}}, ["not blank", "gpt"]),
    ({"devices": (disk("sda", "8:0", children=(PARTITION,)), BARE.devices[1])}, ["found: /dev/sda1"]),
    ({"devices": (disk("sda", "8:0", filesystem="zfs_member"), BARE.devices[1])}, ["found: zfs_member"]),
    ({"devices": (disk("sda", "8:0", children=(VOLUME,)), BARE.devices[1])}, ["is part of /dev/dm-0 (lvm)"]),
    ({"devices": (disk("sda", "8:0", readonly=True), BARE.devices[1])}, ["read-only"]),
    ({"devices": (BlockDevice("/dev/sda", "8:0", "rom", 1 << 30), BARE.devices[1])}, ["of type rom"]),
    ({"devices": (BlockDevice("/dev/sda", "8:0", "disk", 1 << 20), BARE.devices[1])}, ["has 1 MiB; XFS needs 300"]),
    ({"mounts": (Mount("8:0", "/home", "/dev/sda", "ext4"),), "signatures": EXT4}, ["is mounted on /home (ext4"]),
    ({"mounts": (Mount("9:9", "/srv/minio/drive1", "/dev/sdz", "xfs"),)}, ["/srv/minio/drive1 is taken by /dev/sdz"]),
    ({"held": frozenset({"8:0"})}, ["in use (mounted elsewhere, swap"]),
    ({"nodes": {A: None, B: BARE.nodes[B]}}, [f"drive 1 ({A}): is not there"]),
    ({"devices": BARE.devices[1:]}, ["has no medium"]),
    (
        {"directories": {"/srv/minio/drive1": dataclasses.replace(POINT, entries=(".minio.sys",))}},
        ["not empty (.minio"],
    ),
    ({"unreadable": {"8:0": "Input/output error"}}, ["cannot be read (Input/output error)"]),
    ({"nodes": {A: BARE.nodes[A], B: BARE.nodes[A]}}, [f"({A}) and drive 2 ({B}): are one device (/dev/sda)"]),
    ({"signatures": {"8:0": LABELS["8:0"], "8:16": LABELS["8:0"]}}, ["one file system (UUID uuid-a)", "is a copy"]),
    ({"devices": (*BARE.devices, disk("sdc", "8:32", label="minio1d1"))}, ['"minio1d1" is on /dev/sdc too']),
    ({"unfinished": frozenset({"8:0"}), "signatures": LABELS}, ["a formatting that did not finish"]),
]


@pytest.mark.parametrize(("changes", "words"), REFUSED)
def test_refusals_say_what_was_found_and_touch_nothing(changes, words):
    found = plan(BARE, **changes)
    for word in words:
        assert any(word in sentence for sentence in found.violations), (word, found.violations)
    assert found.steps == []


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ((), "no device is declared"),
        (("serial:none",), "no device has this serial number; found are: S-sda, S-sdb"),
        (("serial:same",), "several devices have this serial number (/dev/sda, /dev/sdb)"),
    ],
)
def test_declarations_that_lead_nowhere(declared, words):
    twins = tuple(dataclasses.replace(device, serial="same") for device in BARE.devices)
    found = plan(BARE, declared, devices=twins if "serial:same" in declared else BARE.devices)
    assert words in found.violations[0] and found.steps == []


def test_dead_drive_in_a_live_host():
    found = plan(FINISHED, owners={**FINISHED.owners, "/srv/minio/drive1": None})
    assert "/srv/minio/drive1 cannot be read" in found.violations[0]


@pytest.mark.parametrize(
    "changes",
    [{"signatures": EXT4}, {"devices": (disk("sda", "8:0", children=(PARTITION,)), BARE.devices[1])}],
)
def test_consent_names_exactly_one_device(changes):
    assert 'ERASE and format /dev/sda as XFS labelled "minio1d1"' in plan(BARE, consent=(A,), **changes).sentences
    assert plan(BARE, consent=("/dev/sda", B), **changes).violations


def test_consent_does_not_reach_a_device_in_use():
    assert plan(BARE, consent=(A,), mounts=(Mount("8:0", "/home", "/dev/sda", "ext4"),), signatures=EXT4).violations


def test_an_interrupted_formatting_is_finished_on_that_device_only():
    mark = drives.Place(A, 1, 1, "/srv/minio").mark
    half = {"unfinished": frozenset({"8:0"}), "signatures": {"8:0": LABELS["8:0"]}}
    right, wrong = drives.identity(BARE.devices[0]), drives.identity(BARE.devices[1])
    assert 'ERASE and format /dev/sda as XFS labelled "minio1d1"' in plan(BARE, marks={mark: right}, **half).sentences
    assert plan(BARE, marks={mark: wrong}, **half).violations
    assert plan(BARE, marks={mark: right}, signatures=EXT4).violations
    done = plan(FINISHED, marks={mark: right})
    assert (done.sentences, [type(step).__name__ for step in done.steps]) == ([], ["Unmark"])


@pytest.mark.parametrize("erase", [False, True])
def test_formatting_is_marked_before_and_unmarked_after(fake_system, monkeypatch, erase):
    monkeypatch.setattr(drive_steps, "is_held", lambda _path: False)
    system = fake_system()
    drive_steps.Format("/dev/sda", "minio1d1", "/mark", "{}", erase).apply(system)
    wipe = ["wipefs --all /dev/sda"] if erase else []
    assert system.ran == ["write /mark", *wipe, "mkfs.xfs -q -L minio1d1 /dev/sda", "remove /mark"]


def test_a_device_that_came_into_use_is_not_formatted(fake_system, monkeypatch):
    monkeypatch.setattr(drive_steps, "is_held", lambda _path: True)
    system = fake_system()
    with pytest.raises(OverlayError, match="came into use"):
        drive_steps.Format("/dev/sda", "minio1d1", "/mark", "{}").apply(system)
    assert system.ran == []


def test_a_mount_that_shows_another_device_is_an_error(fake_system):
    system = fake_system(files={blockdevices.MOUNTINFO: "1 2 9:9 / /srv/minio/drive1 rw - xfs /dev/sdz rw\n"})
    with pytest.raises(OverlayError, match="not the declared one"):
        drive_steps.MountDrive("minio1d1", "/srv/minio/drive1", "8:0").apply(system)
