# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and chains as people keep them, before MinIO itself: what it takes as it is, and what we make of the rest."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from conftest import CACHE, ROOT
from cryptography.hazmat.primitives.asymmetric import ec
from pem_shapes import GOOD, Files, Maker, Shape

sys.path.insert(0, str(ROOT / ".cache" / "collections"))

from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import pem, tls
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.certificate import Store

REFUSES = "Please check your certificate"


@pytest.fixture(scope="module")
def minio() -> Path:
    """The program that the lab's image was made of."""
    return max((CACHE.parent / "minio" / "binaries").glob("*/minio"), key=lambda path: path.stat().st_mtime)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def started(minio: Path, directory: Path, files: Files) -> Iterator[tuple[subprocess.Popen[str], int]]:
    certificates = directory / "certs"
    certificates.mkdir(parents=True)
    (certificates / "public.crt").write_bytes(files.certificate)
    (certificates / "private.key").write_bytes(files.key)
    port = free_port()
    address = ["--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{free_port()}"]
    command = [str(minio), "server", "--certs-dir", str(certificates), *address, str(directory / "data")]
    environment = {"HOME": str(directory), "PATH": os.environ["PATH"], "MINIO_UPDATE": "off", "MINIO_CI_CD": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()


def shown(process: subprocess.Popen[str], port: int, seconds: float = 60) -> str:
    """The certificate that it shows, or nothing where it has ended."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            return ssl.get_server_certificate(("127.0.0.1", port), timeout=2)
        time.sleep(0.1)
    return ""


def test_minio_starts_with_what_we_make_of_every_shape(minio: Path, tmp_path: Path) -> None:
    maker = Maker()
    made: dict[Files, list[str]] = {}
    for shape in GOOD:
        files = shape.make(maker)
        key = pem.private_key(pem.decode(files.key))
        chain = tls.arrange(pem.decode(files.certificate), tls.load_key(key.encode()))
        made.setdefault(Files(chain.encode(), key.encode()), []).append(shape.name)
    assert len(made) < len(GOOD), "no two shapes became one"
    for number, (files, names) in enumerate(made.items()):
        with started(minio, tmp_path / str(number), files) as (process, port):
            first = pem.blocks(files.certificate.decode())[0]
            assert pem.blocks(shown(process, port)) == [first], names


@pytest.mark.parametrize("shape", [shape for shape in GOOD if not shape.minio], ids=lambda shape: shape.name)
def test_minio_does_not_start_with_it_as_it_is(minio: Path, tmp_path: Path, shape: Shape) -> None:
    with started(minio, tmp_path, shape.make(Maker())) as (process, port):
        assert shown(process, port) == ""
        assert REFUSES in process.communicate()[0]


def test_a_server_that_runs_takes_the_next_pair_and_keeps_the_former_of_one_that_it_refuses(
    minio: Path, tmp_path: Path
) -> None:
    """OpenSSL has the curve, and MinIO has not: only the server itself can tell."""
    maker = Maker()
    store = Store(tmp_path / "certs", os.getuid())
    following = maker.of(ec.generate_private_key(ec.SECP384R1()))
    refused = maker.of(ec.generate_private_key(ec.BrainpoolP256R1()))
    with started(minio, tmp_path, Files(maker.chain, maker.pkcs8)) as (process, port):
        assert shown(process, port)
        address = f"127.0.0.1:{port}"
        assert store.install(following.certificate.decode(), following.key.decode(), maker.trust, address)
        with pytest.raises(OverlayError, match="the former one was put back"):
            store.install(refused.certificate.decode(), refused.key.decode(), "", address, 5)
        assert pem.blocks(shown(process, port)) == pem.blocks(following.certificate.decode())[:1]
    assert (tmp_path / "certs" / "CAs" / "ca.crt").read_text() == maker.trust
    kept = Files((store.directory / "public.crt").read_bytes(), (store.directory / "private.key").read_bytes())
    assert kept == following
    with started(minio, tmp_path / "again", kept) as (process, port):
        assert shown(process, port), "it does not start again"
