# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker beside the manager, and an image whose programs really run, on both."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import tarfile
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
    first, *others = engines
    answer = first.call("POST", "/images/create", query={"fromSrc": "-"}, data=made.getvalue())
    ident = str((answer[-1] if isinstance(answer, list) else answer)["status"])
    saved = first._client.request("GET", f"{first._client.base_url}/images/{ident}/get").content
    for engine in others:
        engine.call("POST", "/images/load", query={"quiet": True}, data=saved)
    return ident
