# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose engine it is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from overlay_lab import engine, shell


@pytest.mark.parametrize(
    "content",
    [None, "", "no number", str(os.getpid()), "999999999"],
    ids=["no file", "empty", "no number", "another process", "no process"],
)
def test_what_is_no_engine_of_the_lab(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "dockerd.pid").write_text(content)
    assert engine.own_pid(tmp_path) == 0


@contextmanager
def dockerd(folder: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of that name, with these words, that waits to be told to end."""
    program = folder / "dockerd"
    program.write_text("#!/bin/sh\nread -r _line\n", encoding="utf-8")
    program.chmod(0o755)
    with subprocess.Popen([program, *words], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_an_engine_of_the_same_number_is_not_the_labs(tmp_path: Path) -> None:
    with dockerd(tmp_path, "--pidfile=/var/run/docker.pid") as process:
        (tmp_path / "dockerd.pid").write_text(f"{process.pid}\n", encoding="utf-8")
        assert engine.own_pid(tmp_path) == 0
        assert engine.stop_own(tmp_path) is False
        assert process.poll() is None


def test_the_labs_engine_is_known_by_how_it_was_started(tmp_path: Path) -> None:
    with dockerd(tmp_path, f"--pidfile={tmp_path / 'dockerd.pid'}") as process:
        (tmp_path / "dockerd.pid").write_text(f"{process.pid}\n", encoding="utf-8")
        # Until it is what it was started as.
        shell.wait_until(lambda: "" if engine.own_pid(tmp_path) else "not there", "the process", 10, 0.01)
        assert engine.own_pid(tmp_path) == process.pid


def test_a_number_that_was_left_keeps_no_engine_from_starting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left, seen = tmp_path / "dockerd.pid", []
    left.write_text(f"{os.getpid()}\n", encoding="utf-8")
    (tmp_path / "before.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr(engine.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(engine.subprocess, "Popen", lambda command, **_any: seen.append((command, left.exists())))
    engine._start(tmp_path)
    assert seen == [(["dockerd", f"--pidfile={left}"], False)]


def test_an_engine_that_the_lab_did_not_start_is_not_stopped(tmp_path: Path) -> None:
    assert engine.stop_own(tmp_path) is False
