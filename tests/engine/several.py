# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As many private engines as a quorum needs: their hosts' cables meet in a switch, a namespace of its own."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import io
import json
import os
import struct
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from private import PrivateEngine, run

CLONE_NEWNET = 0x40000000
NOBODY = 65534


@contextlib.contextmanager
def several_engines(count: int, *root: Path | None) -> Iterator[list[PrivateEngine]]:
    """Engines at 10.97.0.1, 10.97.0.2 …, in no swarm; the folder's path is short because a socket's must be."""
    prefix = f"bo{os.getpid()}"
    switch = f"{prefix}-s"
    with tempfile.TemporaryDirectory(prefix=f"{prefix}-") as folder:
        numbers = range(1, count + 1)
        engines = [PrivateEngine(f"{prefix}-{n}", f"10.97.0.{n}", Path(folder) / str(n), *root) for n in numbers]
        try:
            run("ip", "netns", "add", switch)
            run("ip", "-n", switch, "link", "add", "b0", "type", "bridge")
            run("ip", "-n", switch, "link", "set", "b0", "up")
            for number, engine in enumerate(engines, 1):
                _plug(switch, f"p{number}", engine)
                engine.start()
            yield engines
        finally:
            for engine in engines:
                engine.clean()
            if Path(f"/run/netns/{switch}").exists():
                run("ip", "netns", "del", switch)


def _plug(switch: str, port: str, engine: PrivateEngine) -> None:
    run("ip", "netns", "add", engine.name)
    run("ip", "link", "add", "c0", "netns", engine.name, "type", "veth", "peer", "name", port, "netns", switch)
    for command in (["master", "b0"], ["up"]):
        run("ip", "-n", switch, "link", "set", port, *command)
    for words in (["link", "set", "lo", "up"], ["addr", "add", f"{engine.address}/24", "dev", "c0"]):
        run("ip", "-n", engine.name, *words)
    run("ip", "-n", engine.name, "link", "set", "c0", "up")


@contextlib.contextmanager
def inside(engine: PrivateEngine) -> Iterator[None]:
    """The host's own addresses and routes, as a module that runs there sees them."""
    with Path("/proc/self/ns/net").open() as before, Path(f"/run/netns/{engine.name}").open() as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(before.fileno())


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter the network namespace")


def as_nobody(action: Callable[[], Any]) -> str:
    """What the action's failure says to a user without rights: a process of that user really runs it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "nothing failed"
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            action()
        except OverlayError as error:
            said = str(error)
        except BaseException as error:
            said = f"{error!r} is no error of ours"
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return str(json.loads(answer.read()))


def pausing_image() -> tuple[str, bytes]:
    """An image's ID and archive: a program of three instructions (pause, for ever) and nothing else."""
    layer = _archive({"pause": _program(bytes.fromhex("b8220000000f05ebf7"))})
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/pause"], "StopSignal": "SIGKILL"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    text = json.dumps(config).encode()
    manifest = json.dumps([{"Config": "c.json", "RepoTags": None, "Layers": ["l.tar"]}]).encode()
    ident = f"sha256:{hashlib.sha256(text).hexdigest()}"
    return ident, _archive({"c.json": text, "manifest.json": manifest, "l.tar": layer})


def _program(code: bytes) -> bytes:
    """The smallest ELF file: its header, one segment, the code."""
    base, size = 0x400000, 64 + 56
    head = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8)
    head += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + size, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size + len(code), size + len(code), 0x1000)
    return head + segment + code


def _archive(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()
