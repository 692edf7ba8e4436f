# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command in a container that runs: started, fed, read to its end, and its exit code."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from .conversation import Conversation
from .engine import Engine
from .errors import Conflict, InputError, NotFound, OverlayError, WaitTimeout
from .wait import wait_until

# What the engine and its runtime say where a program cannot be started, in place of the program's own output.
_NOT_STARTED = ("OCI runtime exec failed", "unable to find user", "unable to find group")
_KILLED, _SETTLE = 137, 2.0
_HEADER = 8
_ERROR_STREAM = 2


@dataclass(frozen=True)
class Command:
    argv: list[str]
    env: list[str] = field(default_factory=list)
    chdir: str = ""
    user: str = ""
    stdin: Optional[bytes] = None
    timeout: Optional[float] = None

    def body(self) -> dict[str, Any]:
        said = {"Env": self.env, "WorkingDir": self.chdir, "User": self.user}
        return {
            "Cmd": self.argv,
            "AttachStdin": self.stdin is not None,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": False,
            **{key: value for key, value in said.items() if value},
        }


@dataclass
class Output:
    stdout: bytes = b""
    stderr: bytes = b""
    rc: int = -1
    started: bool = True


def execute(engine: Engine, container: str, command: Command) -> Output:
    """Raises where the command could not be run; what it says and how it ends is its own affair."""
    if command.stdin is not None and not engine.half_closes:
        raise InputError(
            "stdin cannot be sent to an engine over TLS or ssh, where its end cannot be told; "
            "give docker_host as a socket of the host where the container runs"
        )
    try:
        ident = engine.call("POST", f"/containers/{container}/exec", command.body())["Id"]
    except NotFound as error:
        raise NotFound(f"container {container[:12]} is not on this host: its task has ended, or runs on another host",
                       error.status, error.verb, error.path) from error  # fmt: skip
    except Conflict as error:
        raise OverlayError(f"container {container[:12]} takes no command: {error.message}") from error
    conversation = engine.converse(f"/exec/{ident}/start", {"Detach": False, "Tty": False})
    try:
        found = _listen(conversation, command, lambda: engine.call("GET", f"/exec/{ident}/json"))
    finally:
        conversation.close()
    found.rc = _ended(engine, ident)["ExitCode"]
    if found.rc:
        _explain(engine, container, command, found)
    return found


def _listen(conversation: Conversation, command: Command, look: Callable[[], Mapping[str, Any]]) -> Output:
    if command.stdin is not None:
        conversation.send(command.stdin)
    deadline = None if command.timeout is None else time.monotonic() + command.timeout

    def read(length: int) -> bytes:
        return conversation.read(length, None if deadline is None else max(deadline - time.monotonic(), 0.001))

    try:
        return demultiplexed(read)
    except TimeoutError as error:
        # The Engine has no way to end a command.
        pid = look().get("Pid")
        raise WaitTimeout(
            f"the command did not end within {command.timeout:g} s; it goes on in the container, as process {pid} "
            "of the node, until it ends by itself or the task does"
        ) from error


def demultiplexed(read: Callable[[int], bytes]) -> Output:
    """The Engine's stream of frames: one byte for the stream, three of nothing, four for the length, the data."""
    found = Output()
    while True:
        header = read(_HEADER)
        if not header:
            return found
        if header[0] > _ERROR_STREAM or any(header[1:4]):
            # Not framed: what the runtime says instead of starting the program.
            return _unframed(found, header, read)
        length = int.from_bytes(header[4:], "big")
        data = read(length)
        if len(header) < _HEADER or len(data) < length:
            raise OverlayError("the engine's answer ended in the middle of the command's output; was it restarted?")
        if header[0] == _ERROR_STREAM:
            found.stderr += data
        else:
            found.stdout += data


def _unframed(found: Output, header: bytes, read: Callable[[int], bytes]) -> Output:
    found.started = False
    found.stdout += header
    while data := read(4096):
        found.stdout += data
    return found


def _ended(engine: Engine, ident: str) -> Mapping[str, Any]:
    """The stream ends a moment before the Engine knows the exit code."""
    return wait_until(
        lambda: engine.call("GET", f"/exec/{ident}/json"),
        lambda state: not state["Running"] and state["ExitCode"] is not None,
        10,
        "the command's exit code",
        interval=0.05,
    )


def _explain(engine: Engine, container: str, command: Command, found: Output) -> None:
    """Where it was not the command that failed."""
    said = found.stdout.decode(errors="replace").strip()
    if not found.started or said.startswith(_NOT_STARTED):
        why = said.rpartition("exec: ")[2] or said
        raise OverlayError(
            f'"{command.argv[0]}" cannot be started in container {container[:12]}: {why}; '
            "give a program of the image by its path, and note that an image without a shell has no sh"
        )
    state = _state(engine, container, _SETTLE if found.rc == _KILLED else 0)
    if state != "running":
        raise OverlayError(
            f"container {container[:12]} ended while the command ran in it (it is {state}); "
            f"the command's exit code is {found.rc}, and its output so far: {said[-500:]!r}"
        )


def _state(engine: Engine, container: str, settle: float) -> str:
    """Processes that are killed with their container end a moment before the Engine says that it has ended."""

    def look() -> str:
        try:
            return str(engine.call("GET", f"/containers/{container}/json")["State"]["Status"])
        except NotFound:
            return "removed"

    try:
        return wait_until(look, lambda state: state != "running", settle, "the container's end", interval=0.1)
    except WaitTimeout as running:
        return str(running.state)
