# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate and key are swapped as one: whoever is killed when, what is read by the two names belongs together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import tls_files
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import pem, tls
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.ca import Authority
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.pair import Pair

NOW = datetime.now(timezone.utc).replace(microsecond=0)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("ca") / "ca")
    made.make(3650, NOW)
    return made


def layout(base: Path, kind: str) -> Pair:
    """As of MinIO, all in one directory, and as of IPsec, the two names in different ones."""
    if kind == "minio":
        certs = base / "certs"
        return Pair(certs / "public.crt", certs / "private.key", certs, base / ".certs.new", os.getuid())
    for name in ("x509", "private"):
        (base / name).mkdir(parents=True, exist_ok=True)
    return Pair(base / "x509/our.pem", base / "private/our.pem", base / "our", base / ".our", os.getuid())


KINDS = ("minio", "ipsec")


def asked(authority: Authority, pair: Pair) -> str:
    text = pair.request("minio1")
    return authority.sign([{"common_name": "minio1", "request": text}], ["minio1"], 90, NOW)["minio1"]


def with_two_files(authority: Authority, pair: Pair) -> None:
    """As they were laid out before."""
    key = tls.make_key()
    signed = authority.sign(
        [{"common_name": "minio1", "request": tls.make_request(key, "minio1")}], ["minio1"], 90, NOW
    )
    for path, content in ((pair.key, key), (pair.certificate, signed["minio1"].encode())):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class Killer:
    """Ends the run just before its ``fatal``-th change of a name in a file system."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fatal: int) -> None:
        self.left = fatal
        for module, name in ((os, "rename"), (os, "replace"), (os, "unlink"), (os, "symlink"), (os, "rmdir")):
            monkeypatch.setattr(module, name, self.before(getattr(module, name)))

    def before(self, call: object) -> object:
        def dying(*args: object, **more: object) -> object:
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
            return call(*args, **more)  # type: ignore[operator]

        return dying


def states(authority: Authority, base: Path, kind: str, before: str) -> Iterator[tuple[int, Pair, str, str]]:
    """After each kill: the pair, the certificate of before and the one that was to be."""
    for fatal in range(99):
        pair = layout(base / str(fatal), kind)
        if before == "two files":
            with_two_files(authority, pair)
        elif before == "links":
            pair.install(asked(authority, pair))
            pair.clear()
        former = pair.certificate.read_text() if pair.certificate.exists() else ""
        text = asked(authority, pair)
        with pytest.MonkeyPatch.context() as patched:
            Killer(patched, fatal)
            try:
                pair.install(text)
                pair.clear()
            except KeyboardInterrupt:
                pass
            else:
                assert fatal > 4
                return
        yield fatal, pair, former, text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", ["nothing", "two files", "links"])
def test_what_is_read_belongs_together_whoever_is_killed_when(
    authority: Authority, tmp_path: Path, kind: str, before: str
) -> None:
    seen = set()
    for fatal, pair, former, text in states(authority, tmp_path, kind, before):
        found = pem.pair(pair.certificate, pair.key)
        if former:
            assert found == "matches", f"killed before change {fatal}"
            seen.add(pair.certificate.read_text() == text)
        else:
            assert found != "differs" or not pair.certificate.exists(), f"killed before change {fatal}"
        following = asked(authority, pair)
        pair.install(following)
        pair.clear()
        assert pair.certificate.read_text() == following and pem.pair(pair.certificate, pair.key) == "matches"
        assert not pair.pending.exists() and len(list(pair.store.glob("..pair-*"))) == 1, "keys are left"
        assert pair.key.stat().st_mode & 0o777 == 0o400
    assert seen == ({True, False} if former else set()), "only one of both was ever in force"


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_that_does_not_match_replaces_nothing(authority: Authority, tmp_path: Path, kind: str) -> None:
    pair = layout(tmp_path, kind)
    text = asked(authority, pair)
    pair.install(text)
    pair.clear()
    other = layout(tmp_path / "other", kind)
    with pytest.raises(InputError, match="do not belong together; nothing was replaced"):
        pair.install(asked(authority, other))
    with pytest.raises(InputError, match="nothing was replaced"):
        pair.install(text, tls.make_key().decode())
    pair.clear()
    assert pair.certificate.read_text() == text and len(list(pair.store.glob("..pair-*"))) == 1
    with pytest.raises(InputError, match="is not there, and none waits"):
        other.clear()
        other.install(text)


def test_what_was_in_force_can_be_put_back(authority: Authority, tmp_path: Path) -> None:
    pair = layout(tmp_path, "minio")
    pair.put_back(pair.install(asked(authority, pair)))
    pair.clear()
    assert not list(pair.store.iterdir()), "there was nothing"
    with_two_files(authority, pair)
    former = (pair.certificate.read_text(), pair.key.read_text())
    name = pair.install(asked(authority, pair))
    assert pair.certificate.read_text() != former[0]
    pair.put_back(name)
    pair.clear()
    assert (pair.certificate.read_text(), pair.key.read_text()) == former


def test_a_server_that_watches_the_directory_is_woken_and_links_stay(authority: Authority, tmp_path: Path) -> None:
    pair = layout(tmp_path, "minio")
    pair.install(asked(authority, pair))
    before = sorted(pair.store.iterdir())
    pair.wake()
    assert pair.certificate.is_symlink() and sorted(pair.store.iterdir()) == before
    assert tls_files.read(None, str(pair.store))["key"] == "matches"
    text = pair.certificate.read_text()
    pair.certificate.unlink()
    pair.certificate.write_text(text)
    assert tls_files.read(None, str(pair.store))["key"] == "apart", "MinIO does not start with that"
