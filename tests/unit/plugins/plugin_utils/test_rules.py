# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule against the smallest change that breaks it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import credentials
from ansible_collections.baremetal.overlay.plugins.plugin_utils import plan

SETTINGS: dict[str, Any] = {
    "network_driver": "overlay",
    "encryption": "none",
    "networks": [{"name": "minio-overlay", "subnet": "10.77.0.0/24"}],
    "keep_credentials": True,
}
GROUPS = {"managers": ["n1", "n2", "n3"], "workers": ["n4"], "minio": ["n1", "n2", "n3", "n4"]}

RELEASE_LABEL, RELEASE = "baremetal.overlay.minio.release", "RELEASE.2026-02-12T20-18-48Z"
IMAGE = f"sha256:{'a' * 64}"

World = dict[str, Any]


def bare_host(number: int) -> dict[str, Any]:
    """What an inventory declares of a host, and what ``host`` reports while it is bare."""
    address = f"172.31.77.{10 + number}"
    facts = {
        "hostname": f"n{number}",
        "architecture": "x86_64",
        "addresses": [{"interface": "eth0", "address": address, "prefix": 24, "mtu": 1500}],
        "routes": [{"dst": "172.31.77.0/24", "dev": "eth0"}],
        "swarm": {"state": "inactive"},
        "credentials_present": False,
    }
    sections = {name: {"changed": True, "plan": [], "violations": []} for name in ("packages", "engine", "drives")}
    return {
        "overlay_host_number": number,
        "overlay_underlay_address": address,
        "minio_drives": ["/dev/a", "/dev/b"],
        "__preflight_host": {"facts": facts, "sections": sections},
    }


def bare() -> World:
    """Four bare hosts."""
    return {
        "hostvars": {f"n{number}": bare_host(number) for number in range(1, 5)},
        "groups": copy.deepcopy(GROUPS),
        "settings": copy.deepcopy(SETTINGS),
        "looked_at": ["n1", "n2", "n3", "n4"],
    }


def facts(world: World, name: str) -> dict[str, Any]:
    """The facts that ``host`` reported for one host."""
    return world["hostvars"][name]["__preflight_host"]["facts"]


def deployed() -> World:
    """The same hosts as one swarm with everything in place."""
    world = bare()
    nodes = [{"id": f"id{n}", "hostname": f"n{n}", "labels": {"baremetal.overlay.minio": str(n)}} for n in range(1, 5)]
    for number in range(1, 5):
        manager = number < 4
        facts(world, f"n{number}")["swarm"] = {
            "state": "active",
            "manager": manager,
            "node_id": f"id{number}",
            "remote_managers": ["172.31.77.11:2377"],
            "nodes": nodes if manager else [],
        }
        facts(world, f"n{number}")["credentials_present"] = manager
        facts(world, f"n{number}")["images"] = [{"id": IMAGE, "labels": {RELEASE_LABEL: RELEASE}, "tags": []}]
        for section in world["hostvars"][f"n{number}"]["__preflight_host"]["sections"].values():
            section["changed"] = False
    return world


def draw(world: World) -> dict[str, Any]:
    """The plan, as the playbook draws it."""
    arguments = (world[name] for name in ("hostvars", "groups", "looked_at", "settings"))
    return plan.draw(plan.read_cluster(*arguments))


def test_bare_hosts_are_all_to_do() -> None:
    drawn = draw(bare())
    assert drawn["violations"] == []
    assert (drawn["founder"], drawn["acting_manager"], drawn["underlay_mtu"]) == ("n1", "n1", 1500)
    assert drawn["work"]["n1"] == [
        "overlay_engine",
        "overlay_drives",
        "overlay_receipts",
        "overlay_join",
        "overlay_acting",
        "overlay_credentials",
        "overlay_image",
        "overlay_lease_new",
    ]
    assert drawn["work"]["n4"] == ["overlay_engine", "overlay_drives", "overlay_join", "overlay_image"]
    assert drawn["nodes"][3] == {"hostname": "n4", "role": "worker", "labels": {"baremetal.overlay.minio": "4"}}


def test_a_deployed_cluster_leaves_only_the_acting_manager() -> None:
    drawn = draw(deployed())
    assert drawn["violations"] == []
    assert (drawn["founder"], drawn["acting_manager"]) == (None, "n1")
    assert drawn["work"] == {"n1": ["overlay_acting"], "n2": [], "n3": [], "n4": []}


