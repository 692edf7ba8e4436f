# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of secrets and configs, on the answers of a real engine."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
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
        ({"data": "other"}, ["app"], [("remove", "app"), ("create", "app")]),
        ({"labels": {"a": "1"}}, ["app"], [("update", "app")]),
        ({"labels": {}}, ["app"], []),
        ({"force": True}, ["app"], [("remove", "app"), ("create", "app")]),
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
    assert [step.action for step in other.steps] == ["remove", "create"]
    assert other.steps[-1].body == {"Name": "app", "Labels": {"a": "1"}, "Driver": {"Name": "vault"}}


def test_a_config_that_is_no_text_is_shown_by_its_digest() -> None:
    plan = blob_state.plan_present(config.KIND, asked(config.KIND, data="text"), [live("app", b"\xff\x00")])
    (change,) = [one for one in plan.changes if one.option == "data"]
    assert change.before.startswith("(2 bytes, SHA-256 ") and change.after == "text"
