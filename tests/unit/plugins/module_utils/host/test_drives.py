# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which devices are taken, which are refused, and with which words."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import (
    blockdevices,
    drive_deployments,
    drive_match,
    drive_names,
    drive_refusals,
    drive_steps,
    drives,
    fstab,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.host.blockdevices import BlockDevice, Mount, Signature
from ansible_collections.baremetal.overlay.plugins.module_utils.host.drive_receipts import Receipt
from ansible_collections.baremetal.overlay.plugins.module_utils.host.packages import Package
from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import CommandFailed

A, B = "/dev/disk/by-id/a", "/dev/disk/by-id/b"
ROOT_LINE = "UUID=1 / ext4 defaults 0 1\n"
ENTRIES = [fstab.Entry(f"minio1d{k}", f"/srv/minio/drive{k}") for k in (1, 2)]
LABELS = {"8:0": [Signature("xfs", "minio1d1", "uuid-a")], "8:16": [Signature("xfs", "minio1d2", "uuid-b")]}
MOUNTS = (
    Mount("8:0", "/srv/minio/drive1", "/dev/sda", "xfs"),
    Mount("8:16", "/srv/minio/drive2", "/dev/sdb", "xfs"),
)
MINIOS = drive_match.Directory(0o750, 9000, 9000)
POINT = drive_match.Directory(0o555, 0, 0)
PARENT = drive_match.Directory(0o755, 0, 0)


def disk(name, number, **more):
    return BlockDevice(f"/dev/{name}", number, "disk", 100 << 30, **{"serial": f"S-{name}", **more})


# Two blank disks on a host that was never touched, and the same host after the module.
BARE = drive_match.State(
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
    receipts={
        "minio1d1": Receipt("uuid-a", "S-sda", size=100 << 30),
        "minio1d2": Receipt("uuid-b", "S-sdb", size=100 << 30),
    },
)


