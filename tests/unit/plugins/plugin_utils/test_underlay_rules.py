# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts whose underlay is IPv6: what the plan makes of them, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.filter.network_plan import network_plan
from ansible_collections.baremetal.overlay.plugins.module_utils.host import overhead
from ansible_collections.baremetal.overlay.plugins.plugin_utils import plan, tls_plan

HOSTS = {"n1": "fd31:79::11", "n2": "fd31:79::12"}
# The same, as somebody might write them.
WRITTEN = {"n1": "fd31:79:0::11", "n2": "FD31:79::12"}
GROUPS = {"managers": ["n1"], "workers": ["n2"], "minio": ["n1", "n2"]}
ENGINE = {"installed": True, "running": True, "api_version": "1.45", "debian": 13, "sdk": "7.1.0"}
ROUTES = [{"dst": "fd31:79::/64", "dev": "eth1"}, {"dst": "fe80::/64", "dev": "eth1"}, {"dst": "::/0", "dev": "eth1"}]
SETTINGS: dict[str, Any] = {
    "network_driver": "overlay",
    "encryption": "none",
    "networks": [{"name": "minio-overlay", "subnet": "10.77.0.0/24"}],
    "client_networks": ["::/0"],
    "firewall": True,
    "keep_credentials": True,
}
KERNEL = {
    "network_driver": "kernel",
    "networks": [],
    "kernel_overlay": {"kind": "vxlan", "vni": 7700, "port": 14789, "subnet": "10.78.0.0/24", "bridge": "ovl0"},
}

World = dict[str, Any]


def world(**settings: Any) -> World:
    """Two bare hosts."""
    return {
        "hostvars": {name: host(name) for name in HOSTS},
        "groups": GROUPS,
        "settings": {**SETTINGS, **settings},
        "looked_at": [*HOSTS],
    }


def host(name: str) -> dict[str, Any]:
    """What its inventory declares, and what ``host`` reports, in the kernel's own words."""
    own = [
        {"interface": "eth1", "address": HOSTS[name], "prefix": 64, "mtu": 1500},
        {"interface": "eth1", "address": f"fe80::{name[1]}", "prefix": 64, "mtu": 1500},
    ]
    facts = {
        "hostname": name,
        "addresses": own,
        "routes": list(ROUTES),
        "engine": dict(ENGINE),
        "ways": {peer: {"source": HOSTS[name], "error": None} for peer in HOSTS.values()},
        "swarm": {"state": "inactive"},
        "controller_address": HOSTS["n2"],
    }
    return {
        "overlay_host_number": int(name[1]),
        "overlay_underlay_address": WRITTEN[name],
        "minio_drives": ["/dev/a", "/dev/b"],
        "__preflight_host": {"facts": facts, "sections": {}},
    }


def facts(given: World, name: str) -> dict[str, Any]:
    found: dict[str, Any] = given["hostvars"][name]["__preflight_host"]["facts"]
    return found


def draw(given: World) -> dict[str, Any]:
    arguments = (given[name] for name in ("hostvars", "groups", "looked_at", "settings"))
    return plan.draw(plan.read_cluster(*arguments))


@pytest.mark.parametrize("driver", ["overlay", "kernel", "host", "macvlan"])
def test_nothing_is_wrong_with_ipv6_however_it_is_written(driver: str) -> None:
    given = world(**(KERNEL if driver == "kernel" else {"network_driver": driver}))
    for name in HOSTS if driver == "macvlan" else ():
        given["hostvars"][name]["swarm_lan_parent"] = "eth1"
    drawn = draw(given)
    assert drawn["violations"] == []
    assert drawn["minio"]["endpoints"] == [f"http://[{address}]:9000" for address in HOSTS.values()]
    assert drawn["underlay_mtu"] == 1500


def test_servers_in_the_hosts_network_are_called_by_their_usual_addresses() -> None:
    drawn = draw(world(network_driver="host", networks=[]))
    assert drawn["networks"]["attachment"]["hosts"] == {"minio1": HOSTS["n1"], "minio2": HOSTS["n2"]}
    # As verify.yml knows them.
    assert network_plan(world()["hostvars"], GROUPS, {"network_driver": "host"})["addresses"] == HOSTS


def test_a_certificate_has_names_in_one_form() -> None:
    """In another one, what it says would differ from what is wanted in every run."""
    arguments = (world(tls_names=["FD31:79:0::100"])[name] for name in ("hostvars", "groups", "looked_at", "settings"))
    names = tls_plan.names(plan.read_cluster(*arguments))
    assert {*HOSTS.values(), "fd31:79::100"} <= set(names)
    assert not {*WRITTEN.values()} & set(names)


def engine_mtu(option: int, encryption: str) -> int:
    """What the Engine gives its tasks, by its libnetwork's maxMTU()."""
    mtu = option - 50
    return (mtu - 26) // 4 * 4 if encryption == "docker" else mtu


@pytest.mark.parametrize("encryption", ["none", "docker", "ipsec"])
@pytest.mark.parametrize("addresses", [HOSTS, {"n1": "192.0.2.1", "n2": "192.0.2.2"}])
def test_what_the_engine_makes_of_the_mtu_fits(encryption: str, addresses: dict[str, str]) -> None:
    version = 6 if ":" in addresses["n1"] else 4
    given = world(encryption=encryption, ipsec_protect=[])
    for name, address in addresses.items():
        given["hostvars"][name]["overlay_underlay_address"] = address
    for underlay in (1280, 1400, 1500, *range(8990, 9001)):
        for name, address in addresses.items():
            facts(given, name)["addresses"] = [{"interface": "eth1", "address": address, "prefix": 64, "mtu": underlay}]
        drawn = draw(given)
        room = overhead.room(underlay, "vxlan", version, encryption).mtu
        left = room - engine_mtu(drawn["swarm_mtu"], encryption)
        # Where it fills up to whole blocks, it may leave the rest of one.
        assert drawn["underlay_mtu"] == underlay and 0 <= left < (4 if encryption == "docker" else 1), underlay


