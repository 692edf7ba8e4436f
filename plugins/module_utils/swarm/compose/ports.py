# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports of a Compose definition, as the docker CLI reads them: single ones, ranges, and the long form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Optional

from .values import Key, Place, kind, take, text, whole

# The parts of ``address:published:target/protocol``; all but the target may be missing.
_PORT = re.compile(
    r"(?:(?:(?P<address>\[[^]]*\]|[0-9.]+):)?(?P<published>[0-9]+(?:-[0-9]+)?)?:)?"
    r"(?P<target>[0-9]+(?:-[0-9]+)?)(?:/(?P<protocol>[a-z]*))?",
    re.IGNORECASE,
)
_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+))?")
# A published port of Swarm listens on all addresses: these say so.
EVERYWHERE = ("0.0.0.0", "[::]", "::", "[0:0:0:0:0:0:0:0]", "")
PROTOCOLS = ("tcp", "udp", "sctp")
MODES = ("ingress", "host")
PORT_MAX = 65535
BOUND = "is bound to one address, which Swarm cannot do: published ports listen on all of them; leave the address out"
EXAMPLE = "give for example 8080:80, 9000-9001:9000-9001 or 53:53/udp"

Range = tuple[int, int]


def ports(place: Place) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for entry in place.entries():
        if isinstance(entry.value, Mapping):
            found += _long(entry)
        elif isinstance(entry.value, (str, int)) and not isinstance(entry.value, bool):
            found += _short(entry)
        else:
            entry.fail(f"is {kind(entry.value)}; give a port such as 8080:80 or a mapping")
    return found


def _long(entry: Place) -> list[dict[str, Any]]:
    taken = take(entry, PORTS)
    target = taken.get("target")
    if target is None:
        if isinstance(entry.value, Mapping) and entry.value.get("target") is None:
            entry.fail("has no target: the port inside the container")
        return []
    if not 0 < target <= PORT_MAX:
        entry.fail(f"port {target} is not between 1 and {PORT_MAX}")
        return []
    more = {"protocol": taken.get("protocol") or "tcp", "mode": taken.get("mode") or "ingress"}
    if taken.get("name"):
        more["name"] = taken["name"]
    return _paired(entry, taken.get("published") or (0, 0), (target, target), more)


def _short(entry: Place) -> list[dict[str, Any]]:
    match = _PORT.fullmatch(str(entry.value))
    if not match or (match["protocol"] or "tcp").lower() not in PROTOCOLS:
        entry.fail(f"{entry.value!r} is not a port; {EXAMPLE}")
        return []
    if (match["address"] or "") not in EVERYWHERE:
        entry.fail(f"{entry.value!r} {BOUND}")
        return []
    inside = _range(entry, match["target"], 1)
    outside = _range(entry, match["published"] or "0", 0)
    if inside is None or outside is None:
        return []
    return _paired(entry, outside, inside, {"protocol": (match["protocol"] or "tcp").lower(), "mode": "ingress"})


def _range(entry: Place, written: str, least: int) -> Optional[Range]:
    start, _dash, end = written.partition("-")
    first, last = int(start), int(end or start)
    if last < first:
        entry.fail(f'{entry.value!r}: the range "{written}" ends before it begins; give {last}-{first}')
        return None
    if first < least or last > PORT_MAX:
        entry.fail(f"{entry.value!r}: port {last if last > PORT_MAX else first} is not between 1 and {PORT_MAX}")
        return None
    return first, last


def _paired(entry: Place, outside: Range, inside: Range, more: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Ranges of one length go together; several published ports may lead to one in the container."""
    counts = [last - first + 1 for first, last in (outside, inside)]
    if outside == (0, 0):
        pairs = [(0, port) for port in range(inside[0], inside[1] + 1)]
    elif counts[0] == counts[1]:
        pairs = [(outside[0] + number, inside[0] + number) for number in range(counts[0])]
    elif counts[1] == 1:
        pairs = [(outside[0] + number, inside[0]) for number in range(counts[0])]
    else:
        entry.fail(f"{entry.value!r} has {counts[0]} published ports for {counts[1]} in the container")
        return []
    return [
        {"target_port": target, **more, **({"published_port": published} if published else {})}
        for published, target in pairs
    ]


def _published(place: Place) -> Optional[Range]:
    """A number, or the range that ``docker compose config`` writes for several; empty: Swarm chooses one."""
    if place.value == "":
        return 0, 0
    if isinstance(place.value, bool) or not _RANGE.fullmatch(str(place.value)):
        place.fail(f"is {place.value!r}; give a port or a range such as 8000-8002")
        return None
    return _range(place, str(place.value), 0)


def _word(*allowed: str) -> Any:
    """Docker does not mind capital letters."""

    def convert(place: Place) -> Optional[str]:
        if not isinstance(place.value, str) or place.value.lower() not in allowed:
            place.fail(f"is {place.value!r}; give one of {', '.join(allowed)}")
            return None
        return place.value.lower()

    return convert


def _address(place: Place) -> None:
    if place.value not in EVERYWHERE:
        place.fail(BOUND)


PORTS = {
    "target": Key(whole),
    "published": Key(_published),
    "protocol": Key(_word(*PROTOCOLS)),
    "mode": Key(_word(*MODES)),
    "name": Key(text),
    "app_protocol": Key(ignored="it is a hint for other platforms"),
    "host_ip": Key(_address),
}
