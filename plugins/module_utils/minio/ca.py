# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CA's own directory: a key that only root reads, its certificate, and nothing that is ever replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import atomic, own_directory
from ..errors import InputError, OverlayError, Refused
from ..own_directory import Kind
from . import tls

CERTIFICATE, KEY = "ca.crt", "ca.key"
DIRECTORY_MODE = 0o700
KIND = Kind((KEY, CERTIFICATE), DIRECTORY_MODE)


@dataclass
class Authority:
    """``made`` says that it was not there before; ``certificate`` is empty while it is not.

    ``permitted`` are the names and networks to which one that is made is constrained.
    """

    directory: Path
    certificate: str = ""
    made: bool = False
    name: str = tls.CA_NAME
    permitted: Sequence[str] = ()

    def read(self) -> None:
        path = self.directory / CERTIFICATE
        self.certificate = path.read_text(encoding="utf-8") if path.is_file() else ""
        if not self.certificate and (refused := own_directory.refusal(self.directory, KIND)):
            raise Refused(refused)
        if self.certificate and not (self.directory / KEY).is_file():
            raise OverlayError(
                f"{self.directory / KEY}: is not there, and {path} is; bring the key back, or move the certificate "
                "away and have a CA made anew, which every client has to trust then"
            )

    def make(self, days: int, now: datetime) -> None:
        """The certificate is written last: where it is, the key is."""
        own_directory.make(self.directory, KIND)
        key = self.directory / KEY
        if not key.is_file():
            write(key, tls.make_key(), 0o600)
        self.certificate = tls.make_ca(key.read_bytes(), days, now, self.name, self.permitted)
        write(self.directory / CERTIFICATE, self.certificate.encode(), 0o644)
        self.made = True

    def sign(
        self, requests: Sequence[dict[str, Any]], names: Sequence[str], days: int, now: datetime
    ) -> dict[str, str]:
        """A certificate for every request, by its common name: for the names that are given here, and one a host."""
        self._refuse_twins(requests)
        key = (self.directory / KEY).read_bytes()
        return {
            asked["common_name"]: tls.sign(
                asked["request"], self.certificate, key, asked["common_name"], asked.get("names") or names, days, now
            )
            for asked in requests
        }

    @staticmethod
    def _refuse_twins(requests: Sequence[dict[str, Any]]) -> None:
        """Who asks for another one's certificate as well, or with another one's key, gets none."""
        names = [asked["common_name"] for asked in requests]
        twice = sorted({name for name in names if names.count(name) > 1})
        keys: dict[bytes, str] = {}
        for asked in requests:
            key = tls.public_bytes(tls.asked_key(asked["request"], asked["common_name"]))
            other = keys.setdefault(key, asked["common_name"])
            if other != asked["common_name"]:
                raise InputError(
                    f"{other} and {asked['common_name']} ask with the same key, which only one of them can have made; "
                    "nothing was signed: see whether one is a copy of the other"
                )
        if twice:
            raise InputError(f"there are several requests of {', '.join(twice)}; nothing was signed: give one for each")


def write(path: Path, content: bytes, mode: int, owner: int = -1, draft: Path | None = None) -> None:
    """A file is there with its mode and its whole content, or not at all."""
    atomic.replace(path, content, mode, owner, draft)
