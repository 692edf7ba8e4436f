# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every case over VXLAN, which any kernel has; tests/vm runs the same ones over NVGRE and Geneve."""

from __future__ import annotations

import cases
import pytest


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("name", list(cases.CASES))
def test_vxlan(name: str, version: int) -> None:
    cases.run_case(name, "vxlan", version)
