# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes in which people keep keys and chains: one table, for our own code and for MinIO itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from cryptography.x509.oid import NameOID

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
PKCS8, TRADITIONAL = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
# secp256r1 by its name, as `openssl ecparam -genkey` writes it before the key.
PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
NAMES = ("minio1", "localhost", "127.0.0.1", "10.0.0.1", "10.0.0.2", "s3.example", "minio2")


@dataclass(frozen=True)
class Files:
    certificate: bytes
    key: bytes


@dataclass(frozen=True)
class Shape:
    """``refused``: what is said where nothing can be made of it; ``minio``: whether MinIO takes it as it is."""

    name: str
    make: Callable[[Maker], Files]
    minio: bool
    refused: str = ""


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Maker:
    """A root, a CA between, and a server's certificate."""

    def __init__(self) -> None:
        self.root_key, self.between_key, self.key = (ec.generate_private_key(ec.SECP256R1()) for _key in range(3))
        self.root = self._sign("root", self.root_key, "root", self.root_key, ca=True)
        self.between = self._sign("between", self.between_key, "root", self.root_key, ca=True)
        self.server = self.certificate(self.key)

    def certificate(self, key: Any, days: int = 30) -> x509.Certificate:
        return self._sign("server", key, "between", self.between_key, ca=False, days=days)

    def _sign(self, subject: str, key: Any, issuer: str, issuer_key: Any, ca: bool, days: int = 30) -> x509.Certificate:
        now = datetime.now(timezone.utc)
        names = [x509.IPAddress(ip_address(one)) if one[0].isdigit() else x509.DNSName(one) for one in NAMES]
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        )
        if ca:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        else:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())

    @property
    def trust(self) -> str:
        return self.root.public_bytes(PEM).decode()

    @property
    def chain(self) -> bytes:
        return self.server.public_bytes(PEM) + self.between.public_bytes(PEM)

    @property
    def pkcs8(self) -> bytes:
        return private(self.key)

    def of(self, key: Any, form: Any = PKCS8) -> Files:
        """A pair of another kind of key."""
        return Files(self.certificate(key).public_bytes(PEM) + self.between.public_bytes(PEM), private(key, form))


def private(key: Any, form: Any = PKCS8, encryption: Any = None, encoding: Any = PEM) -> bytes:
    raw: bytes = key.private_bytes(encoding, form, encryption or serialization.NoEncryption())
    return raw


def text_before(maker: Maker) -> Files:
    """As `openssl x509 -text` and bundles of CAs have it."""
    words = "Certificate:\n    Data:\n        Version: 3 (0x2)\n        Subject: CN = Prüfstand\n".encode("latin-1")
    return Files(
        words + maker.chain.replace(b"-----END CERTIFICATE-----\n", b"-----END CERTIFICATE-----\n" + words, 1),
        maker.pkcs8,
    )


def passphrase() -> Any:
    return serialization.BestAvailableEncryption(b"secret")


def shaped(
    certificate: Callable[[bytes], bytes] = bytes, key: Callable[[bytes], bytes] = bytes
) -> Callable[[Maker], Files]:
    """The usual pair, with something done to its texts."""
    return lambda maker: Files(certificate(maker.chain), key(maker.pkcs8))


def traditional(maker: Maker, before: bytes = b"", after: bytes = b"") -> Files:
    return Files(maker.chain, before + private(maker.key, TRADITIONAL) + after)


def unix(raw: bytes) -> bytes:
    return raw.replace(b"\n", b"\r\n")


def old_mac(raw: bytes) -> bytes:
    return raw.replace(b"\n", b"\r")


def indented(raw: bytes) -> bytes:
    return b"".join(b"    " + line + b"  \n" for line in raw.splitlines())


def one_line(raw: bytes) -> bytes:
    """A body of one long line, as secrets' stores return it."""
    head, *body, foot = raw.splitlines()
    return b"\n".join([head, b"".join(body), foot]) + b"\n"


