# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and configs on a real engine: made, again, changed, again; rolled, pruned, refused, removed."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import EngineError, InputError, Refused
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import (
    blob,
    blob_info,
    blob_replace,
    config,
    secret,
)

KINDS = {"secret": secret, "config": config}


class Blobs:
    """One kind on an engine, and what is to be taken away afterwards."""

    def __init__(self, engine: Engine, kind: str) -> None:
        self.engine, self.kind, self.module = engine, kind, KINDS[kind]

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        assert not set(options) - set(self.module.SPEC)
        defaults = {name: one.get("default") for name, one in self.module.SPEC.items()}
        return self.module.converge(self.engine, {**defaults, **options}, check_mode)

    def both(self, **options: Any) -> dict[str, Any]:
        """Predicted, done, and again without a change."""
        predicted = self(True, **options)
        done = self(**options)
        for key in ("changed", "actions", "diff", f"{self.kind}_name"):
            assert predicted.get(key) == done.get(key), key
        again = self(**{**options, "force": False})
        assert not again["changed"] and not again["actions"] and "diff" not in again
        return done

    def live(self, name: str) -> dict[str, Any]:
        listed = self.engine.call("GET", f"/{self.kind}s")
        return next(one for one in listed if one["Spec"]["Name"] == name)

    def names(self) -> list[str]:
        return sorted(one["Spec"]["Name"] for one in self.engine.call("GET", f"/{self.kind}s"))

    def use(self, service: str, name: str) -> None:
        word = self.kind.capitalize()
        file = {"Name": "x", "UID": "0", "GID": "0", "Mode": 0o444}
        used = [{f"{word}ID": self.live(name)["ID"], f"{word}Name": name, "File": file}]
        template = {"ContainerSpec": {"Image": f"sha256:{'0' * 64}", f"{word}s": used}}
        self.engine.call("POST", "/services/create", {"Name": service, "TaskTemplate": template})


@pytest.fixture(params=sorted(KINDS))
def blobs(swarm_engine: Engine, request: pytest.FixtureRequest) -> Iterator[Blobs]:
    made = Blobs(swarm_engine, request.param)
    yield made
    for service in swarm_engine.call("GET", "/services"):
        if service["Spec"]["Name"].startswith("reader"):
            swarm_engine.call("DELETE", f"/services/{service['ID']}")
    for name in made.names():
        made.engine.call("DELETE", f"/{made.kind}s/{made.live(name)['ID']}")


def test_made_changed_and_removed(blobs: Blobs) -> None:
    first = blobs.both(name="one", data="first", labels={"a": "1"})
    assert first[f"{blobs.kind}_name"] == "one" and first[f"{blobs.kind}_id"] == blobs.live("one")["ID"]
    assert blobs(name="one", data="first")["changed"] is False
    other = blobs.both(name="one", data="other")
    assert other["actions"] == [f'remove {blobs.kind} "one"', f'create {blobs.kind} "one"']
    assert other[f"{blobs.kind}_id"] != first[f"{blobs.kind}_id"]
    assert blobs.live("one")["Spec"]["Labels"]["a"] == "1", "what is not named stays"
    assert blobs(name="one", data="other", force=True)["actions"] == other["actions"]
    assert blobs.both(name="one", state="absent")["actions"] == [f'remove {blobs.kind} "one"']


@pytest.mark.parametrize(
    ("options", "after"),
    [
        ({"labels": {"b": 2}}, {"a": "1", "b": "2"}),
        ({"labels": {"b": "2"}, "labels_state": "replace"}, {"b": "2"}),
        ({"labels": {}, "labels_state": "replace"}, {}),
    ],
)
def test_labels_are_changed_in_place_while_it_is_used(blobs: Blobs, options: Any, after: dict[str, str]) -> None:
    ident = blobs(name="one", data="first", labels={"a": "1"})[f"{blobs.kind}_id"]
    blobs.use("reader", "one")
    done = blobs.both(name="one", **options)
    assert done["actions"] == [f'update {blobs.kind} "one"'] and done[f"{blobs.kind}_id"] == ident
    labels = blobs.live("one")["Spec"].get("Labels") or {}
    assert {key: value for key, value in labels.items() if key not in blob.OWN_LABELS} == after
    assert not blobs(name="one", data="first")["changed"], "its content is still known"


