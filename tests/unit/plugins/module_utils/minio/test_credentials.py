# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping root credentials: readable by root only, never replaced, never said."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import own_directory
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import credentials
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.fingerprint import matches

USER, PASSWORD = "minioroot", "correct-horse"


def keep(directory, user=USER, password=PASSWORD):
    changes = credentials.plan(directory, credentials.read(directory), user, password)
    credentials.apply(directory, changes, credentials.wanted(directory, user, password))
    return [path.name for path in changes]


def test_kept_once_for_root_only_and_left_alone_afterwards(tmp_path):
    directory = tmp_path / "etc"
    assert keep(directory) == ["etc", *credentials.NAMES]
    assert json.loads((directory / "minio-root.json").read_text()) == {"user": USER, "password": PASSWORD}
    assert (directory / "minio-root-password").read_text() == PASSWORD
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700
    assert keep(directory) == []


def test_a_mode_that_is_too_wide_and_a_missing_file_are_mended(tmp_path):
    directory = tmp_path / "etc"
    keep(directory)
    directory.chmod(0o755)
    (directory / "minio-root-user").unlink()
    (directory / "minio-root-password").chmod(0o644)
    assert keep(directory) == ["etc", "minio-root-user", "minio-root-password"]


def test_a_host_that_is_to_keep_none_has_only_these_removed(tmp_path):
    directory = tmp_path / "etc"
    keep(directory)
    (directory / "other").touch()
    for path in credentials.leftovers(directory):
        path.unlink()
    assert [path.name for path in directory.iterdir() if path.name != own_directory.MARK] == ["other"]
    assert credentials.leftovers(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("user", "password", "part"),
    [
        (USER, "another-password", "keeps another password"),
        ("someone", PASSWORD, "keeps another user"),
    ],
)
def test_other_or_weak_credentials_change_nothing_and_are_not_said(tmp_path, user, password, part):
    directory = tmp_path / "etc"
    keep(directory)
    before = {path: path.read_bytes() for path in directory.iterdir()}
    with pytest.raises(OverlayError) as caught:
        keep(directory, user, password)
    assert part in str(caught.value)
    assert not any(secret in str(caught.value) for secret in (PASSWORD, password))
    assert {path: path.read_bytes() for path in directory.iterdir()} == before


# Each pair was tried with the server: how it starts, and whether S3, the administration, the console, mc and presigned
# URLs let it in. None is what works; what works and is refused all the same says why.
PAIRS = {
    "letters": ("roo", "12345678", None),
    "all of ASCII": ("root", "".join(map(chr, range(33, 127))), None),
    "all of ASCII but blank, =, comma and /": ("ro!\"#$%&'()*+-.:;<>?@[\\]^_`{|}~", "12345678", None),
    "quoted": ("ro%2Fot", "12345678", None),
    "an address": ("ro@ot.example.org", "12345678", None),
    "dots": ("ro..ot", "12345678", None),
    "long": ("r" * 200, "p" * 4000, None),
    "letters outside of ASCII": ("root", "pässwörd", None),
    "bytes are counted": ("root", "éüöä", None),
    "blanks inside": ("root", "1 2 3 4 5 6 7 8", None),
    "one default": ("minioadmin", "12345678", None),
    # The server does not start.
    "short user": ("ro", "12345678", "root_user: has 2 characters; MinIO takes 3 or more"),
    "short password": ("root", "1234567", "root_password: has 7 characters; MinIO takes 8 or more"),
    "nothing but blanks": ("root", "        ", "root_password: has 0 characters; MinIO takes 8 or more"),
    "NUL": ("root", "1234\x0056789", "root_password: has a line break or another control character"),
    # 403 SignatureDoesNotMatch, as the server takes blanks off.
    "line break at the end": ("root", "12345678\n", "root_password: has a blank or a line break at its beginning"),
    "blank before": ("root", " 12345678", "root_password: has a blank or a line break at its beginning"),
    "wide blank behind": ("root", "12345678\u2003", "root_password: has a blank or a line break at its beginning"),
    "line break behind the user": ("root\n", "12345678", "root_user: has a blank or a line break at its beginning"),
    # 400 MissingFields: a comma ends the credential.
    "comma": ("ro,ot", "12345678", "root_user: has , in it"),
    # 503 XMinioIAMNotInitialized: a header is Latin-1 for some clients, and no text for the server.
    "outside of ASCII": ("rooté", "12345678", "root_user: has a blank or a character outside of ASCII"),
    "the rack's": ("rack$1%adm'in\"\\{x}#é y", "12345678", "root_user: has a blank or a character outside of ASCII"),
    # These work with the clients that were tried: MinIO makes no key like it, AWS has none, or no file can carry it.
    "equals": ("ro=ot", "12345678", "root_user: has = in it"),
    "slash": ("ro/ot", "12345678", "root_user: has / in it"),
    "blank": ("ro ot", "12345678", "root_user: has a blank or a character outside of ASCII"),
    "line break inside": ("root", "1234\n56789", "root_password: has a line break or another control character"),
    "both defaults": ("minioadmin", "minioadmin", "root_user, root_password: are minioadmin, MinIO's own default"),
}


