# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of networks, nodes, secrets and the swarm, on the answers of a real engine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import (
    EngineError,
    InputError,
    Refused,
    WaitTimeout,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import (
    addresses,
    cluster,
    detached,
    drain,
    info,
    membership,
    network,
    network_pools,
    node,
    quorum,
)

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "engine"


def answer(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


class Scripted(Engine):
    """Answers from a mapping (verb, path) → answer or error; a list is answered one by one."""

    def __init__(self, answers: dict[tuple[str, str], Any]) -> None:
        super().__init__(None, api_version="1.41")
        self.answers = answers
        self.bodies: list[Any] = []

    def call(self, verb: str, path: str, *args: Any, **_more: Any) -> Any:
        self.calls.append((verb, path))
        self.bodies.append(args[0] if args else None)
        found = self.answers[verb, path]
        found = found.pop(0) if isinstance(found, list) and verb != "GET" else found
        if isinstance(found, Exception):
            raise found
        return found() if callable(found) else found


# --- networks ----------------------------------------------------------------------------------------------------

LIVE = next(one for one in answer("networks") if one["Name"] == "storage")


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        (
            {"driver": "overlay", "attachable": True, "labels": {"a": 1}, "ipam_config": [{"subnet": "10.77.0.0/24"}]},
            [],
        ),
        ({"driver_options": {"com.docker.network.driver.mtu": 1450}}, []),
        ({"ipam_config": [{"subnet": "10.77.0.99/24", "gateway": "10.77.0.1"}]}, []),
        ({"driver_options": {}}, ["driver_options"]),
        ({"driver_options": {"com.docker.network.driver.mtu": 1450, "encrypted": ""}}, ["driver_options"]),
        ({"labels": {}, "internal": True}, ["internal", "labels"]),
        ({"ipam_config": [{"subnet": "10.78.0.0/24"}]}, ["ipam_config[10.78.0.0/24]", "ipam_config[10.77.0.0/24]"]),
        ({"ipam_config": []}, []),
        ({"ipam_config": [{"subnet": "fd00:1::/64"}]}, ["ipam_config[fd00:1::/64]"]),
        ({"scope": "swarm", "ingress": False, "enable_ipv6": False, "ipam_driver": "default", "config_from": ""}, []),
    ],
)
def test_network_differences(options: dict[str, Any], changed: list[str]) -> None:
    changes = network.changes_of(fields.build(network.TABLE, options), LIVE)
    assert [change.option for change in changes] == changed
    assert all(change.recreate for change in changes)


def test_a_network_is_found_by_its_exact_name() -> None:
    found = network.exact("storage", answer("networks"))
    assert found is not None and found["Id"] == LIVE["Id"]
    assert network.exact("stor", answer("networks")) is None
    with pytest.raises(Refused, match="there are 2 networks of this name"):
        network.exact("storage", [LIVE, {**LIVE, "Id": "other"}])


@pytest.mark.parametrize(
    ("subnets", "driver", "overlaps"),
    [
        (["10.77.0.0/16"], "overlay", 1),
        (["10.78.0.0/24", "fd00::/64"], "overlay", 0),
        (["10.77.0.0/16"], "bridge", 0),
        ([], "overlay", 0),
    ],
)
def test_subnets_of_other_networks(subnets: list[str], driver: str, overlaps: int) -> None:
    body = {"Name": "other", "Driver": driver, "IPAM": {"Config": [{"Subnet": one} for one in subnets]}}
    assert len(network_pools.overlaps_of(body, [LIVE])) == overlaps
    assert not network_pools.overlaps_of({**body, "Name": LIVE["Name"]}, [LIVE]), "it is to replace that one"


