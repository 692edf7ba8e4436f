# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory that MinIO reads its certificate, key and trust from.

Certificate and key are links into the directory of one pair (``pair.py``), which MinIO reads again every ten seconds,
for the first time a minute after its start. One that was started with two files instead watches their directory.
"""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .. import own_directory
from ..errors import InputError, OverlayError, WaitTimeout
from ..own_directory import Kind
from ..wait import wait_until
from . import pem
from .ca import write
from .pair import CERTIFICATE, CURRENT, KEY, PREFIX, Pair

TRUST = "ca.crt"
# Seconds after which a server that reads links again would have shown them, but for one that has just started.
WAKES = 15
KIND = Kind((CERTIFICATE, KEY, "CAs", CURRENT, f"{PREFIX}*"), 0o755)
NOT_TLS = "no TLS server answers"


@dataclass(frozen=True)
class Store:
    """``pending`` is where a key waits for its certificate: the same file system, and not watched."""

    directory: Path
    owner: int

    @property
    def pending(self) -> Path:
        return self.directory.with_name(f".{self.directory.name}.new")

    @property
    def pair(self) -> Pair:
        return Pair(self.directory / CERTIFICATE, self.directory / KEY, self.directory, self.pending, self.owner)

    def request(self, common_name: str) -> str:
        """A key that nobody else has seen, and what the CA has to sign."""
        return self.pair.request(common_name)

    @property
    def _trust(self) -> Path:
        return self.directory / "CAs" / TRUST

    def install(
        self, certificate: str, key: Optional[str], trust: str, address: Optional[str] = None, timeout: float = 90
    ) -> bool:
        """Put everything in place; the key that was given, or the one that waits. Whether a server was seen to show it.

        A server that runs and does not take the new pair would not start again with it: what was there is put back.
        """
        runs = bool(certificate and address) and served(str(address)) != NOT_TLS
        own_directory.make(self.directory, KIND)
        self.pair.stage()
        trusted = self._trust.read_bytes() if self._trust.is_file() else b""
        self._put_trust(trust.encode())
        former, watched = "", not (self.directory / CERTIFICATE).is_symlink()
        try:
            former = self.pair.install(certificate, key) if certificate else ""
            shown = bool(certificate and address) and self.reload(str(address), timeout, runs, watched)
        except (InputError, WaitTimeout) as error:
            self._put_trust(trusted)
            if isinstance(error, WaitTimeout):
                self.pair.put_back(former)
            self.pair.clear()
            if isinstance(error, InputError):
                raise
            raise OverlayError(
                f"{self.directory}: MinIO at {address} does not take the new certificate, and would not start with it "
                f"({error}); the former one was put back, and is served on: look at MinIO's log for what it misses"
            ) from error
        self.pair.clear()
        return shown

    def _put_trust(self, content: bytes) -> None:
        if content:
            self._trust.parent.mkdir(mode=0o755, exist_ok=True)
            write(self._trust, content, 0o644, draft=self.pending / TRUST)
        else:
            self._trust.unlink(missing_ok=True)

    def reload(self, address: str, timeout: float, runs: bool = False, watched: bool = False) -> bool:
        """Until the server shows what is installed; whether there is one that speaks TLS. ``runs``: there was one.

        ``watched``: it was started with two files.
        """
        wanted = pem.fingerprint((self.directory / CERTIFICATE).read_text(encoding="utf-8"))
        began = time.monotonic()

        def look() -> str:
            if watched or time.monotonic() - began > WAKES:
                self.pair.wake()
            return served(address)

        enough = (wanted,) if runs else (wanted, NOT_TLS)
        what = f"MinIO at {address} to show the certificate {wanted}"
        return wait_until(look, lambda seen: seen in enough, timeout, what, 0.5) == wanted


def served(address: str, timeout: float = 5.0) -> str:
    """The fingerprint of the certificate that a server shows, whoever signed it."""
    host, _colon, port = address.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        plain = socket.create_connection((host.strip("[]"), int(port)), timeout)
        with plain, context.wrap_socket(plain) as connection:
            return pem.ssl_fingerprint(connection.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError):
        return NOT_TLS
