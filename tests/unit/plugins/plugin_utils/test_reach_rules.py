# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ranges that would swallow the controller, clients, or what a host needs, and those that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import reach, violations
from ansible_collections.baremetal.overlay.plugins.plugin_utils.settings import read as read_settings

SETTINGS: dict[str, Any] = {
    "network_driver": "kernel",
    "encryption": "none",
    "client_networks": ["192.0.2.0/24"],
    "networks": [{"name": "minio-overlay", "subnet": "10.77.0.0/24"}],
    "address_pools": [{"base": "172.30.0.0/16", "size": 24}],
    "default_addr_pool": [],
    "lan_subnet": "10.79.0.0/24",
    "kernel_overlay": {"kind": "vxlan", "subnet": "10.78.0.0/24", "bridge": "ovl0"},
}
World = tuple[dict[str, dict[str, Any]], dict[str, Any], dict[str, Any]]
Change = Callable[[dict[str, dict[str, Any]], dict[str, Any], dict[str, Any]], Any]
TAKES = "which the host would look for behind"


def facts(number: int) -> dict[str, Any]:
    """A bare host behind a router."""
    own = f"198.51.100.{10 + number}"
    return {
        "controller_address": "203.0.113.7",
        "addresses": [{"interface": "eth0", "address": own, "prefix": 24, "mtu": 1500}],
        "interfaces": {"lo": 65536, "eth0": 1500},
        "routes": [
            {"dst": "0.0.0.0/0", "dev": "eth0", "gateway": "198.51.100.1"},
            {"dst": "198.51.100.0/24", "dev": "eth0"},
        ],
        "reached": {
            "name_servers": ["203.0.113.53"],
            "gateways": ["198.51.100.1"],
            "time_servers": ["203.0.113.123", "2001:db8::123"],
        },
        "engine": {"pools": []},
        "overlays": [],
        "swarm": {"state": "inactive"},
    }


def cluster(*changes: Change) -> Cluster:
    found = {f"n{number}": facts(number) for number in (1, 2, 3)}
    variables: dict[str, Any] = {}
    settings = dict(SETTINGS)
    for change in changes:
        change(found, settings, variables)
    hosts = (
        Host(
            name,
            frozenset({"managers", "minio"}),
            number=int(name[1:]),
            address=f"198.51.100.{10 + int(name[1:])}",
            report={"facts": one},
            lan_parent="eth1",
            variables=variables,
        )
        for name, one in found.items()
    )
    return Cluster(tuple(hosts), read_settings(settings))


def said(*changes: Change) -> list[str]:
    return violations(cluster(*changes), reach.RULES)


def setting(**values: Any) -> Change:
    return lambda _facts, settings, _variables: settings.update(values)


def everywhere(**values: Any) -> Change:
    return lambda found, _settings, _variables: [one.update(values) for one in found.values()]


def on(name: str, **values: Any) -> Change:
    return lambda found, _settings, _variables: found[name].update(values)


def needs(kind: str, *addresses: str) -> Change:
    return lambda found, _settings, _variables: found["n2"]["reached"].update({kind: list(addresses)})


def managed_from(*networks: str) -> Change:
    return lambda _facts, _settings, variables: variables.update(firewall_management_networks=list(networks))


def links_are_there(found: dict[str, dict[str, Any]], _settings: Any, _variables: Any) -> None:
    """The engine's bridges and the kernel overlay are made, and the networks of the swarm as well."""
    for one in found.values():
        one["interfaces"].update(docker0=1500, docker_gwbridge=1500, minio_bridge=1500, ovl0=1450)
        one["routes"] += [{"dst": "10.78.0.0/24", "dev": "ovl0"}, {"dst": "172.30.1.0/24", "dev": "docker_gwbridge"}]
        one["overlays"] = ["ingress", "minio-overlay"]
        one["swarm"] = {"state": "active"}


def test_hosts_that_lose_nothing_are_not_refused():
    assert said() == []
    assert violations(cluster(), reach.ADVICE) == []


