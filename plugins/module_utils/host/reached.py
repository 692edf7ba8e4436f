# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host needs to reach, whatever networks are made on it: name servers, gateways and time servers."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from ..addresses import plain, version
from .system import System

# The second is what systemd-resolved forwards to, where the first names only its own stub.
RESOLVERS = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")
NAME_SERVER = re.compile(r"^\s*nameserver\s+(\S+)", re.MULTILINE)
# What each time service has while it runs, and how it is asked; by the last word of each line of ntpq, or by fields.
CHRONY, TIMESYNC, NTPD = "/run/chrony/chronyd.pid", "/run/systemd/timesync", "/run/ntpd.pid"
ASK_CHRONY = ("chronyc", "-n", "-c", "sources")
ASK_TIMESYNC = ("timedatectl", "show-timesync", "--property=ServerAddress,SystemNTPServers,LinkNTPServers")
ASK_NTPD = ("ntpq", "-n", "-c", "peers")
# In front of an address ntpq says how good that source is.
TALLY = " x.-+#*o"


def read(system: System, routes: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The addresses of each kind; a time service is asked only where it runs."""
    return {
        "name_servers": name_servers([system.read(path) or "" for path in RESOLVERS]),
        "gateways": elsewhere(gateway for route in routes for gateway in route.get("gateways") or ()),
        "time_servers": elsewhere(
            [
                *(chrony(system.query(ASK_CHRONY)) if system.exists(CHRONY) else []),
                *(timesync(system.query(ASK_TIMESYNC)) if system.exists(TIMESYNC) else []),
                *(ntpd(system.query(ASK_NTPD)) if system.exists(NTPD) else []),
            ]
        ),
    }


def elsewhere(words: Iterable[str]) -> list[str]:
    """The addresses among words that are not this host's own loopback or of one link only, each once."""
    found = [plain(word.partition("%")[0]) for word in words]
    return list(dict.fromkeys(one for one in found if version(one) and _is_routed(one)))


def _is_routed(text: str) -> bool:
    address = ip_address(text)
    return not (address.is_loopback or address.is_unspecified or address.is_link_local)


def name_servers(texts: Iterable[str]) -> list[str]:
    """Those of every file, as a stub in the one stands for those of the other."""
    return elsewhere(word for text in texts for word in NAME_SERVER.findall(text))


def chrony(text: str) -> list[str]:
    """Fields: what kind of source, its state, its address. A clock of the host's own has no address."""
    return [row[2] for row in csv.reader(text.splitlines()) if len(row) > 2]


def timesync(text: str) -> list[str]:
    """Servers that are given by name are known by the one that is in use."""
    return [word for line in text.splitlines() for word in line.partition("=")[2].split()]


def ntpd(text: str) -> list[str]:
    """The first column, after a character that says how good a source is."""
    rows = [line[1:].split() for line in text.splitlines() if line[:1] and line[0] in TALLY]
    return [row[0] for row in rows if row]