@pytest.mark.parametrize(("user", "password", "said"), PAIRS.values(), ids=PAIRS)
def test_what_minio_and_its_clients_can_use(tmp_path, user, password, said):
    found = credentials.violations(user, password)
    assert [sentence.partition(said or "-")[:2] for sentence in found[:1]] == ([("", said)] if said else [])
    assert not any(password in sentence for sentence in found if password != "minioadmin")
    for state in (credentials.plan, credentials.plan_staged):
        if said:
            with pytest.raises(OverlayError):
                state(tmp_path / "etc", credentials.read(tmp_path / "etc"), user, password)
        else:
            assert state(tmp_path / "etc", credentials.read(tmp_path / "etc"), user, password)


NEW = "another-password"


def stage(directory, password=NEW):
    changes = credentials.plan_staged(directory, credentials.read(directory), USER, password)
    credentials.apply(directory, changes, credentials.staging(directory, USER, password))
    return [path.name for path in changes]


def held(directory, name="minio-root.json"):
    return json.loads((directory / name).read_text())["password"]


def test_a_new_pair_is_staged_beside_the_one_that_is_kept_and_then_promoted(tmp_path):
    directory = tmp_path / "etc"
    keep(directory)
    assert stage(directory) == [credentials.STAGED]
    assert stage(directory) == []
    assert (held(directory), held(directory, credentials.STAGED)) == (PASSWORD, NEW)
    assert (directory / credentials.STAGED).stat().st_mode & 0o777 == 0o600
    kept = credentials.read(directory)
    credentials.promote(directory, kept, credentials.staged(directory, kept))
    assert keep(directory, password=NEW) == []
    assert not (directory / credentials.STAGED).exists()
    assert credentials.staged(directory, credentials.read(directory)) is None


@pytest.mark.parametrize("steps", range(4))
def test_a_promotion_that_is_killed_leaves_what_is_staged_and_is_finished_later(tmp_path, steps, monkeypatch):
    directory = tmp_path / "etc"
    keep(directory)
    stage(directory)
    write, unlink, left = credentials._write, type(directory).unlink, iter(range(steps))

    def killed(path, content):
        if next(left, None) is None:
            raise KeyboardInterrupt
        write(path, content)

    def killed_before(path, missing_ok=False):
        if path.name == credentials.STAGED:
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    monkeypatch.setattr(credentials, "_write", killed)
    monkeypatch.setattr(type(directory), "unlink", killed_before)
    kept = credentials.read(directory)
    with pytest.raises(KeyboardInterrupt):
        credentials.promote(directory, kept, credentials.staged(directory, kept))
    monkeypatch.undo()
    assert held(directory, credentials.STAGED) == NEW
    kept = credentials.read(directory)
    credentials.promote(directory, kept, credentials.staged(directory, kept))
    assert keep(directory, password=NEW) == []


def test_a_staged_file_that_is_something_else_is_not_promoted(tmp_path):
    (tmp_path / credentials.STAGED).write_text("{}")
    with pytest.raises(OverlayError, match="is not a JSON object with user and password; remove it"):
        credentials.staged(tmp_path, credentials.read(tmp_path))


def test_what_the_controller_is_told_recognizes_a_password_and_does_not_say_it():
    told = credentials.facts(json.dumps({"user": USER, "password": PASSWORD}))
    assert told["user"] == USER
    assert matches(told["password"], PASSWORD.encode())
    assert PASSWORD not in str(told)
    assert (credentials.facts(None), credentials.facts("[]")) == (None, {})


def test_a_file_that_is_something_else_is_not_overwritten(tmp_path):
    directory = tmp_path / "etc"
    keep(directory)
    (directory / "minio-root.json").write_text("[]")
    with pytest.raises(OverlayError, match="is not a JSON object with user and password"):
        keep(directory)


def test_contents_are_not_printed(tmp_path):
    keep(tmp_path / "etc")
    assert PASSWORD not in repr(credentials.read(tmp_path / "etc"))
