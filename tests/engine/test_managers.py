# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four hosts, three of them managers: the life of a swarm from its making to its end, in the order of this file."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine, open_engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import (
    EngineError,
    InputError,
    NoLeader,
    NotManager,
    Refused,
    WaitTimeout,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import node
from ansible_collections.baremetal.overlay.plugins.module_utils.wait import wait_until
from private import connection
from several import as_nobody, pausing_image
from swarm_hosts import FIRST, MANAGERS, SECOND, THIRD, WORKER, Hosts, asked, four_hosts, given, network_of


@pytest.fixture(scope="module")
def hosts(pytestconfig: pytest.Config) -> Iterator[Hosts]:
    yield from four_hosts(pytestconfig)


# --- made, joined ------------------------------------------------------------------------------------------------


def test_all_that_is_wrong_is_said_before_a_swarm_is_made(hosts: Hosts) -> None:
    with pytest.raises(InputError) as error:
        hosts.swarm(
            FIRST,
            listen_addr="10.9.9.9:2377",
            advertise_addr="eth7",
            data_path_addr="10.97.0.1:4789",
            default_addr_pool=["10.1.0.0/33", "10.2.0.0/16", "10.2.3.0/24"],
            subnet_size=12,
            data_path_port=99,
            signing_ca_key="a key",
        )
    said = error.value.violations
    assert len(said) == 9, said
    for part in (
        '"listen_addr": "10.9.9.9:2377" is no address of this host, which has: c0 10.97.0.1',
        '"eth7" is neither',
    ):
        assert any(part in one for one in said), said
    assert hosts.state(FIRST)["LocalNodeState"] == "inactive"


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"subnet_size": 26}, {"SubnetSize": 26, "DefaultAddrPool": ["10.0.0.0/8"]}),
        (
            {"default_addr_pool": ["10.97.0.0/16", "10.2.0.0/16"], "data_path_port": 4790, "listen_addr": "c0"},
            {"SubnetSize": 24, "DefaultAddrPool": ["10.97.0.0/16", "10.2.0.0/16"], "DataPathPort": 4790},
        ),
    ],
)
def test_what_a_swarm_is_made_with(hosts: Hosts, options: dict[str, Any], kept: dict[str, Any]) -> None:
    made = hosts.swarm(FIRST, advertise_addr="c0", availability="drain", **options)
    assert made["changed"] and {key: made["swarm_facts"][key] for key in kept} == kept
    assert [one for one in made["warnings"] if "reaches 10.97.0.0/24 on c0" in one] == made["warnings"]
    assert bool(made["warnings"]) == ("default_addr_pool" in options)
    assert hosts.live(FIRST, hosts.ident(FIRST))["Spec"]["Availability"] == "drain"
    # Of a pool without a size for its subnets the Engine gives no network an address.
    ingress = hosts.engine(FIRST)
    wait_until(
        lambda: ingress.call("GET", "/networks/ingress")["IPAM"]["Config"],
        lambda seen: bool(seen) and seen[0]["Subnet"].endswith(f"/{kept['SubnetSize']}"),
        30,
        "the ingress network to have a subnet of that size",
    )
    assert not hosts.swarm(FIRST, advertise_addr="c0", **options)["changed"]
    with pytest.raises(Refused, match=r"last manager.*force: true"):
        hosts.swarm(FIRST, state="absent")
    ended = hosts.swarm(FIRST, state="absent", force=True)
    assert ended["changed"] and not ended["warnings"]
    assert hosts.state(FIRST)["LocalNodeState"] == "inactive"


@pytest.mark.parametrize("option", ["advertise_addr", "data_path_addr"])
@pytest.mark.parametrize("taken", ["10.97.0.1", "10.97.0.1:2377", "10.97.0.99"])
def test_no_manager_joins_with_an_address_that_is_not_its_own(hosts: Hosts, option: str, taken: str) -> None:
    """Two managers with one address have no leader from then on."""
    hosts.swarm(FIRST, advertise_addr=hosts.address(FIRST), labels={"keep": "me"})
    address = taken.partition(":")[0] if option == "data_path_addr" else taken
    with pytest.raises(InputError, match=option) as error:
        hosts.join(SECOND, "Manager", **{option: address})
    mine = "behind_nat" if taken == "10.97.0.99" else "without a leader"
    assert len(error.value.violations) == 1 and mine in str(error.value)
    assert hosts.state(SECOND)["LocalNodeState"] == "inactive"
    (node,) = hosts.nodes(FIRST)
    assert node["ManagerStatus"]["Leader"]
    assert not hosts.swarm(FIRST, advertise_addr=hosts.address(FIRST))["changed"]