def plan(state, declared=(A, B), consent=(), host="n1", **changes):
    options = {
        "devices": list(declared),
        "number": 1,
        "parent": "/srv/minio",
        "host": host,
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
    state = drive_match.State(
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
            {"owners": {**FINISHED.owners, "/srv/minio/drive2": drive_match.Directory(0o755, 0, 0)}},
            ["give /srv/minio/drive2 to 9000:9000"],
        ),
        (
            {
                **UNMOUNTED,
                "directories": {"/srv/minio": PARENT, "/srv/minio/drive2": drive_match.Directory(0o755, 0, 0)},
            },
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
    ({"signatures": EXT4}, ["sda is not blank, found: ext4", '"data"', f'drives_format_consent: ["n1:{A}:']),
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


@pytest.mark.parametrize("declared", [("serial:none",), (A, "/dev/disk/by-id/typo")])
def test_devices_are_looked_for_on_a_host_that_has_no_number_yet(declared):
    options = {"devices": list(declared), "number": 0, "parent": "/srv/minio", "host": "n1", "format_consent": []}
    (found,) = drives.search(options, BARE)
    assert found.startswith(f"drive {len(declared)} ({declared[-1]}):")
    assert drives.plan(options, BARE).violations == ["drives: 0 is not the number of a host; give 1 or more"]


def test_dead_drive_in_a_live_host():
    found = plan(FINISHED, owners={**FINISHED.owners, "/srv/minio/drive1": None})
    assert "/srv/minio/drive1 cannot be read" in found.violations[0]


# --- consent -------------------------------------------------------------------------------------------------------


def asked(found, **replaced):
    """The entry that a refusal prints, as an operator copies it."""
    (entry,) = re.findall(r'drives_format_consent: \["([^"]+)"\]', " ".join(found.violations))
    for placeholder, value in replaced.items():
        entry = entry.replace(f"<{placeholder}>", value)
    return entry


def erased(found):
    return [sentence for sentence in found.sentences if sentence.startswith("ERASE")]


FOREIGN = [{"signatures": EXT4}, {"devices": (disk("sda", "8:0", children=(PARTITION,)), BARE.devices[1])}]


@pytest.mark.parametrize("changes", FOREIGN)
def test_consent_is_what_the_refusal_prints_and_names_exactly_one_device(changes):
    entry = asked(plan(BARE, **changes))
    assert re.fullmatch(f"n1:{A}:[0-9a-f]{{8}}", entry)
    assert erased(plan(BARE, consent=(entry,), **changes)) == ['ERASE and format /dev/sda as XFS labelled "minio1d1"']
    for other in (entry.replace(A, B), entry.replace(A, "/dev/sda"), entry.replace("n1:", "n2:"), entry[:-1], A):
        assert plan(BARE, consent=(other,), **changes).violations


def test_consent_for_one_host_is_none_on_another_with_the_same_device():
    entry = asked(plan(BARE, signatures=EXT4))
    found = plan(BARE, consent=(entry,), host="n2", signatures=EXT4)
    assert found.steps == [] and asked(found) == entry.replace("n1:", "n2:")


@pytest.mark.parametrize(
    "changes",
    [
        {"signatures": {"8:0": [Signature("ext4", "data", "another")]}},
        {"signatures": EXT4, "devices": (disk("sda", "8:0", serial="another"), BARE.devices[1])},
        {"signatures": {"8:0": [*EXT4["8:0"], Signature("gpt", "", "table")]}},
    ],
)
def test_consent_is_used_up_once_something_else_is_there(changes):
    entry = asked(plan(BARE, signatures=EXT4))
    found = plan(BARE, consent=(entry,), **changes)
    assert found.steps == [] and asked(found) != entry
    assert f'drives_format_consent has "{entry}", which is not for what is there now' in " ".join(found.violations)


@pytest.mark.parametrize("given", [A, f"n1:{A}"])
def test_consent_of_the_old_kind_is_answered_with_the_entry_to_use(given):
    found = plan(BARE, consent=(given,), signatures=EXT4)
    assert found.steps == [] and f'has "{given}", which does not say' in " ".join(found.violations)
    assert erased(plan(BARE, consent=(asked(found),), signatures=EXT4))


def test_what_a_partition_holds_is_part_of_what_was_found():
    def parted(*marks):
        return {
            "devices": (disk("sda", "8:0", children=(PARTITION,)), BARE.devices[1]),
            "signatures": {"8:0": [Signature("gpt", "", "table")], "8:1": list(marks)},
        }

    entry = asked(plan(BARE, **parted(Signature("ext4", "old", "u1"))))
    assert erased(plan(BARE, consent=(entry,), **parted(Signature("ext4", "old", "u1"))))
    assert plan(BARE, consent=(entry,), **parted(Signature("ext4", "new", "u2"))).violations
    assert plan(BARE, unreadable={"8:1": "Input/output error"}, **parted()).violations == [
        f"drive 1 ({A}): /dev/sda1 cannot be read (Input/output error); check or replace it"
    ]


MEMBERS = [
    # Of a host that was there before: the one that was reinstalled has another number.
    {"8:0": [Signature("xfs", "minio5d1", "uuid-m")]},
    {"8:0": [Signature("xfs", "minio1d1", "uuid-m"), Signature("gpt", "", "table")]},
    {"8:0": [Signature("gpt", "", "table")], "8:1": [Signature("xfs", "minio5d1", "uuid-m")]},
]


@pytest.mark.parametrize("signatures", MEMBERS)
def test_a_members_drive_is_erased_only_where_its_uuid_is_named(signatures):
    parted = (disk("sda", "8:0", children=(PARTITION,)), BARE.devices[1])
    changes = {"signatures": signatures, **({"devices": parted} if "8:1" in signatures else {})}
    found = plan(BARE, consent=(A,), **changes)
    plain = asked(found).removesuffix(":<UUID>")
    assert found.steps == [] and plain != asked(found) and "uuid-m" not in " ".join(found.violations)
    short = plan(BARE, consent=(plain,), **changes)
    assert short.steps == [] and "does not name the UUID of the file system" in " ".join(short.violations)
    assert plan(BARE, consent=(f"{plain}:another",), **changes).violations
    assert erased(plan(BARE, consent=(asked(found, UUID="uuid-m"),), **changes))


def test_a_minio_that_is_not_ours_is_data_too():
    changes = {
        "signatures": {"8:0": [Signature("xfs", "data", "uuid-x")]},
        "deployments": {"8:0": "it holds data of X"},
    }
    found = plan(BARE, **changes)
    assert "it holds data of X; declare the device that is meant" in " ".join(found.violations)
    assert plan(BARE, consent=(asked(found).removesuffix(":<UUID>"),), **changes).steps == []
    assert erased(plan(BARE, consent=(asked(found, UUID="uuid-x"),), **changes))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("none\n", ""),
        ('{"id": "d1", "xl": {}}\n', "it holds data of a MinIO (deployment d1)"),
        ("{}\n", "it holds data of a MinIO"),
        (None, "its file system cannot be looked into (mount: bad superblock), and may hold a MinIO's data"),
    ],
)
def test_a_look_for_a_minio(fake_system, monkeypatch, given, words):
    ran = []

    def run(argv):
        ran.append(argv)
        if given is None:
            raise CommandFailed("`mount` ended with 32: mount: bad superblock")
        return given

    system = fake_system()
    monkeypatch.setattr(system, "run", run)
    assert drive_deployments.look(system, "/dev/sdb", "xfs") == words
    assert ran[0][:2] == ("unshare", "--mount") and "ro,norecovery,nouuid" in ran[0][-2]


