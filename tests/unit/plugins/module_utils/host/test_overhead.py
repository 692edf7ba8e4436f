# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arithmetic of headers, against sums that are known from captures; and what a number gives a host."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import overhead, overlay_addresses


@pytest.mark.parametrize(
    ("kind", "version", "encryption", "overhead_is"),
    [
        ("vxlan", 4, "none", 50),
        ("vxlan", 6, "none", 70),
        ("vxlan", 4, "ipsec", 84),
        ("vxlan", 6, "ipsec", 104),
        ("vxlan", 4, "docker", 76),
        ("geneve", 4, "none", 50),
        ("geneve", 6, "ipsec", 104),
        ("nvgre", 4, "none", 42),
        ("nvgre", 6, "none", 62),
        ("nvgre", 4, "ipsec", 76),
    ],
)
@pytest.mark.parametrize("underlay", [1500, 9000])
def test_overhead(kind, version, encryption, overhead_is, underlay):
    room = overhead.room(underlay, kind, version, encryption)
    assert (room.overhead, room.mtu) == (overhead_is, underlay - overhead_is)


@pytest.mark.parametrize("underlay", range(1400, 1420))
def test_a_full_packet_with_its_padding_is_never_too_large_and_one_byte_more_is(underlay):
    room = overhead.room(underlay, "vxlan", 4, "ipsec")

    def outer(inner):
        payload = overhead.UDP + overhead.VXLAN + overhead.ETHERNET + inner
        padded = -(-(payload + 2) // 4) * 4
        return overhead.IP[4] + 8 + 8 + padded + 16

    assert outer(room.mtu) <= underlay < outer(room.mtu + 1)


def test_the_arithmetic_is_a_sentence():
    room = overhead.room(1500, "vxlan", 4, "ipsec")
    assert str(room) == "1500 - 20 (IPv4) - 34 (ESP) - 8 (UDP) - 8 (VXLAN) - 14 (Ethernet) = 1416"


@pytest.mark.parametrize(
    ("number", "subnet", "address"),
    [
        (1, "10.78.0.0/24", "10.78.0.1"),
        ("254", "10.78.0.0/24", "10.78.0.254"),
        (300, "10.78.0.0/23", "10.78.1.44"),
        (10, "fd00:78::/64", "fd00:78::a"),
    ],
)
def test_a_number_gives_an_address(number, subnet, address):
    assert overlay_addresses.overlay_address(number, subnet) == address


@pytest.mark.parametrize(
    ("number", "subnet", "words"),
    [
        (255, "10.78.0.0/24", "overlay_host_number 255: 10.78.0.0/24 has addresses for the numbers 1 to 254"),
        (0, "10.78.0.0/24", "overlay_host_number 0: "),
        (True, "10.78.0.0/24", "overlay_host_number True: "),
        ("x", "10.78.0.0/24", "overlay_host_number x: "),
        (1, "10.78.0.1/24", 'kernel_overlay_subnet "10.78.0.1/24": is not a CIDR'),
        (1, "nonsense", 'kernel_overlay_subnet "nonsense": is not a CIDR'),
    ],
)
def test_a_number_that_gives_none(number, subnet, words):
    with pytest.raises(InputError) as error:
        overlay_addresses.overlay_address(number, subnet)
    assert error.value.violations[0].startswith(words)


@pytest.mark.parametrize(
    ("underlay", "version", "encryption", "left"),
    # What the Engine then takes for VXLAN gives 1416 and 1396 inside.
    [(1500, 4, "none", 1500), (1500, 4, "ipsec", 1466), (1500, 6, "ipsec", 1466), (9000, 4, "ipsec", 8966)],
)
def test_what_a_host_that_encrypts_can_carry(underlay, version, encryption, left):
    assert overhead.carried(underlay, version, encryption) == left
    if encryption == "ipsec":
        assert (
            overhead.room(underlay, "vxlan", version, "ipsec").mtu
            == left - overhead.room(left, "vxlan", version).overhead
        )


def test_macs_are_local_to_nobodys_factory_and_differ_by_network_and_host():
    macs = [overlay_addresses.mac(vni, number) for vni in (1, 7700, (1 << 24) - 1) for number in (1, 65535)]
    assert macs[2] == "06:00:1e:14:00:01"
    assert len(set(macs)) == len(macs)
    assert all(int(mac[:2], 16) & 3 == 2 for mac in macs)


def test_peers_are_those_that_declare_both():
    hosts = [
        {"overlay_host_number": 2, "overlay_underlay_address": "2001:DB8::2"},
        {"overlay_host_number": "1", "overlay_underlay_address": "192.0.2.1"},
        {"overlay_host_number": 3},
        {"overlay_host_number": "x", "overlay_underlay_address": "192.0.2.4"},
        {"overlay_underlay_address": "192.0.2.5"},
        {"overlay_host_number": 6, "overlay_underlay_address": "nowhere"},
    ]
    assert overlay_addresses.peers(hosts) == [
        {"number": 1, "address": "192.0.2.1"},
        {"number": 2, "address": "2001:db8::2"},
    ]
