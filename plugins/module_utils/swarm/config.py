# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configs: what is particular to them. ``blob.py`` and ``blob_state.py`` do the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..engine import Engine
from . import blob, blob_state

TABLE = blob.ROWS

KIND = blob.Kind("config", TABLE, limit=1000 * 1024, hidden=False)

SPEC = blob.spec(KIND)

OPTIONS: dict[str, Any] = {"mutually_exclusive": [["data", "data_src"]]}


def converge(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    return blob_state.converge(KIND, engine, params, check_mode)
