# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CA is asked to sign, and to which names one that is made is constrained: all of it from the inventory.

A host sends a public key. Who it is, is not for the host to say: one that was broken into would be somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import connections
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import tls

# Numbered hosts that may come without another CA.
GROWTH = 64
# Go compares each name of a certificate with each that is permitted, and gives up after 250 000.
COMPARISONS = 200_000
# Addresses that are nobody else's: the whole range, so that a deployment may grow in it.
OWN_RANGES = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128",
)  # fmt: skip
_NUMBERED = re.compile(r"([^.]*?)(\d+)((?:\..*)?)")
# "co.uk" and the like, below which anybody may have a name.
_SUFFIX = re.compile(r"[a-z]{2,3}\.[a-z]{2}")


def subject(kind: str, number: int) -> str:
    """How a host is called in its certificate."""
    return connections.identity(number) if kind == "ipsec" else f"minio{number}"


def requests(
    asking: Iterable[str],
    members: Iterable[str],
    hostvars: Mapping[str, Any],
    register: str,
    kind: str,
    names: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """One for each host that sent a key; who it is and for what comes from the inventory."""
    numbers = {name: int(hostvars[name].get("overlay_host_number") or 0) for name in dict.fromkeys(members)}
    found, wrong = [], []
    for name in asking:
        answer = hostvars[name].get(register)
        if not isinstance(answer, Mapping) or "request" not in answer:
            continue
        twins = sorted(other for other, number in numbers.items() if number == numbers.get(name) and other != name)
        if name not in numbers or twins:
            wrong.append(
                f"{name}: has the overlay_host_number of {', '.join(twins)}; nothing is signed: give each its own, and "
                "see who changed it during this run"
                if twins
                else f"{name}: is no member that has certificates; nothing is signed"
            )
            continue
        called = subject(kind, numbers[name])
        given = [called] if kind == "ipsec" else list(names)
        found.append({"common_name": called, "request": str(answer["request"]), "names": given})
    if wrong:
        raise InputError(wrong)
    return found


def permitted(kind: str, names: Sequence[str] = ()) -> list[str]:
    """To what a CA is constrained; nothing where so many hosts have names of their own that Go gives up comparing."""
    if kind == "ipsec":
        return [connections.DOMAIN]
    plain = [name.removeprefix("*.").lower() for name in names if not tls.is_address(name)]
    domains = _shortest([*(_domain(name) for name in plain), *_grown(plain)])
    networks = list(dict.fromkeys(_network(name) for name in names if tls.is_address(name)))
    fits = len(domains) * (len(plain) + 2 * GROWTH) <= COMPARISONS
    return [*domains, *networks] if fits else []


def _shortest(domains: Iterable[str]) -> list[str]:
    """Without those that are below another one."""
    found = list(dict.fromkeys(domains))
    known = set(found)

    def above(name: str) -> Iterable[str]:
        labels = name.split(".")
        return (".".join(labels[start:]) for start in range(1, len(labels)))

    return [name for name in found if not known.intersection(above(name))]


def _domain(name: str) -> str:
    """What a name like it may be added under later: the domain of s3.example.org, where it is somebody's own."""
    parent = name.partition(".")[2]
    return parent if "." in parent and not _SUFFIX.fullmatch(parent) else name


def _grown(names: Iterable[str]) -> Iterable[str]:
    """The next ones of numbered names: rack05 to rack69 where rack01 to rack04 are."""
    series: dict[tuple[str, int, str], list[int]] = {}
    for name in names:
        found = _NUMBERED.fullmatch(name)
        if found:
            width = len(found[2]) if found[2].startswith("0") or len(found[2]) > 1 else 1
            series.setdefault((found[1], width, found[3]), []).append(int(found[2]))
    for (stem, width, rest), numbers in series.items():
        for number in range(min(numbers), max(numbers) + GROWTH + 1):
            yield f"{stem}{number:0{width}}{rest}"


def _network(address: str) -> str:
    found = ip_address(address)
    for one in OWN_RANGES:
        network = ip_network(one)
        if found.version == network.version and found in network:
            return one
    return str(ip_network(f"{address}/{24 if found.version == 4 else 64}", strict=False))
