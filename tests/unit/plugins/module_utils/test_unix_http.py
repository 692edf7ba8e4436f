# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over a socket of this host, against a server that says what it is told to, byte by byte."""

from __future__ import annotations

import io
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import errors
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import connection_spec, open_engine

PLAIN = b'HTTP/1.1 200 OK\r\nApi-Version: 1.45\r\nContent-Length: 9\r\n\r\n{"a": 1}\n'
CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n3\r\n 1}\r\n0\r\n\r\n'
REFUSED = b'HTTP/1.1 400 Bad Request\r\nContent-Length: 22\r\n\r\n{"message": "refused"}'


class Server:
    """Answers each connection once, whatever it is asked, and keeps what it was sent."""

    def __init__(self, path: Path) -> None:
        self.path, self.answer, self.listens = path, PLAIN, True
        self.got = b""
        self.serve = self._once
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(5)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            self.serve(connection)

    def _once(self, connection: socket.socket) -> None:
        self.got = connection.recv(100) if not self.listens else _all(connection)
        if self.answer:
            connection.sendall(self.answer)
            connection.close()


def _all(connection: socket.socket) -> bytes:
    """What comes until nothing more does."""
    got = b""
    connection.settimeout(0.2)
    try:
        while data := connection.recv(65536):
            got += data
    except TimeoutError:
        pass
    return got


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        made = Server(Path(folder) / "s")
        yield made
        made.close()


def engine(path: Path, **options: Any) -> Any:
    defaults = {name: one.get("default") for name, one in connection_spec().items()}
    return open_engine({**defaults, "docker_host": f"unix://{path}", **options})


@pytest.mark.parametrize("answer", [PLAIN, CHUNKED])
def test_an_answer_is_read_to_its_end(server: Server, answer: bytes) -> None:
    server.answer = answer
    one = engine(server.path)
    assert one.call("GET", "/services", query={"status": True, "filters": {"name": ["a b"]}}) == {"a": 1}
    assert server.got.startswith(b"GET /services?status=true&filters=%7B%22name%22%3A+%5B%22a+b%22%5D%7D HTTP/1.1\r\n")


def test_the_version_is_the_one_of_the_answer(server: Server) -> None:
    one = engine(server.path)
    one.call("GET", "/services")
    assert one.api_version == (1, 45)
    assert len(one.calls) == 1


@pytest.mark.parametrize("body", [b"an archive", io.BytesIO(b"an archive")], ids=["bytes", "file"])
def test_an_archive_is_sent_as_it_is(server: Server, body: Any) -> None:
    engine(server.path).call("POST", "/images/load", data=body)
    head, _gap, sent = server.got.partition(b"\r\n\r\n")
    assert b"Content-Type: application/x-tar" in head
    assert b"an archive" in sent


def test_text_beyond_ascii_is_sent_as_utf8(server: Server) -> None:
    engine(server.path).call("POST", "/secrets/create", {"Labels": {"a": "ä"}})
    assert b"Content-Length: 27" in server.got


def test_a_body_that_is_refused_before_its_end_still_has_an_answer(server: Server) -> None:
    server.answer, server.listens = REFUSED, False
    with pytest.raises(errors.EngineError, match="refused"):
        engine(server.path).call("POST", "/images/load", data=io.BytesIO(bytes(5_000_000)))


def _silent(server: Server) -> None:
    server.answer = b""


def _cut_short(server: Server) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"


def _gone(server: Server) -> None:
    server.path.unlink()


@pytest.mark.parametrize(
    ("trouble", "kind", "sentence"),
    [
        (_silent, errors.EngineError, "gave no answer in time"),
        (_cut_short, errors.Unavailable, "the answer was no whole HTTP"),
        (_gone, errors.Unavailable, "the socket does not exist"),
    ],
)
def test_trouble_is_told_apart(server: Server, trouble: Callable[[Server], None], kind: type, sentence: str) -> None:
    trouble(server)
    with pytest.raises(errors.EngineError, match=sentence) as error:
        engine(server.path, timeout=1).call("GET", "/services")
    assert error.value.__class__ is kind


def test_who_does_not_read_ends_a_conversation_all_the_same(server: Server) -> None:
    """The engine says the end of its answer and keeps its side of the connection, as 26.1 does."""
    ends: list[socket.socket] = []

    def deaf(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _part in range(50):
            connection.recv(10_000)
        connection.shutdown(socket.SHUT_WR)
        ends.append(connection)

    server.serve = deaf
    conversation = engine(server.path).converse("/exec/1/start", {})
    conversation.send(bytes(10_000_000))
    assert conversation.read() == b""
    closing = threading.Thread(target=conversation.close, daemon=True)
    closing.start()
    closing.join(20)
    assert not closing.is_alive()
    ends[0].close()
