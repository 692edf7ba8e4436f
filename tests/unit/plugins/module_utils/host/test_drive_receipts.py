# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drive that was formatted and reads as blank is no new drive."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import (
    cluster_receipts,
    drive_claim,
    drive_match,
    drive_receipts,
    drive_steps,
    drives,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.host.blockdevices import BlockDevice, Signature
from ansible_collections.baremetal.overlay.plugins.module_utils.host.drive_content import Content
from ansible_collections.baremetal.overlay.plugins.module_utils.host.drive_receipts import Receipt
from test_drives import AFTER_BOOT, BARE, EXT4, FINISHED, LABELS, A, B, asked, disk, plan

# Both unmounted, and the second reads as zeros.
ZEROED = {**AFTER_BOOT, "signatures": {"8:0": LABELS["8:0"], "8:16": []}}
OTHER = dataclasses.replace(BARE.devices[1], serial="S-new")


def formats(found):
    return [sentence for sentence in found.sentences if "format" in sentence]


def test_a_drive_of_ours_that_reads_as_zeros_is_refused():
    found = plan(FINISHED, **ZEROED)
    (said,) = found.violations
    assert found.steps == []
    assert f"drive 2 ({B}): /dev/sdb reads as blank, but a receipt says that it was formatted as" in said
    assert '"minio1d2" (UUID uuid-b)' in said and "a SAN that fails can return zeros" in said
    assert formats(plan(FINISHED, consent=(asked(found),), **ZEROED)) == ['format /dev/sdb as XFS labelled "minio1d2"']


@pytest.mark.parametrize("content", [Content(), Content((), 250, 256, noise=True)])
def test_consent_for_what_looks_alike_each_time_is_used_up_too(content):
    """The drive was formatted by it, and reads as zeros, or is encrypted, once more."""
    again = {**ZEROED, "contents": {"8:16": content}}
    entry = asked(plan(FINISHED, **again))
    assert formats(plan(FINISHED, consent=(entry,), **again))
    since = {
        "receipts": {**FINISHED.receipts, "minio1d2": dataclasses.replace(FINISHED.receipts["minio1d2"], uuid="new")}
    }
    found = plan(FINISHED, consent=(entry,), **again, **since)
    assert found.steps == [] and asked(found) != entry
    # What managers tell is not known at every look, and the entry has to be the same at each.
    told = plan(FINISHED, receipts={}, told=FINISHED.receipts, **again)
    assert asked(told) == asked(plan(FINISHED, receipts={}, **again))


def test_a_deployment_of_before_there_were_receipts():
    """What was proven: fstab mounts the label, and the plan was to format the device."""
    found = plan(FINISHED, receipts={}, **ZEROED)
    assert found.steps == []
    assert '/etc/fstab mounts "minio1d2", and no receipt says which device that was' in found.violations[0]
    assert formats(plan(FINISHED, receipts={}, consent=(asked(found),), **ZEROED))


REPLACED = {
    "another disk": {"devices": (BARE.devices[0], OTHER)},
    "another disk of one that has a WWN": {
        "devices": (BARE.devices[0], dataclasses.replace(BARE.devices[1], wwn="0xb")),
        "receipts": {**FINISHED.receipts, "minio1d2": Receipt("uuid-b", "S-sdb", "0xa")},
    },
    "erased by agreement": {
        "receipts": {**FINISHED.receipts, "minio1d2": dataclasses.replace(FINISHED.receipts["minio1d2"], erased=True)}
    },
    "a loop device": {
        "devices": (BARE.devices[0], dataclasses.replace(BARE.devices[1], serial="")),
        "receipts": {**FINISHED.receipts, "minio1d2": Receipt("uuid-b", size=100 << 30)},
    },
    "an adapter that gives zeros": {
        "devices": (BARE.devices[0], dataclasses.replace(BARE.devices[1], serial="0000")),
        "receipts": {**FINISHED.receipts, "minio1d2": Receipt("uuid-b", "0000")},
    },
    "an adapter that gives one number to all": {
        "devices": tuple(dataclasses.replace(device, serial="S") for device in BARE.devices),
        "receipts": {"minio1d1": Receipt("uuid-a", "S"), "minio1d2": Receipt("uuid-gone", "S-old")},
    },
}


@pytest.mark.parametrize("changes", REPLACED.values(), ids=REPLACED.keys())
def test_a_drive_that_was_replaced_is_formatted(changes):
    found = plan(FINISHED, **{**ZEROED, **changes})
    assert (found.violations, formats(found)) == ([], ['format /dev/sdb as XFS labelled "minio1d2"'])


def test_a_partition_is_known_by_its_own_number():
    """It has the serial number and the WWN of its disk."""
    part = BlockDevice("/dev/sdb1", "8:17", "part", 1 << 40, serial="S-sdb", wwn="0xb", partition="p1")
    assert drive_receipts.of(part, "u").names(part)
    assert not drive_receipts.of(part, "u").names(dataclasses.replace(part, partition="p2"))
    assert not drive_receipts.of(BARE.devices[1], "u").names(part)


