# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What leaves a host on the data network, taken where it arrives: at the host's tap, outside of the host."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# The kinds of packets that the data network may carry, as tcpdump's filters.
ESP, ESP_IPV4 = "(ip proto 50 or ip6 proto 50)", "ip proto 50"
DATA_PATH = "udp port 4789"
FRAGMENTS = "(ip[6:2] & 0x3fff != 0 or ip6[6] = 44)"
IPV6_HEADER = 40


@dataclass
class Capture:
    """What one host sent while it was looked at."""

    file: Path

    def packets(self, matching: str = "") -> list[str]:
        """One line for each packet that a filter lets through."""
        command = ["tcpdump", "-nn", "-v", "-r", str(self.file), *([matching] if matching else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        # With -v a packet has a line of its own and others, indented, that say more of it.
        return re.sub(r"\n\s+", " ", done.stdout).splitlines()

    def count(self, matching: str = "") -> int:
        return len(self.packets(matching))

    def lengths(self, matching: str = "") -> list[int]:
        """The length of each packet, the IP header included (that is what an MTU is about)."""
        return [length for one in self.packets(matching) if (length := _length(one))]

    def payloads(self, text: bytes) -> int:
        """How often these bytes are in it as they are."""
        return self.file.read_bytes().count(text)


def _length(line: str) -> int:
    """As tcpdump says it: of IPv6 without its header; 0 of what is no IP packet."""
    found = re.search(r"\b(payload )?length:? (\d+)\)", line)
    return int(found[2]) + (IPV6_HEADER if found[1] else 0) if found else 0


def _ready(process: subprocess.Popen[bytes], seconds: float = 20) -> None:
    assert process.stderr is not None
    said, deadline = b"", time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        while b"listening on" not in said:
            assert process.poll() is None and time.monotonic() < deadline, f"tcpdump does not listen: {said!r}"
            if selector.select(timeout=0.5):
                said += os.read(process.stderr.fileno(), 4096)


def _read_to_its_end(file: Path, quiet: float = 1.0, most: float = 5.0) -> None:
    """tcpdump that is ended drops what has arrived and is not written yet."""
    end, since, size = time.monotonic() + most, time.monotonic(), -1
    while time.monotonic() < min(end, since + quiet):
        now = file.stat().st_size
        if now != size:
            since, size = time.monotonic(), now
        time.sleep(0.05)


@contextlib.contextmanager
def capturing(namespace: str, tap: str, file: Path, matching: str = "") -> Iterator[Capture]:
    """Take what arrives at a tap, which is what its host sends; not one packet may be missed."""
    # In immediate mode a packet is written when it arrives, not when a block of them is full.
    how = ["--immediate-mode", "-U", "-B", "65536", "-s", "512", "-Z", "root"]
    options = ["-i", tap, "-Q", "in", *how, "-w", str(file)]
    command = ["ip", "netns", "exec", namespace, "tcpdump", *options, *([matching] if matching else [])]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _ready(process)
            yield Capture(file)
            _read_to_its_end(file)
        finally:
            process.send_signal(signal.SIGINT)
            _out, said = process.communicate(timeout=60)
    missed = re.search(rb"(\d+) packets? dropped by kernel", said)
    assert missed and int(missed[1]) == 0, said.decode()


@dataclass(frozen=True)
class Stranger:
    """A machine on the data network that is none of the lab's hosts."""

    namespace: str
    address: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        inside = ["ip", "netns", "exec", self.namespace]
        return subprocess.run([*inside, *command], capture_output=True, text=True, check=False)


def _ip(*arguments: str, check: bool = True) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, text=True, check=check)


@contextlib.contextmanager
def standing_by(namespace: str, address: str, length: int) -> Iterator[Stranger]:
    """A stranger, for as long as it is looked with."""
    own = f"{namespace}-s"
    _ip("netns", "delete", own, check=False)
    _ip("netns", "add", own)
    try:
        _ip("-n", namespace, "link", "add", "stranger", "type", "veth", "peer", "name", "eth0", "netns", own)
        _ip("-n", namespace, "link", "set", "stranger", "master", "data", "up")
        _ip("-n", own, "address", "add", f"{address}/{length}", "dev", "eth0")
        _ip("-n", own, "link", "set", "eth0", "up")
        _ip("-n", own, "link", "set", "lo", "up")
        yield Stranger(own, address)
    finally:
        _ip("-n", namespace, "link", "delete", "stranger", check=False)
        _ip("netns", "delete", own)