def test_users_of_a_network() -> None:
    services, tasks, inspect = answer("services"), answer("tasks"), answer("network_inspect")
    assert detached.users_of(LIVE, services, tasks, inspect).names() == "service web"
    assert not detached.users_of(answer("networks")[-1] | {"Id": "unused", "Name": "unused"}, services, tasks, {})
    attached = {**tasks[0], "ServiceID": "", "DesiredState": "running", "NodeID": "n9"}
    attached["Status"] = {"ContainerStatus": {"ContainerID": "c0ffee0123456789"}}
    inspect["Containers"].update({"c0ffee0123456789": {"Name": "here"}, "0badcafe": {"Name": "tool"}})
    used = detached.users_of(LIVE, [], [attached], inspect)
    assert used.names() == "container c0ffee012345 on node n9, container tool"
    assert [one.partition(" was ")[0] for one in used.obstacles("storage")] == used.names().split(", ")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"ipam_config": [{"subnet": "10.0.0.0/33"}]}, '"ipam_config[0].subnet": 10.0.0.0/33 is not a CIDR'),
        ({"ipam_config": [{"subnet": "10.66.0.0"}]}, '"ipam_config[0].subnet": 10.66.0.0 is not a CIDR'),
        ({"ipam_config": [{"subnet": "fdd1::"}]}, '"ipam_config[0].subnet": fdd1:: is not a CIDR'),
        (
            {"ipam_config": [{"subnet": "10.0.0.0/24", "iprange": "10.0.0.9"}]},
            '"ipam_config[0].iprange": 10.0.0.9 is not a CIDR',
        ),
        ({"ipam_config": [{"gateway": "ten"}]}, '"ipam_config[0].gateway": ten is not an IP address'),
        ({"driver_options": {"mtu": 1.5}}, '"driver_options.mtu" is a number; give a string, in quotes'),
    ],
)
def test_network_options_that_cannot_be(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        fields.build(network.TABLE, options)
    assert sentence in str(error.value)


# --- nodes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "labels"),
    [
        ({"labels": {"b": 2}}, {"a": "1", "b": "2"}),
        ({"labels": {}}, {"a": "1"}),
        ({"labels_to_remove": ["a", "x"]}, {}),
        ({"labels": {"a": "9"}, "labels_to_remove": ["a"]}, {"a": "9"}),
        ({"labels": {"b": "2"}, "labels_state": "replace"}, {"b": "2"}),
        ({"labels_state": "replace"}, {}),
        ({"role": "manager"}, None),
    ],
)
def test_labels_come_to(asked: dict[str, Any], labels: dict[str, str] | None) -> None:
    options = {"labels": None, "labels_state": "merge", "labels_to_remove": None, "role": None, "availability": None}
    assert node.want_of({**options, **asked}, {"Labels": {"a": "1"}}).get("labels") == labels


def test_of_two_nodes_of_one_name_the_living_one_is_meant() -> None:
    (one,) = answer("nodes")
    name = one["Description"]["Hostname"]
    dead = {**one, "ID": "dead", "Status": {"State": "down"}}
    assert node.find(name, [dead, one]) == one
    assert node.find("dead", [dead, one]) == dead
    assert node.find("other", [dead, one]) is None
    with pytest.raises(InputError, match=r"2 nodes have this host name: .*give the ID"):
        node.find(name, [one, {**one, "ID": "twin"}])


def test_a_node_that_has_not_said_its_name_yet_is_no_obstacle() -> None:
    """So the Engine shows a node that it has let in and that has not reported yet, or never does."""
    silent = {
        "ID": "s1", "Spec": {"Role": "worker", "Availability": "active"}, "Status": {"State": "unknown"},
        "Description": {"Platform": {}, "Resources": {}, "Engine": {}, "TLSInfo": {}},
    }  # fmt: skip
    named = {**silent, "ID": "n1", "Description": {"Hostname": "rack1"}, "Status": {"State": "ready"}}
    assert node.find("rack1", [silent, named]) is named and node.find("s1", [silent, named]) is silent
    assert node.find("", [silent, named]) is None
    assert quorum.name_of(silent) == "s1"
    assert (info.node(silent)["Hostname"], info.node(silent)["EngineVersion"]) == ("", "")


