# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is given to an option: a plan, or a sentence of ours; never a traceback, never Python's words in a plan."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.baremetal.overlay.plugins.module_utils import given, image, image_info
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine, FreshEngine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError, NotFound, OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import (
    blob_info,
    cluster,
    config,
    info,
    network,
    network_info,
    node,
    node_info,
    secret,
    service_info,
    service_state,
    stack,
    stack_info,
    task_exec,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose import definition, forms, ports, service
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose.values import Key
from ansible_collections.baremetal.overlay.plugins.modules import service as service_module
from ansible_collections.baremetal.overlay.plugins.modules import stack as stack_module
from ansible_collections.baremetal.overlay.plugins.plugin_utils import compose_files
from any_values import ANYTHING, SCALARS, SOAK, TEXTS, anything, options, profile
from hypothesis import given as tried
from hypothesis import strategies as st

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "engine"
Action = Callable[[Engine, Mapping[str, Any], bool], Any]


class Answers(Engine):
    """A swarm that holds what a real one held when it was asked."""

    def __init__(self) -> None:
        super().__init__(None, api_version="1.52")
        names = ("services", "networks", "nodes", "tasks")
        self.known = {f"/{name}": json.loads((FIXTURES / f"{name}.json").read_text()) for name in names}
        self.known["/swarm"] = json.loads((FIXTURES / "swarm.json").read_text())
        self.known["/info"] = {"Swarm": json.loads((FIXTURES / "info_swarm.json").read_text())}
        self.known |= {"/secrets": [], "/configs": [], "/containers/json": [], "/images/json": []}

    def call(self, verb: str, path: str, *_args: Any, query: Any = None, **_more: Any) -> Any:
        assert verb == "GET", f"{verb} {path} in check mode"
        if (query or {}).get("filters", {}).get("label"):
            return []
        if path not in self.known:
            raise NotFound("no such object", 404, verb, path)
        return copy.deepcopy(self.known[path])


BARE, LIVE = FreshEngine(), Answers()
# A soak has ten times as many.
EXAMPLES = 40
# Modules whose options say most where the object is still to be made.
MADE = ("service", "network", "swarm", "secret", "config", "image")
MODULES: dict[str, tuple[Mapping[str, Any], Action, Mapping[str, Any]]] = {
    "service": (service_module.SPEC, service_state.run, {"name": "web", "image": "i", "wait_timeout": 0}),
    "a live service": (service_module.SPEC, service_state.run, {"name": LIVE.known["/services"][0]["Spec"]["Name"]}),
    "network": (network.SPEC, network.converge, {"name": "net", "driver": "overlay", "wait_timeout": 0}),
    "a live network": (network.SPEC, network.converge, {"name": "storage", "wait_timeout": 0}),
    "swarm": (cluster.SPEC, cluster.converge, {"wait_timeout": 0}),
    "node": (node.SPEC, node.converge, {"hostname": "n1", "wait_timeout": 0}),
    "secret": (secret.SPEC, secret.converge, {"name": "s", "data": "x"}),
    "config": (config.SPEC, config.converge, {"name": "c", "data": "x"}),
    "image": (image.SPEC, image.converge, {"image_id": "sha256:0"}),
    "task_exec": (task_exec.SPEC, task_exec.run, {"service": "web", "command": "true"}),
    "stack": (stack_module.SPEC, stack.run, {"name": "s", "compose": [{"services": {"a": {"image": "i"}}}]}),
    "service_info": (service_info.SPEC, service_info.gather, {}),
    "network_info": (network_info.SPEC, network_info.gather, {"name": "net"}),
    "node_info": (node_info.SPEC, node_info.gather, {}),
    "stack_info": (stack_info.SPEC, stack_info.gather, {}),
    "image_info": (image_info.SPEC, image_info.gather, {}),
    "swarm_info": (info.SPEC, info.gather, {}),
    "secret_info": (blob_info.SPEC, lambda *one: blob_info.gather(secret.KIND, *one), {}),
    "config_info": (blob_info.SPEC, lambda *one: blob_info.gather(config.KIND, *one), {}),
}
WAYS: dict[str, Any] = {
    "secret": secret.OPTIONS, "config": config.OPTIONS, "node": node.OPTIONS, "task_exec": task_exec.OPTIONS,
}  # fmt: skip


def outcome(name: str, engine: Engine, more: Mapping[str, Any]) -> Any:
    """As Ansible and ``run_module`` do it, in check mode."""
    spec, action, base = MODULES[name]
    asked = {**base, **more}
    violations = given.strange(spec, asked)
    if violations:
        return violations
    checked = ArgumentSpecValidator(dict(spec), **WAYS.get(name, {})).validate(copy.deepcopy(asked))
    if checked.error_messages:
        return checked.error_messages
    try:
        return action(engine, checked.validated_parameters, True)
    except OverlayError as error:
        return [str(error)]


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield key
            yield from leaves(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from leaves(one)
    else:
        yield value


def is_ours(found: Any) -> None:
    """A plan that can be sent, without Python's words in it, or sentences."""
    if isinstance(found, list):
        assert found and all(isinstance(one, str) and one for one in found)
        return
    json.dumps(found)
    for one in leaves(found.get("diff", {}).get("after")):
        assert not isinstance(one, str) or not {"None", "True", "False"} & set(one.replace("=", " ").split()), found


@pytest.mark.parametrize("name", MODULES)
def test_every_option_of_every_module(name: str) -> None:
    """On a bare host what would be made, in a swarm what would change there; with time, each on both."""
    spec, _action, _base = MODULES[name]
    engines = [BARE, LIVE] if SOAK else [BARE if name in MADE else LIVE]

    @profile(EXAMPLES)
    @tried(options({key: one for key, one in spec.items() if key != "wait_timeout"}))
    def check(more: dict[str, Any]) -> None:
        for engine in engines:
            is_ours(outcome(name, engine, more))

    check()


# --- Compose definitions -----------------------------------------------------------------------------------------


def _words(table: Mapping[str, Key]) -> set[str]:
    return {name for name, key in table.items() if key.convert}


TABLES = (
    definition.VOLUME, definition.NETWORK, definition.SECRET, definition.CONFIG, service.DEPLOY, service.UPDATE,
    forms.HEALTHCHECK, ports.PORTS, forms.VOLUMES, forms.REFERENCE, forms.NETWORK,
)  # fmt: skip
WORDS = sorted(set().union(*map(_words, TABLES)) | {"limits", "memory", "cpus", "config", "a", "soft", "x-a"})
INNER = anything(st.one_of(st.sampled_from(WORDS), st.sampled_from(WORDS), TEXTS))
SERVICE = st.fixed_dictionaries(
    {"image": st.sampled_from(["i", "i", "i", "", 5, None])},
    optional=dict.fromkeys(sorted(_words(service.SERVICE) - {"image"}), INNER),
)
DEFINITION = st.fixed_dictionaries(
    {"services": st.one_of(st.dictionaries(st.sampled_from(["a", "b", "", "a b"]), SERVICE, max_size=2), INNER)},
    optional={
        name: st.one_of(st.dictionaries(st.just("a"), INNER), INNER)
        for name in sorted(_words(definition.TOP) - {"services"})
    },
)


@profile(2 * EXAMPLES)
@tried(st.lists(st.one_of(DEFINITION, DEFINITION, ANYTHING), min_size=1, max_size=2))
def test_every_key_of_a_definition(compose: list[Any]) -> None:
    is_ours(outcome("stack", LIVE, {"compose": compose, "variables": {"x": "1"}}))


@profile(EXAMPLES)
@tried(anything(SCALARS))
def test_every_file(value: Any) -> None:
    """What a file may hold, as the action plugin reads it and sends it on."""
    try:
        read = compose_files.load(yaml.safe_dump(value), "a.yml")
    except InputError as error:
        assert str(error).startswith("a.yml ")
        return
    paths = compose_files.named_files([read], {})
    assert all(isinstance(one, str) for one in paths)
    is_ours(outcome("stack", BARE, {"compose": [json.loads(json.dumps(read))]}))
