# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP over a Unix socket with the standard library alone.

Importing the Docker SDK takes longer than all that a run with nothing to do does beside it, and nearly every run speaks
to the engine of its own host. This stands in for the SDK's session there: the same ``request``, errors are OSErrors.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, Any, Optional, Union
from urllib.parse import urlencode


class Answer:
    """What the engine said: read to its end, unless it goes on over ``taken``, the connection's socket."""

    def __init__(self, response: http.client.HTTPResponse, taken: Optional[socket.socket]) -> None:
        self.status_code = response.status
        self.headers = response.headers
        self.raw = response
        self.taken = taken
        self._content = None if taken else response.read()

    @property
    def content(self) -> bytes:
        if self._content is None:
            self._content = self.raw.read()
        return self._content

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", errors="replace")

    def json(self) -> Any:
        return json.loads(self.content)

    def close(self) -> None:
        self.raw.close()
        if self.taken:
            self.taken.close()


class UnixClient:
    """One connection a request: on a socket of this host that costs nothing, and none is stale after a restart."""

    base_url = ""

    def __init__(self, path: str) -> None:
        self._path = path

    def request(
        self,
        verb: str,
        url: str,
        params: Optional[Mapping[str, Any]] = None,
        data: Optional[Union[str, bytes, IO[bytes]]] = None,
        headers: Optional[Mapping[str, str]] = None,
        timeout: Union[float, tuple[float, Optional[float]]] = 60,
        stream: bool = False,
    ) -> Answer:
        """With ``stream`` who asks takes the connection over, and closes the answer."""
        connection = _Connection(self._path, timeout[0] if isinstance(timeout, tuple) else timeout, stream)
        body = data.encode() if isinstance(data, str) else data
        try:
            # Who refuses a body may answer before its end.
            with suppress(BrokenPipeError):
                connection.request(verb, f"{url}?{urlencode(params)}" if params else url, body, dict(headers or {}))
            return Answer(connection.getresponse(), connection.taken)
        except http.client.HTTPException as error:
            raise ConnectionError(f"the answer was no whole HTTP: {error!r}") from error
        finally:
            connection.close()

    @staticmethod
    def _get_raw_response_socket(answer: Answer) -> Optional[socket.socket]:
        """As the SDK's session calls it."""
        return answer.taken


class _Connection(http.client.HTTPConnection):
    """``taken``: its socket, where that outlives the request."""

    def __init__(self, path: str, timeout: float, outlives: bool) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path
        self._outlives = outlives
        self.taken: Optional[socket.socket] = None

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
        self.taken = self.sock if self._outlives else None

    def close(self) -> None:
        if not self._outlives:
            super().close()
