# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: what one says, a CA of the collection's own, and what it signs.

Needs python cryptography, from release 38 (Debian 12) on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any, Optional

from ..errors import InputError
from . import pem

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

PACKAGE = "python3-cryptography"
# A clock that is behind must not refuse what was just made.
BACKDATED = timedelta(hours=1)
# Named curves that Go's TLS has; and below these bits OpenSSL's clients refuse a key.
CURVES = ("secp256r1", "secp384r1", "secp521r1")
RSA_BITS = 2048
CA_NAME = "baremetal.overlay MinIO CA"


@dataclass(frozen=True)
class Seen:
    """What a certificate says of itself."""

    names: frozenset[str]
    not_before: datetime
    not_after: datetime
    issuer: str
    subject: str
    issuer_key: str
    own_key: str

    def days_left(self, now: datetime) -> float:
        return (self.not_after - now).total_seconds() / 86400


def is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def covers(names: frozenset[str], wanted: str) -> bool:
    """Whether one of the names is the wanted one; a wildcard stands for one label."""
    parent = wanted.partition(".")[2]
    return wanted.lower() in names or bool(parent and not is_address(wanted) and f"*.{parent}".lower() in names)


def see(text: str) -> Seen:
    """Read the first certificate of a PEM text; ValueError where there is none."""
    from cryptography import x509

    certificate = _load(text)[0]
    return Seen(
        names=_names(certificate),
        not_before=_time(certificate, "not_valid_before"),
        not_after=_time(certificate, "not_valid_after"),
        issuer=certificate.issuer.rfc4514_string(),
        subject=certificate.subject.rfc4514_string(),
        issuer_key=_key_id(certificate, x509.AuthorityKeyIdentifier, "key_identifier"),
        own_key=_key_id(certificate, x509.SubjectKeyIdentifier, "digest"),
    )


def _time(certificate: Certificate, name: str) -> datetime:
    """Releases before 42 have times without a zone only, later ones warn of those."""
    aware: Optional[datetime] = getattr(certificate, f"{name}_utc", None)
    return aware or getattr(certificate, name).replace(tzinfo=timezone.utc)


def _names(certificate: Certificate) -> frozenset[str]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return frozenset({name.lower() for name in names.get_values_for_type(x509.DNSName)} | addresses)


def _key_id(certificate: Certificate, kind: Any, attribute: str) -> str:
    from cryptography import x509

    try:
        value: Any = getattr(certificate.extensions.get_extension_for_class(kind).value, attribute)
    except x509.ExtensionNotFound:
        return ""
    return value.hex() if value else ""


def make_key() -> bytes:
    """A private key as PEM, without a passphrase."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_key(raw: bytes) -> Any:
    """Whatever stands around it; InputError in words that say nothing of the key."""
    from cryptography.hazmat.primitives import serialization

    text = pem.private_key(pem.decode(raw))
    try:
        key = serialization.load_pem_private_key(text.encode(), password=None)
    except Exception as error:
        raise InputError("is not a private key that can be read") from error
    _refuse_weak(key)
    return key


def _refuse_weak(key: Any) -> None:
    """What MinIO does not start with, or what no client takes."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, (rsa.RSAPrivateKey, rsa.RSAPublicKey)):
        if key.key_size < RSA_BITS:
            raise InputError(
                f"is an RSA key of {key.key_size} bits, which clients refuse; give one of {RSA_BITS} or more"
            )
    elif isinstance(key, (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey)):
        if key.curve.name not in CURVES:
            raise InputError(f"is on the curve {key.curve.name}, which MinIO refuses; allowed: {', '.join(CURVES)}")
    elif not isinstance(key, (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey)):
        raise InputError("is of a kind that MinIO refuses; allowed: RSA, ECDSA, Ed25519")


def arrange(text: str, key: Any) -> str:
    """The certificate of the key first, then those between it and its root, then whatever else was there.

    Of several for the key, as after a renewal, it is the one that lasts longest. ValueError where one cannot be read.
    Where none is the key's, the order stays.
    """
    left = _load(pem.certificates(text))
    fitting = [one for one in left if _public(one) == public_bytes(key.public_key())]
    own = max(fitting, key=lambda one: _time(one, "not_valid_after"), default=None)
    chain = []
    while own is not None:
        chain.append(own)
        left.remove(own)
        issuer = own.issuer
        own = next((one for one in left if one.subject == issuer), None)
    return "".join(_pem(one) for one in [*chain, *left])


def _load(text: str) -> list[Any]:
    """Every certificate of a text; ValueError where there is none, or one that cannot be read."""
    from cryptography import x509

    found = [x509.load_pem_x509_certificate(block.encode()) for block in pem.blocks(text)]
    if not found:
        raise ValueError("no certificate")
    return found


