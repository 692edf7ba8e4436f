# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others build on disks: LVM, md, LUKS, multipath, plain dm-crypt, bcache, partitions, hybrid ISO, ZFS, swap.

Recorded on Linux 6.12 with lsblk and wipefs, where all of it was made and in use, and where udev's database had nothing
but serial numbers: what is found is found on the disks.
"""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import blockdevices, drive_match, drives

# Of each disk, what it is part of as long as that runs, and what is found on it where it does not.
STACK = {
    "vda": ("part of /dev/mapper/old-data (lvm)", "LVM2_member"),
    "vdb": ("part of /dev/md0 (raid1)", 'linux_raid_member labelled "(none):old"'),
    "vdc": ("part of /dev/md0 (raid1)", 'linux_raid_member labelled "(none):old"'),
    "vdd": ("part of /dev/mapper/old-luks (crypt)", "crypto_LUKS"),
    "vde": ("part of /dev/mapper/mpatha (mpath)", ""),
    "vdf": ("part of /dev/mapper/old-plain (crypt)", ""),
    "vdg": ("part of /dev/bcache0 (disk)", "bcache"),
    "vdh": ("found: gpt, PMBR, /dev/vdh1", "gpt, PMBR"),
    "vdi": ("found: dos, /dev/vdi1", "dos"),
    "vdj": ('found: iso9660 labelled "OLDISO", dos, /dev/vdj1', 'iso9660 labelled "OLDISO", dos'),
    "vdk": ("found: zfs_member", "zfs_member"),
    "vdl": ('found: swap labelled "old"', 'swap labelled "old"'),
}
IN_USE = [name for name, (words, _found) in STACK.items() if words.startswith("part of")]


@pytest.fixture
def stack(fixture_text):
    """All disks, as a host whose drives they are declared to be."""
    devices = blockdevices.parse(fixture_text("lsblk-stack.json"))
    marks = blockdevices.parse_signatures(fixture_text("wipefs-stack.json"))
    everything = drive_match.State(devices=devices).all_devices()
    return drive_match.State(
        devices=devices,
        nodes={device.path: (device.path, device.number) for device in everything},
        signatures={device.number: marks.get(device.path.rpartition("/")[2], ()) for device in everything},
    )


def plan(state, device, consent=()):
    options = {"devices": [device], "number": 1, "parent": "/srv/minio", "host": "n1", "format_consent": list(consent)}
    return drives.plan({**options, "owner": 9000, "group": 9000}, state)


@pytest.mark.parametrize("name", STACK)
def test_what_others_use_is_never_formatted(stack, name):
    for declared in (f"/dev/{name}", f"serial:rack1-{name[-1]}"):
        found = plan(stack, declared)
        assert found.steps == [] and STACK[name][0] in found.violations[0]


@pytest.mark.parametrize("name", IN_USE)
def test_consent_does_not_reach_a_disk_that_is_part_of_something(stack, name):
    """With LVM, an array or a mapping on it: whoever agreed did not see that."""
    idle = dataclasses.replace(stack, devices=[dataclasses.replace(one, children=()) for one in stack.devices])
    printed = re.findall(r'drives_format_consent: \["([^"]+)"\]', " ".join(plan(idle, f"/dev/{name}").violations))
    assert plan(stack, f"/dev/{name}", printed).steps == []


@pytest.mark.parametrize("name", [name for name, (_words, found) in STACK.items() if found])
def test_what_does_not_run_is_found_by_its_signature(stack, name):
    """A volume group that is not active, an array that was not assembled, LUKS that is closed."""
    idle = dataclasses.replace(stack, devices=[dataclasses.replace(one, children=()) for one in stack.devices])
    found = plan(idle, f"/dev/{name}")
    assert found.steps == [] and f"found: {STACK[name][1]};" in found.violations[0]


@pytest.mark.parametrize(
    "path",
    ["/dev/mapper/old-data", "/dev/md0", "/dev/mapper/old-luks", "/dev/mapper/mpatha", "/dev/bcache0", "/dev/vdh1"],
)
def test_what_is_built_may_be_a_drive_where_it_is_blank(stack, path):
    large = _with_sizes(stack)
    assert f'format {path} as XFS labelled "minio1d1"' in plan(large, path).sentences


def _with_sizes(state):
    def grown(device):
        return dataclasses.replace(device, size=1 << 40, children=tuple(map(grown, device.children)))

    return dataclasses.replace(state, devices=[grown(device) for device in state.devices])


def test_mappings_and_arrays_are_known_by_what_the_kernel_calls_them(fake_system, fixture_text):
    uuids = {"253:2": "mpath-3600508b400105e210000900000490000", "253:0": "LVM-1y1fnh0O"}
    files = {f"/sys/dev/block/{number}/dm/uuid": f"{uuid}\n" for number, uuid in uuids.items()}
    files["/sys/dev/block/9:0/md/uuid"] = "1fd3415c-099f-1765-ab51-0d37999111df\n"
    system = fake_system(files, {"lsblk": fixture_text("lsblk-stack.json")})
    state = drive_match.State(devices=blockdevices.read(system))
    found = {device.path: device.wwn for device in state.all_devices() if device.wwn}
    assert found == {
        "/dev/mapper/old-data": "LVM-1y1fnh0O",
        "/dev/md0": "1fd3415c-099f-1765-ab51-0d37999111df",
        "/dev/mapper/mpatha": "mpath-3600508b400105e210000900000490000",
    }


def test_two_paths_to_one_device_are_not_two_drives(fixture_text):
    listing = json.loads(fixture_text("lsblk-stack.json"))
    first, second = (entry for entry in listing["blockdevices"] if entry["name"] in ("vdk", "vdl"))
    first["wwn"] = second["wwn"] = "0x600508b400105e21"
    state = drive_match.State(
        devices=blockdevices.parse(json.dumps(listing)),
        nodes={entry["path"]: (entry["path"], entry["maj:min"]) for entry in (first, second)},
    )
    options = {
        "devices": ["/dev/vdk", "/dev/vdl"],
        "number": 1,
        "parent": "/srv/minio",
        "host": "",
        "format_consent": [],
    }
    found = drives.plan({**options, "owner": 9000, "group": 9000}, state)
    assert found.steps == []
    assert "have one WWN (0x600508b400105e21), so they are paths to one device" in found.violations[0]