def test_an_address_that_answers_is_somebody_elses_whatever_is_agreed(hosts: Hosts) -> None:
    with pytest.raises(InputError, match="without a leader"):
        hosts.join(SECOND, "Manager", advertise_addr="10.97.0.1", behind_nat=True)
    assert hosts.state(SECOND)["LocalNodeState"] == "inactive"


def test_a_swarm_is_not_made_at_an_address_that_is_not_its_hosts(hosts: Hosts) -> None:
    with pytest.raises(InputError, match="behind_nat"):
        hosts.swarm(WORKER, advertise_addr="10.97.0.99")
    assert hosts.state(WORKER)["LocalNodeState"] == "inactive"
    made = hosts.swarm(WORKER, advertise_addr="10.97.0.99", behind_nat=True)
    assert made["changed"] and any("10.97.0.99" in one for one in made["warnings"])
    assert hosts.state(WORKER)["NodeAddr"] == "10.97.0.99"
    assert hosts.swarm(WORKER, state="absent", force=True)["changed"]


def test_hosts_join_through_the_first_manager_that_answers(hosts: Hosts) -> None:
    hosts.swarm(FIRST, advertise_addr=hosts.address(FIRST), labels={"keep": "me"})
    with pytest.raises(InputError) as error:
        hosts.join(SECOND, "Manager", advertise_addr="10.97.0.2:x", remote_addrs=["10.97.0.1:0", "a b"])
    assert len(error.value.violations) == 3
    for number, role in ((SECOND, "Manager"), (THIRD, "Manager"), (WORKER, "Worker")):
        # Of the four addresses two are nobody's or this host's own.
        joined = hosts.join(number, role, remote_addrs=["10.97.0.77", *reversed(MANAGERS)], availability="pause")
        assert joined["actions"] and joined["changed"]
        assert bool(joined["swarm_facts"]) == (role == "Manager")
        ident = hosts.ident(number)
        assert hosts.live(FIRST, ident)["Spec"]["Availability"] == "pause"
        assert not hosts.join(number, role)["changed"]
        assert hosts.node(FIRST, hostname=ident, availability="active")["changed"]
    assert hosts.state(FIRST)["Managers"] == 3


# --- whom one may ask --------------------------------------------------------------------------------------------


def test_a_manager_that_is_not_the_leader_will_do(hosts: Hosts) -> None:
    follower = next(number for number in (SECOND, THIRD) if not _leads(hosts, number))
    assert hosts.swarm(follower, task_history_retention_limit=3)["changed"]
    assert hosts.node(follower, hostname=hosts.ident(FIRST), labels={"rack": "a"})["changed"]
    assert network_of(hosts.engine(follower), name="seen", driver="overlay")["changed"]
    assert not network_of(hosts.engine(FIRST), name="seen", driver="overlay")["changed"]
    assert len(hosts.info(follower, nodes=True)["nodes"]) == 4


def _leads(hosts: Hosts, number: int) -> bool:
    return bool(hosts.live(number, hosts.ident(number))["ManagerStatus"].get("Leader"))


@pytest.mark.parametrize(
    "module", ["swarm", "swarm remove", "swarm force", "swarm_info", "node", "network", "secret", "service", "stack"]
)
def test_a_worker_names_the_managers(hosts: Hosts, module: str) -> None:
    with pytest.raises((NotManager, Refused)) as error:
        asked(hosts.engine(WORKER))[module]()
    assert f"is a worker of its swarm; run this on one of the managers: {', '.join(MANAGERS)}" in str(error.value)


def test_a_user_without_rights_is_told_so(hosts: Hosts) -> None:
    engine = hosts.engines[FIRST]
    for folder in (engine.folder, engine.folder.parent):
        folder.chmod(0o755)
    said = as_nobody(lambda: open_engine(connection(engine)).call("GET", "/info"))
    assert "permission denied; become root or a user who may use the socket" in said
    assert "permission denied" in as_nobody(lambda: open_engine(connection(engine), True))


# --- roles -------------------------------------------------------------------------------------------------------