def test_in_use_it_is_refused_naming_the_services(blobs: Blobs) -> None:
    blobs(name="one", data="first")
    for service in ("reader2", "reader1"):
        blobs.use(service, "one")
    for options, what in (({"data": "other"}, "replaced"), ({"state": "absent"}, "removed")):
        for check_mode in (True, False):
            with pytest.raises(Refused, match=rf'"one" cannot be {what}: services reader1, reader2 use it'):
                blobs(check_mode, name="one", **options)
    assert not blobs(name="one", data="first")["changed"]


def test_versions_roll_and_old_ones_go_once_they_are_unused(blobs: Blobs) -> None:
    rolled = {"name": "app", "rolling_versions": True, "versions_to_keep": 2}
    blobs(name="app_very", data="another one's")
    blobs(name="app_v1_v7", data="another one's")
    for number in (1, 2, 3):
        assert blobs.both(data=f"content {number}", **rolled)[f"{blobs.kind}_name"] == f"app_v{number}"
        if number == 1:
            blobs.use("reader", "app_v1")
    assert blobs.names() == ["app_v1", "app_v1_v7", "app_v2", "app_v3", "app_very"], "one that is used stays"
    service = next(one for one in blobs.engine.call("GET", "/services") if one["Spec"]["Name"] == "reader")
    blobs.engine.call("DELETE", f"/services/{service['ID']}")
    assert blobs.both(data="content 3", **rolled)["actions"] == [f'remove {blobs.kind} "app_v1"']
    assert blobs.both(**{**rolled, "versions_to_keep": -1}, data="content 3", labels={"a": "1"})["actions"] == [
        f'update {blobs.kind} "app_v3"'
    ]
    assert blobs.both(**{**rolled, "versions_to_keep": 0}, data="content 4")[f"{blobs.kind}_name"] == "app_v4"
    assert blobs.live("app_v4")["Spec"]["Labels"]["a"] == "1"
    assert blobs.names() == ["app_v1_v7", "app_v4", "app_very"]
    assert blobs.both(state="absent", **rolled)["actions"] == [f'remove {blobs.kind} "app_v4"']


def test_a_template_driver_is_another_object(blobs: Blobs) -> None:
    blobs.both(name="one", data="{{ .Node.Hostname }}")
    if blobs.kind == "secret":
        with pytest.raises(InputError, match="cannot be made anew without its data, which no engine tells"):
            blobs(name="one", template_driver="golang")
        blobs.both(name="one", data="{{ .Node.Hostname }}", template_driver="golang")
    else:
        blobs.both(name="one", template_driver="golang")
    assert blobs.live("one")["Spec"]["Templating"]["Name"] == "golang"
    assert not blobs(name="one", data="{{ .Node.Hostname }}")["changed"]
    blobs.both(name="one", data="{{ .Node.Hostname }}", template_options={"a": "1"})
    assert blobs.live("one")["Spec"]["Templating"]["Options"] == {"a": "1"}
    blobs.both(name="one", data="{{ .Node.Hostname }}", template_options={})
    assert not blobs.live("one")["Spec"]["Templating"].get("Options")
    blobs.both(name="one", data="{{ .Node.Hostname }}", template_driver="")
    assert not blobs.live("one")["Spec"].get("Templating")


