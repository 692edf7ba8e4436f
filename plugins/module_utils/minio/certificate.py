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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from ..errors import OverlayError, WaitTimeout
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

    @property
    def _trust(self) -> Path:
        return self.directory / "CAs" / TRUST

    def install(
        self, certificate: str, key: Optional[str], trust: str, address: Optional[str] = None, timeout: float = 60
    ) -> bool:
        """Put everything in place; the key that was given, or the one that waits. Whether a server was seen to show it.

        A server that runs and does not take the new pair would not start again with it: what was there is put back.
        """
        runs = bool(certificate and address) and served(str(address)) != NOT_TLS
        self.pair.stage()
        former = self._keep()
        try:
            self._put(certificate, key, trust)
            shown = bool(certificate and address) and self.reload(str(address), timeout, runs)
        except WaitTimeout as error:
            self._put_back(former)
            raise OverlayError(
                f"{self.directory}: MinIO at {address} does not take the new certificate, and would not start with it "
                f"({error}); the former one was put back, and is served on: look at MinIO's log for what it misses"
            ) from error
        self.pair.clear()
        return shown

    def _put(self, certificate: str, key: Optional[str], trust: str) -> None:
        self.directory.mkdir(mode=0o755, exist_ok=True)
        self.directory.chmod(0o755)
        if trust:
            self._trust.parent.mkdir(mode=0o755, exist_ok=True)
            write(self._trust, trust.encode(), 0o644, draft=self.pending / TRUST)
        else:
            self._trust.unlink(missing_ok=True)
        if certificate:
            self.pair.install(certificate, key)

    def _keep(self) -> dict[Path, Optional[tuple[bytes, int]]]:
        """What is in place now, with its mode."""
        paths = (self._trust, self.directory / KEY, self.directory / CERTIFICATE)
        return {path: (path.read_bytes(), path.stat().st_mode & 0o777) if path.is_file() else None for path in paths}

    def _put_back(self, former: Mapping[Path, Optional[tuple[bytes, int]]]) -> None:
        """The certificate last, whose change MinIO notices."""
        for path, kept in former.items():
            if kept is None:
                path.unlink(missing_ok=True)
            else:
                owner = self.owner if path.name == KEY else -1
                write(path, kept[0], kept[1], owner, draft=self.pending / path.name)
        if former[self.directory / CERTIFICATE]:
            self.touch()
        self.pair.clear()

    def touch(self) -> None:
        """What MinIO notices: the certificate was open for writing, and is closed."""
        with (self.directory / CERTIFICATE).open("r+b"):
            pass

    def reload(self, address: str, timeout: float, runs: bool = False) -> bool:
        """Until the server shows what is installed; whether there is one that speaks TLS. ``runs``: there was one."""
        wanted = pem.fingerprint((self.directory / CERTIFICATE).read_text(encoding="utf-8"))

        def look() -> str:
            self.touch()
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
