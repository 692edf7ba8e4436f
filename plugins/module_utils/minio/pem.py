# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PEM texts by the standard library alone, which is all that hosts without python3-cryptography have."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError

ANY = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
WIDTH = 64
CERTIFICATE = "CERTIFICATE"
CERTIFICATES = (CERTIFICATE, "X509 CERTIFICATE")
# As Go reads them, once nothing stands before or after.
KEYS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
BOM = "\ufeff"
# Forms of keys and certificates that are no PEM of ours, and how to have one.
OTHERS = {
    "ENCRYPTED PRIVATE KEY": "is protected by a passphrase, which no server could type; give it without one "
    "(openssl pkey -in KEY -out NEW)",
    "OPENSSH PRIVATE KEY": "is a key of OpenSSH; give one in PKCS#8 form (ssh-keygen -p -m PKCS8 -f COPY)",
    "PKCS7": "is a PKCS#7 bundle; give PEM (openssl pkcs7 -print_certs -in BUNDLE -out NEW)",
    "TRUSTED CERTIFICATE": "carries OpenSSL's trust settings; give a plain certificate (openssl x509 -in OLD -out NEW)",
    "CERTIFICATE REQUEST": "is a request; give the certificate that the CA made of it",
    "DSA PRIVATE KEY": "is a DSA key, which TLS does not have; give an ECDSA or RSA key",
}
BINARY = (
    "is binary (DER or PKCS#12); give PEM (openssl x509 -inform der, openssl pkey -inform der, "
    "or openssl pkcs12 -nodes)"
)


@dataclass(frozen=True)
class Block:
    """One object of a PEM text; a key is never shown."""

    kind: str
    content: bytes = field(repr=False)
    encrypted: bool = False

    @property
    def text(self) -> str:
        """As RFC 7468 has it, and as the strictest readers want it: nothing before, between or after."""
        kind = CERTIFICATE if self.kind in CERTIFICATES else self.kind
        body = base64.b64encode(self.content).decode()
        lines = [body[start : start + WIDTH] for start in range(0, len(body), WIDTH)]
        return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"]) + "\n"


def decode(raw: bytes) -> str:
    """A file as text. What is no UTF-8 can only stand between the objects, which are ASCII."""
    if b"\0" in raw[:4096] and raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    return raw.decode("utf-8", errors="replace").lstrip(BOM)


def objects(text: str) -> list[Block]:
    """Every object of a text, however it is indented, wrapped, or ended; what is none is left out."""
    return list(_objects(text))


def _objects(text: str) -> Iterator[Block]:
    for kind, body in ANY.findall(text):
        lines = [line.strip() for line in body.splitlines()]
        encrypted = any(line.startswith("Proc-Type:") and "ENCRYPTED" in line for line in lines)
        try:
            content = base64.b64decode("".join(line for line in lines if ":" not in line), validate=True)
        except binascii.Error:
            continue
        if content:
            yield Block(kind, content, encrypted)


def blocks(text: str) -> list[str]:
    """The certificates of a text, in order."""
    return [one.text.rstrip("\n") for one in objects(text) if one.kind in CERTIFICATES]


def private_key(text: str) -> str:
    """The one private key of a text, and nothing else of it; InputError in words that say nothing of the key."""
    found = objects(text)
    for one in found:
        if one.encrypted or one.kind == "ENCRYPTED PRIVATE KEY":
            raise InputError(OTHERS["ENCRYPTED PRIVATE KEY"])
    keys = {one.text: one for one in found if one.kind in KEYS}
    if len(keys) > 1:
        raise InputError(f"holds {len(keys)} private keys; give the one of the certificate")
    if not keys:
        raise InputError(_why_not(text, found, "private key"))
    return next(iter(keys))


def certificates(text: str) -> str:
    """All certificates of a text in its order, and nothing else of it."""
    found = list(dict.fromkeys(blocks(text)))
    if not found:
        raise InputError(_why_not(text, objects(text), "certificate"))
    return "".join(f"{block}\n" for block in found)


def _why_not(text: str, found: Sequence[Block], what: str) -> str:
    known = next((OTHERS[one.kind] for one in found if one.kind in OTHERS), None)
    if known:
        return known
    if text.startswith("0") and ("\0" in text[:64] or "\ufffd" in text[:64]):
        return BINARY
    return f"is not a {what} in PEM form"


def is_clean(text: str, cleaned: Callable[[str], str]) -> bool:
    """Whether a text is what ``certificates`` or ``private_key`` makes of it."""
    try:
        return cleaned(text) == text
    except InputError:
        return False


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
    found = sorted({block for text in texts for block in blocks(text)})
    return "".join(f"{block}\n" for block in found)


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
