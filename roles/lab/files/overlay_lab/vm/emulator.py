# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""QEMU itself: Debian 13's, unpacked beside whatever this machine has, and run with the libraries it came with.

One version everywhere, and one that is worth it: emulated, QEMU 10 does AES-GCM ten times and SHA-256 four times as
fast as the QEMU 7.2 of Debian 12, and that is most of what ssh, engines and MinIO do there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Optional

from .. import image as containers
from .. import mirror
from ..shell import LabError, run, say, watch

RELEASE = "trixie"
PACKAGES = ("qemu-system-x86", "qemu-utils")
LIBRARIES = "usr/lib/x86_64-linux-gnu"


def folder(base: Path) -> Path:
    return base / "qemu" / hashlib.sha256(" ".join([RELEASE, *PACKAGES]).encode()).hexdigest()[:12]


def command(base: Path, name: str) -> list[str]:
    """How one of its programs is started."""
    root = folder(base)
    loader = [str(root / LIBRARIES / "ld-linux-x86-64.so.2"), "--library-path", str(root / LIBRARIES)]
    return [*loader, str(root / "usr/bin" / name)]


def system(base: Path) -> list[str]:
    """The emulator, with where its firmware lies."""
    firmware = [str(folder(base) / "usr/share" / name) for name in ("qemu", "seabios")]
    return [*command(base, "qemu-system-x86_64"), *(word for path in firmware for word in ("-L", path))]


def version(base: Path) -> str:
    return run(*command(base, "qemu-system-x86_64"), "--version").stdout.splitlines()[0]


def create_disk(base: Path, path: Path, *, backing: Optional[tuple[Path, str]] = None, size: str = "") -> None:
    """A qcow2 disk: an empty one of a size, or one that holds what differs from another (path, format)."""
    options = ["-b", str(backing[0]), "-F", backing[1]] if backing else []
    run(*command(base, "qemu-img"), "create", "-q", "-f", "qcow2", *options, str(path), *([size] if size else []))


def ensure(base: Path, given_mirror: Optional[str] = None) -> bool:
    """It is there. Answers whether anything was done."""
    wanted = folder(base)
    if wanted.exists():
        return False
    if not shutil.which("mmdebstrap"):
        raise LabError("mmdebstrap is not installed: apt-get install mmdebstrap")
    wanted.parent.mkdir(parents=True, exist_ok=True)
    for stale in wanted.parent.glob("build-*"):
        shutil.rmtree(stale, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix="build-", dir=wanted.parent))
    say(f"guests: unpacking the QEMU of Debian {containers.RELEASES[RELEASE]}; this takes some seconds, once")
    sources = mirror.lines_for(RELEASE, mirror.machine_sources(), containers.KEYRING, given_mirror)
    options = ["--variant=extract", "--mode=root", "--format=directory", f"--include={','.join(PACKAGES)}"]
    options += [f"--aptopt={option}" for option in mirror.apt_options()]
    try:
        environment = {**os.environ, "TMPDIR": str(work), "LC_ALL": "C"}
        watch(
            ["mmdebstrap", *options, RELEASE, str(work / "root"), *sources],
            work / "log",
            lambda _log: "QEMU",
            environment,
        )
        (work / "root").rename(wanted)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return True
