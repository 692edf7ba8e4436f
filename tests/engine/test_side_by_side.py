# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""community.docker's modules and ours on the same objects: moving over changes nothing, and what goes wrong there.

docs/migrating.md tells what is shown here. Where theirs is mended one day, its half of a test fails: the page is due.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from private import PrivateEngine
from side_by_side import ROOT, Both

sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))
import cases
from proxy import CountingProxy

SERVICES = 50
SERVICE: dict[str, Any] = {"image": cases.IMAGE, "replicas": 0}
NETWORK: dict[str, Any] = {
    "name": "side",
    "driver": "overlay",
    "attachable": True,
    "ipam_config": [{"subnet": "10.55.0.0/24"}],
    "driver_options": {"com.docker.network.driver.mtu": "1400", "encrypted": ""},
    "labels": {"a": "1"},
}


@pytest.fixture(scope="module")
def both(
    engines: list[PrivateEngine], swarm_engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Both]:
    """Afterwards the swarm is as other tests expect it: no service, none of the objects, every setting as it was."""
    before = swarm_engine.call("GET", "/swarm")["Spec"]
    for path, body in cases.PREPARATION:
        swarm_engine.call("POST", path, body)
    yield Both(engines[0].url, tmp_path_factory.mktemp("side"))
    for one in swarm_engine.call("GET", "/services"):
        swarm_engine.call("DELETE", f"/services/{one['ID']}")
    for path, body in cases.PREPARATION:
        swarm_engine.call("DELETE", f"/{path.split('/')[1]}/{body['Name']}")
    version = swarm_engine.call("GET", "/swarm")["Version"]["Index"]
    swarm_engine.call("POST", "/swarm/update", before, query={"version": version})


def spec(engine: Engine, path: str) -> dict[str, Any]:
    found: dict[str, Any] = engine.call("GET", path)["Spec"]
    return found


def compose(folder: Path, content: str = "one", **more: Any) -> dict[str, Any]:
    (folder / "settings").write_text(content, encoding="utf-8")
    service = {"image": cases.IMAGE, "configs": ["settings"], "networks": ["inner"], "deploy": {"replicas": 0}}
    return {
        "version": "3.8",
        "services": {"web": service},
        "networks": {"inner": {"driver": "overlay"}},
        "configs": {"settings": {"file": str(folder / "settings"), **more}},
    }


def given(definition: dict[str, Any]) -> dict[str, Any]:
    """The options of our stack, with the files that it names as the controller reads them."""
    blobs = [*definition.get("configs", {}).values(), *definition.get("secrets", {}).values()]
    data = {one["file"]: base64.b64encode(Path(one["file"]).read_bytes()).decode() for one in blobs}
    return {"compose": [definition], "file_data": data}


# --- moving over -------------------------------------------------------------------------------------------------

MADE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "network": ("docker_network", "network", NETWORK),
    "secret": ("docker_secret", "secret", {"name": "side", "data": "correct horse", "labels": {"a": "1"}}),
    "config": ("docker_config", "config", {"name": "side", "data": "a: 1", "labels": {"a": "1"}}),
    "service": ("docker_swarm_service", "service", cases.service()),
    "swarm": ("docker_swarm", "swarm", {"labels": {"a": "1"}, "snapshot_interval": 7000, "autolock_managers": True}),
}


@pytest.mark.parametrize("what", MADE)
def test_what_theirs_made_ours_finds_unchanged(both: Both, what: str) -> None:
    theirs, ours, options = MADE[what]
    assert both.theirs(theirs, **options)["changed"] is True
    assert both.theirs(theirs, **options)["changed"] is False
    found = both.ours(ours, **options)
    assert found.get("changed") is False, found


BACK: dict[str, tuple[str, str, dict[str, Any]]] = {
    **{what: one for what, one in MADE.items() if what != "secret"},
    "node": ("docker_node", "node", {"labels": {"rack": "a"}, "availability": "active"}),
    "rolling config": ("docker_config", "config", {"name": "rolls", "data": "a: 1", "rolling_versions": True}),
    **{
        what: ("docker_swarm_service", "service", {**SERVICE, **options})
        for what, options in {
            "capabilities": {"cap_add": ["net_admin"], "cap_drop": ["ALL"]},
            "a default of the restart policy": {"restart_config": {"condition": "any"}},
            "constraints": {"placement": {"constraints": ["node.role==manager"]}},
        }.items()
    },
}


@pytest.mark.parametrize("what", BACK)
def test_what_ours_made_theirs_finds_unchanged(both: Both, swarm_engine: Engine, what: str) -> None:
    theirs, ours, options = BACK[what]
    if ours == "service":
        options = {**options, "name": f"back{list(BACK).index(what)}"}
    elif ours == "node":
        options = {**options, "hostname": swarm_engine.call("GET", "/nodes")[0]["ID"]}
    elif ours in ("network", "config"):
        both.ours(ours, name=options["name"], state="absent")
    made = both.ours(ours, **options)
    assert not made.get("failed"), made
    found = both.theirs(theirs, **options)
    assert found.get("changed") is False and "warnings" not in found, found
    if ours == "node":
        both.ours("node", hostname=options["hostname"], labels={}, labels_state="replace")


