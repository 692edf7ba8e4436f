# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of kernel overlays in network namespaces of their own; where those cannot be had, they fail."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
_unit = importlib.util.spec_from_file_location("_unit_conftest", HERE.parent / "unit" / "conftest.py")
assert _unit is not None and _unit.loader is not None
_unit.loader.exec_module(importlib.util.module_from_spec(_unit))
sys.path.insert(0, str(HERE))

pytest.register_assert_rewrite("cases")
