# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP connections to many addresses at once: whether each is accepted, and how long that takes."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections.abc import Mapping
from typing import Any

Result = dict[str, Any]


def probe(targets: Mapping[str, tuple[str, int]], timeout: float) -> dict[str, Result]:
    """For each key's address and port: ``ok``, ``ms``, or the ``error``."""
    found: dict[str, Result] = {}
    deadline = time.monotonic() + timeout
    with selectors.DefaultSelector() as waiting:
        for key, target in targets.items():
            family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.setblocking(False)
            started = time.monotonic()
            code = sock.connect_ex(target)
            if code in (0, errno.EINPROGRESS):
                waiting.register(sock, selectors.EVENT_WRITE, (key, started))
            else:
                found[key] = _failed(code)
                sock.close()
        while waiting.get_map() and (left := deadline - time.monotonic()) > 0:
            for ready, _events in waiting.select(left):
                key, started = ready.data
                found[key] = _ended(ready.fileobj, started)
                waiting.unregister(ready.fileobj)
        for late in list(waiting.get_map().values()):
            found[late.data[0]] = {"ok": False, "ms": None, "error": f"no answer within {timeout:g} s"}
            _close(late.fileobj)
    return found


def _ended(sock: Any, started: float) -> Result:
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    milliseconds = round((time.monotonic() - started) * 1000, 3)
    sock.close()
    return _failed(code) if code else {"ok": True, "ms": milliseconds, "error": ""}


def _failed(code: int) -> Result:
    refused = " (nothing listens there, or a firewall rejects)" if code == errno.ECONNREFUSED else ""
    return {"ok": False, "ms": None, "error": f"{os.strerror(code).lower()}{refused}"}


def _close(sock: Any) -> None:
    sock.close()