def test_credentials_that_are_given_and_kept_are_no_work() -> None:
    world = deployed()
    world["settings"] |= {"root_user": "someone", "root_password": "a-password"}
    kept = credentials.facts(json.dumps({"user": "someone", "password": "a-password"}))
    for name in ("n1", "n2", "n3"):
        facts(world, name)["credentials"] = {"kept": kept, "staged": None}
    drawn = draw(world)
    assert "overlay_credentials" not in drawn["work"]["n1"]
    assert drawn["summary"] == ["4 of 4 hosts were looked at, and nothing stands in the way"]
    facts(world, "n3")["credentials_present"] = False
    assert draw(world)["summary"][1:] == ["n3: keep MinIO's credentials"]


def test_a_manager_that_became_a_worker_keeps_no_credentials() -> None:
    world = deployed()
    facts(world, "n4")["credentials_present"] = True
    drawn = draw(world)
    assert drawn["work"]["n4"] == ["overlay_credentials_gone"]
    assert drawn["summary"][1:] == ["n4: remove MinIO's root credentials, which only managers keep"]
    world["looked_at"] = ["n4"]
    assert draw(world)["work"]["n4"] == []


def test_one_more_host_joins_alone() -> None:
    world = deployed()
    world["hostvars"]["n4"] = bare_host(4)
    drawn = draw(world)
    assert drawn["violations"] == []
    assert {name for name, work in drawn["work"].items() if "overlay_join" in work} == {"n4"}


def test_a_host_whose_former_node_is_still_listed_is_named_by_its_id() -> None:
    world = deployed()
    facts(world, "n1")["swarm"]["nodes"].append({"id": "former", "hostname": "n4", "labels": {}})
    assert [node["hostname"] for node in draw(world)["nodes"]] == ["n1", "n2", "n3", "id4"]


def test_a_reset_first_manager_joins_the_swarm_that_is_there() -> None:
    world = deployed()
    world["hostvars"]["n1"] = bare_host(1)
    drawn = draw(world)
    assert (drawn["founder"], drawn["acting_manager"]) == (None, "n2")
    assert "overlay_join" in drawn["work"]["n1"]


def test_an_unreachable_host_that_is_named_is_left_out() -> None:
    world = deployed()
    world["hostvars"]["n1"]["__preflight_host"] = {"unreachable": True, "msg": "timed out"}
    world["settings"]["unreachable_consent"] = ["n1"]
    drawn = draw(world)
    assert drawn["violations"] == []
    assert (drawn["founder"], drawn["acting_manager"], drawn["work"]["n1"]) == (None, "n2", [])


def test_limit_to_one_deployed_host_is_no_violation() -> None:
    world = deployed()
    world["looked_at"] = ["n4"]
    drawn = draw(world)
    assert drawn["violations"] == []
    assert (drawn["founder"], drawn["underlay_mtu"], drawn["work"]["n4"]) == (None, None, [])


def settings(**changes: Any) -> Callable[[World], None]:
    """A world with other settings."""
    return lambda world: world["settings"].update(changes)


def hostvar(name: str, **changes: Any) -> Callable[[World], None]:
    """A world where a host declares something else."""
    return lambda world: world["hostvars"][name].update(changes)


def fact(name: str, **changes: Any) -> Callable[[World], None]:
    """A world where a host is found otherwise."""
    return lambda world: facts(world, name).update(changes)


def group(**changes: list[str]) -> Callable[[World], None]:
    """A world with other groups."""
    return lambda world: world["groups"].update(changes)


def violation_of_a_section(world: World) -> None:
    """A host's own section found something."""
    world["hostvars"]["n2"]["__preflight_host"]["sections"]["drives"]["violations"] = ["/dev/a: holds an ext4"]


def unreachable(world: World) -> None:
    """A host did not answer."""
    world["hostvars"]["n3"]["__preflight_host"] = {"unreachable": True, "msg": "timed out"}


def failing(world: World) -> None:
    """A host on which the look itself failed."""
    world["hostvars"]["n3"]["__preflight_host"] = {"failed": True, "msg": "python is broken"}


def join_under_limit(world: World) -> None:
    """A bare host without any manager in the run."""
    world["looked_at"] = ["n4"]