def declare(name: str, address: str) -> Callable[[World], None]:
    """The inventory says so."""
    return lambda given: given["hostvars"][name].update(overlay_underlay_address=address)


def found(name: str, **more: Any) -> Callable[[World], None]:
    """The host says so."""
    return lambda given: facts(given, name).update(more)


def engine(name: str, **more: Any) -> Callable[[World], None]:
    return lambda given: facts(given, name)["engine"].update(more)


MEMBER = {"state": "active", "manager": True, "node_id": "id1", "nodes": [{"id": "id1", "hostname": "n1"}]}
OLD = {"api_version": "1.41"}
BARE = {"installed": False, "running": False, "api_version": None, "debian": 12}
REFUSED: list[tuple[World, Callable[[World], None], str]] = [
    (
        world(),
        declare("n2", "192.0.2.12"),
        "overlay_underlay_address: is of IPv4 on n2 and of IPv6 on n1; overlay networks and IPsec go between addresses "
        "of one version: give all hosts one of the same",
    ),
    (world(**KERNEL), declare("n2", "192.0.2.12"), "the underlay addresses are mixed (IPv4: 192.0.2.12; IPv6: fd31"),
    (
        world(),
        declare("n1", "fe80::1"),
        "n1: overlay_underlay_address fe80::1 is valid on one link only; give a global",
    ),
    (world(), declare("n1", "fe80::1%eth1"), "n1: overlay_underlay_address fe80::1%eth1 is valid on one link only"),
    (
        world(),
        engine("n1", **OLD),
        "n1: engine: it speaks API 1.41, and overlay networks go over IPv6 from Engine 25.0 (API 1.44) on: install a "
        "newer one, or give the hosts IPv4 addresses, or set overlay_network_driver: kernel or host",
    ),
    (world(), engine("n2", **BARE), "n2: engine: the docker.io of Debian 12 is to be installed, and overlay networks"),
    (
        world(network_driver="host"),
        engine("n1", **OLD),
        "install a newer one, or take minio-overlay out of swarm_networks",
    ),
    (
        world(network_driver="host", networks=[]),
        found("n1", swarm={**MEMBER, "address": "192.0.2.11"}),
        "n1: its node in the swarm has the address 192.0.2.11, which none of its interfaces has (it has fd31:79::11, "
        "fe80::1), and overlay_underlay_address is fd31:79::11; ",
    ),
    (
        world(networks=[{"name": "six", "subnet": "fd31:79:0::/48"}]),
        found("n1"),
        'network "six": subnet fd31:79::/48 collides with overlay_underlay_address fd31:79::11 of n1',
    ),
    (
        world(networks=[{"name": "six", "subnet": "fd31:80::/64"}]),
        found("n2", routes=[{"dst": "fd31:80::/48", "dev": "eth2"}]),
        'network "six": subnet fd31:80::/64 collides with the route fd31:80::/48 (eth2) of n2',
    ),
    (
        world(**{**KERNEL, "kernel_overlay": {**KERNEL["kernel_overlay"], "subnet": "fd31:80::/64"}}),
        found("n2", routes=[{"dst": "fd31:80::/48", "dev": "eth2"}]),
        "kernel_overlay_subnet: fd31:80::/64 collides with the route fd31:80::/48 (eth2) of n2",
    ),
    (
        world(),
        found("n1", ways={HOSTS["n2"]: {"source": "fd31:79::99", "error": None}}),
        "n1: would send to n2 (fd31:79::12) from fd31:79::99; its overlay_underlay_address is fd31:79::11",
    ),
    (
        world(),
        found("n2", addresses=[{"interface": "eth1", "address": "fd31:79::13", "prefix": 64, "mtu": 1500}]),
        "n2: overlay_underlay_address fd31:79::12 is on none of its interfaces; it has fd31:79::13",
    ),
    (
        world(),
        lambda given: given["hostvars"]["n2"].update(overlay_underlay_address="fd31:79:0:0::11"),
        "n1 and n2: have the same overlay_underlay_address fd31:79::11",
    ),
]


@pytest.mark.parametrize(("given", "wrong", "sentence"), REFUSED, ids=[case[2][:60] for case in REFUSED])
def test_refused(given: World, wrong: Callable[[World], None], sentence: str) -> None:
    wrong(given)
    said = draw(given)["violations"]
    assert any(sentence in one for one in said), said


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        # Swarm itself goes over IPv6 in old engines, too; it is the overlay networks that do not.
        (world(network_driver="host", networks=[]), engine("n1", **OLD)),
        (world(**KERNEL), engine("n2", **BARE)),
        (world(engine_package="docker-ce"), engine("n2", **BARE)),
        (world(), engine("n2", **{**BARE, "debian": 13})),
        (world(), engine("n2", api_version="1.44")),
        (world(), found("n1", swarm={**MEMBER, "address": "FD31:79::11"})),
        # Routes of the other version are in nobody's way.
        (world(), found("n1", routes=[*ROUTES, {"dst": "0.0.0.0/0", "dev": "eth0"}])),
    ],
)
def test_allowed(given: World, changed: Callable[[World], None]) -> None:
    changed(given)
    assert draw(given)["violations"] == []


def test_an_old_engine_carries_ipv4() -> None:
    given = world()
    for name, address in {"n1": "192.0.2.11", "n2": "192.0.2.12"}.items():
        declare(name, address)(given)
        found(name, addresses=[], ways={})(given)
        engine(name, **OLD)(given)
    assert draw(given)["violations"] == []
