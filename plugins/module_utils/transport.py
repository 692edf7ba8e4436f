# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an engine is spoken to: a socket of this host directly (``unix_http.py``), all else by the Docker SDK."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable, Optional

from .errors import Unavailable
from .unix_http import UnixClient

UNIX = "unix://"
# The client wants a version to be made; the paths that are called carry one only where the user asked for it.
_CLIENT_VERSION = "1.41"


def open_client(params: Mapping[str, Any]) -> Any:
    if params["docker_host"].startswith(UNIX):
        return UnixClient("/" + params["docker_host"][len(UNIX) :].lstrip("/"))
    docker = sdk()
    try:
        return docker.APIClient(
            base_url=params["docker_host"],
            version=_CLIENT_VERSION,
            timeout=params["timeout"],
            tls=_tls(params, docker.tls.TLSConfig),
            use_ssh_client=params["use_ssh_client"],
        )
    except (docker.errors.DockerException, OSError) as error:
        raise Unavailable(f"docker_host {params['docker_host']} cannot be used: {error}") from error


def _tls(params: Mapping[str, Any], config: Callable[..., Any]) -> Any:
    if not (params["tls"] or params["validate_certs"]):
        return False
    folder = os.environ.get("DOCKER_CERT_PATH")
    paths = {
        option: params[option] or (str(Path(folder) / name) if folder else None)
        for option, name in (("ca_path", "ca.pem"), ("client_cert", "cert.pem"), ("client_key", "key.pem"))
    }
    pair = (paths["client_cert"], paths["client_key"]) if paths["client_cert"] and paths["client_key"] else None
    # Newer SDKs check the host name of the URL and know no other.
    other = {"assert_hostname": params["tls_hostname"]} if params["tls_hostname"] else {}
    try:
        return config(client_cert=pair, ca_cert=paths["ca_path"], verify=bool(params["validate_certs"]), **other)
    except TypeError as error:
        raise Unavailable("this Docker SDK cannot check another tls_hostname than docker_host's; remove it") from error


def sdk() -> Any:
    """The Docker SDK, imported only where it is used: it takes a tenth of a second."""
    try:
        import docker
        import docker.auth
        import docker.tls
    except ImportError as error:
        missing = Unavailable(
            f"the Docker SDK for Python is missing for {sys.executable}; install Debian's python3-docker on this host"
        )
        missing.absent = True
        raise missing from error
    return docker


class Conversation:
    """A connection that was taken over: read by exact lengths, written to at the same time."""

    def __init__(self, response: Any, raw: Any, half_closes: bool) -> None:
        self._response = response
        self._socket = getattr(raw, "_sock", raw)
        self._half_closes = half_closes
        self._sender: Optional[threading.Thread] = None

    def read(self, length: int, timeout: Optional[float] = None) -> bytes:
        """Fewer bytes only at the end. TimeoutError where none comes in time."""
        self._socket.settimeout(timeout)
        try:
            return bytes(self._response.raw.read(length))
        except Exception as error:
            if not timed_out(error):
                raise
            raise TimeoutError(str(error)) from error

    def send(self, data: bytes) -> None:
        """All of it, then its end, while the answer is read: neither side waits for the other."""
        self._sender = threading.Thread(target=self._send, args=(data,), daemon=True)
        self._sender.start()

    def _send(self, data: bytes) -> None:
        # Who does not read it need not; and a connection that breaks breaks the reading too, which says so.
        with contextlib.suppress(OSError):
            self._socket.sendall(data)
            if self._half_closes:
                self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        if self._sender is not None and self._half_closes:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._sender.join()
        self._response.close()


def timed_out(error: Exception) -> bool:
    """Python 3.9 has two classes that say so, and what the SDK stands on two more, which are no kin of those."""
    return isinstance(error, (TimeoutError, socket.timeout)) or type(error).__name__ in (
        "ReadTimeout",
        "ReadTimeoutError",
    )