SWALLOWED = {
    "the controller in the kernel overlay": (
        [everywhere(controller_address="10.78.0.50")],
        "n1, n2 and n3: kernel_overlay_subnet 10.78.0.0/24 holds this controller (10.78.0.50), "
        f"{TAKES} ovl0; choose another kernel_overlay_subnet",
    ),
    "the controller, as one host sees it": (
        [on("n3", controller_address="10.78.0.50")],
        "n3: kernel_overlay_subnet 10.78.0.0/24 holds this controller (10.78.0.50), which",
    ),
    "the controller in our own pool": (
        [everywhere(controller_address="172.30.0.50")],
        "n1, n2 and n3: docker_engine_address_pools 172.30.0.0/16 holds this controller (172.30.0.50), "
        f"{TAKES} docker0 and docker_gwbridge, which the engine makes from it; choose with docker",
    ),
    "the bridge of MinIO's is one more": (
        [setting(network_driver="bridge"), everywhere(controller_address="172.30.0.50")],
        "behind docker0, docker_gwbridge and minio_bridge, which the engine makes from it",
    ),
    "a pool that an operator gave the engine": (
        [
            on("n1", engine={"pools": ["172.20.0.0/14"]}, interfaces={"docker0": 1500}),
            everywhere(controller_address="172.20.0.9"),
        ],
        "n1: default-address-pools 172.20.0.0/14 holds this controller (172.20.0.9), "
        f"{TAKES} docker_gwbridge, which the engine makes from it; give the engine another one",
    ),
    "what an engine takes by itself": (
        [setting(address_pools=[]), needs("name_servers", "172.18.0.2")],
        "n2: the engine's own range 172.18.0.0/16 holds the name server 172.18.0.2, which",
    ),
    "a client network in the kernel overlay": (
        [setting(client_networks=["10.78.0.128/25", "10.78.0.0/24"])],
        "holds 10.78.0.128/25 of overlay_client_networks and 10.78.0.0/24 of overlay_client_networks, which",
    ),
    "a client network in our own pool": (
        [setting(client_networks=["172.30.7.0/24"])],
        "docker_engine_address_pools 172.30.0.0/16 holds 172.30.7.0/24 of overlay_client_networks",
    ),
    "a management network": (
        [managed_from("10.78.0.16/28")],
        "kernel_overlay_subnet 10.78.0.0/24 holds 10.78.0.16/28 of firewall_management_networks, which",
    ),
    "a name server": (
        [needs("name_servers", "10.78.0.53")],
        "n2: kernel_overlay_subnet 10.78.0.0/24 holds the name s",
    ),
    "a gateway": ([needs("gateways", "172.30.0.1")], "pools 172.30.0.0/16 holds the gateway 172.30.0.1, which"),
    "time servers": (
        [needs("time_servers", "172.30.0.3", "172.30.0.4")],
        "172.30.0.0/16 holds the time server 172.30.0.3 and the time server 172.30.0.4, which",
    ),
    "a peer in a pool": (
        [setting(address_pools=[{"base": "198.51.0.0/16", "size": 24}]), everywhere(routes=[])],
        "n1: docker_engine_address_pools 198.51.0.0/16 holds the gateway 198.51.100.1, n2 (198.51.100.12) and n3 (",
    ),
    "of IPv6": (
        [
            setting(kernel_overlay={**SETTINGS["kernel_overlay"], "subnet": "fd00:78::/64"}),
            everywhere(controller_address="fd00:78::50"),
        ],
        "kernel_overlay_subnet fd00:78::/64 holds this controller (fd00:78::50), which the host would look",
    ),
    "clients in an overlay of Swarm's": (
        [setting(client_networks=["10.77.0.0/24"])],
        'n1, n2 and n3: network "minio-overlay": subnet 10.77.0.0/24 holds 10.77.0.0/24 of overlay_client_networks, '
        "which services on that network would look for there; choose a subnet that no host uses",
    ),
    "the range of Swarm's": (
        [setting(default_addr_pool=["10.90.0.0/16"]), everywhere(controller_address="10.90.3.4")],
        "swarm_default_addr_pool 10.90.0.0/16 holds this controller (10.90.3.4), which services of the swarm",
    ),
    "clients on the LAN of the servers": (
        [setting(network_driver="macvlan", client_networks=["10.79.0.64/26"])],
        "swarm_lan_subnet 10.79.0.0/24 holds 10.79.0.64/26 of overlay_client_networks, which the servers would look "
        "for on the LAN; choose another swarm_lan_subnet",
    ),
}


