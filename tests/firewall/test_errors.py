# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which errors of ICMP leave a host in clear text: none that quotes protected traffic.

A kernel without ESP decrypts nothing. So what arrives is let in as if it had been decrypted, and the host answers for
itself that it has no listener.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import backstop, protected
from packets import counters, inside, joined

HOST, OUTSIDE = "errors-host", "errors-out"
ADDRESSES, MEMBERS, STRANGERS = ({4: f"198.18.2.{number}", 6: f"2001:db8:20::{number}"} for number in (1, 2, 9))
WHOM = {"member": MEMBERS, "stranger": STRANGERS}
TABLE = " ".join(backstop.TABLE.words)
# Sends three packets, and counts the errors that come back.
SENDER = """
import select, socket, sys
source, to, protocol, port, own, hides = *sys.argv[1:3], *map(int, sys.argv[3:])
six = ":" in to
family = socket.AF_INET6 if six else socket.AF_INET
icmp = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
icmp.bind((source, 0))
kind = socket.SOCK_DGRAM if protocol == 17 else socket.SOCK_RAW
one = socket.socket(family, kind, protocol)
one.bind((source, own))
if hides and six:
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
elif hides:
    one.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([1, 1, 1, 0]))
for _time in range(3):
    try:
        one.sendto(b"\\0\\0\\0\\0secret", (to, port))
    except ConnectionRefusedError:
        pass
errors = 0
while select.select([icmp], [], [], 0.2)[0]:
    kind = icmp.recv(2000)[0 if six else 20]
    errors += kind in ((1, 4) if six else (3, 12))
print(errors)
"""
UDP, GRE = 17, 47


@dataclass(frozen=True)
class Packet:
    port: int = 0
    source: int = 0
    protocol: int = UDP
    # Behind options, where nothing says what it is.
    hides: bool = False


@pytest.fixture(scope="module", autouse=True)
def wired() -> Iterator[None]:
    """A host and, behind one link, everybody else."""
    others = [f"{one[version]}/{length}" for one in (MEMBERS, STRANGERS) for version, length in ((4, 24), (6, 64))]
    with joined(HOST, OUTSIDE, [("wire", "out", (f"{ADDRESSES[4]}/24", f"{ADDRESSES[6]}/64"), others)]):
        # Or most are not sent at all, and none of those is missed.
        inside(HOST, "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
        yield


@pytest.fixture(autouse=True)
def loaded() -> None:
    """The table anew, with nothing counted, and everything as if it had been decrypted."""
    peers = [{"name": f"n{version}", "number": version, "address": MEMBERS[version]} for version in (4, 6)]
    protect = [*protected.derive("overlay", 4789), protected.entry("gre")]
    inside(HOST, "nft", "-f", "-", text=backstop.ruleset({"protect": protect, "peers": peers}))
    inside(HOST, "nft", f"flush chain {TABLE} arrives")


def errors(version: int, whom: str, packet: Packet) -> int:
    """How many come back for three packets."""
    how = [packet.protocol, packet.port, packet.source, int(packet.hides)]
    command = ["python3", "-c", SENDER, WHOM[whom][version], ADDRESSES[version], *map(str, how)]
    return int(inside(OUTSIDE, *command))


PACKETS = [
    ("member", Packet(4789), False),
    ("member", Packet(7946), False),
    # An answer of what had the port.
    ("member", Packet(40001, source=7946), False),
    ("member", Packet(protocol=GRE), False),
    ("member", Packet(9100), True),
    ("member", Packet(9100, hides=True), False),
    ("stranger", Packet(4789), False),
    ("stranger", Packet(7946), True),
    ("stranger", Packet(9100), True),
    ("stranger", Packet(9100, hides=True), True),
    ("stranger", Packet(protocol=GRE), True),
]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("whom", "packet", "answered"), PACKETS)
def test_only_what_quotes_nothing_protected_leaves(version: int, whom: str, packet: Packet, answered: bool) -> None:
    assert errors(version, whom, packet) == (3 if answered else 0)
    assert counters(HOST, backstop.TABLE.words) == ({} if answered else {"leaving_in_clear": 3})


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("whom", "packet", "_answered"), PACKETS)
def test_without_those_rules_the_same_look_finds_all_of_them(
    version: int, whom: str, packet: Packet, _answered: bool
) -> None:
    inside(HOST, "nft", f"flush chain {TABLE} leaves")
    assert errors(version, whom, packet) == 3
