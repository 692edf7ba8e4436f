# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets, and network namespaces to send them in."""

from __future__ import annotations

import contextlib
import json
import struct
import subprocess
from collections.abc import Iterator, Sequence

# The ends of a link: its names here and there, and the addresses of both.
Link = tuple[str, str, Sequence[str], Sequence[str]]

# Sends three packets of an IP protocol, all from one source.
SENDER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
raw = socket.socket(family, socket.SOCK_RAW, int(sys.argv[3]))
raw.bind((sys.argv[1], 0))
for _time in range(3):
    raw.sendto(bytes.fromhex(sys.argv[4]), (sys.argv[2], 0))
"""
VXLAN = struct.pack("!BBHI", 8, 0, 0, 7700 << 8) + b"\xff" * 6 + b"\x02" * 6 + b"\x08\x06forged"


def udp(port: int, data: bytes = VXLAN, source: int = 40000) -> tuple[int, bytes]:
    return 17, struct.pack("!HHHH", source, port, 8 + len(data), 0) + data


def tcp(port: int) -> tuple[int, bytes]:
    """The first packet of a connection. Its checksum is wrong, which this table does not look at."""
    return 6, struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, 0x02, 1024, 0, 0)


def gre(vsid: int) -> tuple[int, bytes]:
    return 47, struct.pack("!HHI", 0x2000, 0x6558, vsid << 8) + b"\xff" * 40


def icmp(kind: int) -> tuple[int, bytes]:
    head = struct.pack("!BBHHH", kind, 0, 0, 1, 1)
    total = sum(struct.unpack("!4H", head))
    return 1, struct.pack("!BBHHH", kind, 0, ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF, 1, 1)


def run(*command: str, text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def inside(name: str, *command: str, text: str | None = None) -> str:
    return run("ip", "netns", "exec", name, *command, text=text)


def forge(name: str, source: str, to: str, packet: tuple[int, bytes]) -> None:
    """Three of them, from a namespace."""
    inside(name, "python3", "-c", SENDER, source, to, str(packet[0]), packet[1].hex())


def counters(name: str, table: Sequence[str]) -> dict[str, int]:
    """The packets of every counter of a table that counted any."""
    listed = json.loads(inside(name, "nft", "-j", "list", "counters", "table", *table))["nftables"]
    counted = {one["counter"]["name"]: one["counter"]["packets"] for one in listed if "counter" in one}
    return {counter: packets for counter, packets in counted.items() if packets}


@contextlib.contextmanager
def joined(here: str, there: str, links: Sequence[Link]) -> Iterator[None]:
    """Two namespaces with links between them."""
    for name in (here, there):
        run("ip", "netns", "add", name)
    try:
        for link, peer, own, others in links:
            run("ip", "link", "add", link, "netns", here, "type", "veth", "peer", "name", peer, "netns", there)
            for name, end, addresses in ((here, link, own), (there, peer, others)):
                run("ip", "-n", name, "link", "set", end, "up")
                for address in addresses:
                    extra = ("nodad",) if ":" in address else ()
                    run("ip", "-n", name, "address", "add", address, "dev", end, *extra)
        for name in (here, there):
            run("ip", "-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in (here, there):
            run("ip", "netns", "delete", name)
