# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which traffic between members has to be inside ESP: drawn from what is deployed, or as the user says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

UDP, TCP, GRE = "udp", "tcp", "gre"
PROTOCOLS = (UDP, TCP, GRE)
# Protocol numbers, as nft and charon show them alike.
NUMBERS = {TCP: 6, UDP: 17, GRE: 47}
CONTROL = ((TCP, 2377), (TCP, 7946), (UDP, 7946))
KINDS = {"vxlan": UDP, "geneve": UDP, "nvgre": GRE}
# What would cut off the one who could repair it, or IKE itself.
FORBIDDEN = {(TCP, 22): "ssh", (UDP, 500): "IKE", (UDP, 4500): "IKE"}


@dataclass(frozen=True, order=True)
class Selector:
    """``same``: both ends may use the port, as gossip does; else the sender's port is any but this one.

    ``anybody``: in clear text it is refused from and to everybody, as an overlay's port has no other use.
    """

    protocol: str
    port: int = 0
    same: bool = False
    anybody: bool = False

    def __str__(self) -> str:
        return f"{self.port}/{self.protocol}" if self.port else self.protocol


def derive(
    driver: str,
    data_path_port: int,
    kind: str = "vxlan",
    kernel_port: int = 0,
    minio_port: int = 9000,
    control: bool = True,
) -> list[dict[str, Any]]:
    """What a deployment sends between its hosts, as ``ipsec_protect`` has it."""
    found = (
        [entry(protocol, port, same=(protocol, port) == (UDP, 7946)) for protocol, port in CONTROL] if control else []
    )
    if driver == "overlay":
        found.append(entry(UDP, data_path_port, anybody=True))
    elif driver == "kernel" and KINDS.get(kind) == GRE:
        found.append(entry(GRE))
    elif driver == "kernel":
        found.append(entry(UDP, kernel_port, anybody=True))
    elif driver == "host":
        found.append(entry(TCP, minio_port))
    return found


def entry(protocol: str, port: int = 0, same: bool = False, anybody: bool = False) -> dict[str, Any]:
    """One line of ``ipsec_protect``."""
    return {"protocol": protocol, "port": port, "same": same, "anybody": anybody}


def read(given: Iterable[Mapping[str, Any]]) -> list[Selector]:
    """In an order that stays."""
    return sorted(
        {
            Selector(str(one["protocol"]), int(one.get("port") or 0), bool(one.get("same")), bool(one.get("anybody")))
            for one in given
        }
    )


def violations(given: Iterable[Any], ssh_ports: Iterable[int] = (22,)) -> list[str]:
    """What cannot be protected; the list is the user's where it is given."""
    forbidden = {**FORBIDDEN, **{(TCP, port): "ssh" for port in ssh_ports}}
    found, count = [], 0
    for count, one in enumerate(given, 1):
        if not isinstance(one, Mapping):
            found.append(
                f'ipsec_protect: entry {count}: "{one}" has no names; give for example {{protocol: udp, port: 4789}}'
            )
            continue
        protocol, port = one.get("protocol"), one.get("port") or 0
        where = f"ipsec_protect: entry {count} ({protocol}{f' {port}' if port else ''})"
        if protocol not in PROTOCOLS:
            found.append(f"{where}: the protocol is unknown; allowed: {', '.join(PROTOCOLS)}")
        elif not str(port).isdigit() or int(port) > 65535:
            found.append(f"{where}: the port is none; give a number from 1 to 65535")
        elif protocol == GRE and int(port):
            found.append(f"{where}: GRE has no ports; leave the port out")
        elif protocol != GRE and not int(port):
            found.append(f"{where}: has no port, and would be all of {protocol}; give a port")
        elif (protocol, int(port)) in forbidden:
            found.append(
                f"{where}: is {forbidden[(protocol, int(port))]}, without which nobody could repair this; take it out"
            )
    if not count:
        found.append(
            "ipsec_protect: is empty, and nothing would be encrypted; name a protocol and a port, "
            "or set overlay_encryption: none"
        )
    return found
