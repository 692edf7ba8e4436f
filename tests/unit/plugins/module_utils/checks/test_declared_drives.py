# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says of its declared drives: from the same answers of lsblk, wipefs and the kernel as the role drives."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.checks import drives
from ansible_collections.baremetal.overlay.plugins.module_utils.host import blockdevices

A, B = "/dev/disk/by-id/a", "/dev/disk/by-id/b"
NUMBERS = {"/dev/sda": "8:0", "/dev/sdb": "8:16"}
OPTIONS = {"devices": [A, B], "number": 1, "parent": "/srv/minio"}


def device(name, number, **more):
    return {
        "name": name,
        "path": f"/dev/{name}",
        "maj:min": number,
        "type": "disk",
        "size": 100 << 30,
        "ro": False,
        **more,
    }


class System:
    """Two disks with the drives of the first host on them, both mounted."""

    def __init__(self, marks=None, mounts=("8:0 drive1 sda", "8:16 drive2 sdb"), smart=None, links=None):
        self.marks = {"sda": "minio1d1", "sdb": "minio1d2"} if marks is None else marks
        self.mounts, self.smart = mounts, smart
        self.links = {A: "/dev/sda", B: "/dev/sdb"} if links is None else links
        self.asked = []

    def read(self, path):
        assert path == blockdevices.MOUNTINFO
        lines = [entry.split() for entry in self.mounts]
        return "".join(f"1 2 {no} / /srv/minio/{at} rw - xfs /dev/{name} rw\n" for no, at, name in lines)

    def query(self, argv):
        assert argv[0] == "lsblk"
        return json.dumps(
            {"blockdevices": [device("sda", "8:0", children=[device("sda1", "8:1")]), device("sdb", "8:16")]}
        )

    def run(self, argv):
        assert argv[:2] == ("wipefs", "--json")
        names = [path.rpartition("/")[2] for path in argv[2:]]
        found = [{"device": name, "type": "xfs", "label": self.marks[name]} for name in names if name in self.marks]
        return json.dumps({"signatures": found})

    def resolve(self, path):
        return self.links.get(path, path)

    def which(self, program):
        return f"/usr/sbin/{program}" if program == "smartctl" and self.smart is not None else None

    def answer(self, argv):
        self.asked.append(argv)
        return self.smart


@pytest.fixture(autouse=True)
def host(monkeypatch):
    monkeypatch.setattr(blockdevices, "node_number", NUMBERS.get)
    monkeypatch.setattr(drives, "_unusable", lambda _target: "")


def looked(system, key):
    return [one[key] for one in drives.look(system, OPTIONS)]


def test_drives_that_are_well_have_nothing_against_them():
    found = drives.look(System(), OPTIONS)
    assert [(one["position"], one["device"], one["label"], one["target"]) for one in found] == [
        (1, "/dev/sda", "minio1d1", "/srv/minio/drive1"),
        (2, "/dev/sdb", "minio1d2", "/srv/minio/drive2"),
    ]
    assert [one[key] for one in found for key in ("wrong", "unmounted")] == [""] * 4
    assert [one["smart"] for one in found] == [{}, {}]


def test_a_device_that_is_gone_and_one_of_another_drive_are_told():
    assert "is not there, or is no block device" in looked(System(links={B: "/dev/sdb"}), "wrong")[0]
    assert looked(System(marks={"sda": "minio3d1", "sdb": "minio1d2"}), "wrong") == [
        '/dev/sda carries xfs labelled "minio3d1"; it has to be xfs labelled "minio1d1"',
        "",
    ]
    assert looked(System(marks={"sdb": "minio1d2"}), "wrong")[0].startswith("/dev/sda carries nothing; ")


def test_what_is_mounted_in_a_drive_s_place_is_told():
    assert looked(System(mounts=("8:0 drive1 sda",)), "unmounted") == ["", "nothing is mounted on /srv/minio/drive2"]
    swapped = System(mounts=("8:16 drive1 sdb", "8:16 drive2 sdb"))
    assert looked(swapped, "unmounted") == ["/dev/sdb is mounted on /srv/minio/drive1, and not /dev/sda", ""]


def test_a_mount_that_is_broken_or_read_only_is_told(monkeypatch, tmp_path):
    monkeypatch.undo()
    assert drives._unusable(str(tmp_path)) == ""
    assert drives._unusable("/sys") in ("", "/sys is mounted read-only")
    assert drives._unusable(str(tmp_path / "none")) == f"{tmp_path / 'none'} cannot be read: No such file or directory"


def test_smart_is_asked_of_the_disk_with_a_limit():
    system = System(smart='{"smart_status": {"passed": true}}')
    assert looked(system, "smart") == [{"passed": True}] * 2
    assert system.asked[0] == ("timeout", "10", "smartctl", "--json", "--health", "/dev/sda")


def test_what_smartctl_answers_is_read_whatever_it_ends_with():
    assert drives.read_smart('{"smart_status": {"passed": false}}', "/dev/sda") == {"passed": False}
    assert drives.read_smart("", "/dev/sda") == {"unknown": "/dev/sda: smartctl gave no answer within 10 s"}
    told = '{"smartctl": {"messages": [{"string": "/dev/loop1: Unable to detect device type"}]}}'
    assert drives.read_smart(told, "/dev/loop1") == {
        "unsupported": "/dev/loop1 has no SMART (/dev/loop1: Unable to detect device type)"
    }
