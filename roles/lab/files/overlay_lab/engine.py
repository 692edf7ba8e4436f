# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine's own engine: used when it is there, started when nothing else does it, stopped only if we started it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from . import traces
from .settings import LABEL
from .shell import LabError, docker, process_of, run, say, wait_until


def answers() -> bool:
    return docker("version", "--format={{.Server.Version}}", check=False).returncode == 0


def _named(cache: Path) -> str:
    """What the lab's engine is started with, and no other."""
    return f"--pidfile={cache / 'dockerd.pid'}"


def own_pid(cache: Path) -> int:
    """The engine that the lab started, if it still runs, or 0."""
    return process_of(cache / "dockerd.pid", _named(cache))


def ensure(cache: Path) -> bool:
    """An engine answers. A service manager's engine is started through it, otherwise one is started beside us."""
    if not shutil.which("docker"):
        raise LabError("there is no docker command: install Debian's docker.io")
    if answers():
        return False
    if Path("/run/systemd/system").is_dir():
        say("engine: starting docker.service")
        run("systemctl", "start", "docker.service")
    elif not own_pid(cache):
        _start(cache)
    wait_until(lambda: "" if answers() else "no answer on /var/run/docker.sock", "engine of this machine", 60)
    return True


def _start(cache: Path) -> None:
    if not shutil.which("dockerd"):
        raise LabError("the docker command here has no engine beside it: install Debian's docker.io")
    log = cache / "dockerd.log"
    say(f"engine: no service manager runs one; starting dockerd (log: {log})")
    if not (cache / "before.json").exists():
        (cache / "before.json").write_text(json.dumps(traces.before()), encoding="utf-8")
    # An engine refuses to start where the number that it finds there is a process, whatever that is.
    (cache / "dockerd.pid").unlink(missing_ok=True)
    with log.open("ab") as output:
        # A session of its own: neither Ctrl-C nor the end of make takes it down.
        subprocess.Popen(
            ["dockerd", _named(cache)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, close_fds=True, cwd="/",
        )  # fmt: skip


def stop_own(cache: Path) -> bool:
    """Stop the engine that the lab started, unless someone else's containers run in it."""
    pid = own_pid(cache)
    if not pid:
        return False
    foreign = docker("ps", "--format={{.Names}}", check=False).stdout.split() if answers() else []
    ours = docker("ps", f"--filter=label={LABEL}", "--format={{.Names}}", check=False).stdout.split()
    if set(foreign) - set(ours):
        say(f"engine: left running, other containers use it: {', '.join(sorted(set(foreign) - set(ours)))}")
        return False
    say("engine: stopping the dockerd that the lab started")
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: f"process {pid} runs" if own_pid(cache) else "", "end of the lab's engine", 60)
    traces.remove(cache / "before.json")
    (cache / "dockerd.pid").unlink(missing_ok=True)
    return True
