# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""charon's own control protocol, vici: the packets (pure), and a session on its socket (thin).

Debian packages no Python binding, and ``swanctl`` loads whole files only: it would unload the connections of others.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from ..errors import OverlayError

SOCKET = "/run/charon.vici"
TIMEOUT = 30.0
# Packets.
REQUEST, RESPONSE, UNKNOWN, REGISTER, UNREGISTER, CONFIRM, EVENT_UNKNOWN, EVENT = range(8)
# Elements of a message.
SECTION_START, SECTION_END, KEY_VALUE, LIST_START, LIST_ITEM, LIST_END = range(1, 7)

Message = Mapping[str, Any]


class ViciError(OverlayError):
    """charon refused, does not know the command, or is not there."""


def encode(message: Message) -> bytes:
    """Sections are mappings, lists are lists, everything else is a text or bytes."""
    out = b""
    for name, value in message.items():
        if isinstance(value, Mapping):
            out += bytes([SECTION_START]) + _name(name) + encode(value) + bytes([SECTION_END])
        elif isinstance(value, (list, tuple)):
            items = b"".join(bytes([LIST_ITEM]) + _value(item) for item in value)
            out += bytes([LIST_START]) + _name(name) + items + bytes([LIST_END])
        else:
            out += bytes([KEY_VALUE]) + _name(name) + _value(value)
    return out


def _name(name: str) -> bytes:
    raw = name.encode()
    if len(raw) > 255:
        raise ViciError(f"charon: the name {name[:40]}… has {len(raw)} bytes; a name has at most 255")
    return bytes([len(raw)]) + raw


def _value(value: Any) -> bytes:
    raw = value if isinstance(value, bytes) else str(value).encode()
    if len(raw) > 65535:
        raise ViciError(f"charon: a value has {len(raw)} bytes; a value has at most 65535")
    return struct.pack("!H", len(raw)) + raw


def decode(data: bytes) -> dict[str, Any]:
    """What charon says; a name that comes twice in a section keeps its last value, as in charon itself."""
    stack: list[dict[str, Any]] = [{}]
    items: Optional[list[str]] = None
    position = 0
    try:
        while position < len(data):
            kind, position = data[position], position + 1
            if kind == SECTION_END:
                stack.pop()
            elif kind == LIST_END:
                items = None
            elif kind == LIST_ITEM:
                if items is None:
                    raise ViciError("charon: an item outside of a list")
                value, position = _take_value(data, position)
                items.append(value)
            else:
                name, position = _take_name(data, position)
                position, items = _take_named(kind, name, data, position, stack)
    except (IndexError, struct.error) as error:
        raise ViciError("charon: its answer ends in the middle") from error
    if len(stack) != 1 or items is not None:
        raise ViciError("charon: its answer ends in the middle of a section or list")
    return stack[0]


def _take_named(
    kind: int, name: str, data: bytes, position: int, stack: list[dict[str, Any]]
) -> tuple[int, Optional[list[str]]]:
    items: Optional[list[str]] = None
    if kind == SECTION_START:
        inner: dict[str, Any] = {}
        stack[-1][name] = inner
        stack.append(inner)
    elif kind == LIST_START:
        items = stack[-1][name] = []
    elif kind == KEY_VALUE:
        stack[-1][name], position = _take_value(data, position)
    else:
        raise ViciError(f"charon: element {kind} is unknown")
    return position, items


def _take_name(data: bytes, position: int) -> tuple[str, int]:
    end = position + 1 + data[position]
    return _text(data, position + 1, end), end


def _take_value(data: bytes, position: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("!H", data, position)
    end = position + 2 + length
    return _text(data, position + 2, end), end


def _text(data: bytes, start: int, end: int) -> str:
    if end > len(data):
        raise IndexError(end)
    # Certificates come as DER: one character a byte, which no text of charon's needs otherwise.
    raw = data[start:end]
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


class Session:
    """One conversation; nothing of it is repeated, so an error is an error."""

    def __init__(self, path: str = SOCKET, timeout: float = TIMEOUT) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise ViciError(
                f"charon: nobody answers at {path} ({error.strerror}); see `journalctl -u strongswan`"
            ) from error

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def ask(self, command: str, message: Optional[Message] = None) -> dict[str, Any]:
        """A command and its answer, whatever it says."""
        self._send(bytes([REQUEST]) + _name(command) + encode(message or {}))
        kind, answer = self._receive()
        if kind == UNKNOWN:
            raise ViciError(f"charon: does not know the command {command}; strongSwan 5.9 or later does")
        if kind != RESPONSE:
            raise ViciError(f"charon: answered {command} with a packet of kind {kind}")
        return decode(answer)

    def do(self, command: str, message: Optional[Message] = None) -> dict[str, Any]:
        """A command that has to succeed. The message is never shown: it may carry a key."""
        answer = self.ask(command, message)
        if answer.get("success", "yes") != "yes":
            raise ViciError(f"charon: refused {command}: {answer.get('errmsg') or 'it does not say why'}")
        return answer

    def stream(self, command: str, event: str, message: Optional[Message] = None) -> Iterator[dict[str, Any]]:
        """The events that a command answers with, one after another, before its own answer."""
        self._send(bytes([REGISTER]) + _name(event))
        kind, _rest = self._receive()
        if kind != CONFIRM:
            raise ViciError(f"charon: does not know the event {event}; strongSwan 5.9 or later does")
        self._send(bytes([REQUEST]) + _name(command) + encode(message or {}))
        while True:
            kind, answer = self._receive()
            if kind != EVENT:
                break
            name, position = _take_name(answer, 0)
            if name == event:
                yield decode(answer[position:])
        self._send(bytes([UNREGISTER]) + _name(event))
        self._receive()
        if kind != RESPONSE:
            raise ViciError(f"charon: answered {command} with a packet of kind {kind}")

    def _send(self, packet: bytes) -> None:
        try:
            self._socket.sendall(struct.pack("!I", len(packet)) + packet)
        except OSError as error:
            raise ViciError(f"charon: hung up ({error.strerror or error})") from error

    def _receive(self) -> tuple[int, bytes]:
        (length,) = struct.unpack("!I", self._read(4))
        packet = self._read(length)
        return packet[0], packet[1:]

    def _read(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            try:
                part = self._socket.recv(length - len(found))
            except OSError as error:
                raise ViciError(f"charon: does not answer ({error.strerror or error})") from error
            if not part:
                raise ViciError("charon: hung up in the middle of an answer; see `journalctl -u strongswan`")
            found += part
        return found
