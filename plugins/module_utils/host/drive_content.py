# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device holds where no tool finds a signature: copies of superblocks, and samples from one end to the other.

A controller that lost the first sectors, or data that is encrypted without a header, has no signature and is not blank.
Only reads. The same device has the same samples each time, so that what was erased by agreement reads as blank.
"""

from __future__ import annotations

import math
import os
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Optional, Union

from .blockdevices import Signature

SAMPLES, SAMPLE, EDGE = 256, 64 << 10, 1 << 20
# Of these the entropy is taken: bits a byte from which data is as good as random.
JUDGED, RANDOM = 32, 7.9
BLOCK = 4096
TEBIBYTE = 1 << 40
SECTOR = 512
FILE_SYSTEMS = ("xfs", "ext4", "btrfs")
# Where ext2 to ext4 (blocks of 4 KiB and of 1 KiB) and btrfs keep the copies of their superblocks.
EXT_COPIES = (32768 * 4096, 8193 * 1024)
BTRFS_COPIES = (64 << 20, 256 << 30)
# LUKS2 has its second header behind the first, whose size is one of these.
LUKS_COPIES = tuple(0x4000 << shift for shift in range(6))


@dataclass(frozen=True)
class Content:
    """``filled`` of ``read`` samples hold something else than zeros."""

    copies: tuple[Signature, ...] = ()
    filled: int = 0
    read: int = 0
    noise: bool = False

    @property
    def blank(self) -> bool:
        return not (self.filled or self.copies)

    @property
    def kind(self) -> str:
        """One word, which stays the same as long as the device is left alone."""
        return "blank" if self.blank else "noise" if self.noise else "data"

    def __str__(self) -> str:
        if self.blank:
            return ""
        copies = [_words(copy) for copy in self.copies]
        how = "data that looks random, as encryption without a header does" if self.noise else "data"
        return ", ".join([*copies, f"{how} ({self.filled} of {self.read} samples are not zero)"])


def _words(copy: Signature) -> str:
    kind = "superblock" if copy.type in FILE_SYSTEMS else "header"
    return f"a copy of the {kind} of {copy}" + (f" (UUID {copy.uuid})" if copy.uuid else "")


def group_sizes(size: int) -> list[int]:
    """Bytes of an allocation group of XFS, by the sizes that mkfs.xfs chooses: each begins with a superblock.

    For one disk four groups, from 4 TiB on groups of 1 TiB; for an array 8, 16 or 32; for flash one for each processor.
    """
    blocks = size // BLOCK
    sizes = [-(-blocks // count) * BLOCK for count in range(2, 65)]
    sizes += [blocks // count * BLOCK for count in range(2, 65)]
    return list(dict.fromkeys([*sizes, TEBIBYTE - BLOCK]))


def spots(size: int) -> list[tuple[int, int]]:
    """Where to read, and how much: both ends, even distances between them, and where copies of superblocks are."""
    wanted = [(0, EDGE), (max(size - EDGE, 0), EDGE)]
    wanted += [(size * number // SAMPLES // BLOCK * BLOCK, SAMPLE) for number in range(1, SAMPLES)]
    wanted += [(start, SAMPLE) for start in group_sizes(size)]
    # Of an array a group is shorter by a stripe, or the last one of its disks would have all superblocks.
    wanted += [(max(size // count // BLOCK * BLOCK - EDGE, 0), EDGE) for count in (4, 8, 16, 32)]
    wanted += [(TEBIBYTE - EDGE, EDGE)]
    wanted += [(start // BLOCK * BLOCK, SAMPLE) for start in (*EXT_COPIES, *BTRFS_COPIES)]
    longest: dict[int, int] = {}
    for start, length in wanted:
        room = min(length, size - start)
        if room > 0:
            longest[start] = max(longest.get(start, 0), room)
    return sorted(longest.items())


def read(path: str, size: int) -> Content:
    """An error of the device is an ``OSError``: what cannot be read is not blank."""
    copies: dict[Signature, None] = {}
    filled: list[bytes] = []
    places = spots(size)
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for start, length in places:
            # All at once, so that the disk goes along them in its own order.
            os.posix_fadvise(handle, start, length, os.POSIX_FADV_WILLNEED)
        count = 0
        for start, length in places:
            data = _exactly(handle, start, length)
            if data == bytes(len(data)):
                continue
            count += 1
            copies.update(dict.fromkeys(superblocks(data, start, size)))
            if len(filled) < JUDGED:
                filled.append(data)
    finally:
        os.close(handle)
    return Content(tuple(copies), count, len(places), looks_random(filled))


def _exactly(handle: int, start: int, length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = os.pread(handle, length - len(data), start + len(data))
        if not more:
            raise OSError(f"it ends at byte {start + len(data)}")
        data += more
    return data


def read_all(sizes: Sequence[tuple[str, int]]) -> dict[str, Union[Content, OSError]]:
    """Of several devices at the same time, as each of them has to move its heads."""

    def one(entry: tuple[str, int]) -> Union[Content, OSError]:
        try:
            return read(*entry)
        except OSError as error:
            return error

    if not sizes:
        return {}
    with ThreadPoolExecutor(max_workers=min(len(sizes), 32)) as pool:
        return dict(zip([path for path, _size in sizes], pool.map(one, sizes)))


def clear(path: str, size: int) -> None:
    """Zeros wherever ``read`` looks, for a device that is erased by agreement.

    From its end on: the signature at its beginning goes last, so that one that was interrupted is known for what it is.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for start, length in reversed(spots(size)):
            if start == 0:
                os.fsync(handle)
            written = 0
            while written < length:
                written += os.pwrite(handle, bytes(length - written), start + written)
        os.fsync(handle)
    finally:
        os.close(handle)


