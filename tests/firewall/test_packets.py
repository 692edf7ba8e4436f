# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet by packet: which counter of the table each one raises, on a kernel's own stack between two namespaces."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import firewall, firewall_rules

HOST, OUTSIDE = "fw-host", "fw-outside"
# The host's interfaces: by `wire` come all but those on the overlay.
MEMBER, CLIENT, MANAGER, STRANGER = "198.18.0.2", "198.18.0.3", "198.18.0.4", "198.18.0.9"
MEMBER6, STRANGER6 = "2001:db8:18::2", "2001:db8:18::9"
ADDRESS, ADDRESS6, OVERLAY_ADDRESS = "198.18.0.1", "2001:db8:18::1", "10.78.0.1"
OPTIONS: dict[str, Any] = {
    "client_networks": [f"{CLIENT}/32"],
    "peers": [ADDRESS, MEMBER, MEMBER6],
    "client_ports": [9000, 9001],
    "cluster_tcp_ports": [2377, 7946],
    "cluster_udp_ports": [4789, 7946, 14789],
    "container_interfaces": ["docker0", "docker_gwbridge"],
    "gre_vsid": 7700,
    "overlay_interfaces": ["ovl0"],
    "overlay_networks": ["10.78.0.0/24"],
    "drop_interfaces": ["wire"],
    "management_networks": [f"{MANAGER}/32"],
    "management_ports": [22],
    "controller_manages": True,
    "allowed": [
        {"protocol": "tcp", "port": 9100, "sources": [f"{CLIENT}/32"], "comment": "node exporter"},
        {"protocol": "vrrp", "port": None, "sources": [f"{MEMBER}/32"], "comment": None},
    ],
    "extra_rules": ["udp dport 5353 counter name allowed accept"],
}
# Neighbours look for each other, and tell what groups they are in.
NOISE = {"essentials", "unlisted"}
# Sends three packets of an IP protocol, all from one source.
SENDER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
raw = socket.socket(family, socket.SOCK_RAW, int(sys.argv[3]))
raw.bind((sys.argv[1], 0))
for _time in range(3):
    raw.sendto(bytes.fromhex(sys.argv[4]), (sys.argv[2], 0))
"""
# To where nobody listens: a refusal is an answer.
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[2], 7946), 5, (sys.argv[1], 0))
except OSError as error:
    print(type(error).__name__)
"""
VXLAN = struct.pack("!BBHI", 8, 0, 0, 7700 << 8) + b"\xff" * 6 + b"\x02" * 6 + b"\x08\x06forged"


def udp(port: int, data: bytes = VXLAN, source: int = 40000) -> tuple[int, bytes]:
    return 17, struct.pack("!HHHH", source, port, 8 + len(data), 0) + data


def tcp(port: int) -> tuple[int, bytes]:
    """The first packet of a connection. Its checksum is wrong, which this table does not look at."""
    return 6, struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, 0x02, 1024, 0, 0)


def gre(vsid: int) -> tuple[int, bytes]:
    return 47, struct.pack("!HHI", 0x2000, 0x6558, vsid << 8) + b"\xff" * 40


def icmp(kind: int) -> tuple[int, bytes]:
    head = struct.pack("!BBHHH", kind, 0, 0, 1, 1)
    total = sum(struct.unpack("!4H", head))
    return 1, struct.pack("!BBHHH", kind, 0, ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF, 1, 1)


