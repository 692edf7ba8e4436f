# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that has another address than its node in the swarm is named, with the way back and the way on."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import node_addresses, violations


def node(name: str, address: str, **more: Any) -> dict[str, Any]:
    return {"id": f"id-{name}", "hostname": name, "addr": address, "state": "ready", "role": "worker", **more}


def host(
    name: str, known: str | None, own: list[str], declared: str, nodes: list[dict[str, Any]] | None = None, **more: Any
) -> Host:
    swarm = {"state": "active" if known else "inactive", "address": known, "node_id": f"id-{name}" if known else None}
    swarm |= {"manager": nodes is not None, "nodes": nodes or []}
    facts = {"hostname": name, "swarm": swarm, "addresses": [{"address": one, "interface": "eth0"} for one in own]}
    groups = frozenset({"managers" if nodes is not None else "workers"})
    return Host(name=name, groups=groups, number=1, address=declared, report={"facts": facts}, **more)


def said(*hosts: Host) -> list[str]:
    return violations(Cluster(hosts), node_addresses.RULES)


@pytest.mark.parametrize(
    ("known", "own", "declared"),
    [
        ("192.0.2.14", ["192.0.2.14"], "192.0.2.14"),
        ("FD00::14", ["fd00::14", "192.0.2.14"], "fd00::14"),
        (None, ["192.0.2.22"], "192.0.2.22"),
        # Not known to be otherwise: an engine that does not say, and a host that does not list its addresses.
        ("", ["192.0.2.22"], "192.0.2.22"),
        ("192.0.2.14", [], "192.0.2.14"),
    ],
)
def test_nothing_is_wrong(known: str, own: list[str], declared: str) -> None:
    assert said(host("n4", known, own, declared)) == []


@pytest.mark.parametrize("declared", ["192.0.2.14", "192.0.2.22"])
def test_a_renumbered_host_is_named_whatever_is_declared(declared: str) -> None:
    (sentence,) = said(host("n4", "192.0.2.14", ["127.0.0.1", "192.0.2.22"], declared))
    assert sentence.startswith("n4: its node in the swarm has the address 192.0.2.14, which none of its interfaces")
    for part in ("192.0.2.22", "give 192.0.2.14 back", "teardown.yml --limit n4", "site.yml", "drives keep their data"):
        assert part in sentence, sentence


def test_another_declared_address_of_the_same_host_is_another_address() -> None:
    own = ["192.0.2.14", "198.51.100.14"]
    (sentence,) = said(host("n4", "192.0.2.14", own, "198.51.100.14"))
    assert "overlay_underlay_address is 198.51.100.14" in sentence
    assert "swarm_advertise_addr: 192.0.2.14" in sentence
    meant = {"swarm_advertise_addr": "192.0.2.14"}
    assert said(host("n4", "192.0.2.14", own, "198.51.100.14", variables=meant)) == []
    (sentence,) = said(host("n4", "192.0.2.14", own, "192.0.2.14", variables={"swarm_advertise_addr": "198.51.100.14"}))
    assert "swarm_advertise_addr is 198.51.100.14; a node keeps" in sentence


def test_two_nodes_with_one_address_are_named() -> None:
    nodes = [node("n1", "192.0.2.11"), node("n4", "192.0.2.11"), node("old", "192.0.2.11", state="down")]
    (sentence,) = said(host("n1", "192.0.2.11", ["192.0.2.11"], "192.0.2.11", nodes))
    assert "192.0.2.11 for several nodes that are ready: n1 (id-n1) and n4 (id-n4)" in sentence


def test_no_host_joins_with_the_address_of_a_node() -> None:
    nodes = [node("n1", "192.0.2.11"), node("n2", "192.0.2.12")]
    acting = host("n1", "192.0.2.11", ["192.0.2.11"], "192.0.2.11", nodes)
    (sentence,) = said(acting, host("n4", None, ["192.0.2.12"], "192.0.2.12"))
    assert sentence.startswith("n4: has to join the swarm with 192.0.2.12")
    # Its own former node, which the swarm has not missed yet.
    assert said(acting, host("n2", None, ["192.0.2.12"], "192.0.2.12")) == []


@pytest.mark.parametrize("option", ["swarm_advertise_addr", "swarm_data_path_addr"])
def test_an_address_that_the_host_lacks_is_named_before_it_joins(option: str) -> None:
    given = {option: "203.0.113.4"}
    (sentence,) = said(host("n4", None, ["192.0.2.14"], "192.0.2.14", variables=given))
    assert sentence.startswith(f"n4: {option} 203.0.113.4 is no address of the host") and "192.0.2.14" in sentence
    assert said(host("n4", None, ["192.0.2.14"], "192.0.2.14", variables={option: "192.0.2.14"})) == []