def test_a_manager_counts_once_raft_agrees() -> None:
    (one,) = answer("nodes")
    assert node.in_role(one, "manager") and not node.in_role(one, "worker")
    assert node.in_role({**one, "ManagerStatus": None}, "worker")
    assert not node.in_role({**one, "ManagerStatus": {"Reachability": "unknown"}}, "manager")


# --- the swarm ---------------------------------------------------------------------------------------------------


def test_the_live_swarm_reads_back_as_its_defaults() -> None:
    live = answer("swarm")
    have = fields.read(cluster.TABLE, live["Spec"])
    assert have["snapshot_interval"] == 10_000 and have["node_cert_expiry"] == 90 * 24 * 3600 * 10**9
    assert fields.merge(cluster.TABLE, live["Spec"], {"election_tick": have["election_tick"]}) == live["Spec"]
    assert "JoinTokens" not in cluster.public(live)


def test_a_signing_ca_is_compared_with_the_trust_root() -> None:
    live = answer("swarm")
    same = {"signing_ca_cert": live["TLSInfo"]["TrustRoot"], "signing_ca_key": "key"}
    assert cluster._against(same, live) == ({}, [])
    wanted, changes = cluster._against({"signing_ca_cert": "other", "signing_ca_key": "key"}, live)
    assert [change.option for change in changes] == ["signing_ca_cert"] and wanted["signing_ca_key"] == "key"
    spec = fields.merge(cluster.TABLE, live["Spec"], wanted)
    assert "key" not in json.dumps(cluster._hidden(wanted, spec)["CAConfig"].get("SigningCAKey", ""))


@pytest.mark.parametrize(
    ("given", "remote"),
    [
        ("10.0.0.1", "10.0.0.1:2377"),
        ("10.0.0.1:99", "10.0.0.1:99"),
        ("host", "host:2377"),
        ("fd00::1", "[fd00::1]:2377"),
        ("FD00:0::1", "[fd00::1]:2377"),
        ("[fd00::1]", "[fd00::1]:2377"),
        ("[fd00::1]:99", "[fd00::1]:99"),
        ("tcp://10.0.0.1:99", "10.0.0.1:99"),
        ("tcp://[fd00::1]", "[fd00::1]:2377"),
    ],
)
def test_remote_addresses_get_the_port(given: str, remote: str) -> None:
    assert membership.with_port(given) == remote


def test_a_host_of_another_swarm_is_refused() -> None:
    swarm = {"RemoteManagers": [{"Addr": "10.0.0.1:2377"}]}
    membership.same_swarm(["10.0.0.9:2377", "10.0.0.1:2377"], swarm)
    membership.same_swarm(["manager.example:2377"], swarm)
    membership.same_swarm(["[fd00:0::1]:2377"], {"RemoteManagers": [{"Addr": "[FD00::1]:2377"}]})
    with pytest.raises(Refused, match=r"in another swarm already \(its managers: 10.0.0.1:2377; wanted"):
        membership.same_swarm(["10.0.0.9:2377"], swarm)


