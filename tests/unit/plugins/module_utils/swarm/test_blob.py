# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of secrets and configs, on the answers of a real engine."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import (
    Conflict,
    EngineError,
    InputError,
    OverlayError,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import blob, blob_state, config, secret
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.fingerprint import LABEL

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "engine"


def answer(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def asked(kind: blob.Kind, **options: Any) -> blob.Asked:
    params = {name: one.get("default") for name, one in blob.spec(kind).items()}
    return blob.asked_of(kind, {**params, "name": "app", **options}, (1, 41))


def live(name: str, data: bytes = b"data", **labels: str) -> dict[str, Any]:
    spec = {"Name": name, "Labels": labels, "Data": base64.b64encode(data).decode()}
    return {"ID": f"id-{name}", "Version": {"Index": 7}, "Spec": spec}


def test_a_label_tells_whether_a_secret_holds_the_data() -> None:
    made = blob_state.body_of(secret.KIND, "pw", {"labels": {"a": "1"}}, b"hunter2hunter2")
    for data, held in ((b"hunter2hunter2", True), (b"hunter2hunter3", False)):
        assert blob.holds(secret.KIND, {"Spec": made}, data) is held
    assert blob.holds(secret.KIND, {"Spec": {"Labels": {"a": "1"}}}, b"x") is secret.holds(None, b"x") is None
    assert made["Labels"] != blob_state.body_of(secret.KIND, "pw", {"labels": {"a": "1"}}, b"hunter2hunter2")["Labels"]
    assert LABEL not in blob_state.body_of(config.KIND, "c", {}, b"x").get("Labels", {}), "a config can be read"


def test_base64_errors_do_not_quote_the_secret() -> None:
    with pytest.raises(InputError) as error:
        asked(secret.KIND, data="hünter2!", data_is_b64=True)
    assert "nter2" not in str(error.value)


def test_users() -> None:
    (one,) = answer("secret")
    assert blob.users_of(secret.KIND, answer("services")) == {one["ID"]: ["web"]}
    container: dict[str, Any] = {"Privileges": {"CredentialSpec": {"Config": "c1"}}, "Configs": [{"ConfigID": "c2"}]}
    services = [{"Spec": {"Name": name, "TaskTemplate": {"ContainerSpec": container}}} for name in ("b", "a")]
    assert blob.users_of(config.KIND, services) == {"c1": ["a", "b"], "c2": ["a", "b"]}
    assert blob.users_of(config.KIND, [{"Spec": {"Name": "n", "TaskTemplate": {}}}]) == {}


def test_versions_are_told_by_their_whole_name() -> None:
    names = ("app_v2", "app_v10", "app_v1_v3", "app_v", "app_very", "app", "app_v02", "xapp_v4")
    found = blob.versions_of("app", [live(name) for name in names])
    assert [one["Spec"]["Name"] for one in found] == ["app_v2", "app_v10"]


@pytest.mark.parametrize(
    ("options", "listed", "steps"),
    [
        ({"data": "data"}, [], [("create", "app")]),
        ({"data": "data"}, ["app_v1", "application"], [("create", "app")]),
        ({"data": "data"}, ["app"], []),
        ({"data": "other"}, ["app"], [("replace", "app")]),
        ({"labels": {"a": "1"}}, ["app"], [("update", "app")]),
        ({"labels": {}}, ["app"], []),
        ({"force": True}, ["app"], [("replace", "app")]),
        ({"data": "data", "rolling_versions": True}, ["app"], [("create", "app_v1")]),
        ({"data": "other", "rolling_versions": True}, ["app_v9", "app_v10"], [("create", "app_v11")]),
        (
            {"data": "other", "rolling_versions": True, "versions_to_keep": 1},
            ["app_v1", "app_v2"],
            [("create", "app_v3"), ("remove", "app_v1"), ("remove", "app_v2")],
        ),
        (
            {"data": "data", "rolling_versions": True, "versions_to_keep": 1},
            ["app_v1", "app_v2"],
            [("remove", "app_v1")],
        ),
        ({"data": "data", "rolling_versions": True, "versions_to_keep": -1}, ["app_v1", "app_v2"], []),
    ],
)
def test_plans_of_a_config(options: dict[str, Any], listed: list[str], steps: list[tuple[str, str]]) -> None:
    plan = blob_state.plan_present(config.KIND, asked(config.KIND, **options), [live(name) for name in listed])
    assert [(step.action, step.name) for step in plan.steps] == steps
    assert bool(plan.changes) == any(action != "remove" or len(steps) > 1 for action, _name in steps)


def test_a_driver_has_the_content() -> None:
    driver = {"name": "vault", "options": {"path": "x"}}
    plan = blob_state.plan_present(secret.KIND, asked(secret.KIND, driver=driver, labels={"a": 1}), [])
    (made,) = plan.steps
    assert made.body == {
        "Name": "app",
        "Labels": {"a": "1"},
        "Driver": {"Name": "vault", "Options": {"path": "x"}},
    }
    there = [{"ID": "i", "Spec": made.body}]
    assert not blob_state.plan_present(secret.KIND, asked(secret.KIND, driver=driver), there).steps
    other = blob_state.plan_present(secret.KIND, asked(secret.KIND, driver={"name": "vault", "options": {}}), there)
    assert [step.action for step in other.steps] == ["replace"]
    assert other.steps[-1].body == {"Name": "app", "Labels": {"a": "1"}, "Driver": {"Name": "vault"}}


def test_a_config_that_is_no_text_is_shown_by_its_digest() -> None:
    plan = blob_state.plan_present(config.KIND, asked(config.KIND, data="text"), [live("app", b"\xff\x00")])
    (change,) = [one for one in plan.changes if one.option == "data"]
    assert change.before.startswith("(2 bytes, SHA-256 ") and change.after == "text"


class Store:
    """An engine with secrets and configs in it, that dies at a call, or refuses some."""

    api_version = (1, 41)

    def __init__(self, dies_at: int = 0, refuses: Sequence[str] = ()) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.dies_at, self.refuses, self.made = dies_at, refuses, 0

    def call(self, verb: str, path: str, body: Any = None, **_more: Any) -> Any:
        if self.dies_at and len(self.calls) + 1 == self.dies_at:
            self.dies_at = 0
            raise KeyboardInterrupt
        self.calls.append((verb, path))
        if verb == "GET":
            return [] if path == "/services" else json.loads(json.dumps(list(self.objects.values())))
        if verb == "DELETE":
            self.objects.pop(path.rpartition("/")[2])
            return None
        if body["Name"] in self.refuses:
            raise EngineError("no room", 500, verb, path)
        if body["Name"] in self.names:
            raise Conflict("there is one", 409, verb, path)
        self.made += 1
        ident = f"id{self.made}"
        self.objects[ident] = {"ID": ident, "Version": {"Index": 1}, "CreatedAt": f"{self.made:04}", "Spec": body}
        return {"ID": ident}

    @property
    def names(self) -> list[str]:
        return sorted(one["Spec"]["Name"] for one in self.objects.values())

    def contents(self) -> dict[str, bytes]:
        return {one["Spec"]["Name"]: base64.b64decode(one["Spec"]["Data"]) for one in self.objects.values()}


def converged(kind: blob.Kind, engine: Store, **options: Any) -> dict[str, Any]:
    defaults = {name: one.get("default") for name, one in blob.spec(kind).items()}
    return blob_state.converge(kind, cast(Engine, engine), {**defaults, "name": "app", **options}, False)


KINDS = [config.KIND, secret.KIND]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_content_is_there_whichever_call_a_run_dies_at(kind: blob.Kind) -> None:
    for dies_at in range(1, 99):
        engine = Store()
        converged(kind, engine, data="old")
        engine.calls, engine.dies_at = [], dies_at
        try:
            converged(kind, engine, data="new")
        except KeyboardInterrupt:
            assert {b"old", b"new"} & set(engine.contents().values()), f"lost at call {dies_at}"
        else:
            break
        converged(kind, engine, data="new")
        assert engine.contents() == {"app": b"new"}, f"after a rerun of what died at call {dies_at}"
    assert dies_at > 5


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_the_engine_does_not_take_is_found_out_before_anything_is_removed(kind: blob.Kind) -> None:
    engine = Store()
    converged(kind, engine, data="old")
    # A driver or a size that this engine refuses is refused under whatever name.
    engine.call = _refusing_creation(engine.call)  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="no room"):
        converged(kind, engine, data="new")
    assert engine.contents() == {"app": b"old"}


