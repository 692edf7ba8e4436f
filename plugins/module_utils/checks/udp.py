# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagrams to many addresses at once, each of which the responder on its host has to answer from the very port.

Where IPsec protects the ports, it answers to the port of gossip instead, which a raw socket hears here.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from . import responder

TRIES = 4

Result = dict[str, Any]


def cookie(run: str) -> bytes:
    """What the responder knows its datagrams by: eight bytes.

    The first one is no VXLAN header's, so that a kernel drops what is sent to its data path.
    """
    return b"p" + bytes.fromhex(run)[:7]


def probe(
    targets: Mapping[str, tuple[str, int]], run: str, timeout: float, answers_at: str | None = None
) -> dict[str, Result]:
    """For each key's address and port: ``ok``, ``ms``, or the ``error``; ``answers_at``: own address, under IPsec."""
    keys = list(targets)
    found: dict[str, Result] = {}
    sent: dict[str, float] = {}
    how = responder.ASKS_ASIDE if answers_at else responder.ASKS
    with ExitStack() as stack:
        families = {responder.family(address) for address, _port in targets.values()}
        sockets = {family: stack.enter_context(_socket(family)) for family in families}
        aside = [stack.enter_context(responder.open_raw(answers_at, cookie(run)))] if answers_at else []
        start = time.monotonic()
        for again in range(1, TRIES + 1):
            for number, key in enumerate(keys):
                if key not in found:
                    sent[key] = time.monotonic()
                    target = targets[key]
                    question = cookie(run) + how + struct.pack("!H", number)
                    _send(sockets[responder.family(target[0])], question, target, found, key)
            until = start + timeout * again / TRIES
            while len(found) < len(keys) and (left := until - time.monotonic()) > 0:
                heard = _receive(aside or [*sockets.values()], cookie(run), left)
                if heard is not None and heard < len(keys) and keys[heard] not in found:
                    milliseconds = round((time.monotonic() - sent[keys[heard]]) * 1000, 3)
                    found[keys[heard]] = {"ok": True, "ms": milliseconds, "error": ""}
    error = f"no answer within {timeout:g} s to {TRIES} datagrams"
    return {**{key: {"ok": False, "ms": None, "error": error} for key in keys}, **found}


def done(addresses: Iterable[str], run: str, name: str, probers: int) -> None:
    """Tell responders that this host needs them no more; lost ones do no harm."""
    message = cookie(run) + b"!" + struct.pack("!H", probers) + name.encode()[:200]
    for address in [*addresses] * 2:
        with _socket(responder.family(address)) as sock:
            _send(sock, message, (address, responder.GOSSIP), {}, "")


def _socket(family: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    return sock


def _send(sock: socket.socket, data: bytes, target: tuple[str, int], found: dict[str, Result], key: str) -> None:
    try:
        sock.sendto(data, target)
    except OSError as error:
        found[key] = {"ok": False, "ms": None, "error": f"cannot be sent: {(error.strerror or str(error)).lower()}"}


def _receive(sockets: Sequence[socket.socket], own: bytes, seconds: float) -> int | None:
    ready = select.select(sockets, [], [], seconds)[0]
    if not ready:
        return None
    try:
        data = ready[0].recv(2048)
    except OSError:
        return None
    if ready[0].type == socket.SOCK_RAW:
        data = responder.datagram(data, ready[0].family)[responder.UDP_HEADER :]
    if len(data) != 11 or data[:9] != own + b"=":
        return None
    return int.from_bytes(data[9:], "big")
