# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs left that were killed goes at the next one, and nothing else: not of others, not of who is at work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import atomic, own_directory
from ansible_collections.baremetal.overlay.plugins.module_utils.host import leftovers, sections
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import credentials, pair

MODULE_UTILS = Path(atomic.__file__).parent
# A writer that is killed at the moment in which its draft has all that it is to have.
DIES = """
import os, signal, sys
from pathlib import Path
from ansible_collections.baremetal.overlay.plugins.module_utils import atomic
os.replace = os.rename = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import ca, credentials
path = Path(sys.argv[2])
if sys.argv[1] == "ca":
    ca.Authority(path).make(10, __import__("datetime").datetime.now(__import__("datetime").timezone.utc))
elif sys.argv[1] == "credentials":
    want = credentials.staging(path, "user-of-minio", "a password of minio")
    credentials.apply(path, list(want), want)
else:
    atomic.replace(path / "conf", b"secret", 0o600)
"""


def killed(what: str, directory: Path) -> None:
    root = next(parent for parent in MODULE_UTILS.parents if (parent / "ansible_collections").is_dir())
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", DIES, what, str(directory)], env=environment, check=False)
    assert done.returncode == -9


class Host:
    """A host whose files of ours are below a directory of the test."""

    def __init__(self, free: bool = True) -> None:
        self.free = free

    @contextmanager
    def lock(self, _path: str, seconds: float = 5) -> Any:
        assert seconds
        yield self.free

    def is_there(self, path: str) -> bool:
        return os.path.lexists(path)

    def read(self, path: str) -> Any:
        return Path(path).read_text() if Path(path).exists() else None

    def exists(self, path: str) -> bool:
        return Path(path).exists()

    def remove_tree(self, path: str) -> None:
        import shutil

        if Path(path).is_dir():
            shutil.rmtree(path)
        else:
            Path(path).unlink(missing_ok=True)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(leftovers, "DIRECTORIES", (str(tmp_path), str(tmp_path / "minio-tls")))
    monkeypatch.setattr(leftovers, "SAVED", (str(tmp_path / "revert.new"),))
    monkeypatch.setattr(leftovers.tls_files, "DIRECTORY", str(tmp_path / "minio-tls"))
    monkeypatch.setattr(leftovers.files, "STORE", str(tmp_path / "swanctl"))
    monkeypatch.setattr(leftovers.files, "PENDING", str(tmp_path / ".swanctl"))
    monkeypatch.setattr(leftovers.confirm, "read", lambda _system: None)
    return tmp_path


def removed(host: Path, system: Host | None = None, *directories: Path) -> list[str]:
    """What goes, as it is said before."""
    plan = leftovers.plan({"directories": [str(one) for one in directories]}, system or Host())  # type: ignore[arg-type]
    plan.apply(system or Host())  # type: ignore[arg-type]
    paths = [step.path for step in plan.steps]
    assert [f"remove {path}, which a run that was killed left" for path in paths] == plan.sentences
    return [str(Path(path).relative_to(host)) for path in paths]


@pytest.mark.parametrize("what", ["ca", "credentials", "file"])
def test_drafts_of_a_writer_that_was_killed_go_wherever_they_are(host: Path, what: str) -> None:
    elsewhere = host / "given"
    elsewhere.mkdir()
    mark = elsewhere / own_directory.MARK
    mark.touch()
    killed(what, elsewhere)
    (draft,) = (entry for entry in elsewhere.iterdir() if entry != mark)
    assert draft.stat().st_mode & 0o777 == 0o600
    assert removed(host, None, elsewhere) == [f"given/{draft.name}"]
    assert list(elsewhere.iterdir()) == [mark] and not removed(host, None, elsewhere)


def test_who_lives_keeps_what_he_writes_and_a_number_that_is_another_ones_now_does_not(host: Path) -> None:
    mine = host / f".conf.{os.getpid()}.abcdefgh"
    mine.write_text("secret")
    assert not removed(host)
    # Written before this process began.
    os.utime(mine, (1_000_000_000, 1_000_000_000))
    assert removed(host) == [mine.name]


def test_keys_that_wait_and_pairs_that_are_not_in_force_go(host: Path) -> None:
    tls = host / "minio-tls"
    for name in (f"{pair.PREFIX}one", f"{pair.PREFIX}two", "..other", "CAs"):
        (tls / name).mkdir(parents=True)
        (tls / name / "private.key").write_text("key")
    (tls / pair.CURRENT).symlink_to(f"{pair.PREFIX}two")
    (host / ".minio-tls.new").mkdir()
    (host / "swanctl" / f"{pair.PREFIX}three").mkdir(parents=True)
    (host / ".swanctl").mkdir()
    assert sorted(removed(host)) == [
        ".minio-tls.new", ".swanctl", f"minio-tls/{pair.PREFIX}one", f"swanctl/{pair.PREFIX}three",
    ]  # fmt: skip
    assert sorted(path.name for path in tls.iterdir()) == ["..current", "..other", f"{pair.PREFIX}two", "CAs"]


@pytest.mark.parametrize(("free", "goes"), [(True, True), (False, False)])
def test_what_was_saved_for_a_way_back_goes_while_nobody_is_at_work_with_it(host: Path, free: bool, goes: bool) -> None:
    (host / "revert.new").mkdir()
    assert removed(host, Host(free)) == ["revert.new"]
    assert (host / "revert.new").exists() is not goes


def test_nothing_that_was_saved_goes_while_a_change_waits(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (host / "revert.new").mkdir()
    monkeypatch.setattr(leftovers.confirm, "read", lambda _system: object())
    assert not removed(host)


def test_files_of_others_stay_and_those_of_earlier_releases_go(host: Path) -> None:
    for name in (".bashrc", ".conf.new", ".x.1.y", "conf.999999.abcdefgh", "minio-root.json", "ca.key"):
        (host / name).write_text("x")
    for name in (".minio-root.json.new", ".ca.key.new"):
        (host / name).write_text("secret")
    assert sorted(removed(host)) == [".ca.key.new", ".minio-root.json.new"]
    assert len(list(host.iterdir())) == 6


def test_a_host_that_is_to_keep_no_credentials_keeps_no_draft_of_any(host: Path) -> None:
    killed("credentials", host)
    (draft,) = host.iterdir()
    assert credentials.leftovers(host) == [draft]


def test_it_is_a_section_that_the_host_module_applies() -> None:
    applied: Callable[..., Any] = sections.SECTIONS["leftovers"].plan
    assert applied and sections.SECTIONS["leftovers"].applied
