# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory that MinIO reads its certificate, key and trust from.

MinIO watches it for files that were closed after writing: a file that is renamed into place is not noticed. So drafts
are written elsewhere, renamed, and the certificate is opened and closed once more, until the server shows it.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from ..wait import wait_until
from . import pem
from .ca import write
from .pair import Pair

CERTIFICATE, KEY, TRUST = "public.crt", "private.key", "ca.crt"
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
        return Pair(self.directory / CERTIFICATE, self.directory / KEY, self.pending, self.owner)

    def request(self, common_name: str) -> str:
        """A key that nobody else has seen, and what the CA has to sign."""
        return self.pair.request(common_name)

    def install(self, certificate: str, key: Optional[str], trust: str) -> None:
        """Put everything in place; the key that was given, or the one that waits."""
        self.pair.stage()
        self.directory.mkdir(mode=0o755, exist_ok=True)
        self.directory.chmod(0o755)
        if trust:
            authorities = self.directory / "CAs"
            authorities.mkdir(mode=0o755, exist_ok=True)
            write(authorities / TRUST, trust.encode(), 0o644, draft=self.pending / TRUST)
        else:
            (self.directory / "CAs" / TRUST).unlink(missing_ok=True)
        if certificate:
            self.pair.install(certificate, key)
        self.pair.clear()

    def touch(self) -> None:
        """What MinIO notices: the certificate was open for writing, and is closed."""
        with (self.directory / CERTIFICATE).open("r+b"):
            pass

    def reload(self, address: str, timeout: float) -> bool:
        """Until the server shows what is installed; whether there is one that speaks TLS."""
        wanted = pem.fingerprint((self.directory / CERTIFICATE).read_text(encoding="utf-8"))

        def look() -> str:
            self.touch()
            return served(address)

        what = f"MinIO at {address} to show the certificate {wanted}"
        return wait_until(look, lambda seen: seen in (wanted, NOT_TLS), timeout, what, 0.5) == wanted


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
