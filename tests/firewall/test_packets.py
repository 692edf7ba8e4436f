# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packet by packet: which counter of the table each one raises, on a kernel's own stack between two namespaces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import firewall, firewall_rules
from packets import counters, forge, gre, icmp, inside, joined, run, tcp, udp

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
# To where nobody listens: a refusal is an answer.
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[2], 7946), 5, (sys.argv[1], 0))
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture(scope="module", autouse=True)
def wired() -> Iterator[None]:
    """A host with an interface to all the others, and with an overlay's bridge to some."""
    others = (
        *(f"{address}/24" for address in (MEMBER, CLIENT, MANAGER, STRANGER)),
        *(f"{address}/64" for address in (MEMBER6, STRANGER6)),
    )
    links = (
        ("wire", "out", (f"{ADDRESS}/24", f"{ADDRESS6}/64"), others),
        ("ovl0", "ovl-out", (f"{OVERLAY_ADDRESS}/24",), ("10.78.0.2/24",)),
    )
    with joined(HOST, OUTSIDE, links):
        yield


@pytest.fixture
def send() -> Callable[..., dict[str, int]]:
    """Loads the table anew, sends, and says which counters have risen by how much."""

    def sent(source: str, packet: tuple[int, bytes], to: str = "", **changes: Any) -> dict[str, int]:
        inside(HOST, "nft", "-f", "-", text=firewall_rules.ruleset({**OPTIONS, **changes}))
        to = to or (ADDRESS6 if ":" in source else ADDRESS)
        forge(OUTSIDE, source, to, packet)
        # What the host has answered is let in by that.
        counted = counters(HOST, firewall.TABLE.words)
        return {name: packets for name, packets in counted.items() if name != "established"}

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


# What is sent, and how many of three packets the smaller table drops.
CLOSED = [
    (STRANGER, tcp(9000), 3),
    (CLIENT, tcp(9000), 3),
    (CLIENT, tcp(9001), 3),
    (STRANGER, tcp(2377), 3),
    (STRANGER, udp(4789), 3),
    (STRANGER6, udp(4789), 3),
    (CLIENT, udp(14789), 3),
    (STRANGER, gre(7700), 3),
    (STRANGER, gre(7701), 0),
    (MEMBER, tcp(9000), 0),
    (MEMBER, udp(4789), 0),
    (MEMBER6, udp(4789), 0),
    # Whoever is to repair it, and whatever else is on the host.
    (MANAGER, tcp(22), 0),
    (STRANGER, tcp(22), 0),
    (STRANGER6, tcp(22), 0),
    (STRANGER, tcp(9100), 0),
]


@pytest.mark.parametrize(("source", "packet", "drops"), CLOSED)
def test_where_the_table_cannot_be_loaded(source: str, packet: tuple[int, bytes], drops: int) -> None:
    closed()
    forge(OUTSIDE, source, ADDRESS6 if ":" in source else ADDRESS, packet)
    assert dropped() == drops


def test_a_members_overlay_address_is_believed_on_the_overlay_only() -> None:
    for source, to, drops in (("10.78.0.2", OVERLAY_ADDRESS, 0), (STRANGER, ADDRESS, 3)):
        closed()
        forge(OUTSIDE, source, to, tcp(9000))
        assert dropped() == drops


def test_the_table_takes_the_place_of_the_smaller_one_again() -> None:
    closed()
    inside(HOST, "nft", "-f", "-", text=firewall_rules.ruleset(OPTIONS))
    assert "closed" not in inside(HOST, "nft", "list", "tables")


def closed() -> None:
    inside(HOST, "nft", "flush", "ruleset")
    inside(HOST, "nft", "-f", "-", text=firewall_rules.closed(OPTIONS))


def dropped() -> int:
    """By any of its rules."""
    listed = json.loads(inside(HOST, "nft", "-j", "list", "table", *firewall.TABLE.closed.split()))["nftables"]
    rules = [part for one in listed for part in one.get("rule", {}).get("expr", [])]
    return sum(part["counter"]["packets"] for part in rules if "counter" in part)


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
