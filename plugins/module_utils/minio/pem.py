# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PEM texts by the standard library alone, which is all that hosts without python3-cryptography have."""

from __future__ import annotations

import base64
import hashlib
import re
import ssl
from collections.abc import Sequence
from pathlib import Path

BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


def blocks(text: str) -> list[str]:
    """The certificates of a text, in order."""
    return BLOCK.findall(text)


def der(block: str) -> bytes:
    return base64.b64decode("".join(block.splitlines()[1:-1]))


def fingerprint(text: str) -> str:
    """SHA-256 of the first certificate, as other tools print it; empty where there is none."""
    found = blocks(text)
    return ssl_fingerprint(der(found[0])) if found else ""


def fingerprints(text: str) -> list[str]:
    """Of every certificate."""
    return [ssl_fingerprint(der(block)) for block in blocks(text)]


def ssl_fingerprint(certificate: bytes) -> str:
    return ":".join(f"{byte:02X}" for byte in hashlib.sha256(certificate).digest())


def bundle(texts: Sequence[str]) -> str:
    """One text of all certificates, each once, the same in whatever order they came, and nothing else of the texts."""
    found = sorted({_clean(block) for text in texts for block in blocks(text)})
    return "".join(f"{block}\n" for block in found)


def _clean(block: str) -> str:
    return "\n".join(line.strip() for line in block.splitlines())


def has(text: str, wanted: str) -> bool:
    """Whether one of the certificates is in the other text, too, however the two are written."""
    return bool({der(block) for block in blocks(text)} & {der(block) for block in blocks(wanted)})


def trust_id(text: str) -> str:
    """What is equal for equal trust: short enough for a label."""
    return hashlib.sha256(bundle([text]).encode()).hexdigest()[:16] if blocks(text) else ""


def pair(certificate: Path, key: Path) -> str:
    """Whether OpenSSL takes the two files together; a passphrase is never asked for."""
    if not key.is_file():
        return "absent"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError):
        return "differs"
    return "matches"
