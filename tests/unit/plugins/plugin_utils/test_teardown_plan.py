# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a teardown does, and each of the sentences with which it does not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils import teardown_plan

GROUPS = {"managers": ["n1", "n2", "n3"], "workers": ["n4"], "minio": ["n1", "n2", "n3", "n4"]}
ALL = ["n1", "n2", "n3", "n4"]
SERVICE = {"name": "minio1", "image": "sha256:a", "args": [], "labels": {"baremetal.overlay": "minio"}}


def node(number: int, **changes: Any) -> dict[str, Any]:
    """A node as the swarm shows it."""
    manager = number < 4
    found = {"id": f"id{number}", "hostname": f"n{number}", "addr": f"172.31.77.1{number}", "state": "ready"}
    role = {"role": "manager" if manager else "worker", "reachability": "reachable" if manager else None}
    return {**found, **role, **changes}


def report(number: int, nodes: list[dict[str, Any]], **swarm: Any) -> dict[str, Any]:
    """What the module found on a host."""
    manager = number < 4
    own = {"state": "active", "manager": manager, "node_id": f"id{number}", "nodes": nodes if manager else []}
    services = {"services": [SERVICE] if manager else [], "other_services": []}
    return {
        "facts": {
            "hostname": f"n{number}",
            "engine": {"installed": True, "running": True},
            "swarm": {**own, **services, **swarm},
        },
        "sections": {"teardown": {"changed": True, "violations": [], "stays": [f"drive of n{number}"]}},
    }


class World:
    """A healthy cluster of four hosts, and who of them is in the run."""

    def __init__(self, run: list[str]) -> None:
        self.run = run
        self.nodes = [node(number) for number in range(1, 5)]
        self.reports = {f"n{number}": report(number, self.nodes) for number in range(1, 5)}
        self.settings: dict[str, Any] = {"consent": list(run)}

    def draw(self) -> dict[str, Any]:
        hostvars: dict[str, dict[str, Any]] = {
            name: {
                "overlay_host_number": int(name[1:]),
                "overlay_underlay_address": f"172.31.77.1{name[1:]}",
                "minio_drives": [f"/dev/{name}a", f"/dev/{name}b"],
                **({"__teardown_host": self.reports[name]} if name in self.run else {}),
            }
            for name in ALL
        }
        outside = [{"item": name, **self.reports[name]} for name in GROUPS["managers"] if name not in self.run]
        return teardown_plan.draw(hostvars, GROUPS, self.run, {"outside": outside, **self.settings})


def test_the_whole_cluster_goes_and_one_manager_is_the_last() -> None:
    plan = World(ALL).draw()
    assert plan["violations"] == []
    assert (plan["whole"], plan["acting_manager"], plan["demote"]) == (True, "n1", ["id2", "id3"])
    leave = ["overlay_teardown_leave", "overlay_teardown_host"]
    first = ["overlay_teardown_services", *leave, "overlay_lease"]
    assert plan["work"] == {"n1": first, **dict.fromkeys(("n2", "n3", "n4"), leave)}
    assert plan["stays"]["n4"] == ["drive of n4"]


def test_a_node_gives_up_what_it_kept_for_networks_of_ours() -> None:
    world = World(ALL)
    kept = ("minio-bridge-config", "minio-macvlan-0d59ad-config", "minio-db-config", "their-config")
    world.reports["n4"]["facts"]["networks"] = [{"name": name, "driver_options": {}} for name in kept]
    world.reports["n4"]["sections"]["teardown"]["changed"] = False
    plan = world.draw()
    assert plan["networks"] == {"n1": [], "n2": [], "n3": [], "n4": list(kept[:2])}
    assert "overlay_teardown_host" in plan["work"]["n4"]


@pytest.mark.parametrize(("run", "acting"), [(["n4"], "n1"), (["n1"], "n2")])
def test_one_host_leaves_a_swarm_that_lives_on(run: list[str], acting: str) -> None:
    plan = World(run).draw()
    assert plan["violations"] == []
    assert (plan["whole"], plan["acting_manager"]) == (False, acting)
    assert plan["work"] == {run[0]: ["overlay_teardown_single", "overlay_teardown_host", "overlay_lease"]}
    assert plan["remove"] == {run[0]: [f"id{run[0][1:]}"]}


def test_what_an_interrupted_run_left_is_gone_through_again() -> None:
    world = World(["n4"])
    world.reports["n4"]["facts"]["swarm"] = {"state": "inactive", "node_id": None}
    world.nodes[3]["state"] = "down"
    assert world.draw()["remove"] == {"n4": ["id4"]}
    assert "overlay_teardown_single" in world.draw()["work"]["n4"]
    world.nodes.pop()
    world.reports["n4"]["sections"]["teardown"]["changed"] = False
    assert world.draw()["work"] == {"n4": []}
    assert world.draw()["violations"] == []


@pytest.mark.parametrize("state", ["down", "ready", "unknown"])
def test_a_host_that_just_left_is_not_taken_for_a_stranger(state: str) -> None:
    """A swarm notices some seconds later that a node has left."""
    for run in (["n4"], ALL):
        world = World(run)
        world.reports["n4"]["facts"]["swarm"] = {"state": "inactive", "node_id": None}
        world.nodes[3]["state"] = state
        plan = world.draw()
        assert plan["violations"] == []
        assert plan["remove"]["n4"] == ["id4"]


def test_a_living_namesake_is_not_removed() -> None:
    world = World(["n4"])
    world.nodes.append(node(4, id="former", state="down"))
    world.nodes.append(node(4, id="other", addr="172.31.77.99"))
    assert world.draw()["remove"] == {"n4": ["id4", "former"]}


