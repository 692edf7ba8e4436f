# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our directory on every host. Whatever is made in it first, only root enters it."""

from __future__ import annotations

from pathlib import Path

from .atomic import named

STATE_DIRECTORY = "/etc/baremetal-overlay"
STATE_MODE = 0o700


def make_directories(path: Path, mode: int = 0o755) -> None:
    """A directory with those above it; what is there stays as it is."""
    ours = Path(STATE_DIRECTORY)
    with named(path):
        if ours in (path, *path.parents):
            ours.mkdir(mode=STATE_MODE, parents=True, exist_ok=True)
        path.mkdir(mode=mode, parents=True, exist_ok=True)