def test_consent_does_not_reach_a_device_in_use():
    entry = asked(plan(BARE, signatures=EXT4))
    assert plan(BARE, consent=(entry,), mounts=(Mount("8:0", "/home", "/dev/sda", "ext4"),), signatures=EXT4).violations


def test_an_interrupted_formatting_is_finished_on_that_device_only():
    mark = drive_match.Place(A, 1, 1, "/srv/minio").mark
    half = {"unfinished": frozenset({"8:0"}), "signatures": {"8:0": LABELS["8:0"]}}
    right, wrong = (drive_match.mark_text(device, "", erase=True) for device in BARE.devices)
    assert 'ERASE and format /dev/sda as XFS labelled "minio1d1"' in plan(BARE, marks={mark: right}, **half).sentences
    assert plan(BARE, marks={mark: wrong}, **half).violations
    assert plan(BARE, marks={mark: right}, signatures=EXT4).violations
    done = plan(FINISHED, marks={mark: right})
    # By itself it calls for a run: what stays would agree to format this device whenever it reads as blank.
    assert done.sentences == ["note that minio1d1 is formatted"]
    assert [type(step).__name__ for step in done.steps] == ["Unmark"]


def test_a_mount_that_shows_another_device_is_an_error(fake_system):
    system = fake_system(files={blockdevices.MOUNTINFO: "1 2 9:9 / /srv/minio/drive1 rw - xfs /dev/sdz rw\n"})
    with pytest.raises(OverlayError, match="not the declared one"):
        drive_steps.MountDrive("minio1d1", "/srv/minio/drive1", "8:0").apply(system)


# --- names of the kernel's ---------------------------------------------------------------------------------------

KERNEL = ("/dev/sda", "/dev/sdb")
NAMED = {"/dev/sda": ("/dev/sda", "8:0"), "/dev/sdb": ("/dev/sdb", "8:16")}
# After a reboot: the first name has the second drive, and labels brought each to its place.
SWAPPED = dataclasses.replace(
    FINISHED,
    nodes=NAMED,
    devices=(disk("sda", "8:0", serial="S-sdb"), disk("sdb", "8:16", serial="S-sda")),
    signatures={"8:0": LABELS["8:16"], "8:16": LABELS["8:0"]},
    mounts=(
        Mount("8:0", "/srv/minio/drive2", "/dev/sda", "xfs"),
        Mount("8:16", "/srv/minio/drive1", "/dev/sdb", "xfs"),
    ),
)
AFTER_BOOT = {
    "mounts": (),
    "directories": {"/srv/minio": PARENT, **dict.fromkeys(FINISHED.owners, POINT)},
    "owners": {},
}


def steps_that_format(found):
    return [sentence for sentence in found.sentences if "format" in sentence.lower() or "ERASE" in sentence]