def run(*command: str, text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def inside(name: str, *command: str, text: str | None = None) -> str:
    return run("ip", "netns", "exec", name, *command, text=text)


@pytest.fixture(scope="module", autouse=True)
def wired() -> Iterator[None]:
    """A host with an interface to all the others, and with an overlay's bridge to some."""
    for name in (HOST, OUTSIDE):
        run("ip", "netns", "add", name)
    try:
        for link, peer in (("wire", "out"), ("ovl0", "ovl-out")):
            run("ip", "link", "add", link, "netns", HOST, "type", "veth", "peer", "name", peer, "netns", OUTSIDE)
            run("ip", "-n", HOST, "link", "set", link, "up")
            run("ip", "-n", OUTSIDE, "link", "set", peer, "up")
        here = {"wire": (f"{ADDRESS}/24", f"{ADDRESS6}/64"), "ovl0": (f"{OVERLAY_ADDRESS}/24",), "lo": ("127.0.0.1/8",)}
        there = {
            "out": tuple(f"{address}/24" for address in (MEMBER, CLIENT, MANAGER, STRANGER))
            + tuple(f"{address}/64" for address in (MEMBER6, STRANGER6)),
            "ovl-out": ("10.78.0.2/24",),
        }
        for name, links in ((HOST, here), (OUTSIDE, there)):
            for link, addresses in links.items():
                for address in addresses:
                    extra = ("nodad",) if ":" in address else ()
                    run("ip", "-n", name, "address", "add", address, "dev", link, *extra)
            run("ip", "-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in (HOST, OUTSIDE):
            run("ip", "netns", "delete", name)


@pytest.fixture
def send() -> Callable[..., dict[str, int]]:
    """Loads the table anew, sends, and says which counters have risen by how much."""

    def sent(source: str, packet: tuple[int, bytes], to: str = "", **changes: Any) -> dict[str, int]:
        inside(HOST, "nft", "-f", "-", text=firewall_rules.ruleset({**OPTIONS, **changes}))
        to = to or (ADDRESS6 if ":" in source else ADDRESS)
        inside(OUTSIDE, "python3", "-c", SENDER, source, to, str(packet[0]), packet[1].hex())
        listed = json.loads(inside(HOST, "nft", "-j", "list", "counters", "table", *firewall.TABLE.words))["nftables"]
        counted = {one["counter"]["name"]: one["counter"]["packets"] for one in listed if "counter" in one}
        # What the host has answered is let in by that.
        return {name: packets for name, packets in counted.items() if packets and name != "established"}

    return sent


@pytest.mark.parametrize(
    ("source", "packet", "counter"),
    [
        (MEMBER, udp(4789), "members_cluster"),
        (MEMBER6, udp(4789), "members_cluster"),
        (MEMBER, udp(14789), "members_cluster"),
        (MEMBER, tcp(2377), "members_cluster"),
        (MEMBER, tcp(9000), "members_s3"),
        (CLIENT, tcp(9000), "clients_s3"),
        (STRANGER, tcp(9000), "strangers_s3"),
        # Forged: from nobody that is known, from a client, and from a member to where nobody listens for it.
        (STRANGER, udp(4789), "strangers_cluster"),
        (STRANGER6, udp(4789), "strangers_cluster"),
        (CLIENT, udp(4789), "strangers_cluster"),
        (STRANGER, udp(14789), "strangers_cluster"),
        (MEMBER, udp(4790), "unlisted"),
        (MEMBER, gre(7700), "members_cluster"),
        (STRANGER, gre(7700), "strangers_cluster"),
        (MEMBER, gre(7701), "unlisted"),
        (MEMBER, udp(500), "members_ipsec"),
        (MEMBER, udp(4500), "members_ipsec"),
        (MEMBER, (50, b"\0" * 40), "members_ipsec"),
        (MEMBER6, (50, b"\0" * 40), "members_ipsec"),
        (STRANGER, udp(500), "unlisted"),
        (STRANGER, (50, b"\0" * 40), "unlisted"),
        (MANAGER, tcp(22), "management"),
        (MEMBER, tcp(22), "unlisted"),
        (STRANGER, tcp(22), "unlisted"),
        (CLIENT, tcp(9100), "allowed"),
        (STRANGER, tcp(9100), "unlisted"),
        (MEMBER, (112, b"\0" * 20), "allowed"),
        (STRANGER, (112, b"\0" * 20), "unlisted"),
        (STRANGER, udp(5353), "allowed"),
        (STRANGER, udp(68, source=67), "essentials"),
        (STRANGER, udp(68), "unlisted"),
        (STRANGER, icmp(8), "essentials"),
        (STRANGER, icmp(3), "essentials"),
        (STRANGER, icmp(13), "unlisted"),
        (STRANGER, tcp(8080), "unlisted"),
    ],
)
def test_on_an_interface_with_default_drop(
    send: Callable[..., dict[str, int]], source: str, packet: tuple[int, bytes], counter: str
) -> None:
    seen = send(source, packet)
    dropped = counter in ("unlisted", "strangers_cluster", "strangers_s3")
    assert seen.get(counter, 0) >= (3 if dropped else 1)
    assert set(seen) - NOISE == {counter} - NOISE


@pytest.mark.parametrize(
    ("source", "packet", "counter"),
    [
        (STRANGER, udp(4789), {"strangers_cluster": 3}),
        (STRANGER, gre(7700), {"strangers_cluster": 3}),
        (STRANGER, gre(7701), {}),
        (STRANGER, tcp(22), {}),
        (STRANGER, udp(4790), {}),
    ],
)
def test_elsewhere_only_the_cluster_s_ports_are_judged(
    send: Callable[..., dict[str, int]], source: str, packet: tuple[int, bytes], counter: dict[str, int]
) -> None:
    assert send(source, packet, drop_interfaces=[], allowed=[], extra_rules=[]) == counter


def test_an_overlay_address_is_a_member_s_on_the_overlay_alone(send: Callable[..., dict[str, int]]) -> None:
    assert "members_s3" in send("10.78.0.2", tcp(9000), OVERLAY_ADDRESS)
    run("ip", "-n", OUTSIDE, "address", "add", "10.78.0.77/32", "dev", "out")
    seen = send("10.78.0.77", tcp(9000), ADDRESS)
    assert (seen["strangers_s3"], set(seen) - NOISE) == (3, {"strangers_s3"})


def test_neighbours_find_each_other_by_ipv6(send: Callable[..., dict[str, int]]) -> None:
    send(MEMBER6, udp(4789))
    for name, source, to in ((OUTSIDE, MEMBER6, ADDRESS6), (HOST, ADDRESS6, STRANGER6)):
        for side in (HOST, OUTSIDE):
            inside(side, "ip", "-6", "neigh", "flush", "all")
        assert inside(name, "python3", "-c", CONNECT, source, to).strip() == "ConnectionRefusedError"
