# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only a directory of ours gets a mode from us, and only such a one is removed."""

from __future__ import annotations

import stat
from datetime import datetime, timezone
from pathlib import Path
from unittest.mock import Mock

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import own_directory
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import Refused
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import ca, certificate, credentials

KIND = own_directory.Kind(("ca.key", "ca.crt"), 0o700)
NOW = datetime(2026, 11, 29, tzinfo=timezone.utc)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """As /root or /etc/ssl/private is."""
    path = tmp_path / "others"
    path.mkdir(mode=0o710)
    path.chmod(0o710)
    (path / "snakeoil.key").write_text("theirs")
    return path


def test_one_that_is_made_is_marked_and_goes_when_it_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "a" / "ca"
    own_directory.make(path, KIND)
    assert (mode(path), own_directory.refusal(path, KIND)) == (0o700, "")
    (path / "notes").write_text("an operator's")
    assert own_directory.refusal(path, KIND) == ""
    own_directory.remove(path, KIND, [])
    assert (path / "notes").is_file()
    (path / "notes").unlink()
    own_directory.remove(path, KIND, [])
    assert not path.exists() and path.parent.is_dir()


def test_a_run_that_is_killed_before_the_mark_is_there_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca"
    with monkeypatch.context() as killed:
        killed.setattr(own_directory.atomic, "replace", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            own_directory.make(path, KIND)
    assert not path.exists()
    own_directory.make(path, KIND)
    assert [entry.name for entry in tmp_path.iterdir()] == ["ca"]
    assert (path / own_directory.MARK).is_file() and mode(path) == 0o700


@pytest.mark.parametrize("spelled", ["{}", "{}/", "{}/../others", "{}/../link"])
def test_somebody_elses_is_refused_and_stays_as_it_is(others: Path, spelled: str) -> None:
    (others.parent / "link").symlink_to(others)
    path = Path(spelled.format(others))
    with pytest.raises(Refused, match=r"exists \(mode 0710, owner \d+, with snakeoil.key\), and was not made"):
        own_directory.make(path, KIND)
    own_directory.remove(path, KIND, [])
    assert mode(others) == 0o710 and [entry.name for entry in others.iterdir()] == ["snakeoil.key"]


@pytest.mark.parametrize(
    ("files", "directory_mode", "ours"),
    [
        # As Debian has /etc/ssl/private.
        ((), 0o700, False),
        ((), 0o755, False),
        (("ca.key", "ca.crt"), 0o700, True),
        (("ca.key", ".ca.crt.new"), 0o700, True),
        (("ca.key", "ca.crt"), 0o750, False),
        (("ca.key", "ca.crt", "index.txt"), 0o700, False),
    ],
)
def test_what_earlier_releases_made_is_known_by_its_content(
    tmp_path: Path, files: tuple[str, ...], directory_mode: int, ours: bool
) -> None:
    for name in files:
        (tmp_path / name).write_text("")
    tmp_path.chmod(directory_mode)
    assert own_directory.is_ours(tmp_path, KIND) is ours
    assert bool(own_directory.refusal(tmp_path, KIND)) is not ours


def test_our_own_place_is_ours_and_what_a_link_in_it_leads_to_is_not(
    others: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    monkeypatch.setattr(own_directory, "STATE_DIRECTORY", str(state))
    (state / "deep" / "er").mkdir(parents=True)
    (state / "deep" / "er" / "file").write_text("")
    assert own_directory.is_ours(state / "deep" / "er", KIND)
    (state / "ca").symlink_to(others)
    assert not own_directory.is_ours(state / "ca", KIND)


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert own_directory.refusal(tmp_path / "file", KIND).endswith("is no directory; give one that is not there yet")


def test_no_ca_is_made_in_somebody_elses_directory(others: Path) -> None:
    with pytest.raises(Refused, match="was not made by this collection"):
        ca.Authority(others).read()
    with pytest.raises(Refused):
        ca.Authority(others).make(10, NOW)
    assert mode(others) == 0o710 and not (others / ca.KEY).exists()


def test_no_credentials_are_kept_in_somebody_elses_directory(others: Path) -> None:
    kept = credentials.read(others)
    with pytest.raises(Refused):
        credentials.plan(others, kept, "overlay", "password-of-8")
    with pytest.raises(Refused):
        credentials.plan_staged(others, kept, "overlay", "password-of-8")
    # Also where it has the mode that ours would have, as /root.
    others.chmod(0o700)
    with pytest.raises(Refused):
        credentials.plan(others, credentials.read(others), "overlay", "password-of-8")


def test_credentials_that_are_kept_in_such_a_place_stay(others: Path) -> None:
    others.chmod(0o700)
    for path, content in credentials.wanted(others, "overlay", "password-of-8").items():
        path.write_bytes(content)
        path.chmod(0o600)
    assert credentials.plan(others, credentials.read(others), "overlay", "password-of-8") == []


def test_no_certificate_opens_somebody_elses_directory(others: Path) -> None:
    store = certificate.Store(others, owner=-1)
    with pytest.raises(Refused):
        store.install("", None, "")
    assert mode(others) == 0o710 and not store.pending.exists()
