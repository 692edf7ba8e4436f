# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a wanted Docker release comes from: this machine's dockerd, or a Debian root that is made once and kept.

The root is cached by the hash of what goes into it. It is written under a temporary name and renamed when it is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from overlay_lab import mirror
from overlay_lab.image import KEYRING
from overlay_lab.shell import watch

# Docker release → the Debian release that has it.
RELEASES = {"20.10": "bookworm", "26.1": "trixie"}
PACKAGES = ("docker.io", "iproute2", "ca-certificates")
OPTIONS = ("--variant=minbase", "--mode=root", "--format=directory")


def machine_release() -> Optional[str]:
    """The Docker release that this machine has, as ``20.10``."""
    if shutil.which("dockerd") is None:
        return None
    said = subprocess.run(["dockerd", "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"version (\d+\.\d+)", said)
    return found[1] if found else None


def default_release() -> str:
    found = machine_release()
    return found if found in RELEASES else next(iter(RELEASES))


def root_of(release: str) -> Optional[Path]:
    """The root whose dockerd is that release; none where the machine's own is."""
    if machine_release() == release:
        return None
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return ensure(RELEASES[release], Path(base) / "baremetal.overlay" / "engines")


def ensure(debian: str, cache: Path) -> Path:
    sources = mirror.lines_for(debian, mirror.machine_sources(), KEYRING)
    cache.mkdir(parents=True, exist_ok=True)
    made = cache / f"{debian}-{fingerprint(debian)}"
    with (cache / f"{debian}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make(debian, made, sources)
    return made


def fingerprint(debian: str) -> str:
    """Of all that a root is made of; the packages' versions and the mirror are deliberately no part of it."""
    return hashlib.sha256("\0".join((debian, *PACKAGES, *OPTIONS)).encode()).hexdigest()[:12]


def _make(debian: str, made: Path, sources: Sequence[str]) -> None:
    """The lock is held: what lies about is of earlier ingredients, or of a run that was interrupted."""
    for stale in made.parent.glob(f"{debian}-*"):
        shutil.rmtree(stale)
    work = made.with_name(f"{debian}-unfinished")
    work.mkdir()
    command = ["mmdebstrap", "--verbose", *OPTIONS, f"--include={','.join(PACKAGES)}"]
    command += [f"--aptopt={option}" for option in mirror.apt_options()]
    command += [debian, str(work / "root"), *sources]
    environment = {**os.environ, "TMPDIR": str(work), "LC_ALL": "C"}
    watch(command, work / "log", lambda log: f"{debian}: {len(log.splitlines())} lines of mmdebstrap", environment)
    (work / "root" / "etc" / "docker").mkdir(exist_ok=True)
    (work / "root").rename(made)
    shutil.rmtree(work)