def test_swapped_names_of_mounted_drives_change_nothing():
    found = plan(SWAPPED, KERNEL)
    assert (found.violations, found.steps) == ([], [])
    shown = drives.describe({"devices": KERNEL, "number": 1, "parent": "/srv/minio"}, SWAPPED)
    assert [(one["name"], one["device"], one["label"], one["mounted"]) for one in shown] == [
        ("drive1", "/dev/sdb", "minio1d1", True),
        ("drive2", "/dev/sda", "minio1d2", True),
    ]


def test_swapped_names_of_drives_that_are_not_mounted_are_mounted_by_label():
    found = plan(SWAPPED, KERNEL, **AFTER_BOOT)
    assert found.violations == []
    assert found.sentences == ["mount minio1d1 on /srv/minio/drive1", "mount minio1d2 on /srv/minio/drive2"]
    numbers = [step.number for step in found.steps if isinstance(step, drive_steps.MountDrive)]
    assert numbers == ["8:16", "8:0"]


@pytest.mark.parametrize("mounted", [True, False])
def test_consent_to_format_a_name_that_moved_is_refused(mounted):
    found = plan(SWAPPED, KERNEL, consent=("/dev/sda",), **({} if mounted else AFTER_BOOT))
    assert found.steps == []
    assert "nothing is formatted" in " ".join(found.violations)


FIRST, SECOND = LABELS["8:0"], LABELS["8:16"]
NO_EXCHANGE = {
    "one is blank": {"8:0": SECOND},
    "one is another's": {"8:0": SECOND, "8:16": [Signature("ext4", "data")]},
    "one is another host's": {"8:0": SECOND, "8:16": [Signature("xfs", "minio2d1", "uuid-c")]},
    "both are one": {"8:0": SECOND, "8:16": SECOND},
    "one has more on it": {"8:0": [*SECOND, Signature("gpt")], "8:16": FIRST},
}


@pytest.mark.parametrize("signatures", NO_EXCHANGE.values(), ids=NO_EXCHANGE.keys())
@pytest.mark.parametrize("mounted", [True, False])
def test_what_is_no_exchange_is_refused_and_never_formatted(signatures, mounted):
    found = plan(SWAPPED, KERNEL, signatures=signatures, **({} if mounted else AFTER_BOOT))
    assert found.violations and found.steps == []
    ours = [one for one in found.violations if "minio1d2" in one and "found:" in one]
    assert not [one for one in ours if "drives_format_consent" in one], ours


def test_names_that_last_mean_what_they_say():
    """A disk in the wrong slot is for the operator to see."""
    found = plan(SWAPPED, (A, B), nodes=BARE.nodes, **AFTER_BOOT)
    assert found.violations and found.steps == []
    assert not [one for one in found.violations if "drives_format_consent" in one]


def test_no_message_about_our_own_drives_offers_to_erase_them():
    lone = plan(SWAPPED, ("/dev/sda",), signatures={"8:0": EXT4["8:0"]}, **{**AFTER_BOOT, "devices": (
        disk("sda", "8:0"), disk("sdb", "8:16", label="minio1d1"))})  # fmt: skip
    assert lone.violations and "drives_format_consent" not in " ".join(lone.violations)
    other = plan(SWAPPED, ("/dev/sda",), signatures={"8:0": [Signature("xfs", "minio4d2", "u")]}, **AFTER_BOOT)
    (said,) = other.violations
    assert "it is drive 2 of the host with overlay_host_number 4, with its data" in said
    assert "drives_format_consent" not in said


def test_three_in_a_circle_are_an_exchange_and_what_stands_still_stays():
    found = [
        drive_names.Named("/dev/nvme0n1", "minio1d1", "minio1d2"),
        drive_names.Named("/dev/nvme1n1", "minio1d2", "minio1d3"),
        drive_names.Named("/dev/nvme2n1", "minio1d3", "minio1d1"),
        drive_names.Named("/dev/nvme3n1", "minio1d4", "minio1d4"),
        drive_names.Named("/dev/nvme4n1", "minio1d5", ""),
    ]
    assert drive_names.swapped(found) == {1: 0, 2: 1, 0: 2}
    assert drive_names.swapped([found[0], found[1], found[3]]) == {}
    assert drive_names.swapped([dataclasses.replace(one, declared=f"serial:{one.wanted}") for one in found]) == {}


