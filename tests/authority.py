# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA in the test's hands, made apart from the collection's own code."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(key: Any) -> bytes:
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem


class Authority:
    """Signs whatever it is told to."""

    def __init__(self, name: str, key: Any = None, certificate: x509.Certificate | None = None) -> None:
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.certificate = certificate or self._own(name)

    @classmethod
    def load(cls, certificate: str, key: str) -> Authority:
        """One that is there already."""
        return cls(
            "",
            serialization.load_pem_private_key(key.encode(), None),
            x509.load_pem_x509_certificate(certificate.encode()),
        )

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def _own(self, name: str) -> x509.Certificate:
        public = self.key.public_key()
        return self._sign(
            self._builder(_name(name), _name(name), public, datetime.now(timezone.utc) + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )

    def issue(self, directory: Path, names: list[str], end: datetime | None = None) -> dict[str, Path]:
        """Files of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        end = end or datetime.now(timezone.utc) + timedelta(days=7)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = self._sign(
            self._builder(_name("given"), self.certificate.subject, key.public_key(), end)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .add_extension(issuer, critical=False)
        )
        directory.mkdir()
        files = {"certificate": directory / "server.crt", "key": directory / "server.key"}
        files["certificate"].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files["key"].write_bytes(_private(key))
        return files

    def _builder(self, subject: x509.Name, issuer: x509.Name, public: Any, end: datetime) -> x509.CertificateBuilder:
        start = min(datetime.now(timezone.utc), end) - timedelta(days=1)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )

    def _sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        return builder.sign(self.key, hashes.SHA256())