def test_a_secret_of_ours_tells_theirs_nothing_of_its_content(both: Both) -> None:
    both.ours("secret", name="untold", data="correct horse")
    found = both.theirs("docker_secret", name="untold", data="correct horse")
    assert found["changed"] is False and "'ansible_key' label not found" in str(found["warnings"])


def test_what_is_returned_otherwise(both: Both) -> None:
    """Each of these is a row of docs/migrating.md."""
    options = {**SERVICE, "name": "told", "limits": {"cpus": 0.5}}
    ours, theirs = both.ours("service", **options), both.theirs("docker_swarm_service", **options)
    assert ours["swarm_service"]["Spec"]["TaskTemplate"]["Resources"]["Limits"]["NanoCPUs"] == 500_000_000
    assert theirs["swarm_service"]["limit_cpu"] == 0.5
    options["limits"] = {"cpus": 0.25}
    assert both.ours("service", check_mode=True, **options)["changes"] == ["limits.cpus"]
    assert both.theirs("docker_swarm_service", check_mode=True, **options)["changes"] == ["limit_cpu"]
    assert (both.ours("swarm")["actions"], both.theirs("docker_swarm")["actions"]) == ([], ["No modification"])
    both.ours("network", **NETWORK)
    label = {**NETWORK, "labels": {"a": "2"}, "force": True}
    assert both.theirs("docker_network", check_mode=True, **label)["diff"]["differences"] == ["labels.a"]
    predicted = both.ours("network", check_mode=True, **label)
    assert predicted["diff"] == {
        "before": {"exists": True, "labels": {"a": "1"}},
        "after": {"exists": True, "labels": {"a": "2"}},
    }
    assert predicted["actions"] == ["removed network side", "created network side"]


def test_labels_that_theirs_gave_a_node_stay(both: Both, swarm_engine: Engine) -> None:
    options = {"hostname": swarm_engine.call("GET", "/nodes")[0]["ID"], "labels": {"rack": "a"}}
    assert both.theirs("docker_node", **options)["changed"] is True
    assert both.ours("node", **options)["changed"] is False
    assert both.ours("node", **options, labels_state="replace")["changed"] is False
    assert both.ours("node", **{**options, "labels": {}, "labels_state": "replace"})["changed"] is True


def test_a_stack_that_theirs_deployed_is_found_unchanged(both: Both, tmp_path: Path) -> None:
    definition = compose(tmp_path)
    (tmp_path / "password").write_text("correct horse", encoding="utf-8")
    definition["secrets"] = {"password": {"file": str(tmp_path / "password")}}
    definition["services"]["web"]["secrets"] = ["password"]
    assert both.theirs("docker_stack", name="side", compose=[definition], resolve_image="never")["changed"] is True
    found = both.ours("stack", name="side", **given(definition))
    assert (found["changed"], found["plan"]) == (False, [])


# --- what goes wrong there, and does not here --------------------------------------------------------------------

NEVER_IDLE: dict[str, dict[str, Any]] = {
    "read_only: false": {"read_only": False},
    "tty: false": {"tty": False},
    "limits.cpus: 0": {"limits": {"cpus": 0}},
    "update_config.delay: 0s": {"update_config": {"delay": "0s"}},
    "networks: host": {"networks": ["host"]},
}


@pytest.mark.parametrize("option", NEVER_IDLE)
def test_a_second_run_changes_nothing(both: Both, option: str) -> None:
    options = {"name": f"idle{list(NEVER_IDLE).index(option)}", **SERVICE, **NEVER_IDLE[option]}
    both.theirs("docker_swarm_service", **options)
    assert both.theirs("docker_swarm_service", **options)["changed"] is True
    assert both.ours("service", **options)["changed"] is False


def test_one_option_of_a_group_leaves_the_others_at_their_defaults(both: Both, swarm_engine: Engine) -> None:
    options = {**SERVICE, "restart_config": {"delay": "3s"}, "update_config": {"delay": "3s"}}
    both.theirs("docker_swarm_service", name="group-theirs", **options)
    both.ours("service", name="group-ours", **options)
    theirs, ours = (
        swarm_engine.call("GET", f"/services/group-{whose}", query={"insertDefaults": True})["Spec"]
        for whose in ("theirs", "ours")
    )
    assert theirs["TaskTemplate"]["RestartPolicy"]["Condition"] == "none"
    assert ours["TaskTemplate"]["RestartPolicy"]["Condition"] == "any"
    assert theirs["UpdateConfig"]["Parallelism"] == 0
    assert ours["UpdateConfig"]["Parallelism"] == 1