def looks_random(samples: Sequence[bytes]) -> bool:
    """Whether nearly all of what is there cannot be told from dice; empty blocks within a sample do not count."""
    judged = [packed for sample in samples if len(packed := _without_zeros(sample)) >= BLOCK]
    random = [packed for packed in judged if _entropy(packed) >= RANDOM]
    return bool(judged) and len(random) * 10 >= len(judged) * 9


def _without_zeros(sample: bytes) -> bytes:
    blocks = (sample[start : start + BLOCK] for start in range(0, len(sample), BLOCK))
    return b"".join(block for block in blocks if block != bytes(len(block)))


def _entropy(data: bytes) -> float:
    total = len(data)
    return -sum(count / total * math.log2(count / total) for count in Counter(data).values())


def superblocks(data: bytes, start: int, size: int) -> Iterator[Signature]:
    """The copies in what was read from ``start`` on."""
    yield from _xfs(data)
    yield from _gpt(data, start, size)
    for copy in EXT_COPIES:
        yield from _ext(data, copy - start)
    for copy in BTRFS_COPIES:
        yield from _btrfs(data, copy - start)
    for copy in LUKS_COPIES if start == 0 else ():
        if data[copy : copy + 6] == b"SKUL\xba\xbe":
            yield Signature("crypto_LUKS", "", _text(data[copy + 168 : copy + 208]))
    if start == 0 and b" LVM2 x[5A%r0N*>" in data:
        yield Signature("LVM2_member")


def _xfs(data: bytes) -> Iterator[Signature]:
    found = data.find(b"XFSB")
    while found >= 0:
        block = data[found : found + SECTOR]
        if found % SECTOR == 0 and len(block) == SECTOR and _is_power(int.from_bytes(block[4:8], "big")):
            yield Signature("xfs", _text(block[108:120]), _uuid(block[32:48]))
        found = data.find(b"XFSB", found + 4)


def _is_power(number: int) -> bool:
    return SECTOR <= number <= 65536 and number & (number - 1) == 0


def _gpt(data: bytes, start: int, size: int) -> Iterator[Signature]:
    """The primary header behind a broken first sector, and the backup in the last sector; of 512 bytes or of 4096."""
    for place in (SECTOR, BLOCK, size - SECTOR, size - BLOCK):
        at = place - start
        if at >= 0 and data[at : at + 8] == b"EFI PART":
            yield Signature("gpt", "", _little(data[at + 56 : at + 72]))


def _ext(data: bytes, at: int) -> Iterator[Signature]:
    block = data[at : at + 1024] if at >= 0 else b""
    # Revision 1 and blocks of at most 64 KiB: the magic alone is two bytes.
    if block[56:58] == b"\x53\xef" and block[76:80] == b"\x01\0\0\0" and int.from_bytes(block[24:28], "little") <= 6:
        yield Signature("ext4", _text(block[120:136]), _uuid(block[104:120]))


def _btrfs(data: bytes, at: int) -> Iterator[Signature]:
    if at >= 0 and data[at + 64 : at + 72] == b"_BHRfS_M":
        yield Signature("btrfs", _text(data[at + 299 : at + 555]), _uuid(data[at + 32 : at + 48]))


def _text(data: bytes) -> str:
    return data.split(b"\0")[0].decode("utf-8", "replace")


def _uuid(data: bytes) -> str:
    return str(uuid.UUID(bytes=bytes(data))) if len(data) == 16 else ""


def _little(data: bytes) -> str:
    return str(uuid.UUID(bytes_le=bytes(data))) if len(data) == 16 else ""


def failure(found: Optional[Union[Content, OSError]]) -> str:
    """Why a device could not be read."""
    return str(found.strerror or found) if isinstance(found, OSError) else ""