@pytest.mark.parametrize(("changes", "sentence"), SWALLOWED.values(), ids=SWALLOWED)
def test_what_is_needed_may_not_be_in_what_is_made(changes, sentence):
    assert any(sentence in one for one in said(*changes)), said(*changes)


def test_all_that_is_swallowed_is_said_at_once():
    found = said(
        setting(client_networks=["172.30.7.0/24", "10.78.0.0/25"]),
        everywhere(controller_address="10.78.0.50"),
        needs("name_servers", "10.78.0.53", "172.30.0.53"),
    )
    assert len(found) == 4
    assert all("10.78.0.50" in one for one in found if "kernel_overlay" in one)
    # A setting that is wrong keeps nothing else from being judged.
    assert len(said(setting(address_pools="nonsense"), everywhere(controller_address="10.78.0.50"))) == 1


KEPT = {
    "what is made already": [
        links_are_there,
        setting(client_networks=["10.78.0.0/24", "172.30.7.0/24", "10.77.0.0/24"], default_addr_pool=["10.90.0.0/16"]),
        everywhere(controller_address="172.30.9.9"),
        needs("name_servers", "10.78.0.3", "10.90.0.1"),
    ],
    "a controller that is a member": [everywhere(controller_address="198.51.100.12")],
    "an address of the host itself": [needs("name_servers", "198.51.100.12", "172.30.0.9"), on("n2", addresses=[
        {"interface": "eth0", "address": "198.51.100.12"}, {"interface": "dns0", "address": "172.30.0.9"},
    ])],
    "everybody": [setting(client_networks=["0.0.0.0/0", "::/0"])],
    "another driver makes no overlay": [setting(network_driver="host"), everywhere(controller_address="10.78.0.50")],
    "no controller that came by ssh": [everywhere(controller_address=None)],
    "the lab": [
        everywhere(controller_address="172.31.77.1", routes=[{"dst": "172.31.77.0/24", "dev": "eth0"}]),
        setting(client_networks=["172.31.77.0/24"]),
    ],
    "what a narrower route of the host's leads to": [
        needs("name_servers", "172.30.200.53"),
        on("n2", routes=[{"dst": "172.30.200.0/24", "dev": "eth1"}]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("changes", KEPT.values(), ids=KEPT)
def test_what_works_is_not_refused(changes):
    assert said(*changes) == []


def test_a_wide_network_of_clients_is_advice_until_the_range_is_in_use():
    wide = setting(client_networks=["10.0.0.0/8"])
    assert said(wide) == []
    assert violations(cluster(wide), reach.ADVICE) == [
        "n1, n2 and n3: kernel_overlay_subnet 10.78.0.0/24 is a part of 10.0.0.0/8 of overlay_client_networks; where "
        "clients have an address in it, the host would look for them behind ovl0",
        'n1, n2 and n3: network "minio-overlay": subnet 10.77.0.0/24 is a part of 10.0.0.0/8 of '
        "overlay_client_networks; where clients have an address in it, services on that network would look for them "
        "there",
    ]
    assert violations(cluster(wide, links_are_there), reach.ADVICE) == []


def test_the_range_that_swarm_takes_by_itself_is_advice():
    here = everywhere(controller_address="10.0.0.9")
    assert said(here) == []
    (sentence,) = violations(cluster(here), reach.ADVICE)
    assert sentence.startswith("n1, n2 and n3: Swarm's ingress network 10.0.0.0/24 holds this controller (10.0.0.9)")
    assert violations(cluster(here, links_are_there), reach.ADVICE) == []
