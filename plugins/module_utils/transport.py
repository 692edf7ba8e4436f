# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an engine is spoken to: a socket of this host directly (``unix_http.py``), all else by the Docker SDK."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

from .errors import Unavailable
from .unix_http import UNIX, UnixClient, path_of

# The client wants a version to be made; the paths that are called carry one only where the user asked for it.
_CLIENT_VERSION = "1.41"


def open_client(params: Mapping[str, Any]) -> Any:
    if params["docker_host"].startswith(UNIX):
        return UnixClient(path_of(params["docker_host"]))
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


def timed_out(error: Exception) -> bool:
    """Python 3.9 has two classes that say so, and what the SDK stands on two more, which are no kin of those."""
    return isinstance(error, (TimeoutError, socket.timeout)) or type(error).__name__ in (
        "ReadTimeout",
        "ReadTimeoutError",
    )