def test_what_an_update_does_not_name_stays(both: Both, swarm_engine: Engine) -> None:
    made = {**SERVICE, "env": {"A": "1"}, "labels": {"a": "1"}, "update_config": {"parallelism": 3}}
    for whose, run, module in (("theirs", both.theirs, "docker_swarm_service"), ("ours", both.ours, "service")):
        run(module, name=f"partial-{whose}", **made)
        run(module, name=f"partial-{whose}", image=cases.IMAGE, env={"A": "2"})
    theirs, ours = (spec(swarm_engine, f"/services/partial-{whose}") for whose in ("theirs", "ours"))
    assert (theirs["Labels"], theirs.get("UpdateConfig")) == ({}, None)
    assert ours["Labels"] == {"a": "1"}
    assert ours["UpdateConfig"]["Parallelism"] == 3


def test_a_network_that_lost_an_option_is_seen(both: Both) -> None:
    both.theirs("docker_network", **NETWORK)
    for option in ("driver_options", "labels"):
        wanted = {**NETWORK, option: {}}
        assert both.theirs("docker_network", **wanted)["changed"] is False
        assert option in both.ours("network", **wanted)["msg"]


def test_a_network_of_which_only_the_name_is_given_stays(both: Both) -> None:
    both.theirs("docker_network", **NETWORK)
    assert both.theirs("docker_network", check_mode=True, name=NETWORK["name"])["actions"] == [
        "Removed network side",
        "Created network side with driver bridge",
    ]
    assert both.ours("network", check_mode=True, name=NETWORK["name"])["changed"] is False


def test_the_beginning_of_an_id_is_no_name(both: Both, swarm_engine: Engine) -> None:
    both.theirs("docker_network", **NETWORK)
    beginning = swarm_engine.call("GET", "/networks/side")["Id"][:8]
    assert both.theirs("docker_network", check_mode=True, name=beginning, state="absent")["changed"] is True
    assert both.ours("network", check_mode=True, name=beginning, state="absent")["changed"] is False


def test_one_setting_of_the_swarm_leaves_the_others(both: Both, swarm_engine: Engine) -> None:
    options = MADE["swarm"][2]
    for run, module, kept in ((both.theirs, "docker_swarm", False), (both.ours, "swarm", True)):
        both.ours("swarm", **options)
        run(module, state="present", election_tick=12)
        found = spec(swarm_engine, "/swarm")
        assert found["Raft"]["ElectionTick"] == 12
        assert (found["Labels"] == options["labels"]) is kept
        assert bool(found["EncryptionConfig"]["AutoLockManagers"]) is kept
        both.ours("swarm", election_tick=10)


def test_a_label_does_not_make_a_secret_anew(both: Both, swarm_engine: Engine) -> None:
    def ident() -> str:
        return str(swarm_engine.call("GET", "/secrets/label")["ID"])

    both.theirs("docker_secret", name="label", data="x")
    for run, module, same in ((both.theirs, "docker_secret", False), (both.ours, "secret", True)):
        before = ident()
        assert run(module, name="label", data="x", labels={"by": module})["changed"] is True
        assert (ident() == before) is same
    both.ours("service", name="uses-label", **SERVICE, secrets=[{"secret_name": "label"}])
    assert "Error removing secret" in both.theirs("docker_secret", name="label", data="x", labels={"by": "them"})["msg"]
    assert both.ours("secret", name="label", data="x", labels={"by": "us"})["changed"] is True


def test_a_stack_is_predicted_and_its_configs_are_part_of_it(both: Both, tmp_path: Path) -> None:
    theirs = {"name": "configs", "resolve_image": "never"}
    assert both.theirs("docker_stack", **theirs, compose=[compose(tmp_path)])["changed"] is True
    assert both.theirs("docker_stack", check_mode=True, **theirs, compose=[compose(tmp_path)])["skipped"] is True
    labelled = compose(tmp_path, labels={"a": "1"})
    prediction = both.ours("stack", check_mode=True, name="configs", **given(labelled))
    assert prediction["plan"] == ['update config "configs_settings": labels']
    assert both.theirs("docker_stack", **theirs, compose=[labelled])["changed"] is False
    other = compose(tmp_path, content="two", labels={"a": "1"})
    assert both.theirs("docker_stack", **theirs, compose=[other])["failed"] is True
    assert both.ours("stack", name="configs", **given(other))["changed"] is True
    assert both.ours("stack", name="configs", state="absent")["changed"] is True


# --- what it costs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "most"), [("service", 3), ("stack", 8)])
def test_a_run_with_nothing_to_do_asks_the_engine_little(
    both: Both, engines: list[PrivateEngine], tmp_path: Path, module: str, most: int
) -> None:
    options = cases.service()
    if module == "stack":
        definition = yaml.safe_load(cases.compose(tmp_path, SERVICES).read_text(encoding="utf-8"))
        options = {"name": "fifty", "wait_timeout": 120, **given(definition)}
    both.ours(module, **options)
    with CountingProxy(engines[0].socket.with_name("counted"), engines[0].socket) as counted:
        found = Both(counted.url, tmp_path).ours(module, **options)
    assert found["changed"] is False
    assert 0 < len(counted.calls) <= most, counted.calls
