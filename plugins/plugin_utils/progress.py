# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Showing how far a long module is, while Ansible waits for it: a thread reads the file that the module writes.

The module writes sentences (``@say …``), the number of packages to compile (``@expect …``), and whatever the Go
command says on standard error: one line for each module it fetches and for each package it compiles.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

PACKAGE = re.compile(r"[A-Za-z0-9._~/-]+")
INTERVAL = 10.0


class Meter:
    """From the lines of a progress file to the sentences that are worth showing: pure, with the time given."""

    def __init__(self, subject: str, interval: float = INTERVAL) -> None:
        self.subject = subject
        self.interval = interval
        self.expected = 0
        self.fetched = 0
        self.compiled = 0
        self._shown = ""
        self._due = 0.0

    def read(self, lines: list[str], now: float) -> list[str]:
        """What to show now: sentences at once, counts every few seconds and only when they moved."""
        sentences = [sentence for line in lines for sentence in self._take(line.strip(), now)]
        count = self._count()
        if count and count != self._shown and now >= self._due:
            self._shown, self._due = count, now + self.interval
            sentences.append(f"{self.subject}: {count}")
        return sentences

    def _take(self, line: str, now: float) -> list[str]:
        word, _space, rest = line.partition(" ")
        if word == "@say":
            self._due = now + self.interval
            return [f"{self.subject}: {rest}"]
        if word == "@expect":
            self.expected = int(rest)
        elif line.startswith("go: downloading "):
            self.fetched += 1
        elif self.expected and PACKAGE.fullmatch(line):
            self.compiled += 1
        return []

    def _count(self) -> str:
        if not self.expected:
            return f"fetched {self.fetched} modules" if self.fetched else ""
        done = min(self.compiled, self.expected)
        return f"compiled {done} of {self.expected} packages ({100 * done // self.expected} %)"


class Tail:
    """Shows a progress file for as long as the context lasts."""

    def __init__(self, path: Path, meter: Meter, show: Callable[[str], object], pause: float = 0.5) -> None:
        self.path = path
        self.meter = meter
        self.show = show
        self.pause = pause
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Tail:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _follow(self) -> None:
        offset, rest = 0, ""
        while True:
            ended = self._end.wait(self.pause)
            text, offset = self._more(offset)
            *lines, rest = (rest + text).split("\n")
            for sentence in self.meter.read(lines, time.monotonic()):
                self.show(sentence)
            if ended:
                return

    def _more(self, offset: int) -> tuple[str, int]:
        try:
            with self.path.open("rb") as stream:
                stream.seek(offset)
                data = stream.read()
        except OSError:
            return "", offset
        return data.decode(errors="replace"), offset + len(data)