GOOD = (
    Shape("PKCS#8", shaped(), True),
    Shape("SEC1", traditional, True),
    Shape("SEC1 with parameters before", lambda maker: traditional(maker, PARAMETERS), False),
    Shape("SEC1 with parameters after", lambda maker: traditional(maker, b"", PARAMETERS), False),
    Shape("PKCS#1", lambda maker: maker.of(rsa.generate_private_key(65537, 2048), TRADITIONAL), True),
    Shape("RSA in PKCS#8", lambda maker: maker.of(rsa.generate_private_key(65537, 2048)), True),
    Shape("P-384", lambda maker: maker.of(ec.generate_private_key(ec.SECP384R1())), True),
    Shape("P-521", lambda maker: maker.of(ec.generate_private_key(ec.SECP521R1()), TRADITIONAL), True),
    Shape("Ed25519", lambda maker: maker.of(ed25519.Ed25519PrivateKey.generate()), True),
    Shape("a blank line after the key", shaped(key=lambda raw: raw + b"\n"), False),
    Shape(
        "blank lines before and between",
        shaped(lambda raw: b"\n\n" + raw.replace(b"-----BEGIN", b"\n-----BEGIN")),
        True,
    ),
    Shape("words before the key", shaped(key=lambda raw: b"Bag Attributes\n    friendlyName: rack1\n" + raw), True),
    Shape("words after the key", shaped(key=lambda raw: raw + b"# until May\n"), False),
    Shape("words after the certificates", shaped(lambda raw: raw + b"# until May\n"), False),
    Shape("openssl x509 -text", text_before, True),
    Shape("CRLF", shaped(unix, unix), True),
    Shape("CR only", shaped(old_mac, old_mac), False),
    Shape("a byte order mark", shaped(lambda raw: b"\xef\xbb\xbf" + raw, lambda raw: b"\xef\xbb\xbf" + raw), False),
    Shape("UTF-16", shaped(*[lambda raw: raw.decode().encode("utf-16")] * 2), False),
    Shape("indented, as out of YAML", shaped(indented, indented), False),
    Shape("one long line", shaped(key=one_line), True),
    Shape("without a newline at the end", shaped(bytes.rstrip, bytes.rstrip), True),
    Shape(
        "key and certificates in one file",
        lambda maker: Files(maker.pkcs8 + maker.chain, maker.pkcs8 + maker.chain),
        False,
    ),
    Shape(
        "certificates and key in one file",
        lambda maker: Files(maker.chain + maker.pkcs8, maker.chain + maker.pkcs8),
        False,
    ),
    Shape(
        "the chain the wrong way round",
        lambda maker: Files(maker.between.public_bytes(PEM) + maker.server.public_bytes(PEM), maker.pkcs8),
        False,
    ),
    Shape("with the root", lambda maker: Files(maker.chain + maker.root.public_bytes(PEM), maker.pkcs8), True),
    Shape(
        "the root first",
        lambda maker: Files(maker.root.public_bytes(PEM) + maker.between.public_bytes(PEM) + maker.chain, maker.pkcs8),
        False,
    ),
    Shape(
        "the one before, and its renewal for the same key",
        lambda maker: Files(maker.certificate(maker.key, 1).public_bytes(PEM) + maker.chain, maker.pkcs8),
        True,
    ),
    Shape("X509 CERTIFICATE", shaped(lambda raw: raw.replace(b" CERTIFICATE", b" X509 CERTIFICATE")), False),
    Shape("the key twice", shaped(key=lambda raw: raw + raw), False),
)
REFUSED = (
    Shape(
        "a passphrase",
        lambda maker: Files(maker.chain, private(maker.key, PKCS8, passphrase())),
        False,
        "is protected by a passphrase",
    ),
    Shape(
        "a passphrase of old",
        lambda maker: Files(maker.chain, private(maker.key, TRADITIONAL, passphrase())),
        False,
        "is protected by a passphrase",
    ),
    Shape(
        "a key in DER",
        lambda maker: Files(maker.chain, private(maker.key, PKCS8, None, DER)),
        False,
        "is binary (DER or PKCS#12)",
    ),
    Shape(
        "a certificate in DER",
        lambda maker: Files(maker.server.public_bytes(DER), maker.pkcs8),
        False,
        "is binary (DER or PKCS#12)",
    ),
    Shape(
        "PKCS#12",
        lambda maker: Files(
            *[pkcs12.serialize_key_and_certificates(b"x", maker.key, maker.server, None, serialization.NoEncryption())]
            * 2
        ),
        False,
        "is binary (DER or PKCS#12)",
    ),
    Shape(
        "PKCS#7",
        lambda maker: Files(pkcs7.serialize_certificates([maker.server, maker.between], PEM), maker.pkcs8),
        False,
        "is a PKCS#7 bundle",
    ),
    Shape(
        "OpenSSH",
        lambda maker: Files(maker.chain, private(maker.key, serialization.PrivateFormat.OpenSSH)),
        False,
        "is a key of OpenSSH",
    ),
    Shape(
        "two keys",
        lambda maker: Files(maker.chain, maker.pkcs8 + private(ec.generate_private_key(ec.SECP256R1()))),
        False,
        "holds 2 private keys",
    ),
    Shape(
        "the certificate as key",
        lambda maker: Files(maker.chain, maker.chain),
        False,
        "is not a private key in PEM form",
    ),
    Shape(
        "the key as certificate",
        lambda maker: Files(maker.pkcs8, maker.pkcs8),
        False,
        "is not a certificate in PEM form",
    ),
    Shape("empty files", lambda _maker: Files(b"", b""), False, "is not a private key in PEM form"),
    Shape("nothing", lambda _maker: Files(b"\n", b"\n"), False, "is not a private key in PEM form"),
    Shape("cut short", shaped(key=lambda raw: raw[:-40]), False, "is not a private key in PEM form"),
    Shape("a letter too few", shaped(key=lambda raw: raw.replace(b"-----\nMIG", b"-----\nMI")), False, "private key"),
    Shape(
        "a certificate that is none",
        shaped(lambda _raw: b"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"),
        False,
        "holds a certificate that cannot be read",
    ),
    Shape(
        "RSA of 1024 bits",
        lambda maker: maker.of(rsa.generate_private_key(65537, 1024)),
        True,
        "is an RSA key of 1024 bits",
    ),
    Shape(
        "Brainpool",
        lambda maker: maker.of(ec.generate_private_key(ec.BrainpoolP256R1())),
        False,
        "is on the curve brainpoolP256r1",
    ),
    Shape(
        "secp256k1", lambda maker: maker.of(ec.generate_private_key(ec.SECP256K1())), False, "is on the curve secp256k1"
    ),
    Shape("Ed448", lambda maker: maker.of(ed448.Ed448PrivateKey.generate()), False, "is of a kind that MinIO refuses"),
)