def _public(certificate: Certificate) -> bytes:
    """Its key; ValueError where it is of a kind that nothing here knows."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return public_bytes(certificate.public_key())
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error


def _pem(certificate: Certificate) -> str:
    from cryptography.hazmat.primitives import serialization

    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_fits(certificate: str, key: Any) -> bool:
    return _public(_load(certificate)[0]) == public_bytes(key.public_key())


def public_bytes(public_key: Any) -> bytes:
    """What is equal for equal keys."""
    from cryptography.hazmat.primitives import serialization

    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    raw: bytes = public_key.public_bytes(encoding, form)
    return raw


def make_request(key: bytes, common_name: str) -> str:
    """Only a public key and the proof that its private one is there: names are the CA's to decide."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(load_key(key), hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def make_ca(key: bytes, days: int, now: datetime, called: str = CA_NAME, permitted: Sequence[str] = ()) -> str:
    """The certificate of a CA that signs servers only, and where something is permitted, for nothing else.

    Charon takes several permitted names for all of them at once until release 5.9.12: give an authority of its one.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    private = load_key(key)
    own = x509.SubjectKeyIdentifier.from_public_key(private.public_key())
    # Two CAs are told apart by their names, also those of one day.
    text = f"{called} {now:%Y-%m-%d} {own.digest.hex()[:8]}"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    builder = _builder(name, name, private.public_key(), now, now + timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(ca=True), critical=True)
    builder = builder.add_extension(own, critical=False)
    if permitted:
        subtrees = [_subtree(one) for one in permitted]
        builder = builder.add_extension(x509.NameConstraints(subtrees, None), critical=True)
    return builder.sign(private, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _subtree(text: str) -> Any:
    """A name stands for those below it as well, a network for its addresses."""
    from cryptography import x509

    try:
        return x509.IPAddress(ip_network(text))
    except ValueError:
        return x509.DNSName(text.lower())


def outside(ca: str, names: Iterable[str]) -> list[str]:
    """The names that clients of this CA take from nobody; none where it is not constrained."""
    from cryptography import x509

    try:
        found = _load(ca)[0].extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    except x509.ExtensionNotFound:
        return []
    domains = [one.value for one in found if isinstance(one, x509.DNSName)]
    networks = [ip_network(str(one.value)) for one in found if isinstance(one, x509.IPAddress)]

    def allowed(name: str) -> bool:
        if is_address(name):
            return not networks or any(ip_address(name) in network for network in networks)
        return not domains or any(f".{name.lower()}".endswith(f".{domain}") for domain in domains)

    return [name for name in names if not allowed(name)]


def asked_key(request: str, common_name: str) -> Any:
    """The public key of a request that proves to have its private one. Nothing else of a request is looked at."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    if len(pem.objects(request)) != 1:
        raise InputError(f"the request of {common_name} is not one signing request in PEM form; have it made again")
    try:
        asked = x509.load_pem_x509_csr(request.encode())
        key, proven = asked.public_key(), asked.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"the request of {common_name} cannot be read; have it made again") from error
    if not proven:
        raise InputError(f"the request of {common_name} was not signed with its own key; have it made again")
    try:
        _refuse_weak(key)
    except InputError as error:
        raise InputError(f"the key of {common_name} {error}") from error
    return key


def sign(request: str, ca: str, ca_key: bytes, common_name: str, names: Sequence[str], days: int, now: datetime) -> str:
    """A server's certificate with the names that the CA was told, whatever the request says."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = asked_key(request, common_name)
    if not names:
        raise InputError(f"the certificate of {common_name} would be for no name; give names")
    foreign = outside(ca, names)
    if foreign:
        raise InputError(
            f"the certificate of {common_name} would be for {', '.join(foreign)}, and the CA is constrained to other "
            "names; make another CA that permits them"
        )
    issuer = x509.load_pem_x509_certificate(ca.encode())
    end = min(now + timedelta(days=days), see(ca).not_after)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = _builder(subject, issuer.subject, key, now, end)
    for extension, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(ca=False), True),
        (x509.ExtendedKeyUsage(purposes), False),
        (x509.SubjectAlternativeName([_general(name) for name in names]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    ):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(load_key(ca_key), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _builder(subject: Any, issuer: Any, public_key: Any, now: datetime, end: datetime) -> Any:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(end)
    )


def _usage(ca: bool) -> Any:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> Any:
    from cryptography import x509

    return x509.IPAddress(ip_address(name)) if is_address(name) else x509.DNSName(name)
