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

UNIX = "unix://"


def path_of(host: str) -> str:
    """The socket's path in ``unix:///path``."""
    return f"/{host[len(UNIX) :].lstrip('/')}"


class Answer:
    """What the engine said, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status_code = response.status
        self.headers = response.headers
        self.content = response.read()

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", errors="replace")

    def json(self) -> Any:
        return json.loads(self.content)


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
        timeout: float = 60,
    ) -> Answer:
        connection = UnixConnection(self._path, timeout)
        body = data.encode() if isinstance(data, str) else data
        try:
            # Who refuses a body may answer before its end.
            with suppress(BrokenPipeError):
                connection.request(verb, f"{url}?{urlencode(params)}" if params else url, body, dict(headers or {}))
            return Answer(connection.getresponse())
        except socket.timeout as error:
            # Python 3.9 has two of them.
            raise TimeoutError(str(error)) from error
        except http.client.HTTPException as error:
            raise ConnectionError(f"the answer was no whole HTTP: {error!r}") from error
        finally:
            connection.close()


class UnixConnection(http.client.HTTPConnection):
    """With ``kept`` its socket outlives the answer's end: who takes it over closes it."""

    def __init__(self, path: str, timeout: float, kept: bool = False) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path
        self._kept = kept

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def close(self) -> None:
        if not self._kept:
            super().close()