def test_roles_are_waited_for_until_raft_agrees(hosts: Hosts) -> None:
    ident = hosts.ident(WORKER)
    assert hosts.node(FIRST, True, hostname=ident, role="manager")["changed"]
    assert hosts.node(FIRST, hostname=ident, role="manager")["node"]["ManagerStatus"]["Reachability"] == "reachable"
    hosts.settled(WORKER, True)
    assert hosts.state(WORKER)["Managers"] == 4
    assert not hosts.node(WORKER, hostname=ident, role="manager")["changed"]
    # It demotes itself, and can then be asked nothing more.
    done = hosts.node(WORKER, hostname=ident, role="worker", availability="drain", labels={"a": "1"})
    assert set(done["diff"]["after"]) == {f"{ident}.{name}" for name in ("role", "availability", "labels")}
    assert hosts.state(WORKER)["ControlAvailable"] is False
    live = hosts.live(FIRST, ident)
    assert live["Spec"] == {"Role": "worker", "Availability": "drain", "Labels": {"a": "1"}}
    assert not hosts.node(FIRST, hostname=ident, role="worker", availability="drain")["changed"]
    assert hosts.node(FIRST, hostname=ident, availability="active", labels={}, labels_state="replace")["changed"]


def test_the_leader_demotes_itself_and_comes_back(hosts: Hosts) -> None:
    number = next(one for one in (FIRST, SECOND, THIRD) if _leads(hosts, one))
    other = next(one for one in (FIRST, SECOND, THIRD) if one != number)
    ident = hosts.ident(number)
    assert hosts.node(number, hostname=ident, role="worker")["changed"]
    assert hosts.live(other, ident).get("ManagerStatus") is None
    assert hosts.node(other, hostname=ident, role="manager")["node"]["ManagerStatus"]["Reachability"] == "reachable"
    hosts.settled(number, True)


def test_managers_are_exchanged_in_one_go_and_all_of_them_never_leave(hosts: Hosts) -> None:
    idents = [hosts.ident(number) for number in range(4)]
    roles = [given(node.SPEC["nodes"]["options"], hostname=ident, role="worker") for ident in idents]
    with pytest.raises(InputError, match="cannot be demoted: it is the swarm's last manager") as error:
        hosts.node(FIRST, nodes=roles)
    assert len(error.value.violations) == 1
    assert hosts.state(FIRST)["Managers"] == 3
    exchange = [{**roles[THIRD]}, {**roles[WORKER], "role": "manager"}]
    assert hosts.node(FIRST, nodes=exchange)["changed"]
    hosts.settled(THIRD, False)
    hosts.settled(WORKER, True)
    assert hosts.node(FIRST, nodes=[{**roles[WORKER]}, {**roles[THIRD], "role": "manager"}])["changed"]
    hosts.settled(THIRD, True)
    hosts.settled(WORKER, False)


# --- drain -------------------------------------------------------------------------------------------------------


def test_a_drained_node_is_empty_and_its_tasks_run_elsewhere(hosts: Hosts) -> None:
    image, archive = pausing_image()
    for number in range(4):
        hosts.engine(number).call("POST", "/images/load", data=archive)
    engine = hosts.engine(FIRST)
    here = hosts.ident(WORKER)
    template: dict[str, Any] = {"ContainerSpec": {"Image": image}, "Networks": [{"Target": "host"}]}
    moving = engine.call("POST", "/services/create", {
        "Name": "moving", "Mode": {"Replicated": {"Replicas": 2}},
        "TaskTemplate": {**template, "Placement": {"Constraints": ["node.role==worker"]}},
    })["ID"]  # fmt: skip
    fixed = engine.call("POST", "/services/create", {
        "Name": "fixed", "TaskTemplate": {**template, "Placement": {"Constraints": [f"node.id=={here}"]}},
    })["ID"]  # fmt: skip
    _run(engine, {here: 3})
    hosts.node(FIRST, hostname=hosts.ident(THIRD), role="worker")
    done = hosts.node(FIRST, hostname=here, availability="drain")
    assert _running(engine) == {hosts.ident(THIRD): 2}
    (warning,) = done["warnings"]
    assert (
        f"slot 1 of service {fixed} ran on a node that is drained and has no other place: no suitable node" in warning
    )
    assert not hosts.node(FIRST, hostname=here, availability="drain")["changed"]
    for ident in (moving, fixed):
        engine.call("DELETE", f"/services/{ident}")
    _run(engine, {})
    hosts.node(FIRST, hostname=here, availability="active")
    hosts.node(FIRST, hostname=hosts.ident(THIRD), role="manager")
    hosts.settled(THIRD, True)


