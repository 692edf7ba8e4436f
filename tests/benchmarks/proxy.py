# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A socket in front of an engine's: what a module or a command line really sends is noted, and goes on as it is."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path
from types import TracebackType

# A head begins a connection or follows the end of a body; no body that is sent here looks like one.
HEAD = re.compile(rb"(GET|HEAD|POST|PUT|DELETE) (\S+) HTTP/1\.1\r\n")
LONGEST_HEAD = 4096


class CountingProxy:
    """``calls``: verb and path of every request, in order."""

    def __init__(self, path: Path, engine: Path) -> None:
        self.path, self._engine = path, engine
        self.calls: list[str] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(64)

    def __enter__(self) -> CountingProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.path.unlink()

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._server.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(str(self._engine))
            threading.Thread(target=self._ask, args=(client, engine), daemon=True).start()
            threading.Thread(target=_pass_on, args=(engine, client), daemon=True).start()

    def _ask(self, client: socket.socket, engine: socket.socket) -> None:
        """A head that came in two pieces is found when the second is there."""
        seen = b""
        while data := _receive(client):
            seen += data
            heads = list(HEAD.finditer(seen))
            self.calls += [f"{head[1].decode()} {head[2].decode()}" for head in heads]
            seen = seen[heads[-1].end() if heads else 0 :][-LONGEST_HEAD:]
            engine.sendall(data)
        _end(engine)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    while data := _receive(source):
        try:
            target.sendall(data)
        except OSError:
            break
    _end(target)


def _receive(source: socket.socket) -> bytes:
    try:
        return source.recv(65536)
    except OSError:
        return b""


def _end(target: socket.socket) -> None:
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()