def test_what_cannot_be_is_said_at_once(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        blobs(name="-one", data="", labels={"a": 1.5})
    assert len(error.value.violations) == 3
    with pytest.raises(InputError, match=r"data_src .*/none cannot be read on this host: No such file"):
        blobs(name="one", data_src=str(tmp_path / "none"))
    with pytest.raises(InputError, match='"one" does not exist and cannot be made without content'):
        blobs(name="one", labels={"a": "1"})


def test_the_limit_is_the_engines(blobs: Blobs, tmp_path: Path) -> None:
    limit = blobs.module.KIND.limit
    path = tmp_path / "data"
    path.write_bytes(b"x" * (limit - 1))
    blobs.both(name="large", data_src=str(path))
    with pytest.raises(InputError, match=f"its data has {limit} bytes; 1 to {limit - 1} are possible"):
        blobs(name="larger", data="x" * limit)
    with pytest.raises(EngineError, match="must be larger than 0 and less than"):
        body = {"Name": "larger", "Data": base64.b64encode(b"x" * limit).decode()}
        blobs.engine.call("POST", f"/{blobs.kind}s/create", body)
    blobs.both(name="largest-name".ljust(64, "x"), data="x")


def test_bytes_and_base64(blobs: Blobs, tmp_path: Path) -> None:
    raw = bytes(range(256))
    (tmp_path / "data").write_bytes(raw)
    blobs.both(name="raw", data_src=str(tmp_path / "data"))
    assert not blobs(name="raw", data=base64.b64encode(raw).decode(), data_is_b64=True)["changed"]
    assert blobs(True, name="raw", data="text")["changed"]


def test_a_no_op_costs_one_call(blobs: Blobs) -> None:
    blobs(name="one", data="first", labels={"a": "1"})
    del blobs.engine.calls[:]
    assert not blobs(name="one", data="first", labels={"a": "1"})["changed"]
    assert blobs.engine.calls == [("GET", f"/{blobs.kind}s")]


def test_a_secret_is_never_shown_and_a_config_is(blobs: Blobs) -> None:
    seen = [blobs.both(name="one", data="hunter2\nline 2\n"), blobs.both(name="one", data="hunter3\nline 2\n")]
    told = json.dumps(seen)
    if blobs.kind == "secret":
        assert "hunter" not in told and "scrypt" not in told and "line 2" not in told
    else:
        assert seen[1]["diff"]["before"]["data"] == ["hunter2\n", "line 2\n"]
        assert seen[1]["diff"]["after"]["data"] == ["hunter3\n", "line 2\n"]


def test_what_docker_secret_and_docker_config_made_is_known(blobs: Blobs) -> None:
    """Labels as they write them; a secret's unsalted hash goes when its labels are written anyway."""
    unsalted = hashlib.sha224(b"theirs").hexdigest()
    labels = {"ansible_key": unsalted, "ansible_version": "3", "a": "1"}
    body = {"Name": "app_v3", "Data": base64.b64encode(b"theirs").decode(), "Labels": labels}
    ident = blobs.engine.call("POST", f"/{blobs.kind}s/create", body)["ID"]
    done = blobs(name="app", rolling_versions=True, data="theirs")
    assert not done["changed"] and done[f"{blobs.kind}_name"] == "app_v3"
    relabelled = blobs.both(name="app", rolling_versions=True, data="theirs", labels={"b": "2"})
    assert relabelled[f"{blobs.kind}_id"] == ident
    assert (unsalted in json.dumps(blobs.live("app_v3"))) is (blobs.kind == "config")
    assert blobs.both(name="app", rolling_versions=True, data="ours")[f"{blobs.kind}_name"] == "app_v4"
    assert unsalted not in json.dumps(blobs.live("app_v4"))
    assert blobs.live("app_v4")["Spec"]["Labels"]["ansible_version"] == "4", "docker_secret goes on from there, too"


def test_who_makes_it_in_between_is_compared_with(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    call = Engine.call

    def late(engine: Engine, verb: str, path: str, *args: Any, **more: Any) -> Any:
        """The other run makes it between the list and what follows from it."""
        found = call(engine, verb, path, *args, **more)
        if (verb, path) == ("GET", f"/{blobs.kind}s"):
            monkeypatch.setattr(Engine, "call", call)
            Blobs(engine, blobs.kind)(name="race", data="one", labels={"a": "1"})
        return found

    monkeypatch.setattr(Engine, "call", late)
    assert not blobs(name="race", data="one", labels={"a": "1"})["changed"]
    assert blobs.live("race")["Spec"]["Labels"]["a"] == "1"


def test_a_secret_without_a_label_is_taken_for_equal_and_that_is_said(swarm_engine: Engine) -> None:
    made = Blobs(swarm_engine, "secret")
    ident = swarm_engine.call("POST", "/secrets/create", {"Name": "bare", "Data": "eA=="})["ID"]
    done = made(name="bare", data="y")
    assert not done["changed"] and "has no label that tells its data" in done["warnings"][0]
    with pytest.raises(InputError, match="cannot be made anew without its data"):
        made(name="bare", force=True)
    assert made(name="bare", data="y", force=True)["secret_id"] != ident
    assert not made(name="bare", data="y")["warnings"]
    made(name="bare", state="absent")


def test_a_driver_is_asked_for_by_the_engine(swarm_engine: Engine) -> None:
    """No plugin is at hand: the Engine's answer shows that it read the driver."""
    made = Blobs(swarm_engine, "secret")
    assert made(True, name="driven", driver={"name": "vault"})["actions"] == ['create secret "driven"']
    with pytest.raises(EngineError, match='plugin "vault" not found'):
        made(name="driven", driver={"name": "vault", "options": {"path": "x"}})


def test_info(blobs: Blobs) -> None:
    blobs(name="app_v1", data="one")
    blobs(name="app_v10", data="ten")
    blobs(name="app_v2", data="two")
    blobs.use("reader", "app_v2")
    asked = {"name": ["app_v2", "nobody", "app"], "rolling_versions": False}
    found = blob_info.gather(blobs.module.KIND, blobs.engine, asked, False)
    assert [one["Spec"]["Name"] for one in found[f"{blobs.kind}s"]] == ["app_v2"]
    assert found["missing"] == ["nobody", "app"] and found["users"] == {"app_v2": ["reader"]}
    told = json.dumps(found)
    assert "scrypt" not in told
    if blobs.kind == "config":
        assert found["contents"] == {"app_v2": "two"}
    rolled = blob_info.gather(blobs.module.KIND, blobs.engine, {"name": ["app"], "rolling_versions": True}, False)
    assert [one["Spec"]["Name"] for one in rolled[f"{blobs.kind}s"]] == ["app_v1", "app_v2", "app_v10"]
    everything = blob_info.gather(blobs.module.KIND, blobs.engine, {"name": None, "rolling_versions": False}, False)
    assert len(everything[f"{blobs.kind}s"]) == 3


def test_content_is_there_whichever_call_a_run_dies_at(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two calls that change something, before and after each: one object holds the content, and a rerun ends it."""
    call, left = Engine.call, [0]

    def dying(engine: Engine, verb: str, path: str, *args: Any, **more: Any) -> Any:
        left[0] -= verb != "GET"
        if verb != "GET" and left[0] == 0:
            raise KeyboardInterrupt
        return call(engine, verb, path, *args, **more)

    for number in range(1, 9):
        with monkeypatch.context() as patched:
            blobs(name="one", data=f"content {number - 1}")
            patched.setattr(Engine, "call", dying)
            left[0] = number
            try:
                blobs(name="one", data=f"content {number}", labels={"a": "1"})
            except KeyboardInterrupt:
                pass
            else:
                break
        held = [
            one for one in blobs.engine.call("GET", f"/{blobs.kind}s") if blob.REPLACES not in one["Spec"]["Labels"]
        ]
        assert held or any(name.startswith("one.next-") for name in blobs.names()), f"lost at change {number}"
        blobs(name="one", data=f"content {number}", labels={"a": "1"})
        assert blobs.names() == ["one"] and not blobs(name="one", data=f"content {number}")["changed"]
    assert number == 5, "a draft, the old one away, the new one, the draft away"


def test_what_the_engine_refuses_is_found_out_while_the_old_one_is_there(blobs: Blobs) -> None:
    """A driver that is not there, and a template's that no engine knows."""
    ident = blobs(name="one", data="first")[f"{blobs.kind}_id"]
    if blobs.kind == "secret":
        with pytest.raises(EngineError, match='plugin "vault" not found'):
            blobs(name="one", driver={"name": "vault"})
    else:
        body = {**blobs.live("one")["Spec"], "Data": ""}
        with pytest.raises(EngineError, match="must be larger than 0"):
            blob_replace.replace(blobs.module.KIND, blobs.engine, blobs.live("one"), body)
    assert blobs.live("one")["ID"] == ident and blobs.names() == ["one"]
