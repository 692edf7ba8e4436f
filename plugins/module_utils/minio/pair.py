# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key that is made where it is used, and the certificate that comes for it: of MinIO, and of IPsec.

Both are in one directory, of which there is a new one for each pair, and a link names the one that is in force. It is
swapped in one step, so whoever is killed when: what is read by the two well-known names belongs together.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from .. import atomic
from ..errors import InputError
from ..state_directory import make_directories
from . import pem, tls
from .ca import write

CERTIFICATE, KEY = "public.crt", "private.key"
# MinIO looks for certificates of further names in directories, and in none whose name begins with two dots.
CURRENT, PREFIX = "..current", "..pair-"


@dataclass(frozen=True)
class Pair:
    """``certificate`` and ``key`` are the names that others know, ``store`` is where the pairs are.

    ``pending`` is where a key waits for its certificate: the same file system, and nobody reads keys there.
    """

    certificate: Path
    key: Path
    store: Path
    pending: Path
    owner: int

    @property
    def _waiting(self) -> Path:
        return self.pending / KEY

    @property
    def current(self) -> Path:
        return self.store / CURRENT

    def request(self, common_name: str) -> str:
        """A key that nobody else has seen, and what the CA has to sign."""
        self.stage()
        key = tls.make_key()
        write(self._waiting, key, 0o600)
        return tls.make_request(key, common_name)

    def install(self, certificate: str, key: Optional[str] = None) -> str:
        """Both in force; the key that is given, or the one that waits, or the one that is there.

        The name of the pair that was in force, empty where there was none; it stays until ``clear``.
        """
        text = _clean("certificate", pem.certificates, certificate)
        made = self._make(text, self._key(key))
        former = self._adopt()
        self._link(self.current, made.name)
        self._link_names()
        return former

    def put_back(self, former: str) -> None:
        """The pair of before is in force again."""
        if former:
            self._link(self.current, former)
        else:
            for path in (self.certificate, self.key, self.current):
                path.unlink(missing_ok=True)

    def stage(self) -> None:
        make_directories(self.pending, 0o700)
        self.pending.chmod(0o700)

    def clear(self) -> None:
        """Nothing waits any more, and of pairs there is only the one that is in force."""
        if self.pending.exists():
            shutil.rmtree(self.pending)
        for path in stale_pairs(self.store):
            shutil.rmtree(path)

    def _key(self, given: Optional[str]) -> bytes:
        if given:
            return _clean("key", pem.private_key, given).encode()
        path = self._waiting if self._waiting.is_file() else self.key
        if not path.is_file():
            raise InputError(f"{self.key}: is not there, and none waits for this certificate; nothing was replaced")
        return path.read_bytes()

    def _make(self, certificate: str, key: bytes) -> Path:
        """A pair that is nowhere in force yet."""
        make_directories(self.store, 0o755)
        made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self.store))
        try:
            write(made / KEY, key, 0o400, self.owner)
            write(made / CERTIFICATE, certificate.encode(), 0o644)
            if pem.pair(made / CERTIFICATE, made / KEY) != "matches":
                raise InputError(
                    f"{self.certificate}: certificate and key do not belong together; nothing was replaced"
                )
            made.chmod(0o755)
        except BaseException:
            shutil.rmtree(made)
            raise
        atomic.sync_directory(self.store)
        return made

    def _adopt(self) -> str:
        """The pair that is in force. Two files of their own, as they were laid out before, become one first."""
        if self.certificate.is_symlink() and self.key.is_symlink():
            return str(self.current.readlink()) if self.current.is_symlink() else ""
        if pem.pair(self.certificate, self.key) != "matches":
            return ""
        kept = self._make(self.certificate.read_text(encoding="utf-8"), self.key.read_bytes())
        self._link(self.current, kept.name)
        self._link_names()
        return kept.name

    def _link_names(self) -> None:
        """The names that others know; a server that runs goes on with what it has read."""
        for path, name in ((self.key, KEY), (self.certificate, CERTIFICATE)):
            target = os.path.relpath(self.current / name, path.parent)
            if not path.is_symlink() or str(path.readlink()) != target:
                self._link(path, target)

    def _link(self, path: Path, target: str) -> None:
        draft = path.with_name(f".{path.name}.new")
        draft.unlink(missing_ok=True)
        draft.symlink_to(target)
        draft.replace(path)
        atomic.sync_directory(path.parent)

    def wake(self) -> None:
        """For a MinIO that was started with two files: it watches their directory, and not where links lead.

        The one name is a file for a moment, of the same content, and is a link again when that file is closed.
        """
        draft = self.certificate.with_name(f".{self.certificate.name}.wake")
        target, content = str(self.certificate.readlink()), self.certificate.read_bytes()
        draft.unlink(missing_ok=True)
        with draft.open("xb") as stream:
            stream.write(content)
            stream.flush()
            draft.chmod(0o644)
            draft.replace(self.certificate)
            self._link(self.certificate, target)


def stale_pairs(store: Path) -> list[Path]:
    """Pairs that are not in force: of a run that was killed, or of before."""
    link = store / CURRENT
    used = str(link.readlink()) if link.is_symlink() else ""
    return sorted(path for path in store.glob(f"{PREFIX}*") if path.name != used) if store.is_dir() else []


def _clean(what: str, cleaned: Callable[[str], str], text: str) -> str:
    """MinIO starts with nothing before or after a key, and with nothing after its certificates."""
    try:
        return cleaned(text)
    except InputError as error:
        raise InputError(f"{what}: {error}; nothing was replaced") from error
