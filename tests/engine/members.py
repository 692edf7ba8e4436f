# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker beside the manager, an image whose programs really run on both, and an engine reached by TCP."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine


def eventually(look: Callable[[], Any], seconds: float = 40) -> Any:
    """The first answer that is true; the last one is shown where none was in time."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"last seen: {seen!r}"
        time.sleep(0.2)
    return seen


@contextlib.contextmanager
def joined(manager: Engine, worker: Engine, manager_address: str, worker_address: str) -> Iterator[None]:
    """The second engine as a worker of the first one's swarm; outside again afterwards."""
    token = manager.call("GET", "/swarm")["JoinTokens"]["Worker"]
    address = f"{worker_address}:2377"
    body = {"ListenAddr": address, "AdvertiseAddr": address, "JoinToken": token}
    worker.call("POST", "/swarm/join", {**body, "RemoteAddrs": [f"{manager_address}:2377"]})
    node = worker.call("GET", "/info")["Swarm"]["NodeID"]
    try:
        yield
    finally:
        worker.call("POST", "/swarm/leave", query={"force": True})
        manager.call("DELETE", f"/nodes/{node}", query={"force": True})


def programs_image(engines: Sequence[Engine], programs: Sequence[str], **folders: int) -> str:
    """Programs of this machine with the libraries they need, as an image that has the same ID on every engine."""
    files = set(programs)
    for program in programs:
        linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        files |= set(re.findall(r"(/\S+) \(0x", linked))
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", dereference=True) as archive:
        for path in sorted(files):
            archive.add(Path(path).resolve(), arcname=path)
        for name, mode in folders.items():
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            archive.addfile(folder)
    ident, archive_of_it = _image(made.getvalue())
    for engine in engines:
        engine.call("POST", "/images/load", query={"quiet": True}, data=archive_of_it)
    return ident


def _image(layer: bytes) -> tuple[str, bytes]:
    """The image of one layer, as "docker save" would write it."""
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": None, "Layers": ["layer.tar"]}]).encode()
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in (("config.json", config), ("manifest.json", manifest), ("layer.tar", layer)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return f"sha256:{hashlib.sha256(config).hexdigest()}", made.getvalue()


class Forwarder(threading.Thread):
    """The engine's socket under a TCP port of this machine; the end of either direction is handed on."""

    def __init__(self, place: Path) -> None:
        super().__init__(daemon=True)
        self.place = place
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"

    def stop(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.join()
        self.listener.close()

    def run(self) -> None:
        while True:
            try:
                near, _address = self.listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(str(self.place))
            threading.Thread(target=self.join_ends, args=(near, far), daemon=True).start()

    def join_ends(self, near: socket.socket, far: socket.socket) -> None:
        back = threading.Thread(target=self.hand_on, args=(far, near))
        back.start()
        self.hand_on(near, far)
        back.join()
        near.close()
        far.close()

    @staticmethod
    def hand_on(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
