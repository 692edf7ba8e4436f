# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the protected traffic a kernel drops and counts in clear text, and that all other traffic passes.

No packet is encrypted here, which takes a kernel with ESP.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import backstop, protected
from packets import counters, forge, gre, inside, joined, tcp, udp

HOST, OUTSIDE = "backstop-host", "backstop-out"
ADDRESSES, MEMBERS, STRANGERS = ({4: f"198.18.1.{number}", 6: f"2001:db8:19::{number}"} for number in (1, 2, 9))
WHOM = {"member": MEMBERS, "stranger": STRANGERS}
PROTECT = [*protected.derive("overlay", 4789), protected.entry("gre")]
OPTIONS: dict[str, Any] = {
    "protect": PROTECT,
    "peers": [{"name": f"n{version}", "number": version, "address": MEMBERS[version]} for version in (4, 6)],
}
ARRIVED, LEAVING = "arrived_in_clear", "leaving_in_clear"
# Reads what has arrived once all is sent.
RECEIVER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
one = socket.socket(family, socket.SOCK_DGRAM)
one.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
sys.stdin.read()
one.setblocking(False)
got = 0
try:
    while one.recv(100):
        got += 1
except BlockingIOError:
    print(got)
"""
# What is dropped on its way out is an error of whoever sends it.
SENDER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
one = socket.socket(family, socket.SOCK_DGRAM)
one.bind((sys.argv[1], 0))
for _time in range(3):
    try:
        one.sendto(b"in clear text", (sys.argv[2], int(sys.argv[3])))
    except PermissionError:
        pass
"""


@pytest.fixture(scope="module", autouse=True)
def wired() -> Iterator[None]:
    """A host and, behind one link, everybody else."""
    others = [f"{one[version]}/{length}" for one in (MEMBERS, STRANGERS) for version, length in ((4, 24), (6, 64))]
    with joined(HOST, OUTSIDE, [("wire", "out", (f"{ADDRESSES[4]}/24", f"{ADDRESSES[6]}/64"), others)]):
        yield


@pytest.fixture(autouse=True)
def loaded() -> None:
    """The table anew, with nothing counted."""
    load(PROTECT)


def load(protect: list[dict[str, Any]]) -> None:
    inside(HOST, "nft", "-f", "-", text=backstop.ruleset({**OPTIONS, "protect": protect}))


def dropped() -> dict[str, int]:
    return counters(HOST, backstop.TABLE.words)


def received(sender: str, source: str, receiver: str, to: str, port: int) -> int:
    """How many of three datagrams arrive."""
    listen = ["ip", "netns", "exec", receiver, "python3", "-c", RECEIVER, to, str(port)]
    with subprocess.Popen(listen, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout
        assert waiting.stdout.readline() == "ready\n"
        inside(sender, "python3", "-c", SENDER, source, to, str(port))
        said, _nothing = waiting.communicate("")
    return int(said)


def close() -> None:
    """As where the table cannot be loaded: the smaller one, and it alone."""
    inside(HOST, "nft", "flush", "ruleset")
    inside(HOST, "nft", "-f", "-", text=backstop.closed(OPTIONS))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    ("whom", "port", "passes"),
    [("member", 4789, False), ("member", 7946, False), ("member", 500, True), ("stranger", 4789, False),
     ("stranger", 7946, True), ("stranger", 9100, True)],
)  # fmt: skip
def test_where_the_table_cannot_be_loaded_nothing_of_it_passes_in_either_direction(
    version: int, whom: str, port: int, passes: bool
) -> None:
    close()
    there, here = WHOM[whom][version], ADDRESSES[version]
    assert received(OUTSIDE, there, HOST, here, port) == (3 if passes else 0)
    assert received(HOST, here, OUTSIDE, there, port) == (3 if passes else 0)


def test_the_table_takes_the_place_of_the_smaller_one_again() -> None:
    close()
    load(PROTECT)
    assert "closed" not in inside(HOST, "nft", "list", "tables")


DATAGRAMS = [
    ("member", 4789, False),
    ("member", 7946, False),
    ("member", 9100, True),
    ("member", 500, True),
    ("stranger", 4789, False),
    ("stranger", 7946, True),
    ("stranger", 9100, True),
]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("whom", "port", "passes"), DATAGRAMS)
def test_what_arrives(version: int, whom: str, port: int, passes: bool) -> None:
    assert received(OUTSIDE, WHOM[whom][version], HOST, ADDRESSES[version], port) == (3 if passes else 0)
    assert dropped() == ({} if passes else {ARRIVED: 3})


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("whom", "port", "passes"), DATAGRAMS)
def test_what_leaves(version: int, whom: str, port: int, passes: bool) -> None:
    assert received(HOST, ADDRESSES[version], OUTSIDE, WHOM[whom][version], port) == (3 if passes else 0)
    assert dropped() == ({} if passes else {LEAVING: 3})


@pytest.mark.parametrize("version", [4, 6])
def test_what_a_host_tells_itself_passes(version: int) -> None:
    assert received(HOST, ADDRESSES[version], HOST, ADDRESSES[version], 4789) == 3
    assert dropped() == {}


PACKETS = [
    ("member", tcp(2377), 3),
    ("member", tcp(7946), 3),
    ("member", tcp(22), 0),
    # An answer, of whoever listens on the port.
    ("member", udp(40000, source=7946), 3),
    ("member", udp(40000, source=9100), 0),
    ("member", gre(7700), 3),
    ("member", (50, b"\0" * 40), 0),
    ("stranger", tcp(2377), 0),
    ("stranger", gre(7700), 0),
]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("whom", "packet", "count"), PACKETS)
def test_forged_packets(version: int, whom: str, packet: tuple[int, bytes], count: int) -> None:
    forge(OUTSIDE, WHOM[whom][version], ADDRESSES[version], packet)
    assert dropped() == ({ARRIVED: count} if count else {})


@pytest.mark.parametrize("version", [4, 6])
def test_gre_with_anybody(version: int) -> None:
    load([protected.entry("gre", anybody=True)])
    forge(OUTSIDE, STRANGERS[version], ADDRESSES[version], gre(7700))
    assert dropped() == {ARRIVED: 3}