@pytest.mark.parametrize(
    ("state", "sentence"), [("locked", "unlock it"), ("error", "swarm state is error: bad certificate")]
)
def test_a_host_neither_in_nor_out_is_refused(state: str, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        membership.in_swarm({"LocalNodeState": state, "Error": "bad certificate"})


def test_managers_are_tried_one_by_one() -> None:
    states = iter(["inactive", "active"])
    refused = EngineError("rpc error: i/o timeout", 500)
    engine = Scripted(
        {
            ("POST", "/swarm/join"): [refused, None],
            ("GET", "/info"): lambda: {"Swarm": {"LocalNodeState": next(states)}},
        }
    )
    reach = {"a:1": "cannot be reached (refused)", "b:1": "", "c:1": ""}
    assert membership.join_through(engine, {"JoinToken": "t"}, list(reach), 5, reach.__getitem__) == "c:1"
    assert [body["RemoteAddrs"] for body in engine.bodies if body] == [["b:1"], ["c:1"]]
    engine = Scripted({("POST", "/swarm/join"): refused, ("GET", "/info"): {"Swarm": {"LocalNodeState": "inactive"}}})
    with pytest.raises(EngineError, match=r"a:1: cannot be reached \(refused\); b:1: rpc error: i/o timeout"):
        membership.join_through(engine, {}, ["a:1", "b:1"], 5, reach.__getitem__)


def test_a_host_that_was_taken_in_is_not_taken_back() -> None:
    pending = {"Swarm": {"LocalNodeState": "pending", "NodeID": "n7"}}
    engine = Scripted({("POST", "/swarm/join"): EngineError("Timeout was reached", 500), ("GET", "/info"): pending})
    with pytest.raises(WaitTimeout, match=r"a:1 took this host into its swarm as node n7, .*run this again"):
        membership.join_through(engine, {}, ["a:1", "b:1"], 0, lambda _remote: "")
    assert ("POST", "/swarm/leave") not in engine.calls


def test_an_error_is_not_taken_for_absence() -> None:
    options = {name: one.get("default") for name, one in cluster.SPEC.items()}
    engine = Scripted({("GET", "/info"): {"Swarm": {}}, ("GET", "/nodes"): EngineError("no quorum", 500)})
    with pytest.raises(EngineError, match="no quorum"):
        cluster.converge(engine, {**options, "state": "remove", "node_id": "x"}, False)
    engine.answers["GET", "/nodes"] = answer("nodes")
    assert cluster.converge(engine, {**options, "state": "remove", "node_id": "x"}, False)["changed"] is False


# --- info ------------------------------------------------------------------------------------------------------


def test_info_in_brief() -> None:
    assert info.node(answer("nodes")[0])["ManagerStatus"] == "Leader"
    assert info.service(answer("services")[0])["Name"] == "web"
    assert {info.task(one)["DesiredState"] for one in answer("tasks")} <= {"ready", "running", "shutdown"}
    assert info.filters_of({"role": "manager", "up-to-date": True, "id": ["a", 1]}) == {
        "role": ["manager"],
        "up-to-date": ["true"],
        "id": ["a", "1"],
    }


def task(state: str, slot: int = 1, node: str = "n1", desired: str = "running", **status: str) -> dict[str, Any]:
    return {
        "ID": f"{state}{slot}", "ServiceID": "web", "Slot": slot, "NodeID": node, "DesiredState": desired,
        "Status": {"State": state, **status}, "CreatedAt": f"2026-01-0{len(status) + 1}",
    }  # fmt: skip


def test_a_node_is_drained_once_its_tasks_have_ended_there_and_run_elsewhere() -> None:
    before = [task("running"), task("running", 2), task("running", 0), task("complete", 3), task("failed", 4)]
    slots = drain.slots_on("n1", before)
    assert slots == {("web", 1), ("web", 2)}
    assert len(drain.unfinished(before, ["n1"], slots)) == 3
    ended = [task("shutdown", slot, desired="shutdown") for slot in (1, 2)]
    lacking = task("pending", 2, "", Err="no suitable node (1 node not available for new tasks)")
    moving = [*ended, task("starting", 1, "n2"), lacking]
    assert drain.unfinished(moving, ["n1"], slots) == ["slot 1 of service web is starting"]
    assert not drain.unfinished([*ended, task("running", 1, "n2"), lacking], ["n1"], slots)
    assert drain.homeless([*ended, lacking], slots) == [
        "slot 2 of service web ran on a node that is drained and has no other place: no suitable node (1 node not "
        "available for new tasks)"
    ]
    assert not drain.unfinished(ended, ["n1"], slots), "a service that is gone moves nowhere"


# --- quorum ------------------------------------------------------------------------------------------------------


def manager(ident: str, reachability: str | None = "reachable") -> dict[str, Any]:
    status = {"ManagerStatus": {"Reachability": reachability}} if reachability else {}
    return {"ID": ident, "Description": {"Hostname": f"host-{ident}"}, "Status": {"Addr": f"10.0.0.{ident}"}, **status}


@pytest.mark.parametrize(
    ("up", "down", "why", "caution"),
    [
        (1, 0, "last manager", ""),
        (2, 0, "", ""),
        (3, 0, "", "none of the 2 managers that remain may fail"),
        (5, 0, "", ""),
        (
            2,
            1,
            r"of the 2 managers that remain 1 can be reached and 2 are needed.*unreachable: host-3 \(10.0.0.3\)",
            "",
        ),
        (4, 1, "", "none of the 4 managers that remain may fail"),
        (3, 2, "of the 4 managers that remain 2 can be reached and 3 are needed", ""),
    ],
)
def test_which_managers_a_swarm_can_do_without(up: int, down: int, why: str, caution: str) -> None:
    nodes = [manager(str(n), "reachable" if n <= up else "unreachable") for n in range(1, up + down + 1)]
    known = quorum.managers_of([*nodes, manager("9", None)])
    assert re.search(why, known.why_needed("1")) and bool(known.why_needed("1")) == bool(why)
    assert why or (caution in known.caution("1") and bool(known.caution("1")) == bool(caution))
    for lost in nodes[up:]:
        assert not known.why_needed(lost["ID"]), "one that is lost already is no loss"


# --- addresses ---------------------------------------------------------------------------------------------------

HOST = addresses.Host(
    {
        "lo": ["127.0.0.1", "::1"],
        "eth0": ["10.0.0.5", "fe80::1", "fd00::5"],
        "eth1": ["10.1.0.5", "10.1.0.6"],
        "eth2": [],
    },
    [{"dst": "10.0.0.0/24", "gateway": None, "dev": "eth0", "type": "unicast"}],
)


@pytest.mark.parametrize(
    ("options", "violations", "warnings"),
    [
        ({"listen_addr": "0.0.0.0:2377", "advertise_addr": "10.0.0.5", "data_path_addr": "eth0"}, [], []),
        ({"listen_addr": "[::]:2377", "advertise_addr": "eth0:2377", "data_path_addr": "fe80::1"}, [], []),
        ({"listen_addr": "[fd00::5]:2377", "advertise_addr": "fd00::5", "data_path_addr": "FD00:0::5"}, [], []),
        ({"listen_addr": "fd00::9:2377"}, ["no address of this host"], []),
        ({"listen_addr": "10.0.0.9"}, ["no address of this host, which has: eth0 10.0.0.5"], []),
        ({"listen_addr": "10.0.0.5:0"}, ["0 is no port"], []),
        ({"advertise_addr": "10.0.0.5:70000"}, ["70000 is no port"], []),
        ({"advertise_addr": "0.0.0.0"}, ["says no address"], []),
        ({"advertise_addr": "203.0.113.5"}, ["no address of this host, which has: eth0 10.0.0.5"], []),
        ({"data_path_addr": "203.0.113.5"}, ["or behind_nat: true if address translation leads"], []),
        ({"advertise_addr": "eth1"}, ["must be an interface with one address, and has: 10.1.0.5, 10.1.0.6"], []),
        ({"advertise_addr": "eth2"}, ["and has: none"], []),
        ({"data_path_addr": "eth9"}, ["neither an IP address nor an interface; this host has: eth0"], []),
        ({"data_path_addr": "10.0.0.5:4789"}, ["has a port"], []),
        ({"advertise_addr": ":2377", "data_path_port": 80}, ["neither", "80 is not between 1024 and 49151"], []),
        ({"default_addr_pool": ["10.0.0.0/16"], "subnet_size": 24}, [], ["this host reaches 10.0.0.0/24 on eth0"]),
        ({"default_addr_pool": ["10.9.0.0/26"]}, ["smaller than the subnets to be taken from it (/24)"], []),
        ({"default_addr_pool": ["10.9.0.1/16", "fd00::/16"]}, ["10.9.0.1/16 is no IPv4", "fd00::/16 is no IPv4"], []),
        ({"default_addr_pool": ["10.8.0.0/14", "10.9.0.0/16"], "subnet_size": 30}, ["30 is not", "overlaps with"], []),
    ],
)
def test_addresses_are_checked(options: dict[str, Any], violations: list[str], warnings: list[str]) -> None:
    found = addresses.check(options, options, HOST)
    assert len(found.violations) == len(violations) and len(found.warnings) == len(warnings), found
    for said, part in zip([*found.violations, *found.warnings], [*violations, *warnings]):
        assert part in said
    # Of a host that is not this one only the words can be judged.
    assert not addresses.check(options, {}, None).warnings


def test_an_address_that_is_translated_has_to_be_agreed_to() -> None:
    found = addresses.check({"advertise_addr": "203.0.113.5", "listen_addr": "203.0.113.5"}, {}, HOST, behind_nat=True)
    assert len(found.violations) == 1 and "listen_addr" in found.violations[0]
    assert len(found.warnings) == 1 and "203.0.113.5" in found.warnings[0]


@pytest.mark.parametrize(
    ("entered", "host", "behind_nat", "listening", "refused"),
    [
        ({"advertise_addr": "10.0.0.1"}, HOST, False, "", ["advertise_addr"]),
        ({"advertise_addr": "10.0.0.1"}, HOST, True, "10.0.0.1:2377", ["advertise_addr"]),
        ({"advertise_addr": "10.0.0.1"}, HOST, True, "", []),
        ({"advertise_addr": "10.0.0.1:9999", "data_path_addr": "10.0.0.2"}, HOST, False, "", [
            "advertise_addr", "data_path_addr"]),
        # Of a list that all hosts are given, one entry is the host's own.
        ({"advertise_addr": "10.0.0.5", "data_path_addr": "10.0.0.5"}, HOST, False, "", []),
        ({"advertise_addr": "eth0"}, HOST, False, "", []),
        ({"advertise_addr": "203.0.113.5"}, HOST, True, "", []),
        ({"advertise_addr": "203.0.113.5"}, HOST, True, "203.0.113.5:2377", ["advertise_addr"]),
        ({"advertise_addr": "203.0.113.5:99"}, HOST, True, "203.0.113.5:2377", []),
        # Where the engine is elsewhere, nobody knows its addresses.
        ({"advertise_addr": "10.0.0.5"}, None, False, "", []),
        ({"advertise_addr": "10.0.0.5"}, None, False, "10.0.0.5:2377", ["advertise_addr"]),
        ({"advertise_addr": "203.0.113.5"}, None, False, "203.0.113.5:2377", []),
        ({}, HOST, True, "", []),
        ({"advertise_addr": "0.0.0.0"}, HOST, True, "0.0.0.0:2377", []),
    ],
)  # fmt: skip
def test_no_host_takes_the_address_of_a_manager(
    entered: dict[str, str], host: Any, behind_nat: bool, listening: str, refused: list[str]
) -> None:
    managers = ["10.0.0.1", "10.0.0.2:2377", "10.0.0.5"]
    said = addresses.taken(entered, managers, host, behind_nat, lambda name, port: f"{name}:{port}" == listening)
    assert [*said] == refused
    # Said once, and without the way out that would lead to it.
    found = addresses.check(entered, {}, host, behind_nat, said)
    assert all("behind_nat" not in one for one in found.violations)


def test_a_host_elsewhere_does_not_join_through_itself() -> None:
    assert addresses.taken({"advertise_addr": "10.0.0.1"}, ["10.0.0.1:2377"], None, False, lambda *_any: False)


def test_addresses_of_managers_are_checked() -> None:
    assert not addresses.remotes(["10.0.0.1", "10.0.0.1:2377", "manager.example:99", "fd00::1", "[fd00::1]:2377"])
    assert len(addresses.remotes(["", "10.0.0.1:", "10.0.0.1:0", "a b", "[fd00::1]x"])) == 5
