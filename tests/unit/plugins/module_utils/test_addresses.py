# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses however they are written, and what stands in a URL."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.baremetal.overlay.plugins.filter import endpoint as filters
from ansible_collections.baremetal.overlay.plugins.module_utils import addresses

USUAL = "fd31:79::11"


@pytest.mark.parametrize("given", [USUAL, "FD31:79::11", "fd31:79:0::11", "fd31:0079:0000:0000:0000:0000:0000:0011"])
def test_one_address_in_many_ways(given: str) -> None:
    assert addresses.plain(given) == USUAL
    assert addresses.same(given, USUAL) and addresses.version(given) == 6
    assert addresses.endpoint(given, 9000) == addresses.endpoint(f"[{given}]", "9000") == f"[{USUAL}]:9000"


@pytest.mark.parametrize("given", ["192.0.2.11", "host", "eth0", "", "None", "10.0.0.256", "a:b"])
def test_what_is_no_address_of_ipv6_stays_as_it_is(given: str) -> None:
    assert addresses.plain(given) == given
    assert addresses.endpoint(given, 2377) == f"{given}:2377"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", False),
        ("host", "host", False),
        (None, None, False),
        (USUAL, None, False),
    ],
)
def test_only_addresses_are_the_same(one: Any, other: Any, same: bool) -> None:
    assert addresses.same(one, other) is same


def test_versions() -> None:
    assert [addresses.version(one) for one in ("192.0.2.1", USUAL, "host", None, 4)] == [4, 6, 0, 0, 0]


@pytest.mark.parametrize("address", ["192.0.2.11", USUAL])
def test_a_url_is_taken_apart_again(address: str) -> None:
    found = urlsplit(f"http://{filters.FilterModule().filters()['endpoint'](address, 9000)}")
    assert (found.hostname, found.port) == (address, 9000)
