# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private engines for tests: dockerd processes of our own, in network namespaces of our own, joined by one cable.

Nothing of the machine's engine is touched: other sockets, other data, no iptables. What is started is ended by its PID,
and ends by itself when the tests are killed; its mounts are in a mount namespace of its own and go with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine, connection_spec, open_engine

PR_SET_PDEATHSIG = 1
# $1: the root ("/": the machine's own), $2: the engine's folder, whose etc is its /etc/docker; the rest is for dockerd.
IN_ROOT = r"""set -eu
root=$1 folder=$2
shift 2
mkdir -p "$folder/etc"
if [ "$root" != / ]; then
    mount --bind "$root" "$root"
    mount -o remount,bind,ro "$root"
    mount --bind "$folder/etc" "$root/etc/docker"
    for place in proc sys dev; do mount --rbind "/$place" "$root/$place"; done
    for place in run tmp var/lib; do mount -t tmpfs tmpfs "$root/$place"; done
    mkdir "$root/run/engine"
    mount --bind "$folder" "$root/run/engine"
    folder=/run/engine
    # A chroot would not do: what joins a container's mounts later, as exec does, begins at the namespace's own root.
    mkdir "$root/run/machine"
    cd "$root"
    pivot_root . run/machine
    cd /
    umount -l /run/machine
elif [ -d /etc/docker ]; then
    mount --bind "$folder/etc" /etc/docker
fi
exec dockerd --host "unix://$folder/s" --data-root "$folder/data" --exec-root "$folder/x" \
    --pidfile "$folder/pid" "$@"
"""


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def connection(engine: PrivateEngine, **options: Any) -> dict[str, Any]:
    """The connection options with their defaults."""
    defaults = {name: one.get("default") for name, one in connection_spec().items()}
    return {**defaults, "docker_host": engine.url, **options}


def connect(engine: PrivateEngine, check_mode: bool = False) -> Engine:
    return open_engine(connection(engine), check_mode)


def _end_with_parent() -> None:
    # The signal survives what the process becomes, dockerd at last, which then ends its containers too.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class PrivateEngine:
    def __init__(self, name: str, address: str, folder: Path, root: Path | None = None) -> None:
        self.name = name
        self.address = address
        self.folder = folder
        self.root = root or Path("/")
        self.socket = folder / "s"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def inner(self) -> Path:
        """The folder as dockerd sees it."""
        return self.folder if self.root == Path("/") else Path("/run/engine")

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self, wait: float = 60) -> None:
        """``ip netns exec`` would hide the cgroups behind a fresh /sys: enter only the network namespace."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [
                "nsenter", f"--net=/run/netns/{self.name}", "unshare", "--mount", "--propagation=private",
                "sh", "-c", IN_ROOT, "sh", str(self.root), str(self.folder), "--iptables=false", "--bridge=none",
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_end_with_parent,
        )  # fmt: skip
        log.close()
        deadline = time.monotonic() + wait
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"dockerd did not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        return self.socket.exists() and "API listen on" in (self.folder / "log").read_text()

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    def restart(self) -> None:
        self.stop()
        (self.folder / "log").unlink()
        self.start()

    def clean(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def clear_stale() -> None:
    """What a run that was killed has left: namespaces and folders that bear the number of a process that is no more."""
    for place in (Path("/run/netns"), Path(tempfile.gettempdir())):
        for found in place.glob("bo[0-9]*"):
            owner = re.fullmatch(r"bo(\d+)(?:[ab]|-.*)", found.name)
            if owner is None or Path("/proc", owner[1]).exists():
                continue
            if found.is_dir():
                shutil.rmtree(found)
            else:
                run("ip", "netns", "del", found.name)


@contextlib.contextmanager
def two_engines(root: Path | None = None) -> Iterator[list[PrivateEngine]]:
    """Two engines whose hosts share one cable, 10.98.0.1 and 10.98.0.2; dockerd is the root's, or the machine's own."""
    needed = ["nsenter", "unshare", "ip", *(["dockerd"] if root is None else [])]
    missing = [tool for tool in needed if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        raise RuntimeError(f"these tests need root and {', '.join(missing) or 'nothing else'}; install docker.io")
    clear_stale()
    prefix = f"bo{os.getpid()}"
    # The folder's path is short because a socket's must be.
    with tempfile.TemporaryDirectory(prefix=f"{prefix}-") as folder:
        engines = [
            PrivateEngine(f"{prefix}{side}", f"10.98.0.{n}", Path(folder) / side, root)
            for n, side in ((1, "a"), (2, "b"))
        ]
        try:
            _cable(*engines)
            for engine in engines:
                engine.start()
            yield engines
        finally:
            for engine in engines:
                engine.clean()


def _cable(first: PrivateEngine, second: PrivateEngine) -> None:
    for engine in (first, second):
        run("ip", "netns", "add", engine.name)
    run("ip", "link", "add", "c0", "netns", first.name, "type", "veth", "peer", "name", "c0", "netns", second.name)
    for engine in (first, second):
        for command in (
            ["link", "set", "lo", "up"],
            ["addr", "add", f"{engine.address}/24", "dev", "c0"],
            ["link", "set", "c0", "up"],
        ):
            run("ip", "-n", engine.name, *command)
