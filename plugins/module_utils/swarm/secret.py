# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: what is particular to them. ``blob.py`` and ``blob_state.py`` do the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine import Engine
from ..rows import RECREATE, Field
from ..units import TEXT_MAP
from . import blob, blob_state

DRIVER = (
    Field("name", "Name", mutability=RECREATE),
    Field("options", "Options", "dict", convert=TEXT_MAP, mutability=RECREATE),
)

TABLE = (*blob.ROWS, Field("driver", "Driver", "dict", fields=DRIVER, since=(1, 31), mutability=RECREATE))

KIND = blob.Kind("secret", TABLE, limit=500 * 1024, hidden=True)

SPEC = blob.spec(KIND)

# Whether a secret with these labels holds this data.
holds = blob.told_by_labels

OPTIONS: dict[str, Any] = {"mutually_exclusive": [["data", "data_src", "driver"]]}


def converge(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    return blob_state.converge(KIND, engine, params, check_mode)
