# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Echo requests from within a network namespace: no machine has to have ping, and answers have numbers."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Optional

CLONE_NEWNET = 0x40000000
IP_MTU_DISCOVER, PMTUDISC_DO = 10, 2
REQUEST, REPLY = 8, 0
# As many as their numbers can tell apart.
MOST = 1 << 16


@contextlib.contextmanager
def entered(name: str) -> Iterator[None]:
    """This thread in another network namespace; sockets stay where they were made."""
    libc = ctypes.CDLL(None, use_errno=True)
    home, there = (os.open(path, os.O_RDONLY) for path in ("/proc/thread-self/ns/net", f"/run/netns/{name}"))
    try:
        if libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {name}")
        try:
            yield
        finally:
            if libc.setns(home, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns home")
    finally:
        os.close(home)
        os.close(there)


class Ping:
    """Requests at a fixed pace, never fragmented here; ``result`` is what was sent and answered.

    Without a count they go on until the result is asked for.
    """

    def __init__(
        self, namespace: str, target: str, count: Optional[int], interval: float, payload: bytes, wait: float
    ) -> None:
        with entered(namespace):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
        self._target, self._count, self._interval = target, count or MOST, interval
        self._ended, self._sent = threading.Event(), 0
        self._payload, self._wait = payload, wait
        self._identity = id(self) >> 4 & 0xFFFF
        self._answered: set[int] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self) -> tuple[int, int]:
        if self._count == MOST:
            self._ended.set()
        self._thread.join()
        return self._sent, len(self._answered)

    def _run(self) -> None:
        with self._socket:
            for number in range(self._count):
                due = time.monotonic() + self._interval
                # What the kernel refuses to send is a request without an answer.
                with contextlib.suppress(OSError):
                    self._socket.sendto(self._request(number), (self._target, 0))
                self._sent = number + 1
                last = self._sent == self._count or self._ended.is_set()
                self._receive(time.monotonic() + self._wait if last else due, early=last)
                if last:
                    return

    def _request(self, number: int) -> bytes:
        body = struct.pack("!HH", self._identity, number) + self._payload
        return struct.pack("!BBH", REQUEST, 0, checksum(struct.pack("!BBH", REQUEST, 0, 0) + body)) + body

    def _receive(self, until: float, early: bool) -> None:
        """Until then, or until nothing is missing where that is the end."""
        while (left := until - time.monotonic()) > 0 and not (early and len(self._answered) == self._sent):
            if not select.select([self._socket], [], [], left)[0]:
                continue
            packet = self._socket.recv(1 << 16)
            kind, _code, _sum, identity, number = struct.unpack_from("!BBHHH", packet, (packet[0] & 15) * 4)
            if (kind, identity) == (REPLY, self._identity):
                self._answered.add(number)


def checksum(data: bytes) -> int:
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2))
    total = sum(words)
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
