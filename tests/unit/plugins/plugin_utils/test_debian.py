# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions as dpkg compares them; the expected answers are dpkg's own."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils.debian import compare, release_numbers

# In ascending order, checked with `dpkg --compare-versions`.
ASCENDING = [
    "1.1.5+ds1-1",
    "1.1.5+ds1-1+deb12u1",
    "1.1.15+ds1-2",
    "1.1.15+ds1-2+b4",
    "1.6.20~ds1-1+deb12u2",
    "1.6.20~ds1-1+deb12u3",
    "1.6.20-1",
    "20.10.24+dfsg1-1",
    "20.10.24+dfsg1-1+deb12u1",
    "20.10.24+dfsg1-1+deb12u1+b6",
    "26.1.5+dfsg1-9+b11",
    "26.1.5+dfsg1-9+deb13u1",
    "5:29.8.2-1~debian.13~trixie",
    "5:29.10.0-1~debian.13~trixie",
]


@pytest.mark.parametrize(("older", "newer"), list(zip(ASCENDING, ASCENDING[1:])))
def test_order(older: str, newer: str) -> None:
    assert compare(older, newer) < 0 < compare(newer, older)
    assert compare(newer, newer) == 0


def test_leading_numbers() -> None:
    assert release_numbers("5.0.3+dfsg") == (5, 0, 3)
    assert release_numbers("1.41") < release_numbers("1.100")
    assert release_numbers("unknown") == ()
