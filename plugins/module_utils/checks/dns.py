# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a DNS server for the addresses of many names at once: Docker's own server, from inside a task."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

SERVER = ("127.0.0.11", 53)
TRIES = 3
TYPE_A, CLASS_IN = 1, 1
ERRORS = {1: "format error", 2: "server failure", 3: "no such name", 5: "refused"}

Result = dict[str, Any]


def query(number: int, name: str) -> bytes:
    """A recursive question for a name's IPv4 addresses."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", TYPE_A, CLASS_IN)


def read_answer(data: bytes) -> tuple[int, list[str], str]:
    """The question's number, the addresses, and what went wrong."""
    number, flags, questions, answers, _authority, _more = struct.unpack_from("!HHHHHH", data)
    code = flags & 0xF
    if code:
        return number, [], ERRORS.get(code, f"error {code}")
    at = 12
    for _question in range(questions):
        at = _skip_name(data, at) + 4
    found = []
    for _answer in range(answers):
        at = _skip_name(data, at)
        kind, _class, _ttl, length = struct.unpack_from("!HHIH", data, at)
        at += 10
        if kind == TYPE_A and length == 4:
            found.append(socket.inet_ntoa(data[at : at + 4]))
        at += length
    return number, sorted(found), ""


def _skip_name(data: bytes, at: int) -> int:
    while data[at]:
        if data[at] >= 0xC0:
            return at + 2
        at += 1 + data[at]
    return at + 1


def probe(names: Mapping[str, str], timeout: float, server: tuple[str, int] = SERVER) -> dict[str, Result]:
    """For each key's name: the ``addresses``, or the ``error``."""
    keys = list(names)
    found: dict[str, Result] = {}
    start = time.monotonic()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(server)
            for again in range(1, TRIES + 1):
                for number, key in enumerate(keys):
                    if key not in found:
                        sock.send(query(number, names[key]))
                until = start + timeout * again / TRIES
                while len(found) < len(keys) and (left := until - time.monotonic()) > 0:
                    _receive(sock, keys, found, left)
        error = f"no answer of {server[0]} within {timeout:g} s"
    except OSError as refusal:
        error = f"{server[0]}: {(refusal.strerror or str(refusal)).lower()}"
    return {**{key: {"ok": False, "addresses": [], "error": error} for key in keys}, **found}


def _receive(sock: socket.socket, keys: list[str], found: dict[str, Result], seconds: float) -> None:
    if not select.select([sock], [], [], seconds)[0]:
        return
    try:
        number, addresses, error = read_answer(sock.recv(4096))
    except (struct.error, IndexError):
        return
    if number < len(keys):
        found[keys[number]] = {"ok": not error, "addresses": addresses, "error": error}
