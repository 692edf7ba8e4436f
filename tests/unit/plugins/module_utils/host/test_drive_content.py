# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What samples of a device find, on files that are as sparse as new disks are empty."""

from __future__ import annotations

import os
import random
import uuid

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import drive_content
from ansible_collections.baremetal.overlay.plugins.module_utils.host.blockdevices import Signature
from ansible_collections.baremetal.overlay.plugins.module_utils.host.drive_content import EDGE, SAMPLE, TEBIBYTE

SIZE = 1 << 30
UUID = uuid.UUID("22a92f78-2859-4b63-b474-32c0f3387fac")


@pytest.fixture
def device(tmp_path):
    """Bytes at places of something that is empty otherwise; the path and the size of it."""

    def make(*written, size=SIZE):
        path = tmp_path / "device"
        with path.open("wb") as file:
            file.truncate(size)
            for place, data in written:
                file.seek(place if place >= 0 else size + place)
                file.write(data)
        return str(path), size

    return make


def xfs(label="minio1d1"):
    block = bytearray(512)
    block[:8], block[32:48] = b"XFSB" + (4096).to_bytes(4, "big"), UUID.bytes
    block[108 : 108 + len(label)] = label.encode()
    return bytes(block)


def ext4():
    block = bytearray(1024)
    block[56:58], block[76:80], block[104:120], block[120:124] = b"\x53\xef", b"\x01\0\0\0", UUID.bytes, b"data"
    block[24:28] = (2).to_bytes(4, "little")
    return bytes(block)


def btrfs():
    block = bytearray(4096)
    block[64:72], block[32:48], block[299:303] = b"_BHRfS_M", UUID.bytes, b"data"
    return bytes(block)


def luks():
    block = bytearray(4096)
    block[:6], block[168:204] = b"SKUL\xba\xbe", str(UUID).encode()
    return bytes(block)


def gpt():
    return b"EFI PART" + bytes(48) + UUID.bytes_le + bytes(440)


# Blocks of a group, as xfs_db says them of what mkfs.xfs made on devices of these sizes: the copy is behind them.
COPIES = [
    (SIZE, 65536),
    (3 * TEBIBYTE, 201326592),
    (6 * TEBIBYTE, 268435455),
    # Of arrays with stripes of 64 KiB and of 256 KiB, and with 48 groups, as for flash with so many processors.
    (2 * TEBIBYTE, 16777200),
    (100 << 30, 1638336),
    (960197124096, 4883816),
]


@pytest.mark.parametrize(("size", "blocks"), COPIES)
def test_an_xfs_that_lost_its_beginning(device, size, blocks):
    found = drive_content.read(*device((blocks * 4096, xfs()), size=size))
    assert found.copies == (Signature("xfs", "minio1d1", str(UUID)),) and found.kind == "data"
    assert str(found).startswith(f'a copy of the superblock of xfs labelled "minio1d1" (UUID {UUID}), data (')


OTHERS = [
    (-512, gpt(), Signature("gpt", "", str(UUID))),
    (-4096, gpt(), Signature("gpt", "", str(UUID))),
    (512, gpt(), Signature("gpt", "", str(UUID))),
    (128 << 20, ext4(), Signature("ext4", "data", str(UUID))),
    (64 << 20, btrfs(), Signature("btrfs", "data", str(UUID))),
    (0x4000, luks(), Signature("crypto_LUKS", "", str(UUID))),
    (4096, bytes(4) + b" LVM2 x[5A%r0N*>", Signature("LVM2_member")),
]


@pytest.mark.parametrize(("place", "data", "copy"), OTHERS)
def test_headers_that_are_kept_twice(device, place, data, copy):
    assert drive_content.read(*device((place, data))).copies == (copy,)


def test_what_only_looks_like_a_magic_number_is_data(device):
    found = drive_content.read(*device((4096, b"XFSB" + bytes(508)), (128 << 20, bytes(56) + b"\x53\xef")))
    assert (found.copies, found.kind, found.filled) == ((), "data", 2)


def test_a_new_disk_is_blank(device):
    found = drive_content.read(*device())
    assert found.blank and (found.kind, str(found), found.copies) == ("blank", "", ())


@pytest.mark.parametrize("place", [0, EDGE - 1, SIZE // 256, SIZE // 2 + SAMPLE - 1, -EDGE, -1])
def test_a_single_byte_in_a_sample_is_seen(device, place):
    assert drive_content.read(*device((place, b"x"))).filled


@pytest.mark.parametrize("share", [2, 10])
def test_encryption_without_a_header_is_noise(device, share):
    """Plain dm-crypt, and LUKS with its header elsewhere: wherever something was written, dice were thrown."""
    dice = random.Random(share)
    blocks = [(place, dice.randbytes(4096)) for place in range(0, SIZE, SIZE // 256) if dice.randrange(share) == 0]
    found = drive_content.read(*device(*blocks))
    assert (found.kind, found.copies) == ("noise", ()) and "looks random" in str(found)


def test_what_people_write_is_data_and_no_noise(device):
    text = b"It was a dark and stormy night; the rain fell in torrents. " * 100
    assert drive_content.read(*device((0, text), (SIZE // 2, text))).kind == "data"


def test_the_same_device_reads_the_same_and_what_was_cleared_reads_as_blank(device):
    path, size = device((0, xfs()), (SIZE // 4, xfs()), (SIZE // 2, os.urandom(SAMPLE)), (-512, gpt()))
    assert drive_content.read(path, size) == drive_content.read(path, size)
    drive_content.clear(path, size)
    assert drive_content.read(path, size).blank


def test_the_beginning_is_cleared_last(device, monkeypatch):
    """Killed on the way, the drive still carries its label."""
    places = []
    monkeypatch.setattr(os, "pwrite", lambda _handle, data, place: places.append(place) or len(data))
    drive_content.clear(*device())
    assert places[-1] == 0 and places == sorted(places, reverse=True)


def test_samples_are_few_whatever_the_size_is():
    for size in (1 << 20, 300 << 20, 22 * TEBIBYTE):
        spots = drive_content.spots(size)
        assert all(start >= 0 and length > 0 and start + length <= size for start, length in spots)
        assert sum(length for _start, length in spots) < 64 << 20
    assert drive_content.spots(0) == []


def test_several_devices_and_one_that_fails(device, tmp_path):
    path, size = device((0, b"x"))
    short = tmp_path / "short"
    short.write_bytes(b"")
    found = drive_content.read_all([(path, size), (str(short), size), ("/dev/null/none", 1)])
    assert found[path].filled == 1
    assert drive_content.failure(found[str(short)]) == "it ends at byte 0"
    assert drive_content.failure(found["/dev/null/none"]) == "Not a directory"
