# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA, what it signs, what a file says, and how files get into place; all against OpenSSL itself."""

from __future__ import annotations

import os
import ssl
import threading
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError, OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import tls_files
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import certificate, pem, tls
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.ca import Authority
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.certificate import Store
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.pair import Pair
from ansible_collections.baremetal.overlay.plugins.plugin_utils import tls_plan

NOW = datetime.now(timezone.utc).replace(microsecond=0)
NAMES = ("minio1", "s3.example", "192.0.2.11", "2001:db8::1")


@pytest.fixture
def authority(tmp_path):
    made = Authority(tmp_path / "ca")
    made.read()
    made.make(3650, NOW)
    return made


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "etc" / "minio-tls", os.getuid())


def signed(authority, store, names=NAMES, days=90):
    request = {"common_name": "minio1", "request": store.request("minio1")}
    return authority.sign([request], names, days, NOW)["minio1"]


def test_a_ca_is_made_once_for_root_only(authority, tmp_path):
    assert (tmp_path / "ca").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "ca" / "ca.key").stat().st_mode & 0o777 == 0o600
    again = Authority(tmp_path / "ca")
    again.read()
    assert again.certificate == authority.certificate
    (tmp_path / "ca" / "ca.key").unlink()
    with pytest.raises(OverlayError, match="bring the key back"):
        again.read()


@pytest.mark.usefixtures("authority")
def test_a_ca_that_was_interrupted_keeps_its_key(tmp_path):
    key = (tmp_path / "ca" / "ca.key").read_bytes()
    (tmp_path / "ca" / "ca.crt").unlink()
    again = Authority(tmp_path / "ca")
    again.read()
    again.make(3650, NOW)
    assert (tmp_path / "ca" / "ca.key").read_bytes() == key


def test_two_cas_of_one_day_have_names_of_their_own(authority, tmp_path):
    other = Authority(tmp_path / "other")
    other.make(3650, NOW)
    assert tls.see(other.certificate).subject != tls.see(authority.certificate).subject


def test_it_decides_names_and_never_outlives_itself(authority, store):
    seen = tls.see(signed(authority, store))
    assert seen.names == frozenset(NAMES)
    assert seen.not_after == NOW + timedelta(days=90)
    assert seen.issuer_key == tls.see(authority.certificate).own_key
    assert tls.see(signed(authority, store, days=9999)).not_after == tls.see(authority.certificate).not_after


def test_a_request_that_was_tampered_with_is_refused(authority, store):
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    raw = bytearray(x509.load_pem_x509_csr(store.request("minio1").encode()).public_bytes(Encoding.DER))
    raw[-1] ^= 1
    asked = x509.load_der_x509_csr(bytes(raw)).public_bytes(Encoding.PEM).decode()
    with pytest.raises(InputError, match="was not signed with its own key"):
        authority.sign([{"common_name": "minio1", "request": asked}], NAMES, 90, NOW)


def test_what_is_installed_is_what_the_look_finds(authority, store):
    text = signed(authority, store)
    store.install(text, None, authority.certificate)
    assert not store.pending.exists()
    found = tls_files.read(str(authority.directory), str(store.directory))
    assert found == {
        "certificate": text,
        "key": "matches",
        "key_mode": "0400",
        "trust": authority.certificate,
        "ca": authority.certificate,
        "ca_refused": "",
    }
    assert tls_plan.verifies(store.directory / "public.crt", store.directory / "private.key", found["trust"]) == ""


def test_a_key_of_another_certificate_replaces_nothing(authority, store):
    text = signed(authority, store)
    store.install(text, None, "")
    with pytest.raises(InputError, match="nothing was replaced"):
        store.install(signed(authority, store), tls.make_key().decode(), "")
    assert tls_files.read(None, str(store.directory))["certificate"] == text


def test_nobody_else_verifies_it(authority, store, tmp_path):
    store.install(signed(authority, store), None, "")
    other = Authority(tmp_path / "other")
    other.make(10, NOW)
    for trust in (other.certificate, ""):
        reason = tls_plan.verifies(store.directory / "public.crt", store.directory / "private.key", trust)
        assert "unable to get local issuer certificate" in reason


@pytest.mark.parametrize(
    ("key", "words"), [(b"hello", "is not a private key"), (b"", "is not a private key"), (None, "passphrase")]
)
def test_a_key_that_cannot_be_used(key, words):
    from cryptography.hazmat.primitives import serialization as form

    if key is None:
        key = tls.load_key(tls.make_key()).private_bytes(
            form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"secret")
        )
    with pytest.raises(InputError, match=words):
        tls.load_key(key)


def test_key_and_certificate_belong_together(authority, store):
    text = signed(authority, store)
    assert tls.key_fits(text, tls.load_key((store.pending / "private.key").read_bytes()))
    assert not tls.key_fits(text, tls.load_key(tls.make_key()))


