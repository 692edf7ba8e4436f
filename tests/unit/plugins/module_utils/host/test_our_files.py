# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A teardown removes what our record names, and nothing that lies beside it."""

from __future__ import annotations

import importlib
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import own_directory
from ansible_collections.baremetal.overlay.plugins.module_utils.host import our_files, teardown
from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import System
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import ca, tls
from ansible_collections.baremetal.overlay.plugins.module_utils.state_directory import STATE_DIRECTORY

NOW = datetime(2026, 11, 29, tzinfo=timezone.utc)
THEIRS = ["notes.txt", "pki/index.txt", "minio-tls/s3.example.org/private.key", "ca.key"]
OURS = ["firewall.nft", ".firewall.nft.k3j2", "minio-tls/private.key", "minio-tls/CAs/ca.crt", "formatting-minio1d1"]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our directory, with files of ours and of an operator, and an empty directory that a killed run left."""
    path = tmp_path / "state"
    for name in (*OURS, *THEIRS):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    (path / "unconfirmed").mkdir()
    (path / "unconfirmed" / "token").write_text("1")
    (path / ".minio-tls.new").mkdir()
    for module in (our_files, own_directory, teardown):
        monkeypatch.setattr(module, "STATE_DIRECTORY", str(path))
    return path


@pytest.fixture
def system() -> System:
    """What removes needs no Ansible."""
    return System(None)  # type: ignore[arg-type]


def everything(path: Path) -> list[str]:
    return sorted(str(entry.relative_to(path)) for entry in path.rglob("*") if not entry.is_dir())


def test_only_what_the_record_names_is_removed(state: Path, system: System) -> None:
    found = our_files.found(str(state))
    assert {".minio-tls.new/", "unconfirmed", *OURS, *THEIRS} == set(found)
    for step in our_files.removals([name for name in found if our_files.is_ours(name)]):
        step.apply(system)
    assert everything(state) == sorted(THEIRS)
    assert not (state / ".minio-tls.new").exists() and not (state / "minio-tls" / "CAs").exists()


def test_links_are_not_followed(state: Path, system: System, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "public.crt").write_text("theirs")
    (state / "links.add").symlink_to(elsewhere / "public.crt")
    (state / "pki" / "minio-tls").symlink_to(elsewhere)
    for step in our_files.removals([name for name in our_files.found(str(state)) if our_files.is_ours(name)]):
        step.apply(system)
    assert (elsewhere / "public.crt").is_file() and not (state / "links.add").is_symlink()
    assert (state / "pki" / "minio-tls").is_symlink()


@pytest.mark.parametrize(
    "written", ["{}/minio-tls", "{}/minio-tls/", "{}/pki/../minio-tls", "{}/../state/minio-tls", "{}/link"]
)
def test_what_others_need_stays_however_its_path_is_written(state: Path, written: str) -> None:
    (state / "link").symlink_to(state / "minio-tls")
    kept = our_files.kept(our_files.found(str(state)), [written.format(state)])
    assert kept == [name for name in our_files.found(str(state)) if name.startswith("minio-tls/")]


@pytest.fixture(scope="module")
def certificates() -> dict[str, str]:
    return {name: tls.make_ca(tls.make_key(), 10, NOW, name) for name in (tls.CA_NAME, "Example Corp Root CA")}


def authority(path: Path, certificate: str) -> Path:
    path.mkdir(mode=0o700, parents=True)
    (path / ca.KEY).write_text("key")
    (path / ca.CERTIFICATE).write_text(certificate)
    return path


def one_authority(written: str) -> tuple[str, list[str]]:
    """The directory that this is, and what goes in it."""
    found = our_files.authorities([written])
    assert len(found) == 1
    return next(iter(found.items()))


@pytest.mark.parametrize("written", ["{}", "{}/", "{}/../ca", "{}/../link"])
def test_a_ca_of_ours_goes_with_its_directory(
    tmp_path: Path, system: System, certificates: dict[str, str], written: str
) -> None:
    path = authority(tmp_path / "ca", certificates[tls.CA_NAME])
    (tmp_path / "link").symlink_to(path)
    place, files = one_authority(written.format(path))
    assert (place, files) == (str(path), [f"{path}/ca.crt", f"{path}/ca.key"])
    our_files.RemoveAuthority(place, files).apply(system)
    assert not path.exists()


def test_a_ca_in_somebody_elses_directory_goes_without_it(
    tmp_path: Path, system: System, certificates: dict[str, str]
) -> None:
    """As an earlier release made one in /etc/ssl/private."""
    path = authority(tmp_path / "private", certificates[tls.CA_NAME])
    (path / "snakeoil.key").write_text("theirs")
    place, files = one_authority(str(path))
    assert files
    our_files.RemoveAuthority(place, files).apply(system)
    assert everything(tmp_path) == ["private/snakeoil.key"]
    assert our_files.authorities([str(path)]) == {}


def test_a_ca_that_somebody_else_made_stays(tmp_path: Path, certificates: dict[str, str]) -> None:
    path = authority(tmp_path / "ca", certificates["Example Corp Root CA"])
    assert our_files.authorities([str(path)]) == {str(path): None}
    assert our_files.authorities([str(tmp_path / "none")]) == {}


def test_whatever_is_written_below_our_directory_is_in_the_record() -> None:
    written = set()
    package, top = own_directory.__package__, Path(own_directory.__file__).parent
    for path in top.rglob("*.py"):
        name = ".".join(path.relative_to(top).with_suffix("").parts)
        for value in vars(importlib.import_module(f"{package}.{name}")).values():
            if isinstance(value, str) and value.startswith(f"{STATE_DIRECTORY}/") and "\n" not in value:
                written.add(value[len(STATE_DIRECTORY) + 1 :])
    assert {"unconfirmed", "ipsec.loaded", "links.add", "minio-tls"} <= written
    assert [name for name in sorted(written) if not our_files.is_ours(name) and not our_files.is_ours(f"{name}/")] == []