def _running(engine: Engine) -> dict[str, int]:
    found: dict[str, int] = {}
    for task in engine.call("GET", "/tasks"):
        if task["Status"]["State"] == "running":
            found[task["NodeID"]] = found.get(task["NodeID"], 0) + 1
    return found


def _run(engine: Engine, wanted: dict[str, int]) -> None:
    wait_until(lambda: _running(engine), lambda seen: seen == wanted, 60, f"tasks to run as {wanted}")


# --- keys --------------------------------------------------------------------------------------------------------


def test_tokens_and_keys_are_rotated_one_by_one(hosts: Hosts) -> None:
    with pytest.raises(InputError, match=r"rotate_manager_unlock_key.*are not locked and have no key"):
        hosts.swarm(FIRST, rotate_manager_unlock_key=True)
    assert hosts.info(FIRST, unlock_key=True)["swarm_unlock_key"] is None
    before = hosts.info(FIRST, join_tokens=True)
    for role, other in (("worker", "Manager"), ("manager", "Worker")):
        assert hosts.swarm(FIRST, True, **{f"rotate_{role}_token": True})["changed"]
        done = hosts.swarm(FIRST, **{f"rotate_{role}_token": True})
        after = hosts.info(FIRST, join_tokens=True)
        assert after["join_tokens"][other] == before["join_tokens"][other]
        assert after["join_tokens"][role.capitalize()] != before["join_tokens"][role.capitalize()]
        assert after["swarm_facts"]["Spec"] == before["swarm_facts"]["Spec"]
        assert "SWMTKN" not in json.dumps([done, hosts.info(FIRST)])
        before = after


def test_a_locked_manager_is_unlocked(hosts: Hosts) -> None:
    before = hosts.engine(FIRST).call("GET", "/swarm")
    done = hosts.swarm(FIRST, autolock_managers=True)
    old = hosts.info(FIRST, unlock_key=True)["swarm_unlock_key"]
    assert hosts.swarm(FIRST, rotate_manager_unlock_key=True)["changed"]
    key = hosts.info(FIRST, unlock_key=True)["swarm_unlock_key"]
    assert key and key != old
    assert "SWMKEY" not in json.dumps([done, hosts.info(FIRST)])
    hosts.engines[SECOND].restart()
    for options in ({}, {"state": "join", "remote_addrs": MANAGERS}, {"state": "absent"}, {"force": True}):
        with pytest.raises(Refused, match=r"is locked since its engine restarted; unlock it with .* unlock_key"):
            hosts.swarm(SECOND, **options)
    with pytest.raises(NotManager, match="is locked") as error:
        hosts.info(SECOND)
    assert error.value.facts == {
        "can_talk_to_docker": True, "docker_swarm_active": True, "docker_swarm_manager": False,
    }  # fmt: skip
    for wrong in ("no key", old):
        with pytest.raises(InputError, match='option "unlock_key": the engine says') as refused:
            hosts.swarm(SECOND, unlock_key=wrong)
        assert wrong not in str(refused.value)
    assert hosts.swarm(SECOND, True, unlock_key=key)["actions"] == ["unlocked the swarm"]
    assert hosts.state(SECOND)["LocalNodeState"] == "locked"
    unlocked = hosts.swarm(SECOND, unlock_key=key)
    assert (unlocked["changed"], unlocked["actions"]) == (True, ["unlocked the swarm"])
    assert unlocked["diff"] == {"before": {"lock": "locked"}, "after": {"lock": "unlocked"}}
    assert key not in json.dumps(unlocked)
    assert not hosts.swarm(SECOND, unlock_key=key)["changed"]
    with pytest.raises(Refused, match="autolock_managers: false"):
        hosts.swarm(FIRST, force=True)
    assert hosts.swarm(FIRST, autolock_managers=False)["changed"]
    after = hosts.engine(FIRST).call("GET", "/swarm")
    assert [after[key] for key in ("Spec", "JoinTokens", "TLSInfo")] == [
        before[key] for key in ("Spec", "JoinTokens", "TLSInfo")
    ]


