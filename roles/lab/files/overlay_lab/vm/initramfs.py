# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small initramfs of the guests: finds the root, gives a new guest its own files, and goes on to systemd.

An archive is in the format that the kernel reads (cpio, "newc"). Archives can be put one after the other, so what all
guests share is made once with the image, and what makes a guest itself is a few hundred bytes for each.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..shell import LabError

# What is not built into a release's kernel and is needed to find the root; udev loads the rest.
MODULES = {"trixie": ("virtio_blk",), "bookworm": ("virtio_pci", "virtio_blk")}
# Said on the console as the first thing, so that a trial of an accelerator knows that the kernel has come this far.
MARKER = "overlay-lab: the kernel runs"

INIT = f"""#!/bin/busybox sh
# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
/bin/busybox mkdir -p /dev /proc /sys /root
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t sysfs sys /sys
echo "{MARKER}" > /dev/console
/bin/busybox ls /modules | while read -r module; do /bin/busybox insmod "/modules/$module"; done
root=
while [ -z "$root" ]; do
    for disk in /sys/block/vd*; do
        if [ "$(/bin/busybox cat "$disk/serial" 2>/dev/null)" = root ]; then root=/dev/${{disk##*/}}; fi
    done
done
/bin/busybox mount -t ext4 "$root" /root || exec /bin/busybox sh
# Once: afterwards these files are the host's own, like everything else on its disk.
if [ ! -e /root/etc/overlay-lab ]; then
    /bin/busybox cp -a /guest/. /root/
    : > /root/etc/overlay-lab
fi
/bin/busybox umount /sys
/bin/busybox mount -o move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
"""


def archive(files: Mapping[str, tuple[int, bytes]]) -> bytes:
    """A cpio archive of files (mode, content) with the folders they lie in, owned by root."""
    folders = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    entries: list[tuple[str, int, bytes]] = [(name, 0o040755, b"") for name in sorted(folders)]
    entries += [(name, 0o100000 | mode, content) for name, (mode, content) in sorted(files.items())]
    parts = [_entry(number, *entry) for number, entry in enumerate(entries, 1)]
    return b"".join([*parts, _entry(0, "TRAILER!!!", 0, b"")])


def _entry(number: int, name: str, mode: int, content: bytes) -> bytes:
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(head + encoded) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def with_dependencies(wanted: Iterable[str], modules_dep: str) -> list[str]:
    """Paths of these modules below the modules' folder, each after what it needs."""
    rows = dict(line.split(":", 1) for line in modules_dep.splitlines() if ":" in line)
    by_name = {Path(path).name.split(".")[0].replace("-", "_"): path for path in rows}
    found: list[str] = []
    for name in wanted:
        if name not in by_name:
            raise LabError(f"the kernel has no module {name}: it may be built in by now")
        path = by_name[name]
        found += [one for one in [*reversed(rows[path].split()), path] if one not in found]
    return found


def base(root: Path, release: str, kernel: str) -> bytes:
    """The archive that all guests of one image share."""
    modules = root / "lib" / "modules" / kernel
    files = {"init": (0o755, INIT.encode()), "bin/busybox": (0o755, (root / "usr/bin/busybox").read_bytes())}
    wanted = with_dependencies(MODULES[release], (modules / "modules.dep").read_text(encoding="utf-8"))
    for number, name in enumerate(wanted):
        content = (modules / name).read_bytes()
        if name.endswith(".xz"):
            content = lzma.decompress(content)
        files[f"modules/{number:02}-{Path(name).name.split('.')[0]}.ko"] = (0o644, content)
    return archive(files)
