# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the firewall's table in network namespaces of their own; where those cannot be had, they fail."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_unit = importlib.util.spec_from_file_location(
    "_unit_conftest", Path(__file__).resolve().parents[1] / "unit" / "conftest.py"
)
assert _unit is not None and _unit.loader is not None
_unit.loader.exec_module(importlib.util.module_from_spec(_unit))
