# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running commands and saying what is going on. Everything for people goes to stderr; stdout carries the result."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Optional

PR_SET_PDEATHSIG = 1


class LabError(Exception):
    """Something that a person has to decide or repair; the message says what."""


def say(message: str) -> None:
    print(f"lab: {message}", file=sys.stderr, flush=True)


def die_with_parent() -> None:
    # A killed run leaves no helper working on in the background, so that the next run starts on quiet ground.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(
    *command: str, check: bool = True, stdin: Optional[str] = None, env: Optional[Mapping[str, str]] = None
) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, env=env, preexec_fn=die_with_parent
        )
    except FileNotFoundError:
        raise LabError(f"the command {command[0]} is not installed on this machine") from None
    if check and done.returncode != 0:
        raise LabError(f"`{' '.join(command)}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done


def process_of(pid_file: Path, word: str) -> int:
    """The process of a pid file that was started with this word, or 0: the number may long be another process's."""
    try:
        # Of one that has ended and that nobody collects, there are no words left.
        number = int(pid_file.read_text(encoding="utf-8"))
        command = Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (OSError, ValueError):
        return 0
    return number if word in command else 0


def docker(*arguments: str, check: bool = True, stdin: Optional[str] = None) -> subprocess.CompletedProcess[str]:
    # The machine's own engine, whatever DOCKER_HOST or a context points at.
    return run("docker", "--host", "unix:///var/run/docker.sock", *arguments, check=check, stdin=stdin)


def watch(command: Sequence[str], log: Path, describe: Callable[[str], str], env: Mapping[str, str]) -> None:
    """Run a long command; every few seconds say how far its log is, and on failure show the end of it.

    It runs in namespaces of its own: killed at any moment, it leaves neither processes nor mounts behind.
    """
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    started = time.monotonic()
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            [*apart, *command], stdout=output, stderr=output, text=True, env=env, preexec_fn=die_with_parent
        ) as process,
    ):
        while process.poll() is None:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                written = log.read_text(encoding="utf-8", errors="replace")
                say(f"{describe(written)} ({time.monotonic() - started:.0f} s)")
            except BaseException:
                process.kill()
                raise
    if process.returncode != 0:
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:]
        raise LabError(f"`{command[0]}` ended with {process.returncode}:\n" + "\n".join(tail))


def wait_until(probe: Callable[[], str], what: str, timeout: float, every: float = 0.3) -> None:
    """Wait until the probe answers with an empty string; otherwise it tells what is still missing."""
    deadline = time.monotonic() + timeout
    while missing := probe():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not reached within {timeout:.0f} s; last seen: {missing}")
        time.sleep(every)