def test_the_root_is_renewed_on_all_nodes(hosts: Hosts, signing_ca: tuple[str, str]) -> None:
    before = hosts.engine(FIRST).call("GET", "/swarm")
    number = (before["Spec"]["CAConfig"].get("ForceRotate") or 0) + 1
    for options in ({"ca_force_rotate": number}, {"signing_ca_cert": signing_ca[0], "signing_ca_key": signing_ca[1]}):
        assert hosts.swarm(SECOND, True, **options)["changed"]
        done = hosts.swarm(SECOND, **options)
        live = hosts.engine(FIRST).call("GET", "/swarm")
        root = live["TLSInfo"]["TrustRoot"]
        assert root != before["TLSInfo"]["TrustRoot"] and not live["RootRotationInProgress"]
        issuers = {one["Description"]["TLSInfo"]["CertIssuerPublicKey"] for one in hosts.nodes(FIRST)}
        assert issuers == {live["TLSInfo"]["CertIssuerPublicKey"]}
        assert {**live["Spec"], "CAConfig": 0} == {**before["Spec"], "CAConfig": 0}
        assert signing_ca[1].split()[5] not in json.dumps(done)
        assert not hosts.swarm(THIRD, **options)["changed"]
        before = live
    assert before["TLSInfo"]["TrustRoot"].strip() == signing_ca[0].strip()
    with pytest.raises(InputError, match='"signing_ca_cert" is given without signing_ca_key'):
        hosts.swarm(FIRST, signing_ca_cert=signing_ca[0])


