# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command's output as the Engine frames it, and what is made of its end."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.container_exec import Command, demultiplexed, execute
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import (
    Conflict,
    InputError,
    NotFound,
    OverlayError,
)


def frame(stream: int, data: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def reader(data: bytes) -> Callable[[int], bytes]:
    return io.BytesIO(data).read


class Exec(Engine):
    """An engine that runs one command: what it says, its exit code, and what became of the container."""

    half_closes = True

    def __init__(self, said: bytes, rc: int = 0, state: Any = None, refusal: Exception | None = None) -> None:
        super().__init__(None, api_version="1.41")
        self.said, self.rc, self.state, self.refusal = said, rc, state or {"Status": "running"}, refusal
        self.sent = b""

    def call(self, _verb: str, path: str, *_args: Any, **_more: Any) -> Any:
        if path.endswith("/exec"):
            if self.refusal:
                raise self.refusal
            return {"Id": "e"}
        if path == "/exec/e/json":
            return {"Running": False, "ExitCode": self.rc, "Pid": 1}
        return {"State": self.state}

    def converse(self, path: str, body: Any) -> Any:
        assert path == "/exec/e/start" and body == {"Detach": False, "Tty": False}
        engine, read = self, reader(self.said)

        class Told:
            def read(self, length: int, timeout: float | None = None) -> bytes:
                assert timeout is None
                return read(length)

            def send(self, data: bytes) -> None:
                engine.sent = data

            def close(self) -> None: ...

        return Told()


def test_the_streams_are_told_apart() -> None:
    found = demultiplexed(reader(frame(1, b"out ") + frame(2, b"err") + frame(1, b"") + frame(1, b"more")))
    assert (found.stdout, found.stderr, found.started) == (b"out more", b"err", True)
    assert demultiplexed(reader(b"")).stdout == b""


@pytest.mark.parametrize("cut", [1, 7, 9, 12])
def test_a_stream_that_is_cut_is_an_error(cut: int) -> None:
    with pytest.raises(OverlayError, match="ended in the middle of the command's output"):
        demultiplexed(reader(frame(1, b"hello")[:cut]))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            b'OCI runtime exec failed: exec failed: exec: "sh": executable file not found in $PATH: unknown\r\n',
            "not found",
        ),
        (
            frame(1, b'OCI runtime exec failed: exec failed: exec: "sh": permission denied: unknown'),
            "permission denied",
        ),
        (frame(1, b"unable to find user me: no matching entries in passwd file"), "unable to find user me"),
    ],
)
def test_a_program_that_was_not_started_is_no_exit_code(said: bytes, why: str) -> None:
    with pytest.raises(OverlayError, match=f'"sh" cannot be started in container 0123456789ab: .*{why}') as error:
        execute(Exec(said, 126), "0123456789abcdef", Command(["sh"]))
    assert "OCI" not in str(error.value)


def test_the_same_words_with_exit_code_0_are_the_programs_own() -> None:
    assert execute(Exec(frame(1, b"unable to find user")), "c", Command(["sh"])).rc == 0
    assert execute(Exec(frame(1, b"no"), 3), "c", Command(["sh"])).rc == 3


def test_a_container_that_ended_is_not_the_commands_failure() -> None:
    with pytest.raises(OverlayError, match=r"ended while the command ran in it \(it is exited\).*137.*so far: 'begun'"):
        execute(Exec(frame(1, b"begun"), 137, {"Status": "exited"}), "c", Command(["sh"]))


def test_what_cannot_be_run_at_all() -> None:
    with pytest.raises(NotFound, match="is not on this host: its task has ended"):
        execute(Exec(b"", refusal=NotFound("No such container", 404)), "c", Command(["sh"]))
    with pytest.raises(OverlayError, match="takes no command: Container c is paused"):
        execute(Exec(b"", refusal=Conflict("Container c is paused", 409)), "c", Command(["sh"]))
    far = Exec(b"")
    far.half_closes = False
    with pytest.raises(InputError, match="stdin cannot be sent to an engine over TLS or ssh"):
        execute(far, "c", Command(["sh"], stdin=b"x"))
    assert execute(far, "c", Command(["sh"])).rc == 0


def test_input_is_sent() -> None:
    engine = Exec(frame(1, b"x"))
    assert execute(engine, "c", Command(["cat"], stdin=b"x\n")).stdout == b"x" and engine.sent == b"x\n"
