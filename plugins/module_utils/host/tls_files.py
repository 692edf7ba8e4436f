# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The section ``minio_tls``: which certificate, trust and CA this host has. Keys are looked at, and never read out."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any, Optional

from .. import own_directory
from ..minio import pem
from ..minio.ca import CERTIFICATE as CA_CERTIFICATE
from ..minio.ca import KIND
from ..state_directory import STATE_DIRECTORY

DIRECTORY = f"{STATE_DIRECTORY}/minio-tls"
CERTIFICATE, KEY, TRUST = "public.crt", "private.key", "CAs/ca.crt"


def read(ca_directory: Optional[str] = None, directory: str = DIRECTORY) -> dict[str, Any]:
    """What the controller decides from; public material only."""
    base = Path(directory)
    key = base / KEY
    return {
        "certificate": _text(base / CERTIFICATE),
        "key": _key(base / CERTIFICATE, key),
        "key_mode": f"{stat.S_IMODE(key.stat().st_mode):04o}" if key.is_file() else None,
        "trust": _text(base / TRUST),
        "ca": _text(Path(ca_directory) / CA_CERTIFICATE) if ca_directory else None,
        "ca_refused": refused(ca_directory),
    }


def refused(directory: Optional[str]) -> str:
    """Why no CA can be made in it; empty where one can, and where there is one."""
    if not directory or (Path(directory) / CA_CERTIFICATE).is_file():
        return ""
    return own_directory.refusal(Path(directory), KIND)


def _key(certificate: Path, key: Path) -> str:
    """Whether MinIO would start with it: OpenSSL takes what stands around a key, MinIO does not."""
    found = pem.pair(certificate, key)
    if found == "matches" and certificate.is_symlink() != key.is_symlink():
        # MinIO does not start with a link and a file: a run was killed in the moment in which one was the other.
        return "apart"
    return "padded" if found == "matches" and not pem.is_clean(_text(key), pem.private_key) else found


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
