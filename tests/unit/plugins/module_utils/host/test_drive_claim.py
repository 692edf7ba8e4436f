# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between look and act: a device that is another one, or is not what it was, keeps its content."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager, nullcontext

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import (
    blockdevices,
    drive_claim,
    drive_content,
    drive_state,
    drive_steps,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.host.blockdevices import BlockDevice, Signature
from ansible_collections.baremetal.overlay.plugins.module_utils.host.drive_content import Content
from ansible_collections.baremetal.overlay.plugins.module_utils.host.drive_match import Drive, Place

PLACE = Place("/dev/sdb", 1, 1, "/srv/minio")
DISK = BlockDevice("/dev/sdb", "8:16", "disk", 100 << 30, serial="S-sdb", wwn="0xb")
SEEN = Drive(PLACE, DISK, (), mounted=False, held=False, unfinished=False, marked=False)
XFS = Signature("xfs", "minio1d1", "u")
CHANGED = [
    ({"device": dataclasses.replace(DISK, number="8:32")}, "its device was /dev/sdb (8:16), is /dev/sdb (8:32)"),
    ({"device": dataclasses.replace(DISK, serial="S-sdc")}, "its serial number was S-sdb, is S-sdc"),
    ({"device": dataclasses.replace(DISK, wwn="")}, "its WWN was 0xb, is none"),
    ({"device": dataclasses.replace(DISK, partition="p")}, "its partition was none, is p"),
    ({"device": dataclasses.replace(DISK, size=1 << 30)}, f"its size was {100 << 30}, is {1 << 30}"),
    ({"device": dataclasses.replace(DISK, readonly=True)}, "its type was disk, is disk, read-only"),
    ({"device": dataclasses.replace(DISK, children=(DISK,))}, "what is on it was none, is /dev/sdb"),
    ({"signatures": (XFS,)}, 'what is on it was none, is xfs labelled "minio1d1" u'),
    ({"content": Content((), 1, 9)}, "what is on it was none, is data (1 of 9 samples are not zero)"),
    ({"held": True}, "/dev/sdb came into use"),
]


@pytest.mark.parametrize(("changes", "words"), CHANGED)
def test_whatever_changes_is_said(changes, words):
    assert drive_claim.changes(SEEN, dataclasses.replace(SEEN, **changes)) == [words]
    assert drive_claim.changes(SEEN, SEEN) == []


@pytest.fixture
def claimed(monkeypatch):
    """The second look, which is given; without a device to open."""
    found = {"now": (SEEN, "")}
    monkeypatch.setattr(drive_claim, "_claimed", lambda _seen, _undone: nullcontext())
    monkeypatch.setattr(drive_claim, "forget_cache", lambda _path: None)
    monkeypatch.setattr(drive_state, "again", lambda _seen, _system: found["now"])
    return found


STEPS = [drive_steps.Format(SEEN), drive_steps.Wipe(dataclasses.replace(SEEN, signatures=(XFS,)))]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("changes", [changes for changes, _words in CHANGED])
def test_nothing_is_written_to_a_device_that_is_not_the_one_of_the_look(claimed, fake_system, step, changes):
    claimed["now"] = (dataclasses.replace(step.drive, **{**changes, "content": Content((), 2, 9), "held": True}), "")
    system = fake_system()
    with pytest.raises(OverlayError, match=r"has changed since it was looked at .*(nothing was formatted|not wiped)"):
        step.apply(system)
    assert system.ran == [f"lock {drive_claim.LOCK}"]


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_written_where_the_declaration_leads_nowhere_any_more(claimed, fake_system, step):
    claimed["now"] = (None, f"{PLACE}: is not there")
    with pytest.raises(OverlayError, match=r"is not there; (nothing was formatted|it was not wiped)"):
        step.apply(fake_system())


@pytest.mark.usefixtures("claimed")
@pytest.mark.parametrize("step", STEPS)
def test_two_runs_do_not_work_on_the_drives_of_a_host_at_once(fake_system, step):
    system = fake_system(failing=[drive_claim.LOCK])
    with pytest.raises(OverlayError, match="another run works on this host's drives"):
        step.apply(system)
    assert [one for one in system.ran if "lock" not in one] == []


def test_a_wipe_is_recorded_before_and_takes_the_label_last(claimed, fake_system, monkeypatch):
    ours = dataclasses.replace(SEEN, signatures=(XFS,))
    claimed["now"] = (ours, "")
    system = fake_system()
    monkeypatch.setattr(drive_content, "clear", lambda path, _size: system.ran.append(f"clear {path}"))
    drive_steps.Wipe(ours).apply(system)
    written = [one for one in system.ran if "lock" not in one]
    assert [one.split()[0] for one in written] == ["write", "clear", "wipefs"]
    assert '"erased": true' in system.files["/etc/baremetal-overlay/drive-receipts.json"]


# --- the second look itself: a device that was renamed -------------------------------------------------------------

LSBLK = """{"blockdevices": [
  {"path": "/dev/sdb", "maj:min": "8:16", "type": "disk", "size": 107374182400, "ro": false, "serial": "S-sdc"},
  {"path": "/dev/sdc", "maj:min": "8:32", "type": "disk", "size": 107374182400, "ro": false, "serial": "S-sdb"}
]}"""


@pytest.fixture
def renamed(fake_system, monkeypatch):
    """A reboot or a hot plug gave the names of two disks to each other; both are blank."""
    numbers = {"/dev/sdb": "8:16", "/dev/sdc": "8:32"}
    system = fake_system(answers={"lsblk": LSBLK, "wipefs": ""})
    monkeypatch.setattr(blockdevices, "node_number", numbers.get)
    monkeypatch.setattr(blockdevices, "is_held", lambda _path: False)
    monkeypatch.setattr(blockdevices, "is_unfinished_xfs", lambda _path: False)
    monkeypatch.setattr(drive_content, "read", lambda _path, _size: Content())
    monkeypatch.setattr(system, "resolve", lambda path: path, raising=False)
    monkeypatch.setattr(drive_claim, "forget_cache", lambda _path: None)

    @contextmanager
    def claim(_seen, _undone):
        yield

    monkeypatch.setattr(drive_claim, "_claimed", claim)
    return system


@pytest.mark.parametrize("declared", ["/dev/sdb", "serial:S-sdb"])
def test_a_device_that_was_renamed_since_the_look_is_not_formatted(renamed, declared):
    seen = dataclasses.replace(
        SEEN, place=dataclasses.replace(PLACE, declared=declared), device=dataclasses.replace(DISK, wwn="")
    )
    with pytest.raises(OverlayError, match=r"has changed since it was looked at") as refused:
        drive_steps.Format(seen).apply(renamed)
    words = "its serial number was S-sdb, is S-sdc" if declared == "/dev/sdb" else "is /dev/sdc (8:32)"
    assert words in str(refused.value)
    assert not [one for one in renamed.ran if one.startswith(("mkfs", "write", "wipefs --all"))]


def test_a_path_that_is_another_device_is_not_opened_for_writing(tmp_path, fake_system):
    plain = tmp_path / "sdb"
    plain.write_bytes(b"")
    seen = dataclasses.replace(SEEN, device=dataclasses.replace(DISK, path=str(plain)))
    with pytest.raises(OverlayError, match=r"is 0:0 now and was 8:16; nothing was formatted: run again"):
        drive_steps.Format(seen).apply(fake_system())
    gone = dataclasses.replace(SEEN, device=dataclasses.replace(DISK, path=str(tmp_path / "gone")))
    with pytest.raises(OverlayError, match=r"cannot be opened .No such file or directory.; nothing was formatted"):
        drive_steps.Format(gone).apply(fake_system())