def _refusing_creation(call: Any) -> Any:
    def refuse(verb: str, path: str, *args: Any, **more: Any) -> Any:
        if verb == "POST":
            raise EngineError("no room", 500, verb, path)
        return call(verb, path, *args, **more)

    return refuse


def test_a_config_that_cannot_be_made_again_is_what_it_was() -> None:
    engine = Store()
    converged(config.KIND, engine, data="old", labels={"a": "1"})
    before = engine.objects["id1"]["Spec"]
    refusals = iter([True, False])
    call = engine.call

    def refuse_once(verb: str, path: str, body: Any = None, **more: Any) -> Any:
        if verb == "POST" and body["Name"] == "app" and next(refusals):
            raise EngineError("no room", 500, verb, path)
        return call(verb, path, body, **more)

    engine.call = refuse_once  # type: ignore[method-assign]
    with pytest.raises(OverlayError, match=r'config "app" could not be replaced and is again what it was: .*no room'):
        converged(config.KIND, engine, data="new")
    assert [one["Spec"] for one in engine.objects.values()] == [before]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_cannot_be_made_again_is_kept_under_the_name_that_the_error_tells(kind: blob.Kind) -> None:
    engine = Store()
    converged(kind, engine, data="old")
    engine.refuses = ["app"]
    with pytest.raises(OverlayError, match=r'its new content is kept as \w+ "app.next-') as error:
        converged(kind, engine, data="new")
    (kept,) = engine.names
    assert f'"{kept}"' in str(error.value) and engine.contents() == {kept: b"new"}
    engine.refuses = []
    done = converged(kind, engine, data="new")
    assert done["actions"] == [f'create {kind.name} "app"', f'remove {kind.name} "{kept}"']
    assert engine.contents() == {"app": b"new"}


def test_a_config_without_content_given_goes_on_from_what_a_run_that_died_left() -> None:
    engine = Store()
    converged(config.KIND, engine, data="text", labels={"a": "1"})
    engine.calls, engine.dies_at = [], 5
    with pytest.raises(KeyboardInterrupt):
        converged(config.KIND, engine, template_driver="golang")
    assert "app" not in engine.names
    converged(config.KIND, engine, template_driver="golang")
    one = next(iter(engine.objects.values()))
    assert engine.contents() == {"app": b"text"} and one["Spec"]["Templating"]["Name"] == "golang"
    assert one["Spec"]["Labels"]["a"] == "1" and blob.REPLACES not in one["Spec"]["Labels"]


def test_drafts_of_long_names_are_found_and_go_with_what_they_stand_for() -> None:
    engine, name = Store(), "n" * 64
    converged(secret.KIND, engine, name=name, data="old")
    engine.refuses = [name]
    with pytest.raises(OverlayError):
        converged(secret.KIND, engine, name=name, data="new")
    assert all(len(one) <= 64 for one in engine.names)
    assert len(converged(secret.KIND, engine, name=name, state="absent")["actions"]) == 1
    assert not engine.objects