BARE_CASES = [
    (settings(network_driver="weave"), 'overlay_network_driver: "weave" is unknown; allowed: overlay'),
    (settings(network_driver=None), "overlay_network_driver: is not set; allowed: overlay"),
    (settings(network_driver="macvlan"), "n4: swarm_lan_parent is not set, and overlay_network_driver is macvlan"),
    (settings(network_driver="bridge"), "overlay_network_driver: bridge reaches no other host, and minio has 4"),
    (settings(encryption=None), "overlay_encryption: is not set, and nothing is assumed; allowed: none, docker"),
    (settings(encryption="rot13"), 'overlay_encryption: "rot13" is unknown; allowed: none, docker'),
    (group(managers=[], workers=["n1", "n2", "n3", "n4"]), "group managers: no host is in it"),
    (group(minio=[]), "group minio: no host is in it"),
    (group(workers=["n1", "n4"]), "n1: is in managers and in workers"),
    (group(workers=[]), "n4: is in minio only"),
    (hostvar("n2", overlay_host_number=1), "n1 and n2: have the same overlay_host_number 1"),
    (hostvar("n2", overlay_host_number=None), "n2: overlay_host_number is not set"),
    (hostvar("n2", overlay_host_number="two"), 'n2: overlay_host_number "two" is not a whole number'),
    (hostvar("n2", overlay_underlay_address="172.31.77.11"), "n1 and n2: have the same overlay_underlay_address"),
    (hostvar("n2", overlay_underlay_address="nowhere"), 'n2: overlay_underlay_address "nowhere" is not an IP address'),
    (hostvar("n2", overlay_underlay_address="172.31.77.99"), "n2: overlay_underlay_address 172.31.77.99 is on none"),
    (hostvar("n3", minio_drives=[]), "n3: minio_drives is empty"),
    (unreachable, "n3: is unreachable (timed out); nothing is formed without it"),
    (failing, "n3: could not be looked at (python is broken)"),
    (violation_of_a_section, "n2: /dev/a: holds an ext4"),
    (fact("n4", architecture="aarch64"), "group minio: mixes CPU architectures (aarch64: n4; x86_64: n1, n2 and n3)"),
    (fact("n4", hostname="n1"), "n1 and n4: have the same host name n1"),
    (settings(networks=[{"name": "o", "subnet": "172.31.0.0/16"}]), 'network "o": subnet 172.31.0.0/16 collides with'),
    (settings(networks=[{"name": "o", "subnet": "10.0.0.0/33"}]), 'network "o": subnet 10.0.0.0/33 is not a CIDR'),
    (settings(networks=[{"name": "o", "subnet": "10.66.0.0"}]), 'network "o": subnet 10.66.0.0 is not a CIDR'),
    (settings(networks=[{"name": "o", "subnet": "fdd1::"}]), 'network "o": subnet fdd1:: is not a CIDR'),
    (settings(networks=[{"name": "o", "subnet": "fd00::/64"}]), 'network "o": subnet fd00::/64 is IPv6, and overlays'),
    (
        settings(networks=[{"name": "minio-overlay", "subnet": "10.77.0.0/29"}]),
        "subnet 10.77.0.0/29 has 5 addresses besides its gateway's, and MinIO's 4 servers and their hosts need 8; give "
        "a larger subnet, at least a /28",
    ),
    (
        settings(networks=[{"name": "o", "subnet": "10.76.0.0/30"}]),
        "subnet 10.76.0.0/30 has 1 address besides its gateway's, and a task and its host need 2",
    ),
    (fact("n4", routes=[{"dst": "10.77.0.0/16", "dev": "eth1"}]), "collides with the route 10.77.0.0/16 (eth1) of n4"),
    (settings(root_password="short"), "minio_root_password: has 5 characters; MinIO takes 8 or more"),
    (settings(keep_credentials=False), "minio_root_password: is not set, and minio_credentials_keep is false"),
    (fact("n2", swarm={"state": "locked"}), "n2: its swarm is locked since its engine restarted"),
    (
        fact("n4", swarm={"state": "active", "node_id": "x", "remote_managers": ["10.9.9.9:2377"]}),
        "n4: is in a swarm of which no host in managers is an active manager (its managers: 10.9.9.9:2377)",
    ),
    (join_under_limit, "n4: has to join the swarm, and no manager that is in it was looked at in this run"),
]

