# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private engines for tests: dockerd processes of our own, in network namespaces of our own, joined by one cable.

Nothing of the machine's engine is touched: other sockets, other data, no iptables. What is started is ended by its PID.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine, connection_spec, open_engine

MOUNTS = Path("/proc/self/mounts")


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def connection(engine: PrivateEngine, **options: Any) -> dict[str, Any]:
    """The connection options with their defaults."""
    defaults = {name: one.get("default") for name, one in connection_spec().items()}
    return {**defaults, "docker_host": engine.url, **options}


def connect(engine: PrivateEngine, check_mode: bool = False) -> Engine:
    return open_engine(connection(engine), check_mode)


class PrivateEngine:
    def __init__(self, name: str, address: str, folder: Path) -> None:
        self.name = name
        self.address = address
        self.folder = folder
        self.socket = folder / "s"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self, wait: float = 40) -> None:
        """``ip netns exec`` would hide the cgroups behind a fresh /sys: enter only the network namespace."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [
                "nsenter", f"--net=/run/netns/{self.name}", "dockerd", "--host", self.url,
                "--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "x"),
                "--pidfile", str(self.folder / "pid"), "--iptables=false", "--bridge=none",
            ],
            stdout=log, stderr=log,
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
        for line in reversed(MOUNTS.read_text().splitlines()):
            mounted = line.split()[1]
            if mounted.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "-l", mounted], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


@contextlib.contextmanager
def two_engines(folder: Path) -> Iterator[list[PrivateEngine]]:
    """Two engines whose hosts share one cable, 10.98.0.1 and 10.98.0.2."""
    missing = [tool for tool in ("dockerd", "nsenter", "ip") if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        raise RuntimeError(f"these tests need root and {', '.join(missing) or 'nothing else'}; install docker.io")
    prefix = f"bo{os.getpid()}"
    engines = [PrivateEngine(f"{prefix}{side}", f"10.98.0.{n}", folder / side) for n, side in ((1, "a"), (2, "b"))]
    try:
        for engine in engines:
            run("ip", "netns", "add", engine.name)
        first, second = engines
        run("ip", "link", "add", "c0", "netns", first.name, "type", "veth", "peer", "name", "c0", "netns", second.name)
        for engine in engines:
            for command in (
                ["link", "set", "lo", "up"],
                ["addr", "add", f"{engine.address}/24", "dev", "c0"],
                ["link", "set", "c0", "up"],
            ):
                run("ip", "-n", engine.name, *command)
            engine.start()
        yield engines
    finally:
        for engine in engines:
            engine.clean()
