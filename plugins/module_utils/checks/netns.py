# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work inside a container's network namespace, entered from the host: the container needs no program for it."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable

from ..addresses import version

CLONE_NEWNET = 0x40000000
SIOCGIFADDR, SIOCGIFMTU = 0x8915, 0x8921
IPV6_ADDRESSES = "/proc/self/net/if_inet6"

Work = Callable[[], dict[str, Any]]


def enter(pid: int) -> None:
    """Move this process into the namespace; os.setns would need Python 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/proc/{pid}/ns/net").open("rb") as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def interface(address: str) -> dict[str, Any]:
    """The name and the MTU of the interface that has an address, in the namespace of this process."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for name in _with_ipv6(address) if version(address) == 6 else _with_ipv4(address, sock):
            mtu = struct.unpack_from("i", fcntl.ioctl(sock, SIOCGIFMTU, _request(name)), 16)[0]
            return {"interface": name, "mtu": mtu}
    return {}


def _request(name: str) -> bytes:
    return struct.pack("16s16s", name.encode(), b"")


def _with_ipv4(address: str, sock: socket.socket) -> Iterator[str]:
    for _index, name in socket.if_nameindex():
        # One without an IPv4 address says so by an error.
        with suppress(OSError):
            if socket.inet_ntoa(fcntl.ioctl(sock, SIOCGIFADDR, _request(name))[20:24]) == address:
                yield name


def _with_ipv6(address: str) -> Iterator[str]:
    """Of this process's namespace: no call says it."""
    wanted = socket.inet_pton(socket.AF_INET6, address).hex()
    with suppress(OSError):
        for line in Path(IPV6_ADDRESSES).read_text(encoding="ascii").splitlines():
            found, *_numbers, name = line.split()
            if found == wanted:
                yield name


class Inside:
    """A child process that works in another namespace while its parent goes on."""

    def __init__(self, pid: int, work: Work) -> None:
        reading, writing = os.pipe()
        self._child = os.fork()
        if self._child:
            os.close(writing)
            self._pipe = reading
            return
        code = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "w", encoding="utf-8") as pipe:
                json.dump(_try(pid, work), pipe)
            code = 0
        finally:
            # Nothing of the parent's may be flushed or cleaned up twice.
            os._exit(code)

    def result(self) -> tuple[dict[str, Any], str]:
        """What the work returned, or why there is nothing."""
        with os.fdopen(self._pipe, encoding="utf-8") as pipe:
            text = pipe.read()
        os.waitpid(self._child, 0)
        try:
            answer = json.loads(text)
        except ValueError:
            return {}, "the probe inside the task's network ended without a result"
        return answer["result"], answer["error"]


def _try(pid: int, work: Work) -> dict[str, Any]:
    try:
        enter(pid)
        return {"result": work(), "error": ""}
    except OSError as error:
        return {"result": {}, "error": f"the task's network cannot be entered: {error.strerror or error}"}
