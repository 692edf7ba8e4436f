# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as ``ansible_collections.baremetal.overlay``, wherever it lies."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / ".cache" / "collections"
LINK = TREE / "ansible_collections" / "baremetal" / "overlay"

if ROOT.parts[-3:] != ("ansible_collections", "baremetal", "overlay"):
    LINK.parent.mkdir(parents=True, exist_ok=True)
    if not LINK.is_symlink():
        LINK.symlink_to(ROOT, target_is_directory=True)
    sys.path.insert(0, str(TREE))
