# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of apt and dpkg on a host where other programs use them too: they wait for each lock, and name its holder.

apt-get itself waits for dpkg's locks only, and only if told to. A lock on its lists or archives ends it at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from ..wait import Clock, wait_until
from .system import CommandFailed, System

# Each is held for as long as its holder works on what it guards; dpkg's own survives the apt that called dpkg.
LOCKS = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
)
# Upgrades of unattended-upgrades and of a first boot take minutes.
PATIENCE = 600.0
ENV = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
CONFIGURE = ("dpkg", "--force-confold", "--configure", "-a")
# How apt, apt-mark and dpkg say that another process was faster.
LOCKED = re.compile(
    r"Could not get lock|Unable to (?:lock|acquire the dpkg)|lock (?:was|is) locked by|is another process"
)


@dataclass(frozen=True)
class Held:
    """A lock that a process holds. Which one is unknown where it runs in another PID namespace."""

    path: str
    pid: Optional[int] = None
    command: str = ""

    @property
    def who(self) -> str:
        if not self.pid:
            return "a process that this host cannot name"
        return f"process {self.pid} (`{self.command}`)" if self.command else f"process {self.pid}"

    def __str__(self) -> str:
        return f"{self.who} holds {self.path}"


def held(system: System) -> Optional[Held]:
    """The first lock that is taken, and who has it."""
    for path in LOCKS:
        pid = system.holder(path)
        if pid is not None:
            words = (system.read(f"/proc/{pid}/cmdline") or "").replace("\0", " ").strip() if pid else ""
            return Held(path, pid or None, words[:120])
    return None


def run(system: System, argv: Sequence[str], clock: Optional[Clock] = None) -> None:
    """One command, once all locks are free. What a former holder left half done is finished before it."""
    clock = clock or Clock()
    began = clock.now()
    while True:
        first = held(system)
        if first:
            _await_free(system, began + PATIENCE - clock.now(), clock)
            system.warn(f"waited {clock.now() - began:.0f} s for the package manager: {first.who} held {first.path}")
        try:
            for command in (CONFIGURE, argv) if first and argv != CONFIGURE else (argv,):
                system.run(command, ENV)
        except CommandFailed as error:
            if not LOCKED.search(str(error)) or clock.now() - began >= PATIENCE:
                raise
            # Taken between the look and the command.
            clock.sleep(1)
        else:
            return


def _await_free(system: System, seconds: float, clock: Clock) -> None:
    wait_until(
        lambda: held(system),
        lambda found: found is None,
        max(seconds, 0),
        "the package manager",
        clock=clock,
        show=lambda found: f"{found}; wait until it ends, or see what keeps it, then run again",
    )


@dataclass(frozen=True)
class Ask:
    """A step of commands of apt and dpkg, in order."""

    sentence: str
    commands: Sequence[Sequence[str]]

    def apply(self, system: System) -> None:
        for command in self.commands:
            run(system, command)