DEPLOYED_CASES = [
    (
        fact("n4", swarm={"state": "active", "node_id": "x"}),
        "n4: is in another swarm (its managers: none known) than n1",
    ),
    (hostvar("n4", overlay_host_number=5), "n4: overlay_host_number 5 differs from 4, under which it is live"),
]


@pytest.mark.parametrize(("change", "expected"), BARE_CASES, ids=[case[1][:60] for case in BARE_CASES])
def test_violation_of_bare_hosts(change: Callable[[World], None], expected: str) -> None:
    world = bare()
    change(world)
    assert any(expected in sentence for sentence in draw(world)["violations"]), draw(world)["violations"]


@pytest.mark.parametrize(("change", "expected"), DEPLOYED_CASES, ids=[case[1][:60] for case in DEPLOYED_CASES])
def test_violation_of_a_deployed_cluster(change: Callable[[World], None], expected: str) -> None:
    world = deployed()
    change(world)
    assert any(expected in sentence for sentence in draw(world)["violations"]), draw(world)["violations"]


def test_all_violations_come_together() -> None:
    world = bare()
    for change, _expected in (BARE_CASES[1], BARE_CASES[4], BARE_CASES[9], BARE_CASES[18]):
        change(world)
    assert len(draw(world)["violations"]) >= 4


CLIENTS = [
    ({"client_networks": []}, "overlay_client_networks: the list is empty, and nobody could reach S3"),
    ({"client_networks": None}, "overlay_client_networks: the list is empty"),
    (
        {"client_networks": {"a": "192.0.2.0/24"}},
        "overlay_client_networks: \"{'a': '192.0.2.0/24'}\" is not a list; give for example [192.0.2.0/24]",
    ),
    ({"client_networks": ["192.0.2.0/33"]}, 'overlay_client_networks "192.0.2.0/33": is not a CIDR'),
    (
        {"client_networks": ["192.0.2.0/24"], "controller_is_client": True},
        "overlay_client_networks: excludes this controller, which the hosts see as 172.31.77.1",
    ),
]


@pytest.mark.parametrize(("settings", "sentence"), CLIENTS, ids=[case[1][:50] for case in CLIENTS])
def test_clients(settings: dict[str, Any], sentence: str) -> None:
    world = deployed()
    for number in range(1, 5):
        facts(world, f"n{number}")["controller_address"] = "172.31.77.1"
    world["settings"] |= {"firewall": True, **settings}
    found = [one for one in draw(world)["violations"] if "client_networks" in one]
    assert len(found) == 1
    assert found[0].startswith(sentence)
    world["settings"]["firewall"] = False
    assert not [one for one in draw(world)["violations"] if "client_networks" in one]


@pytest.mark.parametrize("address", ["172.31.77.1", "172.31.77.12", None])
def test_a_controller_that_is_let_in_or_is_a_member_or_is_not_known(address: str | None) -> None:
    world = deployed()
    networks = ["172.31.77.1/32"]
    facts(world, "n1")["controller_address"] = address
    world["settings"] |= {"firewall": True, "client_networks": networks, "controller_is_client": True}
    assert draw(world)["violations"] == []


@pytest.mark.parametrize(
    "name", ["firewall_confirm_timeout", "ipsec_confirm_timeout", "kernel_overlay_confirm_timeout"]
)
@pytest.mark.parametrize(
    ("seconds", "right"),
    [(15, True), ("3600", True), (None, True), (5, False), (3601, False), ("a minute", False), (True, False)],
)
def test_the_time_for_a_confirmation_is_looked_at_before_anything_is_changed(
    name: str, seconds: object, right: bool
) -> None:
    for switched_on in (True, False):
        world = bare()
        switches: dict[str, Any] = {"firewall": switched_on, "encryption": "ipsec" if switched_on else "none"}
        if name.startswith("kernel"):
            switches = {"network_driver": "kernel" if switched_on else "overlay"}
        world["settings"] |= {**switches, name: seconds}
        said = [one for one in draw(world)["violations"] if name in one]
        words = (
            f'{name}: "{seconds}"; allowed: 15 to 3600 whole seconds, in which a change is proven; give for example 60'
        )
        assert said == ([] if right or not switched_on else [words])


