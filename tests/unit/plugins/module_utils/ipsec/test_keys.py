# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of pairs: HKDF by its RFC's own vectors, and that both ends come to the same."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import keys

MASTER = "0123456789abcdefghijklmnopqrstuvwxyz"

PINNED, PINNED_DIGEST = "dc180a937646ffc3", "14253df61ce62d1d"
# RFC 5869, appendix A.1 to A.3.
VECTORS = [
    (
        "0b" * 22,
        "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        42,
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    ),
    (
        bytes(range(0x00, 0x50)).hex(),
        bytes(range(0x60, 0xB0)).hex(),
        bytes(range(0xB0, 0x100)).hex(),
        82,
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8"
        "367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
    ),
    (
        "0b" * 22,
        "",
        "",
        42,
        "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    ),
]


@pytest.mark.parametrize(("material", "salt", "info", "length", "extracted", "expanded"), VECTORS)
def test_hkdf_is_that_of_the_rfc(material, salt, info, length, extracted, expanded):
    key = keys.extract(bytes.fromhex(salt), bytes.fromhex(material))
    assert key.hex() == extracted
    assert keys.expand(key, bytes.fromhex(info), length).hex() == expanded


def test_both_ends_come_to_the_same_key_and_nobody_else_does():
    names = ["host1", "host2", "host3", "host12"]
    found = {(a, b): keys.pair(MASTER, a, b) for a, b in itertools.permutations(names, 2)}
    assert all(found[(a, b)] == found[(b, a)] for a, b in found)
    assert len(set(found.values())) == len(names) * (len(names) - 1) // 2
    assert {len(key) for key in found.values()} == {64}


@pytest.mark.parametrize("other", [(MASTER + "x", "a", "b", 1), (MASTER, "a", "b", 2), (MASTER, "ab", "", 1)])
def test_another_master_epoch_or_pair_is_another_key(other):
    assert keys.pair(*other) != keys.pair(MASTER, "a", "b", 1)


def test_a_key_stays_what_it_is():
    # A release that drew other keys would part hosts of one cluster.
    assert keys.pair(MASTER, "host2", "host1", 1).startswith(PINNED)
    assert keys.digest("00" * 32) == PINNED_DIGEST


@pytest.mark.parametrize(
    ("master", "words"),
    [
        (None, "is not set"),
        ("", "is not set"),
        ("x" * 31, "has 31 characters"),
        ("abababab" * 8, "has 2 different characters"),
    ],
)
def test_a_master_that_is_none(master, words):
    (sentence,) = keys.master_violations(master)
    assert sentence.startswith("ipsec_psk_master: ")
    assert words in sentence
    assert not master or master not in sentence


def test_a_good_master():
    assert keys.master_violations(MASTER) == []
