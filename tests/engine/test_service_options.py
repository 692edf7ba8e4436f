# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a service on a real engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields, versions
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.rows import OneOf
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import rollout, service_state
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.service import MODE, TABLE
from ansible_collections.baremetal.overlay.plugins.modules import service as module
from option_cases import walk_case, without_case
from service_cases import CASES, IMAGE, MODES, NOWHERE


class Service:
    """The module as the controller calls it, without Ansible around it. No task of it ever runs."""

    kind, table = "service", TABLE

    def __init__(self, engine: Engine, name: str, **base: Any) -> None:
        self.engine, self.name, self.base = engine, name, base
        self.predicted: Any = None

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        defaults = {name: one.get("default") for name, one in module.SPEC.items()}
        given = {**defaults, "name": self.name, "wait": False, **(self.base if self.live() is None else {}), **options}
        result = service_state.run(self.engine, given, check_mode)
        if check_mode:
            self.predicted = self.after(result) if result["changed"] else None
        elif self.predicted:
            assert said(self.predicted) == said(self.after(result))
            self.predicted = None
        return result

    def live(self) -> Any:
        return rollout.services(self.engine).get(self.name, {}).get("Spec")

    def after(self, result: Mapping[str, Any]) -> Any:
        return result["swarm_service"]["Spec"]


def said(spec: Any) -> Any:
    """All of a specification, also what no option names and the engine added, but for Go's zero values."""
    if isinstance(spec, Mapping):
        found = {key: said(one) for key, one in spec.items()}
        return {key: one for key, one in found.items() if one not in (None, "", 0, False, [], {})}
    return [said(one) for one in spec] if isinstance(spec, list) else spec


@pytest.fixture(scope="module")
def ids(swarm_engine: Engine) -> dict[str, str]:
    """What services refer to, and the IDs of it."""
    made = {}
    for name in ("one", "two"):
        swarm_engine.call("POST", "/networks/create", {"Name": f"net-{name}", "Driver": "overlay"})
        for kind in ("secret", "config"):
            body = {"Name": f"{kind}-{name}", "Data": "eA=="}
            made[f"<{kind}-{name}>"] = swarm_engine.call("POST", f"/{kind}s/create", body)["ID"]
    return made


@pytest.fixture(scope="module")
def cluster(swarm_engine: Engine, ids: dict[str, str]) -> Engine:
    assert ids
    return swarm_engine


def test_every_option_has_a_case() -> None:
    assert not without_case(TABLE, {**CASES, "name": CASES["image"]})


@pytest.mark.parametrize("option", CASES)
def test_option(cluster: Engine, ids: dict[str, str], option: str) -> None:
    case = CASES[option]
    given = {name: getattr(case, name) for name in ("first", "second", "default")}
    named = {name: ids[value] for name, value in given.items() if isinstance(value, str) and value in ids}
    case = dataclasses.replace(case, **named)
    base = {} if option in MODES else {"replicas": 0}
    service = Service(cluster, f"case-{option.replace('.', '-').replace(' ', '-')}"[:63], image=IMAGE, **base)
    walk_case(service, option, case, cluster.api_version)
    service(state="absent")


def test_a_partial_update_keeps_what_is_not_named(cluster: Engine) -> None:
    service = Service(cluster, "partial")
    given = {option: case.first for option, case in CASES.items() if not set(". ") & set(option)}
    usable: dict[str, Any] = {
        option: value
        for option, value in given.items()
        if option not in ("mode", "max_concurrent", "total_completions")
        and not versions.gate(TABLE, fields.build(TABLE, {option: value}), cluster.api_version)
    }
    usable.update(endpoint_mode="vip", **NOWHERE)
    service(**usable)
    before = service.live()
    assert service(hostname="other")["changes"] == ["hostname"]
    after = service.live()
    assert after["TaskTemplate"]["ContainerSpec"].pop("Hostname") == "other"
    before["TaskTemplate"]["ContainerSpec"].pop("Hostname")
    assert before == after
    service(state="absent")


@pytest.mark.parametrize("mode", [mode for mode in MODE.arms if mode != "replicated"])
def test_a_mode_is_changed_by_making_the_service_anew(cluster: Engine, mode: str) -> None:
    assert isinstance(MODE, OneOf)
    service = Service(cluster, f"mode-{mode}")
    service(image=IMAGE, hostname="kept", **NOWHERE)
    assert service(mode=mode)["rebuilt"]
    assert not service(mode=mode)["changed"]
    assert service.live()["TaskTemplate"]["ContainerSpec"]["Hostname"] == "kept"
    service(state="absent")