def test_hosts_that_are_clear_have_nothing_to_do() -> None:
    world = World(ALL)
    for one in world.reports.values():
        one["facts"]["swarm"] = {"state": "inactive", "node_id": None}
        one["sections"]["teardown"]["changed"] = False
    plan = world.draw()
    assert (plan["violations"], plan["acting_manager"]) == ([], None)
    assert set(map(tuple, plan["work"].values())) == {()}


@pytest.mark.parametrize(("given", "agreed"), [("n4", True), ("n1, n4", True), ("n44", False), ("", False)])
def test_consent_on_a_command_line_is_whole_names(given: str, agreed: bool) -> None:
    world = World(["n4"])
    world.settings["consent"] = given
    assert (world.draw()["violations"] == []) is agreed


def refuse_consent(world: World) -> None:
    world.settings["consent"] = world.settings["consent"][1:]


def foreign_service(world: World) -> None:
    world.reports["n1"]["facts"]["swarm"]["other_services"] = ["web"]


def foreign_node(world: World) -> None:
    world.nodes.append(node(5, role="worker"))


def stopped(world: World) -> None:
    world.reports["n4"]["facts"]["engine"]["running"] = False


def wrong_drive(world: World) -> None:
    world.settings["drives_consent"] = ["n9:/dev/n9a:0a1b2c3d"]


def someone_away(world: World) -> None:
    world.nodes[2]["state"] = "down"


def managers_away(world: World) -> None:
    world.nodes[1]["reachability"] = world.nodes[2]["reachability"] = "unreachable"


def refused_drive(world: World) -> None:
    world.reports["n4"]["sections"]["teardown"]["violations"] = ["drive 1 (/dev/n4a): is not ours"]


def lost(world: World) -> None:
    world.reports["n4"] = {"unreachable": True, "msg": "no route"}


def leaderless(world: World) -> None:
    for name in GROUPS["managers"]:
        world.reports[name]["facts"]["swarm"] |= {"nodes": [], "services": [], "unlisted": "no leader."}


REFUSALS = [
    (ALL, leaderless, "n1: is a manager that cannot tell what is in its swarm (no leader), and services and nodes"),
    (ALL, refuse_consent, "overlay_teardown_consent: does not name n1; services"),
    (ALL, foreign_service, "the swarm runs services that are not ours (web)"),
    (ALL, foreign_node, "the swarm has nodes that are not in the inventory (n5 (172.31.77.15))"),
    (ALL, stopped, "n4: its engine does not answer"),
    (ALL, wrong_drive, "overlay_teardown_drives_consent: n9:/dev/n9a:0a1b2c3d is in no minio_drives"),
    (ALL, refused_drive, "n4: drive 1 (/dev/n4a): is not ours"),
    (ALL, lost, "n4: is unreachable (no route)"),
    (["n4"], someone_away, "MinIO: with n4 gone, 2 servers of pool 1 are away (n3, n4)"),
    (["n3", "n4"], lambda _world: None, "MinIO: with n3 and n4 gone, 2 servers of pool 1 are away (n3, n4)"),
    (["n4"], managers_away, "of the 3 managers that stay, 1 can be reached"),
    (["n1", "n2", "n3"], lambda _world: None, "no manager outside this run answers"),
]


@pytest.mark.parametrize(("run", "change", "sentence"), REFUSALS, ids=[case[2][:50] for case in REFUSALS])
def test_refused(run: list[str], change: Any, sentence: str) -> None:
    world = World(run)
    change(world)
    found = world.draw()["violations"]
    assert any(one.startswith(sentence) for one in found), found


def test_one_host_is_told_what_its_leaving_comes_to() -> None:
    world = World(["n4"])
    first, outcome = world.draw()["summary"]
    assert first == "n4: out of the swarm, which lives on"
    for part in (
        "pool 1 keeps its list of 4 servers, since erasure sets never shrink",
        "without n4 it goes on with 3",
        "no more servers away",
        "overlay_host_number 4, this one or new hardware",
        "only a whole pool can be given up for good",
    ):
        assert part in outcome, outcome
    world.settings["consent"] = []
    (refused,) = world.draw()["violations"]
    assert outcome in refused


def test_the_end_of_all_and_a_host_without_drives_need_no_such_words() -> None:
    world = World(ALL)
    assert world.draw()["summary"] == ["n1, n2, n3 and n4: MinIO stops and the swarm ends"]


def test_managers_without_a_leader_are_agreed_to_by_name() -> None:
    world = World(ALL)
    leaderless(world)
    world.settings["unseen_consent"] = ["n1", "n2"]
    (refused,) = world.draw()["violations"]
    assert refused.startswith("n3: ") and refused.endswith("overlay_teardown_unseen_consent: [n1, n2, n3]")
    world.settings["unseen_consent"] = ["n1", "n2", "n3"]
    plan = world.draw()
    assert plan["violations"] == []
    # No swarm with a leader keeps a lease.
    assert not any("overlay_lease" in own for own in plan["work"].values())


def test_drives_that_no_entry_names_keep_their_data() -> None:
    hostvars = {name: {"minio_drives": ["/dev/sdb", "/dev/sdb1"]} for name in ("n1", "n2")} | {"n3": {}}
    given = ["n1:/dev/sdb:0a1b2c3d", "n2:/dev/sdb1:0a1b2c3d", "/dev/sdb", "n2:/dev/sdb"]
    assert teardown_plan.drives_left(hostvars, ["n1", "n2", "n3"], given) == ["n1:/dev/sdb1", "n2:/dev/sdb"]
    assert teardown_plan.drives_left(hostvars, ["n1"], "n1:/dev/sdb:0a1b2c3d, n1:/dev/sdb1:0a1b2c3d") == []