@pytest.mark.parametrize("name", ["firewall", "ipsec"])
def test_a_table_that_hosts_could_not_load_is_said_before_it_is_loaded_again(name: str) -> None:
    world = deployed()
    for host in ("n1", "n3"):
        section = {"changed": True, "plan": [], "violations": [], "closed": True}
        world["hostvars"][host]["__preflight_host"]["sections"][name] = section
    suffix = "_ipsec" if name == "ipsec" else ""
    said = [sentence for sentence in draw(world)["advice"] if "could not load" in sentence]
    assert said == [
        f"n1 and n3: baremetal-overlay-{name}.service could not load its table, and inet "
        f"baremetal_overlay{suffix}_closed is there in its place; this run loads the table again, and "
        f"`journalctl -u baremetal-overlay-{name}.service` says what failed"
    ]


def test_what_the_inventory_has_wrong_is_not_said_by_every_host() -> None:
    world = deployed()
    section = {"changed": False, "plan": [], "violations": ["firewall: wrong"], "declared": True}
    world["hostvars"]["n1"]["__preflight_host"]["sections"]["firewall"] = section
    assert draw(world)["violations"] == []


def leaderless(world: World, *names: str) -> None:
    for name in names:
        facts(world, name)["swarm"] |= {"nodes": [], "unlisted": "The swarm does not have a leader."}


def test_without_a_leader_what_runs_is_unknown_and_not_nothing() -> None:
    world = deployed()
    leaderless(world, "n1", "n2", "n3")
    found = draw(world)["violations"]
    assert found == [
        f"{name}: this manager reaches no leader of its swarm (The swarm does not have a leader; it knows of "
        "172.31.77.11:2377), so what runs there is unknown; start the engines of the managers, or see docs/quorum.md "
        "if they are lost, then run again"
        for name in ("n1", "n2", "n3")
    ]


def test_a_manager_that_is_led_acts_for_one_that_is_not() -> None:
    world = deployed()
    leaderless(world, "n1")
    drawn = draw(world)
    assert (drawn["violations"], drawn["acting_manager"]) == ([], "n2")
    assert drawn["advice"][0].startswith("n1: this manager reaches no leader of its swarm")


def locked(world: World, name: str, kept: str) -> None:
    host = facts(world, name)
    host["swarm"] = {"state": "locked", "manager": False, "node_id": None}
    host["unlock_key"] = kept


def test_a_locked_manager_is_unlocked_before_anything_is_judged() -> None:
    world = deployed()
    locked(world, "n2", "kept")
    drawn = draw(world)
    assert drawn["violations"] == []
    assert drawn["work"] == {"n1": [], "n2": ["overlay_unlock"], "n3": [], "n4": []}
    assert drawn["summary"][0].startswith("n2: unlock the swarm")
    # All of them, after a power cut: no second swarm is made.
    for name in ("n1", "n3"):
        locked(world, name, "kept")
    assert "founder" not in draw(world)


def test_a_locked_manager_without_its_key_is_refused() -> None:
    world = deployed()
    locked(world, "n2", "none")
    assert any("n2: its swarm is locked since its engine restarted" in one for one in draw(world)["violations"])


@pytest.mark.parametrize(
    ("given", "live", "kept", "acting", "others"),
    [
        (None, False, "none", [], []),
        (None, True, "none", ["overlay_unlock_key"], ["overlay_unlock_key"]),
        (None, True, "current", [], []),
        (True, False, "none", ["overlay_autolock", "overlay_unlock_key"], ["overlay_unlock_key"]),
        (True, True, "stale", ["overlay_unlock_key"], ["overlay_unlock_key"]),
        (False, True, "current", ["overlay_autolock", "overlay_unlock_key"], ["overlay_unlock_key"]),
        (False, False, "none", [], []),
    ],
)
def test_managers_keep_the_key_as_long_as_they_lock_themselves(
    given: bool | None, live: bool, kept: str, acting: list[str], others: list[str]
) -> None:
    world = deployed()
    world["settings"]["autolock"] = given
    for name in ("n1", "n2", "n3"):
        facts(world, name)["swarm"]["autolock"] = live
        facts(world, name)["unlock_key"] = kept
    work = draw(world)["work"]
    assert [one for one in work["n1"] if "lock" in one] == acting
    assert [one for one in work["n3"] if "lock" in one] == others
    assert not any("lock" in one for one in work["n4"])