def test_what_managers_tell_counts_like_the_hosts_own():
    told = {"minio4d2": Receipt("uuid-m", "S-sda")}
    found = plan(BARE, told=told)
    assert found.steps == [] and 'formatted as "minio4d2" (UUID uuid-m)' in found.violations[0]
    # The host's own word is the newer one.
    own = {"minio4d2": Receipt("uuid-m", "S-sda", erased=True)}
    assert plan(BARE, told=told, receipts=own).violations == []


def test_drives_without_a_receipt_are_recorded(fake_system):
    found = plan(FINISHED, receipts={})
    assert found.sentences == [f"record in {drive_receipts.OWN} which device is minio1d1, minio1d2"]
    system = fake_system()
    found.apply(system)
    kept = drive_receipts.parse(system.files[drive_receipts.OWN], "")
    assert plan(FINISHED, receipts=kept).steps == []
    assert drives.receipts(found, dataclasses.replace(FINISHED, receipts={})) == kept


def test_receipts_that_cannot_be_understood_stop_the_run():
    kept, wrong = drive_receipts.attempt("{}", drive_receipts.OWN)
    assert kept == {} and wrong.startswith(f"{drive_receipts.OWN}: is not what this collection writes")
    assert plan(BARE, receipts_wrong=wrong).violations == [wrong]


def test_receipts_are_read_as_they_were_written():
    receipts = {**FINISHED.receipts, "minio1d3": Receipt("u", "s", "w", "p", 7, erased=True, at=9)}
    assert drive_receipts.parse(drive_receipts.text(receipts), "") == receipts
    assert drive_receipts.read(drive_receipts.facts(receipts)) == receipts
    assert drive_receipts.read({"minio1d1": {"uuid": "u", "of a later version": 1}}) == {"minio1d1": Receipt("u")}


def test_a_host_speaks_for_the_number_that_it_has():
    """Its drives of another number, as before it was renumbered, may be those of another host by now."""
    kept = {**FINISHED.receipts, "minio2d1": Receipt("u"), "minio11d1": Receipt("u"), "data": Receipt("u")}
    assert drive_receipts.of_host(kept, 1) == FINISHED.receipts


def test_a_manager_keeps_what_it_is_given(fake_system):
    system, given = fake_system(), {"drives": drive_receipts.facts(FINISHED.receipts)}
    found = cluster_receipts.plan(given, system)
    assert found.sentences == [f"write {drive_receipts.ALL} (which device is which drive)"]
    found.apply(system)
    assert cluster_receipts.plan(given, system).steps == []
    assert cluster_receipts.read(system) == {**given, "wrong": ""}
    assert cluster_receipts.read(fake_system({drive_receipts.ALL: "["}))["wrong"]


def test_a_run_formats_what_its_first_look_saw():
    """The preflight shows the plan to an operator minutes before the drives are formatted."""
    options = {"devices": [A, B], "number": 1, "parent": "/srv/minio", "host": "n1", "format_consent": []}
    options.update(owner=9000, group=9000, seen=drives.outlines({**options, "seen": []}, BARE))
    assert drives.plan(options, BARE).violations == []
    renamed = dataclasses.replace(BARE, devices=(disk("sda", "8:0", serial="S-x"), BARE.devices[1]))
    (said,) = drives.plan(options, renamed).violations
    assert said.startswith(
        f"drive 1 ({A}): is another device than this run looked at before (serial was S-sda, is S-x)"
    )
    # Only what would be formatted is compared.
    assert drives.plan(options, dataclasses.replace(FINISHED, devices=renamed.devices)).violations == []


# --- what lies where no signature is -------------------------------------------------------------------------------

CONTENTS = [
    (Content((Signature("xfs", "minio1d1", "uuid-a"),), 3, 340), ["a copy of the superblock of xfs", "xfs_repair -n"]),
    (
        Content((Signature("xfs", "minio4d1", "uuid-m"),), 3, 340),
        ["it is drive 1 of the host with overlay_host_number 4"],
    ),
    (Content((), 200, 340, noise=True), ["looks random, as encryption without a header does (200 of 340"]),
    (Content((), 1, 340), ["found: data (1 of 340 samples are not zero)"]),
]


@pytest.mark.parametrize(("content", "words"), CONTENTS)
def test_a_device_without_signature_that_holds_something_is_refused(content, words):
    found = plan(BARE, contents={"8:0": content})
    assert found.steps == []
    for word in words:
        assert word in found.violations[0]


def test_consent_to_erase_what_has_no_signature_is_for_that_content():
    noise = {"contents": {"8:0": CONTENTS[2][0]}}
    entry = asked(plan(BARE, **noise))
    assert plan(BARE, consent=(entry,), **noise).sentences[1].startswith("ERASE and format /dev/sda")
    assert plan(BARE, consent=(entry,), contents={"8:0": CONTENTS[3][0]}).violations


