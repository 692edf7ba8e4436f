# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers probes over udp, as a program of its own, in a transient unit: ``ADDRESS COOKIE PORTS IDLE``.

It has the standard library only, as nothing else of ours is beside it.

The ports belong to others: memberlist's socket is dockerd's, the data path's is the kernel's. A raw socket gets a copy
of what passed the host's firewall; a filter in the kernel keeps all that is not ours from it, so that the storage
traffic of a busy host costs nothing. The answer leaves from the port that was asked, as theirs would. Where IPsec
protects these ports, no policy fits what a raw socket sends: then a prober asks for the answer at the port of gossip,
where it hears it as this does.
Only a port that nobody has is bound, so that the kernel does not answer "port unreachable".
It ends when every prober has said that it is done, when it hears nothing for a while, and at the unit's limit.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import socket
import struct
import sys
import time

SO_ATTACH_FILTER = 26
# Classic BPF: the first eight bytes of what the datagram carries against the cookie. A packet of IPv4 comes with its IP
# header, whose length goes into X; one of IPv6 begins with that of UDP.
LOAD_HEADER, LOAD_BEHIND, LOAD_WORD, JUMP_EQUAL, RETURN = 0xB1, 0x40, 0x20, 0x15, 0x06
# How long a UDP header is, and where in it its sum is.
UDP_HEADER, SUM = 8, 6

# To which members may send whatever else is let in.
GOSSIP = 7946
# Whether the answer is wanted from the very port, or at the port of gossip.
ASKS, ASKS_ASIDE = b"?", b"&"


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def instructions(cookie: bytes, version: int = socket.AF_INET) -> bytes:
    """The filter that lets datagrams with the cookie through."""
    first, second = struct.unpack("!II", cookie)
    load = LOAD_BEHIND if version == socket.AF_INET else LOAD_WORD
    rows = (
        *([(LOAD_HEADER, 0, 0, 0)] if version == socket.AF_INET else []),
        (load, 0, 0, 8),
        (JUMP_EQUAL, 0, 3, first),
        (load, 0, 0, 12),
        (JUMP_EQUAL, 0, 1, second),
        (RETURN, 0, 0, 0xFFFF),
        (RETURN, 0, 0, 0),
    )
    return b"".join(struct.pack("HBBI", *row) for row in rows)


def open_raw(address: str, cookie: bytes) -> socket.socket:
    """A raw socket that hears the cookie's datagrams to one address."""
    version = family(address)
    sock = socket.socket(version, socket.SOCK_RAW, socket.IPPROTO_UDP)
    code = ctypes.create_string_buffer(instructions(cookie, version))
    program = Program(len(instructions(cookie, version)) // 8, ctypes.addressof(code))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))
    if version == socket.AF_INET6:
        # Which IPv6 does not go without; the kernel makes it, and looks at that of what comes.
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_CHECKSUM, SUM)
    sock.bind((address, 0))
    return sock


def open_free(address: str, ports: list[int]) -> list[socket.socket]:
    """Sockets on the ports that nobody has."""
    held = []
    for port in ports:
        sock = socket.socket(family(address), socket.SOCK_DGRAM)
        with contextlib.suppress(OSError):
            sock.bind((address, port))
            held.append(sock)
    return held


def datagram(packet: bytes, version: int) -> bytes:
    """What a raw socket gives, from the UDP header on."""
    return packet[(packet[0] & 0xF) * 4 :] if version == socket.AF_INET else packet


def reply(packet: bytes, cookie: bytes, ports: list[int], how: bytes = ASKS) -> bytes | None:
    """What answers a datagram that asks in this way."""
    (target,) = struct.unpack_from("!H", packet, 2)
    data = packet[UDP_HEADER:]
    return cookie + b"=" + data[9:] if target in ports and len(data) == 11 and data[:9] == cookie + how else None


def answer(packet: bytes, cookie: bytes, ports: list[int]) -> bytes | None:
    """The datagram that answers one from the port that was asked."""
    said = reply(packet, cookie, ports)
    if said is None:
        return None
    source, target = struct.unpack_from("!HH", packet)
    # No checksum: it is optional over IPv4, and over IPv6 the kernel's.
    return struct.pack("!HHHH", target, source, UDP_HEADER + len(said), 0) + said


def farewell(packet: bytes, cookie: bytes) -> tuple[bytes, int] | None:
    """Who says that it is done, and how many there are."""
    data = packet[UDP_HEADER:]
    if len(data) < 12 or data[:9] != cookie + b"!":
        return None
    return data[11:], int.from_bytes(data[9:11], "big")


def ready() -> None:
    """Tell systemd that whoever started the unit can go on."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"READY=1", "\0" + path[1:] if path.startswith("@") else path)


def serve(address: str, cookie: bytes, ports: list[int], idle: float) -> None:
    """Answer until nobody needs it."""
    gone: set[bytes] = set()
    last = None
    with open_raw(address, cookie) as raw, socket.socket(family(address), socket.SOCK_DGRAM) as own:
        own.bind((address, 0))
        held = open_free(address, ports)
        ready()
        while last is None or time.monotonic() - last < idle:
            if not select.select([raw], [], [], idle)[0]:
                continue
            received, sender = raw.recvfrom(1 << 16)
            last = time.monotonic()
            packet = datagram(received, raw.family)
            answered = answer(packet, cookie, ports)
            aside = reply(packet, cookie, ports, ASKS_ASIDE)
            if answered:
                with contextlib.suppress(OSError):
                    raw.sendto(answered, (sender[0], 0))
            if aside:
                with contextlib.suppress(OSError):
                    own.sendto(aside, (sender[0], GOSSIP))
            if answered or aside:
                continue
            leaving = farewell(packet, cookie)
            if leaving:
                gone.add(leaving[0])
                if len(gone) >= leaving[1]:
                    break
        for sock in held:
            sock.close()


if __name__ == "__main__":
    serve(sys.argv[1], bytes.fromhex(sys.argv[2]), [int(port) for port in sys.argv[3].split(",")], float(sys.argv[4]))