@pytest.fixture(scope="module")
def signing_ca(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A root of one's own: certificate and key."""
    folder = tmp_path_factory.mktemp("ca")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out cert -days 3650"
    subprocess.run([*command.split(), "-subj", "/CN=swarm-ca"], cwd=folder, check=True, capture_output=True)
    subprocess.run(["openssl", "ec", "-in", "key", "-out", "old"], cwd=folder, check=True, capture_output=True)
    return (folder / "cert").read_text(), (folder / "old").read_text()


# --- leaving, and losing -----------------------------------------------------------------------------------------


def test_a_manager_leaves_in_order_and_comes_back(hosts: Hosts) -> None:
    ident = hosts.ident(THIRD)
    predicted = hosts.swarm(THIRD, True, state="absent")
    done = hosts.swarm(THIRD, state="absent")
    assert predicted["diff"] == done["diff"]
    assert done["diff"]["after"] == {"availability": "drain", "role": "worker", "swarm": "left"}
    (caution,) = done["warnings"]
    assert "keeps its quorum, but none of the 2 managers that remain may fail" in caution
    assert not hosts.swarm(THIRD, state="absent")["changed"]
    assert (hosts.state(FIRST)["Managers"], hosts.state(FIRST)["Nodes"]) == (2, 4)
    assert hosts.swarm(FIRST, True, state="remove", node_id=ident)["changed"]
    assert hosts.swarm(FIRST, state="remove", node_id=ident)["actions"] == [f"removed node {ident}"]
    assert not hosts.swarm(FIRST, state="remove", node_id=ident)["changed"]
    # What an ID begins with is not that ID.
    assert not hosts.swarm(FIRST, state="remove", node_id=hosts.ident(WORKER)[:12])["changed"]
    assert hosts.join(THIRD, "Manager")["changed"]


def test_with_a_manager_down_the_quorum_is_guarded_and_it_can_be_removed(hosts: Hosts) -> None:
    gone = hosts.ident(THIRD)
    hosts.engines[THIRD].stop()
    seen_as = {"state": "down", "reachability": "unreachable"}

    def seen() -> dict[str, str]:
        live = hosts.live(FIRST, gone)
        return {"state": live["Status"]["State"], "reachability": live["ManagerStatus"]["Reachability"]}

    wait_until(seen, lambda now: now == seen_as, 60, "the manager to be seen as lost")
    sentence = r"of the 2 managers that remain 1 can be reached and 2 are needed for a quorum; unreachable: .*10.97.0.3"
    with pytest.raises(Refused, match=f"cannot leave its swarm: {sentence}.*force: true"):
        hosts.swarm(SECOND, state="absent")
    with pytest.raises(InputError, match=f"cannot be demoted: {sentence}"):
        hosts.node(FIRST, hostname=hosts.ident(SECOND), role="worker")
    with pytest.raises(InputError, match="role cannot be given with state: absent"):
        hosts.node(FIRST, hostname=gone, state="absent", role="worker")
    assert hosts.state(FIRST)["Managers"] == 3
    assert hosts.node(FIRST, True, hostname=gone, state="absent")["changed"]
    assert hosts.node(FIRST, hostname=gone, role="worker")["changed"]
    with pytest.raises(InputError, match="is down and cannot become a manager; start its engine first"):
        hosts.node(FIRST, hostname=gone, role="manager")
    removed = hosts.node(FIRST, hostname=gone, state="absent")
    assert removed["changed"] and removed["node"] == {}
    assert not hosts.node(FIRST, hostname=gone, state="absent")["changed"]
    assert (hosts.state(FIRST)["Managers"], hosts.state(FIRST)["Nodes"]) == (2, 3)


def test_a_node_that_runs_is_removed_only_with_consent(hosts: Hosts) -> None:
    ident = hosts.ident(WORKER)
    with pytest.raises(
        WaitTimeout, match=r"to be down \(it must leave first; force: true removes it as it is\).*ready"
    ):
        hosts.node(FIRST, hostname=ident, state="absent", wait_timeout=1)
    with pytest.raises(InputError, match="it is the manager that this is asked of"):
        hosts.node(FIRST, hostname=hosts.ident(FIRST), state="absent", force=True)
    assert hosts.node(FIRST, hostname=ident, state="absent", force=True)["changed"]
    assert hosts.swarm(WORKER, state="absent", force=True)["changed"]
    assert hosts.join(WORKER, "Worker")["changed"]


def test_a_lost_quorum_is_named_and_one_manager_goes_on_alone(hosts: Hosts) -> None:
    ident = hosts.ident(SECOND)
    hosts.engines[SECOND].stop()
    for module, ask in asked(hosts.engine(FIRST)).items():
        if module != "swarm force":
            with pytest.raises(NoLeader, match=r"no leader.*10.97.0.2:2377; start their engines .*force: true"):
                ask()
    with pytest.raises(NoLeader):
        hosts.swarm(FIRST, state="absent")
    again = hosts.swarm(FIRST, force=True, advertise_addr=hosts.address(FIRST), listen_addr="10.97.0.1:2377")
    assert again["changed"] and again["swarm_facts"]["Spec"]["Labels"] == {"keep": "me"}
    assert again["swarm_facts"]["Spec"]["Orchestration"]["TaskHistoryRetentionLimit"] == 3
    assert hosts.node(FIRST, hostname=ident, state="absent", force=True)["changed"]
    assert hosts.state(FIRST)["Managers"] == 1


def test_a_manager_that_restarts_alone_leaves_or_goes_on_with_consent(hosts: Hosts) -> None:
    hosts.engines[SECOND].start()
    # It was taken out of its swarm meanwhile, and looks for it.
    assert hosts.state(SECOND)["LocalNodeState"] == "pending"
    with pytest.raises(WaitTimeout, match=r"last seen: state pending: .*does not have a leader"):
        hosts.swarm(SECOND, election_tick=8, wait_timeout=30)
    with pytest.raises(NoLeader, match="force: true"):
        hosts.swarm(SECOND, state="absent")
    left = hosts.swarm(SECOND, state="absent", force=True)
    assert left["changed"] and left["warnings"][0].startswith(
        "left without handing over: this host's swarm has no leader"
    )
    assert hosts.state(SECOND)["LocalNodeState"] == "inactive"
    assert hosts.join(SECOND, "Manager")["changed"]
    hosts.engines[FIRST].stop()
    hosts.engines[SECOND].restart()
    assert hosts.state(SECOND)["LocalNodeState"] == "pending"
    alone = hosts.swarm(SECOND, force=True, advertise_addr=hosts.address(SECOND))
    assert alone["swarm_facts"]["Spec"]["Labels"] == {"keep": "me"} and hosts.state(SECOND)["Managers"] == 1
    assert hosts.swarm(SECOND, state="absent", force=True)["changed"]


def test_a_worker_leaves_a_swarm_that_is_gone(hosts: Hosts) -> None:
    assert hosts.swarm(WORKER, True, state="absent")["changed"]
    assert hosts.swarm(WORKER, state="absent")["changed"]
    assert hosts.state(WORKER)["LocalNodeState"] == "inactive"
    with pytest.raises(
        EngineError, match=r"no manager took this host into its swarm: 10.97.0.1:2377: cannot be reached"
    ):
        hosts.swarm(WORKER, state="join", remote_addrs=[MANAGERS[0]], join_token="SWMTKN-1-x-y")
