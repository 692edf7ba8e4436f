# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that is full or read-only: what is there stays, nothing half written is left, and the error says where."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import atomic, state_directory
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import System
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import ca, credentials
from ansible_collections.baremetal.overlay.plugins.module_utils.s3 import kept
from ansible_collections.baremetal.overlay.plugins.module_utils.s3.sigv4 import Credentials

MODULE_UTILS = Path(atomic.__file__).parent
PLUGINS = MODULE_UTILS.parent


class Module:
    def set_default_selinux_context(self, *_arguments):
        pass


WRITERS = {
    "the host": lambda path: System(Module()).write(str(path), "new"),
    "the CA": lambda path: ca.write(path, b"new", 0o600),
    "credentials": lambda path: credentials.apply(path.parent, [path], {path: b"new"}),
    "the check's user": lambda path: kept.keep_user(Credentials("u", "p", "t"), 60, {}, path),
}
FAILURES = {
    "full": (errno.ENOSPC, "has no room left (No space left on device)"),
    "over quota": (errno.EDQUOT, "has no room left (Disk quota exceeded)"),
    "read-only": (errno.EROFS, "is read-only"),
    "broken": (errno.EIO, "cannot be changed (Input/output error)"),
}
# Where in the writing the kernel says it: at the making of the draft, at its content, at its new name.
PLACES = ("open", "fsync", "replace")


@pytest.fixture(params=PLACES)
def place(request):
    return request.param


@pytest.mark.parametrize(("number", "said"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_what_was_there_stays_and_the_error_names_the_file_and_its_file_system(
    write, number, said, place, tmp_path, monkeypatch
):
    path = tmp_path / "file"
    path.write_text("old")

    def refuse(*_arguments, **_more):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, place, refuse)
        with pytest.raises(OverlayError) as refused:
            write(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert said in str(refused.value)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    # Mended, it goes on.
    write(path)
    assert path.read_text() != "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_directories_and_removals_say_it_too(number, tmp_path, monkeypatch):
    def refuse(*_arguments, **_more):
        raise OSError(number, os.strerror(number))

    (tmp_path / "file").touch()
    (tmp_path / "tree").mkdir()
    with monkeypatch.context() as patch:
        for name in ("mkdir", "unlink", "rmdir", "open"):
            patch.setattr(os, name, refuse)
        system = System(Module())
        for act in (
            lambda: state_directory.make_directories(tmp_path / "deep"),
            lambda: system.remove(str(tmp_path / "file")),
            lambda: system.remove_tree(str(tmp_path / "tree")),
            lambda: system.lock(str(tmp_path / "lock")).__enter__(),
        ):
            with pytest.raises(OverlayError, match=str(tmp_path)):
                act()


def test_the_new_name_is_on_the_disk_too(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(str(Path(f"/proc/self/fd/{handle}").readlink())))
    atomic.replace(tmp_path / "file", b"new", 0o600)
    draft, directory = synced
    assert re.fullmatch(re.escape(f"{tmp_path}/.file.") + r"\d+\.\w+", draft)
    assert directory == str(tmp_path)


def test_the_file_system_that_is_named_is_the_one_that_the_path_lies_on():
    with pytest.raises(OverlayError, match=r"the file system is the one at /proc$"):
        atomic.replace(Path("/proc/self/no-such-file"), b"", 0o600)


def test_a_directory_that_is_mounted_once_more_is_a_file_system_of_its_own(tmp_path):
    """As a read-only bind mount of /etc is; and the space in a name is what the kernel writes for it."""
    info = tmp_path / "mountinfo"
    rows = (
        "1 0 8:1 / / rw - ext4 /dev/a rw",
        "2 1 8:1 /etc /etc ro - ext4 /dev/a rw",
        r"3 1 8:1 /x /my\040data rw - x y z",
    )
    info.write_text("".join(f"{row}\n" for row in rows))
    for path, place in (("/etc/docker/daemon.json", "/etc"), ("/etcetera", "/"), ("/my data/a", "/my data")):
        assert atomic._mount_point(Path(path), info) == place
    assert atomic._mount_point(Path("/etc/x"), tmp_path / "none") == "/"


def test_a_draft_that_a_killed_run_left_is_replaced(tmp_path):
    draft = tmp_path / ".file.new"
    draft.write_text("half")
    atomic.replace(tmp_path / "file", b"whole", 0o600, draft=draft)
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("file", "whole")]


def test_drafts_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / f".key.{dead.pid}.abcdefgh").write_text("secret")
    others = {f".key.{os.getpid()}.abcdefgh", ".key.conf", f"key.{dead.pid}.abcdefgh", f".key.{dead.pid}.conf"}
    for name in others:
        (tmp_path / name).touch()
    atomic.replace(tmp_path / "file", b"", 0o600)
    assert {entry.name for entry in tmp_path.iterdir()} == {*others, "file"}


def test_a_writer_that_is_killed_leaves_its_draft_to_the_next(tmp_path):
    """Killed between the draft and its name, as a power failure would."""
    pid = os.fork()
    if pid == 0:
        os.fsync = lambda _handle: os.kill(os.getpid(), signal.SIGKILL)
        atomic.replace(tmp_path / "file", b"new", 0o600)
    os.waitpid(pid, 0)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(f".file.{pid}.")
    atomic.replace(tmp_path / "other", b"", 0o600)
    assert [entry.name for entry in tmp_path.iterdir()] == ["other"]


def test_nothing_that_runs_on_hosts_writes_files_in_another_way():
    """But for the build host's cache, which renames whole directories, a pipe, what wakes a MinIO, and devices."""
    cache = {f"minio/{name}.py" for name in ("archive", "cache", "image", "toolchain", "wheels")}
    other = {*cache, "minio/pair.py", "checks/netns.py", "atomic.py", "host/drive_content.py"}
    writing = re.compile(r"write_(text|bytes)\(|\bopen\([^)]*[\"'][wax]b?\+?[\"']|O_WRONLY|mkstemp|fdopen\([^)]*[\"']w")
    found = {
        str(path.relative_to(MODULE_UTILS))
        for path in MODULE_UTILS.rglob("*.py")
        if writing.search(path.read_text(encoding="utf-8"))
    }
    modules = {
        path.name for path in (PLUGINS / "modules").glob("*.py") if writing.search(path.read_text(encoding="utf-8"))
    }
    assert found - other == set()
    # What an image is being made from is told in a file that only grows.
    assert modules - {"minio_image.py"} == set()