@pytest.mark.parametrize(
    ("name", "covered"),
    [("minio1", True), ("MINIO1", True), ("minio2", False), ("a.s3.example", True), ("a.b.s3.example", False)],
)
def test_names(name, covered):
    assert tls.covers(frozenset({"minio1", "*.s3.example"}), name) == covered


def test_a_bundle_is_each_certificate_once(authority):
    text = authority.certificate
    assert pem.bundle([text, "words\n" + text.replace("\n", "\r\n"), ""]) == text
    assert pem.trust_id(text) == pem.trust_id(pem.bundle([text, text])) != ""
    assert (pem.trust_id(""), pem.fingerprint("")) == ("", "")
    assert pem.fingerprint(text) == pem.ssl_fingerprint(ssl.PEM_cert_to_DER_cert(text))


def test_a_server_is_waited_for_until_it_shows_it(authority, store, monkeypatch):
    """As MinIO, which reads links again every ten seconds; one that watches the directory is woken."""
    store.install(signed(authority, store), None, "")
    wanted = pem.fingerprint((store.directory / "public.crt").read_text())
    for watched, wakes in ((False, 0), (True, 3)):
        answers = iter(["old", "old", wanted])
        woken = []
        monkeypatch.setattr(certificate, "served", lambda _address, answers=answers: next(answers))
        monkeypatch.setattr(Pair, "wake", lambda _pair, woken=woken: woken.append(1))
        assert store.reload("192.0.2.11:9000", 30, True, watched)
        assert len(woken) == wakes


def contents(store):
    files = (store.directory / "public.crt", store.directory / "private.key", store.directory / "CAs" / "ca.crt")
    return [(path.read_bytes(), path.stat().st_mode) for path in files]


def test_a_pair_that_minio_does_not_take_is_taken_back(authority, store, monkeypatch):
    store.install(signed(authority, store), None, authority.certificate)
    former = contents(store)
    tried = []

    def served(_address):
        tried.append((store.directory / "public.crt").read_bytes())
        return "former"

    monkeypatch.setattr(certificate, "served", served)
    text = signed(authority, store)
    with pytest.raises(OverlayError, match=r"does not take the new certificate.*the former one was put back"):
        store.install(text, None, "", "192.0.2.11:9000", 0.1)
    assert contents(store) == former
    assert tried[-1] == text.encode(), "it was never tried"
    assert not store.pending.exists() and len(list(store.directory.glob("..pair-*"))) == 1


def test_a_server_that_falls_silent_over_a_pair_does_not_take_it(authority, store, monkeypatch):
    store.install(signed(authority, store), None, "")
    answers = iter(["former"])
    monkeypatch.setattr(certificate, "served", lambda _address: next(answers, certificate.NOT_TLS))
    with pytest.raises(OverlayError, match="the former one was put back"):
        store.install(signed(authority, store), None, "", "192.0.2.11:9000", 0.1)


def test_where_no_server_runs_nothing_is_waited_for(authority, store, monkeypatch):
    monkeypatch.setattr(certificate, "served", lambda _address: certificate.NOT_TLS)
    assert not store.install(signed(authority, store), None, "", "192.0.2.11:9000", 0.1)


def test_what_stands_around_a_key_is_not_installed_and_is_found(authority, store):
    key = tls.make_key()
    request = {"common_name": "minio1", "request": tls.make_request(key, "minio1")}
    text = authority.sign([request], NAMES, 90, NOW)["minio1"]
    store.install(f"words\n{text}\nwords\n", f"words\n{key.decode()}\n\n", "")
    assert (store.directory / "public.crt").read_text() == text
    assert (store.directory / "private.key").read_bytes() == key
    assert tls_files.read(None, str(store.directory))["key"] == "matches"
    (store.directory / "private.key").chmod(0o600)
    (store.directory / "private.key").write_bytes(key + b"\n")
    assert tls_files.read(None, str(store.directory))["key"] == "padded"
    with pytest.raises(InputError, match=r"key: holds 2 private keys; .*nothing was replaced"):
        store.install(text, key.decode() + tls.make_key().decode(), "")
    with pytest.raises(InputError, match="certificate: is not a certificate in PEM form; nothing was replaced"):
        store.install(key.decode(), None, "")


def test_a_server_is_asked_over_the_wire(authority, store):
    import socket

    store.install(signed(authority, store), None, "")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(store.directory / "public.crt", store.directory / "private.key")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"

        def answer():
            connection, _peer = server.accept()
            context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=answer)
        thread.start()
        assert certificate.served(address) == pem.fingerprint((store.directory / "public.crt").read_text())
        thread.join()
    assert certificate.served(address) == certificate.NOT_TLS
    assert store.reload(address, 5) is False
