# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests of hosts that say to be somebody else, and what a CA may sign at all; verified by OpenSSL itself."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import tls
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.ca import Authority
from ansible_collections.baremetal.overlay.plugins.plugin_utils import ca_names, tls_plan
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime.now(timezone.utc).replace(microsecond=0)
NAMES = ["minio1", "minio2", "n1", "rack07.dc.example", "10.1.0.11", "192.0.2.11", "2001:db8::1", "s3.shop.example"]


def forged(key: Any = None, name: str = "host1.baremetal-overlay") -> str:
    """A request as a host that was broken into would make it: another one's name, and any other one beside it."""
    asked = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName("bank.example"), x509.DNSName(name)])
    authority = x509.BasicConstraints(ca=True, path_length=None)
    builder = x509.CertificateSigningRequestBuilder().subject_name(asked)
    builder = builder.add_extension(names, critical=False).add_extension(authority, critical=True)
    return (
        builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        .public_bytes(Encoding.PEM)
        .decode()
    )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path / "ca", permitted=["baremetal-overlay"])
    made.make(3650, NOW)
    return made


def hostvars(**answers: Any) -> dict[str, Any]:
    return {name: {"overlay_host_number": int(name[1:]), "asked": answer} for name, answer in answers.items()}


def asked_of(answers: dict[str, Any], kind: str = "ipsec", **more: Any) -> list[dict[str, Any]]:
    return ca_names.requests(list(answers), list(answers), {**hostvars(**answers), **more}, "asked", kind, NAMES)


def test_a_host_is_who_the_inventory_says_whatever_it_says(authority: Authority) -> None:
    """The answer of n3, which was broken into."""
    claims = {"common_name": "host1.baremetal-overlay", "names": ["host1.baremetal-overlay", "bank.example"]}
    answer = {"request": forged(), "signing": {**claims, "request": forged()}, **claims}
    (asked,) = asked_of({"n3": answer})
    assert (asked["common_name"], asked["names"]) == ("host3.baremetal-overlay", ["host3.baremetal-overlay"])
    signed = authority.sign([asked], [], 90, NOW)
    seen = tls.see(signed["host3.baremetal-overlay"])
    assert list(signed) == ["host3.baremetal-overlay"] and seen.names == {"host3.baremetal-overlay"}
    certificate = x509.load_pem_x509_certificate(signed["host3.baremetal-overlay"].encode())
    assert seen.subject == "CN=host3.baremetal-overlay"
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    (of_minio,) = asked_of({"n3": answer}, kind="minio")
    assert (of_minio["common_name"], of_minio["names"]) == ("minio3", NAMES)


def test_a_host_that_took_the_number_of_another_one_stops_the_run() -> None:
    """Facts that a module returns may stand before the inventory's variables."""
    took = {"n1": {"overlay_host_number": 3, "asked": {"request": forged()}}}
    with pytest.raises(InputError, match=r"n1: has the overlay_host_number of n3; .*n3: has the .* of n1"):
        asked_of({"n1": {}, "n3": {"request": forged()}}, **took)


def test_who_is_no_member_and_who_asked_nothing() -> None:
    values = hostvars(n1={"skipped": True}, n2=None, n9={"request": forged()})
    with pytest.raises(InputError, match="n9: is no member"):
        ca_names.requests(["n1", "n2", "n9"], ["n1", "n2"], values, "asked", "ipsec")
    assert ca_names.requests(["n1", "n2"], ["n1", "n2"], values, "asked", "ipsec") == []


def request(name: str, text: str, *names: str) -> dict[str, Any]:
    return {"common_name": name, "request": text, "names": list(names or (name,))}


ONE, TWO = "host1.baremetal-overlay", "host2.baremetal-overlay"