def test_what_is_left_of_a_member_is_erased_only_where_its_uuid_is_named():
    changes = {"contents": {"8:0": CONTENTS[1][0]}}
    found = plan(BARE, consent=(A,), **changes)
    assert plan(BARE, consent=(asked(found).removesuffix(":<UUID>"),), **changes).steps == []
    assert plan(BARE, consent=(asked(found, UUID="uuid-m"),), **changes).steps


# --- a run that is killed ------------------------------------------------------------------------------------------


def test_a_name_of_the_kernels_marks_a_formatting_for_one_boot_only():
    nameless = dataclasses.replace(BARE.devices[0], serial="")
    mark = drive_match.Place(A, 1, 1, "/srv/minio").mark
    changes = {
        "devices": (nameless, BARE.devices[1]),
        "unfinished": frozenset({"8:0"}),
        "signatures": {"8:0": LABELS["8:0"]},
        "marks": {mark: drive_match.mark_text(nameless, "boot-1", erase=False)},
    }
    assert plan(BARE, boot="boot-1", **changes).violations == []
    assert plan(BARE, boot="boot-2", **changes).violations


def test_a_marked_device_that_was_blank_and_holds_data_now_is_not_formatted():
    mark = drive_match.Place(A, 1, 1, "/srv/minio").mark
    changes = {"contents": {"8:0": CONTENTS[3][0]}}
    for erase in (True, False):
        marks = {mark: drive_match.mark_text(BARE.devices[0], "", erase=erase)}
        assert bool(plan(BARE, marks=marks, **changes).violations) is not erase


def test_killed_between_file_system_and_receipt_the_next_run_records_it():
    mark = drive_match.Place(A, 1, 1, "/srv/minio").mark
    marks = {mark: drive_match.mark_text(BARE.devices[0], "", erase=False)}
    found = plan(FINISHED, marks=marks, receipts={"minio1d2": FINISHED.receipts["minio1d2"]})
    assert [type(step).__name__ for step in found.steps] == ["Record", "Unmark"]


MADE = '{"signatures": [{"device": "sda", "offset": "0x0", "type": "xfs", "label": "minio1d1", "uuid": "new"}]}'


@pytest.fixture
def unchanged(monkeypatch):
    """Every device is what it was at the look."""
    monkeypatch.setattr(drive_claim, "only", lambda *_arguments: nullcontext())
    monkeypatch.setattr(drive_steps, "forget_cache", lambda _path: None)


def formatting(state=BARE, **changes):
    (step, *_others) = [step for step in plan(state, **changes).steps if isinstance(step, drive_steps.Format)]
    return step


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("erase", [False, True])
def test_formatting_is_marked_before_recorded_and_unmarked_after(fake_system, erase):
    system = fake_system(answers={"wipefs": MADE})
    changes = {"consent": (asked(plan(BARE, signatures=EXT4)),), "signatures": EXT4} if erase else {}
    formatting(**changes).apply(system)
    wipe = ["wipefs --all /dev/sda"] if erase else []
    mark = "/etc/baremetal-overlay/formatting-minio1d1"
    assert system.ran == [
        f"write {mark}",
        *wipe,
        "mkfs.xfs -q -L minio1d1 /dev/sda",
        "wipefs --json /dev/sda",
        f"write {drive_receipts.OWN}",
        f"remove {mark}",
    ]
    kept = drive_receipts.parse(system.files[drive_receipts.OWN], "")
    assert kept == {"minio1d1": Receipt("new", "S-sda", size=100 << 30)} and kept["minio1d1"].at > 0


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("dies_at", ["wipefs --all", "mkfs.xfs", "wipefs --json"])
def test_killed_at_any_step_the_next_run_goes_on(fake_system, dies_at):
    """Until the receipt is written the mark says whose the formatting is, and that its content was given up."""
    noise = {"contents": {"8:0": CONTENTS[2][0]}}
    step = formatting(consent=(asked(plan(BARE, **noise)),), **noise)
    system = fake_system(answers={"wipefs": MADE}, failing=[dies_at])
    with pytest.raises(OverlayError):
        step.apply(system)
    assert drive_receipts.OWN not in system.files
    marks = {step.drive.place.mark: system.files[step.drive.place.mark]}
    left = {
        "wipefs --all": noise,
        "mkfs.xfs": {"unfinished": frozenset({"8:0"}), "signatures": {"8:0": LABELS["8:0"]}, **noise},
        "wipefs --json": {"signatures": {"8:0": LABELS["8:0"]}},
    }[dies_at]
    found = plan(BARE, marks=marks, **left)
    kinds = [type(one).__name__ for one in found.steps]
    assert found.violations == []
    assert ("Record" in kinds and "Unmark" in kinds) if dies_at == "wipefs --json" else "Format" in kinds


@pytest.mark.usefixtures("unchanged")
def test_a_device_that_does_not_keep_its_file_system_is_an_error(fake_system):
    system = fake_system(answers={"wipefs": ""})
    with pytest.raises(OverlayError, match="nothing is on /dev/sda; the device does not keep what is written"):
        formatting().apply(system)
    assert drive_receipts.OWN not in system.files and drive_match.Place(A, 1, 1, "/srv/minio").mark in system.files