@pytest.mark.parametrize(
    ("declared", "by_kernel"),
    [
        ("/dev/sda", True), ("/dev/sdab1", True), ("/dev/nvme0n1", True), ("/dev/nvme10n2p3", True), ("/dev/vdb", True),
        ("/dev/xvdf", True), ("/dev/loop7700", True), ("/dev/mmcblk0p1", True), ("/dev/dm-3", True), ("/dev/md0", True),
        ("/dev/disk/by-id/nvme-eui.1", False), ("/dev/disk/by-path/pci-1", False), ("/dev/mapper/data", False),
        ("/dev/vg0/lv1", False), ("serial:sda", False), ("/dev/md/data", False),
    ],
)  # fmt: skip
def test_which_names_another_boot_may_give_to_another_device(declared, by_kernel):
    assert drive_names.Named(declared, "minio1d1").by_kernel is by_kernel


def test_names_of_the_kernels_are_said_with_what_lasts():
    options = {"devices": KERNEL, "number": 1, "parent": "/srv/minio"}
    first, second = drive_refusals.renamed(options, SWAPPED)
    assert first.startswith('drive 1 (/dev/sda): its file system "minio1d1" is on /dev/sdb now')
    assert "declare serial:S-sda" in first and "declare serial:S-sdb" in second
    in_order = dataclasses.replace(FINISHED, nodes=NAMED)
    (only,) = drive_refusals.renamed(options, in_order)
    assert only.startswith("minio_drives: /dev/sda, /dev/sdb: the kernel may give such a name to another device")
    assert drive_refusals.renamed({**options, "devices": (A, B)}, FINISHED) == []


def test_only_a_device_that_may_become_a_new_drive_has_its_erasing_mentioned():
    """In one sentence of one file: nothing else has it for a way out."""
    plugins = Path(drives.__file__).parents[2]
    offers = {
        path.name: count
        for path in plugins.rglob("*.py")
        if path.parent.name not in ("modules", "action")
        and (count := path.read_text().count("agree to its formatting by drives_format_consent"))
    }
    named = {
        path.name for path in plugins.rglob("*.py")
        if path.parent.name not in ("modules", "action") and "drives_format_consent" in path.read_text()
    }  # fmt: skip
    # The other one names a consent that is for no drive.
    assert (offers, named) == ({"drive_refusals.py": 1}, {"drive_refusals.py", "consents.py"})


# --- the directory of the mount points -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directory", "held"),
    [
        (drive_match.Directory(0o750, 1000, 1000, ("mail", "www")), "owner 1000:1000, with mail, www"),
        (drive_match.Directory(0o700, 0, 0, (".bashrc", "drive1")), "owner 0:0, with .bashrc"),
        (drive_match.Directory(0o755, 1000, 1000), "owner 1000:1000)"),
    ],
)
def test_a_directory_of_somebody_elses_is_not_made_roots(directory, held):
    found = plan(BARE, directories={"/srv/minio": directory})
    assert found.steps == [] and "drives_parent: /srv/minio exists (mode" in found.violations[0]
    assert held in found.violations[0]


@pytest.mark.parametrize(
    "directory",
    [drive_match.Directory(0o700, 0, 0), drive_match.Directory(0o750, 9000, 0, ("drive1", "drive12"))],
)
def test_one_of_ours_gets_its_mode_again(directory):
    found = plan(BARE, directories={"/srv/minio": directory})
    assert "make /srv/minio root:root 0755" in found.sentences
    as_it_is = plan(BARE, directories={"/srv/minio": dataclasses.replace(PARENT, entries=("ftp", "www"))})
    assert as_it_is.violations == [] and "make /srv/minio root:root 0755" not in as_it_is.sentences


@pytest.mark.parametrize("written", ["/srv/minio/", "/srv//minio", "/srv/x/../minio", "//srv/minio"])
def test_mount_points_are_named_as_the_kernel_names_them(written):
    options = {"devices": [A], "number": 1, "parent": written}
    assert [place.target for place in drive_match.places(options)] == ["/srv/minio/drive1"]


def test_a_link_to_the_mount_points_is_said_with_where_it_leads():
    (found,) = plan(BARE, parent_is="/data/minio").violations
    assert found.endswith("give /data/minio")
