# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills a module of ours right before one of its steps, as a power failure would: SIGKILL, nothing is cleaned up.

It runs on a lab's host, in the Python that ``ansible_python_interpreter`` names, and nothing of it is in the product.
Python tells an audit hook of everything that leaves the process before it happens: files that are put in place or
removed, commands, requests. A step that is not among those of ``kills.json`` is what the process dies before.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, Optional

PLACE = Path(__file__).parent
PREFIX = "ansible_collections.baremetal.overlay.plugins.modules."
# Where a host's state is; what Python and Ansible do for themselves is elsewhere.
STATE = ("/etc/", "/run/", "/srv/", "/opt/", "/usr/local/", "/var/lib/")
FILES = {
    "os.remove": "remove {0}",
    "os.rmdir": "remove {0}",
    "os.mkdir": "make {0}",
    "shutil.rmtree": "remove all of {0}",
    "os.chmod": "chmod {0}",
    "os.rename": "put {1}",
    "os.symlink": "link {1}",
}
# The door by which changing commands go; the others only read.
DOOR = ("run", "/host/system.py")
# Those that only read, and go by it because their failure is one of the step.
READS = ("run wipefs --json", "run nft -c", "run nft --check")
# What differs from run to run and from host to host: identities, tokens, devices of the lab, names of servers.
VARIES = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,}|\b[0-9a-f]{12,}\b|\b[0-9a-z]{25}\b"
    r"|(?<=/dev/loop)\d+|(?<=\bminio)\d+(?=d\d|\b)|(?<=overlay-n)\d+(?=-drive)"
)
VERSION = re.compile(r"^/v\d+\.\d+(?=/)")


def label(event: str, args: tuple[Any, ...]) -> Optional[str]:
    """The step in words that are the same in every run; None for what changes nothing."""
    if event in FILES:
        return _file(event, args)
    if event == "subprocess.Popen":
        return _command(args)
    if event == "http.client.send":
        return _request(args)
    return None


def _file(event: str, args: tuple[Any, ...]) -> Optional[str]:
    paths = [os.fsdecode(one) if isinstance(one, (str, bytes, os.PathLike)) else "" for one in args]
    said = FILES[event].format(*paths, "")
    path = said.rpartition(" ")[2]
    if not path.startswith(STATE) or "__pycache__" in path or Path(path).name.startswith("."):
        return None
    if event == "os.mkdir" and Path(path).exists():
        return None
    return VARIES.sub("…", said)


def _command(args: tuple[Any, ...]) -> Optional[str]:
    frame: Optional[FrameType] = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == DOOR[0] and frame.f_code.co_filename.endswith(DOOR[1]):
            argv = args[1] if isinstance(args[1], (list, tuple)) else [args[1]]
            words = VARIES.sub("…", "run " + " ".join(os.fsdecode(word) for word in argv))
            return None if words.startswith(READS) else words
        frame = frame.f_back
    return None


def _request(args: tuple[Any, ...]) -> Optional[str]:
    if not isinstance(args[1], bytes):
        return None
    verb, _blank, rest = args[1].partition(b" ")
    if verb not in (b"POST", b"PUT", b"DELETE") or b" HTTP/1." not in rest:
        return None
    path = rest.split(b" ")[0].split(b"?")[0].decode()
    return f"{verb.decode()} {VARIES.sub('…', VERSION.sub('', path))}"


class Killer:
    """One module's process."""

    def __init__(self) -> None:
        # Which module made a step.
        self.made = ""
        self._said = sys.stdout.write

    @property
    def module(self) -> str:
        """The module of ours that runs here; empty before it begins, and in every other Python."""
        spec = getattr(sys.modules.get("__main__"), "__spec__", None)
        name = getattr(spec, "name", "") or ""
        return name[len(PREFIX) :] if name.startswith(PREFIX) else ""

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        if (event in FILES or event in ("subprocess.Popen", "http.client.send")) and self.module:
            step = label(event, args)
            if step:
                self.made = self.module
                self.before(self.made, step)

    def answer(self, text: str) -> int:
        """Whoever waits for the answer gets none of it."""
        if self.made:
            module, self.made = self.made, ""
            self.before(module, "answer")
        return self._said(text)

    def before(self, module: str, step: str) -> None:
        told = json.loads((PLACE / "kills.json").read_text(encoding="utf-8"))
        line = f"{module}: {step}"
        chosen = (not told["modules"] or module in told["modules"]) and re.search(told["steps"], line)
        dies = bool(told["kill"] and chosen and line not in told["passed"])
        with (PLACE / "log").open("a", encoding="utf-8") as log:
            log.write(json.dumps({"module": module, "step": step, "killed": dies}) + "\n")
            log.flush()
            os.fsync(log.fileno())
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)


def begin() -> None:
    # Commands of the module are not watched.
    os.environ.pop("PYTHONPATH", None)
    killer = Killer()
    sys.addaudithook(killer.hook)
    sys.stdout.write = killer.answer  # type: ignore[method-assign]


if (PLACE / "kills.json").exists():
    begin()
