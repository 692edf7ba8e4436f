# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks, nodes, secrets, images and the swarm itself on real engines: made, again, changed, again, back."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields, image, image_archive
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import (
    Engine,
    open_engine,
    retry_out_of_sequence,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import (
    EngineError,
    InputError,
    NotFound,
    NotManager,
    OutOfSequence,
    Refused,
    Unavailable,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import (
    cluster,
    info,
    membership,
    network,
    node,
    secret,
)
from private import PrivateEngine, connect, connection

OVERLAY: dict[str, Any] = {"driver": "overlay", "ipam_config": [{"subnet": "10.77.0.0/24"}]}


def given(spec: dict[str, Any], **options: Any) -> dict[str, Any]:
    unknown = set(options) - set(spec)
    assert not unknown
    return {**{name: one.get("default") for name, one in spec.items()}, **options}


def converge_network(engine: Engine, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return network.converge(engine, given(network.SPEC, **options), check_mode)


def converge_swarm(engine: Engine, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return cluster.converge(engine, given(cluster.SPEC, **options), check_mode)


def converge_secret(engine: Engine, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return secret.converge(engine, given(secret.SPEC, **options), check_mode)


def converge_node(engine: Engine, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return node.converge(engine, given(node.SPEC, **options), check_mode)


# --- networks ----------------------------------------------------------------------------------------------------


def test_a_network_in_use_is_refused_naming_its_users(swarm_engine: Engine) -> None:
    ident = converge_network(swarm_engine, name="used", **OVERLAY)["network"]["Id"]
    container = {"Image": f"sha256:{'0' * 64}"}
    template = {
        "ContainerSpec": container,
        "Networks": [{"Target": ident}],
        "Placement": {"Constraints": ["node.id==x"]},
    }
    service = swarm_engine.call("POST", "/services/create", {"Name": "user-of-it", "TaskTemplate": template})["ID"]
    refused: tuple[dict[str, Any], ...] = ({"attachable": True}, {"state": "absent", "force": True})
    for options in refused:
        for check_mode in (True, False):
            with pytest.raises(Refused, match="in use by service user-of-it"):
                converge_network(swarm_engine, check_mode, name="used", **options)
    assert swarm_engine.call("GET", f"/networks/{ident}")["Id"] == ident
    swarm_engine.call("DELETE", f"/services/{service}")
    assert converge_network(swarm_engine, name="used", state="absent")["changed"]


def test_an_unused_network_that_differs_needs_consent_and_keeps_the_rest(swarm_engine: Engine) -> None:
    options: dict[str, Any] = {"driver_options": {"com.docker.network.driver.mtu": "1400"}, "labels": {"a": "1"}}
    before = converge_network(swarm_engine, name="kept", **OVERLAY, **options)["network"]
    with pytest.raises(Refused, match=r"attachable is False, wanted True.*force: true"):
        converge_network(swarm_engine, name="kept", attachable=True)
    after = converge_network(swarm_engine, name="kept", attachable=True, force=True)["network"]
    assert (after["Labels"], after["IPAM"]) == (before["Labels"], before["IPAM"])
    assert after["Options"]["com.docker.network.driver.mtu"] == "1400"
    converge_network(swarm_engine, name="kept", state="absent")


def test_a_subnet_that_another_network_has_is_refused_before_anything_changes(swarm_engine: Engine) -> None:
    """The cluster would take it, and never allocate it."""
    converge_network(swarm_engine, name="first", **OVERLAY)
    second = converge_network(swarm_engine, name="second", driver="overlay")["network"]
    overlapping: dict[str, Any] = {"driver": "overlay", "ipam_config": [{"subnet": "10.77.0.128/25"}]}
    for name in ("second", "third"):
        for check_mode in (True, False):
            with pytest.raises(InputError, match=r"10.77.0.128/25 overlaps 10.77.0.0/24 of network \"first\""):
                converge_network(swarm_engine, check_mode, name=name, force=True, **overlapping)
    assert converge_network(swarm_engine, name="second")["network"]["Id"] == second["Id"]
    for name in ("first", "second"):
        converge_network(swarm_engine, name=name, state="absent")


def test_a_name_that_begins_another_is_not_that_other(swarm_engine: Engine) -> None:
    converge_network(swarm_engine, name="prefix-long", **OVERLAY)
    assert converge_network(swarm_engine, True, name="prefix", state="absent")["changed"] is False
    assert converge_network(swarm_engine, True, name="prefix", driver="overlay")["changed"] is True
    converge_network(swarm_engine, name="prefix-long", state="absent")


# --- the swarm ---------------------------------------------------------------------------------------------------


def test_a_change_keeps_what_is_not_named(swarm_engine: Engine) -> None:
    converge_swarm(swarm_engine, labels={"keep": "me"}, snapshot_interval=7000, autolock_managers=True)
    before = swarm_engine.call("GET", "/swarm")
    converge_swarm(swarm_engine, election_tick=25)
    after = swarm_engine.call("GET", "/swarm")
    assert after["Spec"]["Raft"].pop("ElectionTick") == 25
    before["Spec"]["Raft"].pop("ElectionTick")
    assert after["Spec"] == before["Spec"]
    assert (after["JoinTokens"], after["TLSInfo"]) == (before["JoinTokens"], before["TLSInfo"])
    converge_swarm(swarm_engine, labels={}, autolock_managers=False)


def test_tokens_are_rotated_and_shown_only_when_asked_for(swarm_engine: Engine) -> None:
    before = info.gather(swarm_engine, given(info.SPEC, join_tokens=True), False)
    assert converge_swarm(swarm_engine, True, rotate_worker_token=True)["changed"]
    done = converge_swarm(swarm_engine, rotate_worker_token=True)
    after = info.gather(swarm_engine, given(info.SPEC, join_tokens=True), False)
    assert after["join_tokens"]["Worker"] != before["join_tokens"]["Worker"]
    assert after["join_tokens"]["Manager"] == before["join_tokens"]["Manager"]
    assert "SWMTKN" not in json.dumps([done, info.gather(swarm_engine, given(info.SPEC, nodes=True), False)])


def test_what_a_swarm_is_made_with_is_refused_where_it_differs(swarm_engine: Engine) -> None:
    assert not converge_swarm(swarm_engine, data_path_port=4789, subnet_size=24)["changed"]
    with pytest.raises(InputError, match="made with data_path_port 4789, wanted is 4790; this cannot be changed"):
        converge_swarm(swarm_engine, data_path_port=4790)


def test_leaving_as_a_manager_needs_consent(swarm_engine: Engine) -> None:
    with pytest.raises(Refused, match=r"it is the swarm's last manager.*force: true"):
        converge_swarm(swarm_engine, state="absent")


# --- two hosts ---------------------------------------------------------------------------------------------------


def test_a_host_outside_is_told_so_and_can_be_planned_for(bare_engine: Engine, engines: list[PrivateEngine]) -> None:
    with pytest.raises(NotManager, match="in no swarm"):
        converge_network(bare_engine, name="n", driver="overlay")
    with pytest.raises(NotManager) as error:
        info.gather(bare_engine, given(info.SPEC), False)
    assert error.value.facts["can_talk_to_docker"] and not error.value.facts["docker_swarm_active"]
    planned = connect(engines[1], check_mode=True)
    assert converge_swarm(planned, True, labels={"a": "1"})["swarm_facts"]["Spec"]["Labels"] == {"a": "1"}
    assert converge_node(planned, True, hostname="x", labels={"a": "1"})["changed"]
    assert converge_secret(planned, True, name="s", data="xxxxxxxx")["changed"]
    assert info.gather(planned, given(info.SPEC, join_tokens=True, nodes=True), True)["nodes"] == []


def test_join_skips_dead_managers_and_leave_lets_go(
    swarm_engine: Engine, bare_engine: Engine, engines: list[PrivateEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = engines
    token = swarm_engine.call("GET", "/swarm")["JoinTokens"]["Worker"]
    dead = "10.98.0.77"
    monkeypatch.setattr(membership, "unreachable", lambda remote: "refused" if remote.startswith(dead) else "")
    options: dict[str, Any] = {
        "state": "join",
        "advertise_addr": second.address,
        "listen_addr": f"{second.address}:2377",
    }
    remotes = [dead, first.address]
    with pytest.raises(InputError, match='"join_token" is needed'):
        converge_swarm(bare_engine, remote_addrs=remotes, **options)
    with pytest.raises(EngineError, match=r"10.98.0.77:2377: refused; 10.98.0.1:2377: .*token"):
        converge_swarm(bare_engine, remote_addrs=remotes, join_token="SWMTKN-1-x-y", **options)
    assert converge_swarm(bare_engine, True, remote_addrs=remotes, join_token=token, **options)["changed"]
    joined = converge_swarm(bare_engine, remote_addrs=remotes, join_token=token, **options)
    assert joined["actions"] == [f"joined the swarm through {first.address}:2377"]
    assert token not in json.dumps(joined)
    assert not converge_swarm(bare_engine, remote_addrs=remotes, join_token=token, **options)["changed"]
    with pytest.raises(Refused, match="is in another swarm already"):
        converge_swarm(bare_engine, remote_addrs=["192.0.2.1"], join_token=token, **options)
    with pytest.raises(NotManager, match=f"worker of its swarm; run this on one of the managers: {first.address}:2377"):
        converge_secret(bare_engine, name="s", data="xxxxxxxx")
    with pytest.raises(Refused, match="is a worker of its swarm"):
        converge_swarm(bare_engine, election_tick=3)
    ident = bare_engine.call("GET", "/info")["Swarm"]["NodeID"]
    for role in ("manager", "worker"):
        changed = converge_node(swarm_engine, hostname=ident, role=role)
        assert changed["changed"] and node.in_role(changed["node"], role)
        assert not converge_node(swarm_engine, hostname=ident, role=role)["changed"]
    assert converge_swarm(bare_engine, state="absent")["changed"]
    assert not converge_swarm(bare_engine, state="absent")["changed"]
    assert converge_swarm(swarm_engine, state="remove", node_id=ident)["changed"]
    assert not converge_swarm(swarm_engine, state="remove", node_id=ident)["changed"]


# --- nodes, secrets, images --------------------------------------------------------------------------------------


def test_node_labels_and_availability(swarm_engine: Engine) -> None:
    name = swarm_engine.call("GET", "/nodes")[0]["Description"]["Hostname"]
    steps: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"labels": {"a": "1", "b": 2}, "availability": "drain"}, {"a": "1", "b": "2"}),
        ({"labels": {"c": "3"}, "availability": "active"}, {"a": "1", "b": "2", "c": "3"}),
        ({"labels_to_remove": ["b", "none"]}, {"a": "1", "c": "3"}),
        ({"labels": {"d": "4"}, "labels_state": "replace"}, {"d": "4"}),
        ({"labels": {}, "labels_state": "replace"}, {}),
    ]
    for options, labels in steps:
        predicted = converge_node(swarm_engine, True, hostname=name, **options)
        done = converge_node(swarm_engine, hostname=name, role="manager", **options)
        assert predicted["changed"] and done["changed"]
        assert fields.read(node.TABLE, predicted["node"]["Spec"]) == fields.read(node.TABLE, done["node"]["Spec"])
        assert done["node"]["Spec"].get("Labels", {}) == labels
        assert not converge_node(swarm_engine, hostname=name, **options)["changed"]
    with pytest.raises(InputError, match='node "nobody" is not in this swarm; its nodes are: '):
        converge_node(swarm_engine, hostname="nobody", labels={"a": "1"})


def test_bulk_costs_one_read_where_nothing_differs(swarm_engine: Engine) -> None:
    name = swarm_engine.call("GET", "/nodes")[0]["Description"]["Hostname"]
    one = given(node.SPEC["nodes"]["options"], hostname=name, role="manager")
    del swarm_engine.calls[:]
    assert not converge_node(swarm_engine, nodes=[one])["changed"]
    assert swarm_engine.calls == [("GET", "/nodes")]


def test_a_lost_race_is_run_again(swarm_engine: Engine) -> None:
    tries = []

    def attempt() -> None:
        live = swarm_engine.call("GET", "/nodes")[0]
        tries.append(live["Version"]["Index"])
        index = live["Version"]["Index"] - (1 if len(tries) == 1 else 0)
        swarm_engine.call("POST", f"/nodes/{live['ID']}/update", live["Spec"], query={"version": index})

    retry_out_of_sequence(attempt)
    assert len(tries) == 2
    tries.clear()
    with pytest.raises(OutOfSequence):
        retry_out_of_sequence(attempt, tries=1)


def write_image(path: Path) -> None:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("file"))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"a": "b"}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"]},
    }
    manifest = [{"Config": "c.json", "RepoTags": None, "Layers": ["l.tar"]}]
    files: dict[str, str | bytes] = {
        "c.json": json.dumps(config),
        "manifest.json": json.dumps(manifest),
        "l.tar": layer.getvalue(),
    }
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            raw = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            archive.addfile(entry, io.BytesIO(raw))


def test_image(swarm_engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    write_image(path)
    ident = image_archive.pick(str(path), None).id
    options = given(image.SPEC, image_id=ident)
    assert image.converge(swarm_engine, {**options, "archive": str(path)}, True)["missing"]
    assert image.converge(swarm_engine, options, False)["missing"]
    loaded = image.converge(swarm_engine, {**options, "archive": str(path)}, False)
    assert loaded["changed"] and loaded["image"]["Id"] == ident
    again = image.converge(swarm_engine, options, False)
    assert not again["changed"] and again["images"] == [again["image"]] and again["image_names"] == [ident]
    there = given(image.SPEC, archive=str(path), remote_src=True)
    assert image.converge(swarm_engine, there, False)["image_id"] == ident, "the ID is read where the archive is"
    swarm_engine.call("DELETE", f"/images/{ident}", query={"force": True})
    assert image.converge(swarm_engine, there, True)["missing"]
    assert image.converge(swarm_engine, there, False)["image"]["Id"] == ident
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w") as archive:
        archive.addfile(tarfile.TarInfo("file"))
    with pytest.raises(EngineError, match=r"there|loaded"):
        image.converge(swarm_engine, {**options, "image_id": f"sha256:{'0' * 64}", "archive": str(other)}, False)


def test_an_image_that_the_engine_saves_is_read_with_the_same_id(swarm_engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    write_image(path)
    ident = image_archive.pick(str(path), None).id
    image.converge(swarm_engine, given(image.SPEC, image_id=ident, archive=str(path)), False)
    saved = swarm_engine._client.request("GET", f"/images/{ident}/get").content
    path.write_bytes(saved)
    assert [one.id for one in image_archive.read(str(path))] == [ident]


# --- the door ----------------------------------------------------------------------------------------------------


def test_errors_are_told_apart(swarm_engine: Engine, engines: list[PrivateEngine], tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        swarm_engine.call("GET", "/services/nobody")
    with pytest.raises(EngineError, match="page not found") as error:
        swarm_engine.call("GET", "/nowhere")
    assert not isinstance(error.value, NotFound)
    gone = connection(engines[0], docker_host=f"unix://{tmp_path}/none.sock")
    with pytest.raises(Unavailable, match=r"the socket does not exist; install the engine \(docker.io\) or start it"):
        open_engine(gone).call("GET", "/info")
    assert open_engine(gone, True).fresh
    assert open_engine(connection(engines[0], api_version="1.40")).api_version == (1, 40)
    assert open_engine(connection(engines[0])).api_version >= (1, 41)


def test_an_older_api_is_gated(engines: list[PrivateEngine], swarm_engine: Engine) -> None:
    old = open_engine(connection(engines[0], api_version="1.29"))
    with pytest.raises(InputError, match=r'option "config_only" needs Engine API 1.30 \(Docker 17.06 or later\)'):
        converge_network(old, name="gated", config_only=True)
    assert not [one for one in swarm_engine.call("GET", "/networks") if one["Name"] == "gated"]
