# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ICMP echo to many addresses at once over raw sockets: round-trip times, and the largest unfragmented packet.

Sizes are those of the whole IP packet, as an interface's MTU counts them. All packets carry "don't fragment", and none
is held back because of a path MTU that the kernel remembers.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from ..addresses import plain, version

# What <linux/in.h>, <linux/in6.h> and <linux/icmpv6.h> call them; Python's socket module does not.
IP_MTU_DISCOVER, IP_PMTUDISC_PROBE = 10, 3
IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE, IPV6_DONTFRAG = 23, 3, 62
ICMPV6_FILTER = 1
ICMP_HEADER = 8
SMALL = 84
TRIES = 3
# A size is searched for by this many packets at a time: three rounds tell 9000 sizes apart.
FAN = 24
BUFFER = 4 << 20

Result = dict[str, Any]


@dataclass(frozen=True)
class Version:
    """``shown``: whether a raw socket gives the IP header; that of IPv6 does not, and makes the checksum itself."""

    family: int
    protocol: int
    echo: int
    reply: int
    header: int
    shown: bool


VERSIONS = {
    4: Version(socket.AF_INET, socket.IPPROTO_ICMP, 8, 0, 20, shown=True),
    6: Version(socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, 129, 40, shown=False),
}


class Echo:
    """One packet that has to come back."""

    def __init__(self, address: str, size: int) -> None:
        self.address = plain(address)
        self.version = version(address) or 4
        self.size = size
        self.sent = 0.0
        self.milliseconds: float | None = None
        self.error = ""


def checksum(data: bytes) -> int:
    """The Internet's checksum."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(identity: int, number: int, size: int, ip: int = 4) -> bytes:
    """An echo request that makes an IP packet of ``size`` bytes."""
    kind = VERSIONS[ip]
    body = b"\x5a" * (size - kind.header - ICMP_HEADER)
    head = struct.pack("!BBHHH", kind.echo, 0, 0, identity, number)
    # That of IPv6 counts the addresses, too, which the kernel knows.
    summed = checksum(head + body) if ip == 4 else 0
    return struct.pack("!BBHHH", kind.echo, 0, summed, identity, number) + body


def read_reply(data: bytes, identity: int, ip: int = 4) -> tuple[int, int] | None:
    """The number and the size of an echo reply that is ours."""
    kind = VERSIONS[ip]
    start = (data[0] & 0xF) * 4 if data and kind.shown else 0
    if len(data) < start + ICMP_HEADER:
        return None
    what, _code, _sum, whose, number = struct.unpack_from("!BBHHH", data, start)
    size = len(data) + (0 if kind.shown else kind.header)
    return (number, size) if (what, whose) == (kind.reply, identity) else None


def probe(targets: Mapping[str, tuple[str, int]], timeout: float) -> dict[str, Result]:
    """For each key's address: ``ms``, and ``size``, the largest packet up to the given one that came back whole."""
    small = {key: Echo(address, SMALL) for key, (address, _size) in targets.items()}
    full = {key: Echo(address, size) for key, (address, size) in targets.items()}
    exchange([*small.values(), *full.values()], timeout)
    found = {}
    for key, echo in small.items():
        big = full[key]
        size = big.size if big.milliseconds is not None else SMALL if echo.milliseconds is not None else 0
        found[key] = {"ok": echo.milliseconds is not None, "ms": echo.milliseconds, "size": size, "error": echo.error}
    narrow = {key: (SMALL, echo.size) for key, echo in full.items() if found[key]["ok"] and echo.milliseconds is None}
    for key, size in search(narrow, targets, timeout / 2).items():
        found[key]["size"] = size
    return found


def search(
    bounds: Mapping[str, tuple[int, int]], targets: Mapping[str, tuple[str, int]], timeout: float
) -> dict[str, int]:
    """The largest size for each key, between one that passes and one that does not."""
    bounds = dict(bounds)
    while any(high - low > 1 for low, high in bounds.values()):
        rounds = {key: [Echo(targets[key][0], size) for size in between(*bounds[key])] for key in bounds}
        exchange([echo for echoes in rounds.values() for echo in echoes], timeout)
        for key, echoes in rounds.items():
            low, high = bounds[key]
            low = max([low, *(echo.size for echo in echoes if echo.milliseconds is not None)])
            high = min([high, *(echo.size for echo in echoes if echo.milliseconds is None and echo.size > low)])
            bounds[key] = (low, high)
    return {key: low for key, (low, _high) in bounds.items()}


def between(low: int, high: int) -> list[int]:
    """Sizes that divide what lies between two into equal parts."""
    step = max(1, -(-(high - low) // (FAN + 1)))
    return list(range(low + step, high, step))


def exchange(echoes: list[Echo], timeout: float) -> None:
    """Send all, again what is not answered, and take what comes back until the time is up."""
    identity = int.from_bytes(os.urandom(2), "big")
    deadline = time.monotonic() + timeout
    with ExitStack() as stack:
        sockets = {ip: stack.enter_context(_socket(ip)) for ip in sorted({echo.version for echo in echoes})}
        for again in range(1, TRIES + 1):
            for number, echo in _open(echoes):
                _send(sockets[echo.version], echo, packet(identity, number, echo.size, echo.version))
                _receive(sockets, identity, echoes, 0)
            until = deadline - timeout * (TRIES - again) / TRIES
            while any(True for _echo in _open(echoes)) and (left := until - time.monotonic()) > 0:
                _receive(sockets, identity, echoes, left)
    for echo in echoes:
        if echo.milliseconds is None and not echo.error:
            echo.error = f"no echo reply within {timeout:g} s to {TRIES} requests"


def _socket(ip: int) -> socket.socket:
    sock = socket.socket(VERSIONS[ip].family, socket.SOCK_RAW, VERSIONS[ip].protocol)
    if ip == 4:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
    else:
        # Without the second, the sender itself would cut what its own interface does not take.
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE)
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)
        # Everything is kept away but replies: neighbours and routers have much to say.
        blocked = [0xFFFFFFFF] * 8
        blocked[VERSIONS[6].reply >> 5] &= ~(1 << (VERSIONS[6].reply & 31))
        sock.setsockopt(socket.IPPROTO_ICMPV6, ICMPV6_FILTER, struct.pack("8I", *blocked))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setblocking(False)
    return sock


def _open(echoes: list[Echo]) -> Iterator[tuple[int, Echo]]:
    return ((number, echo) for number, echo in enumerate(echoes) if echo.milliseconds is None and not echo.error)


def _send(sock: socket.socket, echo: Echo, data: bytes) -> None:
    echo.sent = time.monotonic()
    try:
        sock.sendto(data, (echo.address, 0))
    except BlockingIOError:
        pass
    except OSError as error:
        # EMSGSIZE: the way's first interface is smaller. A refusal by a local firewall comes this way, too.
        echo.error = f"cannot be sent: {error.strerror}"


def _receive(sockets: Mapping[int, socket.socket], identity: int, echoes: list[Echo], seconds: float) -> None:
    """One reply that is ours, whatever else comes in."""
    while ready := select.select(list(sockets.values()), [], [], seconds)[0]:
        ip = next(ip for ip, sock in sockets.items() if sock is ready[0])
        data, sender = ready[0].recvfrom(1 << 16)
        now = time.monotonic()
        reply = read_reply(data, identity, ip)
        if reply and reply[0] < len(echoes):
            echo = echoes[reply[0]]
            if echo.milliseconds is None and (plain(sender[0]), reply[1]) == (echo.address, echo.size):
                echo.milliseconds = round((now - echo.sent) * 1000, 3)
                return
        seconds = 0
