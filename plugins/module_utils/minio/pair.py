# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key that is made where it is used, and the certificate that comes for it: of MinIO, and of IPsec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from ..errors import InputError
from ..state_directory import make_directories
from . import pem, tls
from .ca import write


@dataclass(frozen=True)
class Pair:
    """``pending`` is where a key waits for its certificate: the same file system, and nobody reads keys there."""

    certificate: Path
    key: Path
    pending: Path
    owner: int

    @property
    def _waiting(self) -> Path:
        return self.pending / "private.key"

    def request(self, common_name: str) -> str:
        """A key that nobody else has seen, and what the CA has to sign."""
        self.stage()
        key = tls.make_key()
        write(self._waiting, key, 0o600)
        return tls.make_request(key, common_name)

    def install(self, certificate: str, key: Optional[str] = None) -> None:
        """Both in place; the key that is given, or the one that waits, or the one that is there."""
        self.stage()
        draft = self.pending / "public.crt"
        write(draft, _clean("certificate", pem.certificates, certificate).encode(), 0o644)
        if key:
            write(self._waiting, _clean("key", pem.private_key, key).encode(), 0o600)
        if self._waiting.is_file():
            if pem.pair(draft, self._waiting) != "matches":
                raise InputError(
                    f"{self.certificate}: certificate and key do not belong together; nothing was replaced"
                )
            ready = self.pending / "private.key.ready"
            write(ready, self._waiting.read_bytes(), 0o400, self.owner)
            ready.replace(self.key)
        draft.replace(self.certificate)

    def stage(self) -> None:
        make_directories(self.pending, 0o700)
        self.pending.chmod(0o700)

    def clear(self) -> None:
        """Nothing waits any more."""
        for path in self.pending.iterdir():
            path.unlink()
        self.pending.rmdir()


def _clean(what: str, cleaned: Callable[[str], str], text: str) -> str:
    """MinIO starts with nothing before or after a key, and with nothing after its certificates."""
    try:
        return cleaned(text)
    except InputError as error:
        raise InputError(f"{what}: {error}; nothing was replaced") from error
