# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to the Engine that stays open both ways after its request, as that of a command that runs does."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from typing import Any, Optional

from .unix_http import UNIX, UnixConnection, path_of

# What says the end of what is sent without ending what is read: these cannot.
_WHOLE = ("https://", "http+docker://ssh")


class Conversation:
    """Read by exact lengths, written to at the same time."""

    def __init__(self, status: int, reader: Any, stream: Any) -> None:
        self.status_code = status
        self._reader = reader
        self._socket = stream
        self._sender: Optional[threading.Thread] = None

    def read(self, length: Optional[int] = None, timeout: Optional[float] = None) -> bytes:
        """Fewer bytes only at the end. TimeoutError where none comes in time."""
        self._socket.settimeout(timeout)
        try:
            return bytes(self._reader.read(length))
        except socket.timeout as error:
            # Python 3.9 has two of them.
            raise TimeoutError(str(error)) from error
        except Exception as error:
            # The SDK's own, which is imported only with it.
            if type(error).__name__ != "ReadTimeoutError":
                raise
            raise TimeoutError(str(error)) from error

    @property
    def text(self) -> str:
        return self.read().decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.text)

    def send(self, data: bytes) -> None:
        """All of it, then its end, while the answer is read: neither side waits for the other."""
        self._sender = threading.Thread(target=self._send, args=(data,), daemon=True)
        self._sender.start()

    def _send(self, data: bytes) -> None:
        # Who does not read it need not; and a connection that breaks breaks the reading too, which says so.
        with contextlib.suppress(OSError):
            self._socket.sendall(data)
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._sender is not None:
            self._sender.join()
        self._reader.close()
        self._socket.close()


def half_closes(client: Any, host: str) -> bool:
    return host.startswith(UNIX) or not str(client.base_url).startswith(_WHOLE)


def begin(client: Any, host: str, path: str, body: str, timeout: float) -> Conversation:
    """A POST; what goes wrong is an OSError."""
    headers = {"Content-Type": "application/json"}
    if host.startswith(UNIX):
        return _over_unix(path_of(host), path, body, headers, timeout)
    response = client.request(
        "POST", f"{client.base_url}{path}", data=body, headers=headers, timeout=(timeout, None), stream=True
    )
    raw = client._get_raw_response_socket(response) if response.status_code < 400 else response.raw._fp.fp.raw
    stream = getattr(raw, "_sock", raw)
    return Conversation(response.status_code, response.raw, stream)


def _over_unix(place: str, path: str, body: str, headers: dict[str, str], timeout: float) -> Conversation:
    connection = UnixConnection(place, timeout, kept=True)
    connection.connect()
    stream = connection.sock
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
    except http.client.HTTPException as error:
        stream.close()
        raise ConnectionError(f"the answer was no whole HTTP: {error!r}") from error
    except OSError:
        stream.close()
        raise
    return Conversation(response.status, response, stream)