def test_one_key_and_one_subject_a_host(authority: Authority) -> None:
    copy = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(InputError, match=r"host1.* and host2.* ask with the same key.*nothing was signed"):
        authority.sign([request(ONE, forged(copy)), request(TWO, forged(copy))], [], 90, NOW)
    with pytest.raises(InputError, match=r"several requests of host1\.baremetal-overlay; nothing was signed"):
        authority.sign([request(ONE, forged()), request(ONE, forged())], [], 90, NOW)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not one signing request"),
        (forged() + forged(), "is not one signing request"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "cannot be read"),
        (forged(rsa.generate_private_key(65537, 1024)), "key of host1.* 1024 bits"),
        (forged(ec.generate_private_key(ec.SECP256K1())), "key of host1.* curve secp256k1"),
    ],
    ids=["none", "two", "garbage", "short", "curve"],
)
def test_what_is_no_request_or_has_a_key_of_no_use_is_refused(authority: Authority, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        authority.sign([request(ONE, text)], [], 90, NOW)


def test_a_ca_signs_nothing_that_it_is_not_for(authority: Authority) -> None:
    for name in ("bank.example", "notbaremetal-overlay", "10.0.0.1.example"):
        with pytest.raises(InputError, match="constrained to other names"):
            authority.sign([request(ONE, forged(), ONE, name)], [], 90, NOW)
    with pytest.raises(InputError, match="for no name"):
        authority.sign([{"common_name": ONE, "request": forged()}], [], 90, NOW)


def signed_by_its_key(made: Authority, names: list[str]) -> tuple[str, str]:
    """What somebody signs who has the CA's key; the certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    unbound = tls.make_ca((made.directory / "ca.key").read_bytes(), 3650, NOW)
    issuer = x509.load_pem_x509_certificate(made.certificate.encode())
    text = tls.sign(forged(key), unbound, (made.directory / "ca.key").read_bytes(), "x", names, 90, NOW)
    leaf = x509.load_pem_x509_certificate(text.encode())
    builder = x509.CertificateBuilder(
        issuer.subject, leaf.subject, leaf.public_key(), leaf.serial_number, leaf.not_valid_before_utc,
        leaf.not_valid_after_utc, list(leaf.extensions),
    )  # fmt: skip
    ca_key = tls.load_key((made.directory / "ca.key").read_bytes())
    own = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return builder.sign(ca_key, hashes.SHA256()).public_bytes(Encoding.PEM).decode(), own


def test_openssl_takes_our_names_of_a_constrained_ca_and_no_others(tmp_path: Path) -> None:
    made = Authority(tmp_path / "ca", permitted=ca_names.permitted("minio", NAMES))
    made.make(3650, NOW)
    later = ["minio9", "rack70.dc.example", "10.200.0.1", "192.0.2.99", "2001:db8::2:3", "ftp.shop.example"]
    for names, taken in (
        (NAMES, True),
        ([*NAMES, *later], True),
        ([*NAMES, "bank.example"], False),
        ([*NAMES, "8.8.8.8"], False),
        ([*NAMES, "2001:db9::1"], False),
    ):
        reason = tls_plan.takes(tls_plan.Given(*signed_by_its_key(made, names)), made.certificate)
        assert (reason == "") is taken, (names, reason)
        assert (tls.outside(made.certificate, names) == []) is taken
    assert tls.outside(made.certificate, ["*.shop.example", "MINIO1", "minio99"]) == ["minio99"]


def test_a_ca_without_constraints_goes_on_signing(tmp_path: Path) -> None:
    """As those of before are."""
    made = Authority(tmp_path / "ca")
    made.make(3650, NOW)
    assert tls.outside(made.certificate, ["bank.example", "8.8.8.8"]) == []
    assert made.sign([request("minio1", forged())], [], 90, NOW)


@given(st.integers(1, 300), st.sampled_from(["n{}", "rack{:02}", "{}.dc.example", "host-{}.a.b.example"]))
def test_every_name_that_is_declared_is_permitted_and_go_can_compare_them(count: int, pattern: str) -> None:
    names = [f"minio{number}" for number in range(1, count + 1)]
    names += [pattern.format(number) for number in range(1, count + 1)] + ["localhost", "127.0.0.1", "10.0.0.1"]
    found = ca_names.permitted("minio", names)
    domains = [one for one in found if "/" not in one]
    assert all(any(f".{name}".endswith(f".{one}") for one in domains) for name in names[: 2 * count] if domains)
    assert len(domains) * len(names) < 250_000
    assert domains or count > 100


def test_no_public_suffix_is_permitted() -> None:
    assert ca_names.permitted("minio", ["shop.co.uk", "s3.shop.co.uk", "*.shop.example", "a.example"]) == [
        "shop.co.uk",
        "shop.example",
        "a.example",
    ]
