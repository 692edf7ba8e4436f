# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated definitions become what the docker CLI makes of them, property by property.

Twice: its ``stack config`` writes every short form out in full, and ours has to read both alike; and what it deploys to
a real engine, ours on top of it has to find as it wants it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose.definition import Namespace, convert
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.service import TABLE
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.service_rules import refusals
from ansible_collections.baremetal.overlay.plugins.plugin_utils.compose_files import load
from compose_values import TOP, sample
from private import PrivateEngine
from stacks import run

EXAMPLES, BATCH = 120, 60
# What the CLI takes, and ours refuses on purpose: it publishes nothing, or other than what is written.
ON_PURPOSE = re.compile(r"is not an option of a (volume|bind) mount in Swarm|is given twice")


def written(chosen: dict[str, Any]) -> str:
    return json.dumps({**TOP, "services": chosen}, ensure_ascii=False)


def config(chosen: dict[str, Any]) -> str | None:
    """What the CLI writes of it; nothing where it refuses."""
    ended = subprocess.run(
        ["docker", "stack", "config", "--compose-file", "-"],
        input=written(chosen), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ended.stdout if ended.returncode == 0 else None


def taken(chosen: dict[str, Any]) -> dict[str, Any]:
    """Those of the services that the CLI takes."""
    if not chosen or config(chosen) is not None:
        return chosen
    if len(chosen) == 1:
        return {}
    names = list(chosen)
    halves = (names[: len(names) // 2], names[len(names) // 2 :])
    return {name: one for half in halves for name, one in taken({name: chosen[name] for name in half}).items()}


def read(text: str) -> dict[str, dict[str, Any]]:
    return convert([load(text, "generated")], Namespace("g")).services


def refused(name: str, one: Any) -> list[str]:
    try:
        fields.build(TABLE, read(written({name: one}))[f"g_{name}"])
    except InputError as error:
        return error.violations
    return []


def batches(chosen: dict[str, Any]) -> list[dict[str, Any]]:
    names = list(chosen)
    return [{name: chosen[name] for name in names[start : start + BATCH]} for start in range(0, len(names), BATCH)]


def test_short_forms_are_what_the_cli_writes_out() -> None:
    wrong = []
    for batch in batches(sample(EXAMPLES)):
        ours = {}
        for name, one in taken(batch).items():
            said = [sentence for sentence in refused(name, one) if not ON_PURPOSE.search(sentence)]
            if said:
                wrong.append((one, said))
            elif not refused(name, one):
                ours[name] = one
        theirs, mine = read(str(config(ours))), read(written(ours))
        for name, one in ours.items():
            want, have = (fields.whole(TABLE, fields.build(TABLE, found[f"g_{name}"])) for found in (mine, theirs))
            differs = fields.as_diff(fields.diff(TABLE, want, have))
            if differs["after"]:
                wrong.append((one, differs))
    assert not wrong, "\n".join(f"{one}: {said}" for one, said in wrong)


@pytest.fixture
def outside(swarm_engine: Engine) -> Iterator[None]:
    made = [
        (kind, swarm_engine.call("POST", f"/{kind}s/create", {"Name": f"generated-{kind}", "Data": "eA=="})["ID"])
        for kind in ("secret", "config")
    ]
    yield
    for kind, ident in made:
        swarm_engine.call("DELETE", f"/{kind}s/{ident}")


def deployed(engine: PrivateEngine, folder: Path, chosen: dict[str, Any]) -> str:
    """What the CLI says against it, after it has deployed what comes before."""
    environment = {**os.environ, "DOCKER_HOST": engine.url, "DOCKER_CONFIG": str(folder)}
    (folder / "generated.yml").write_text(written(chosen), encoding="utf-8")
    command = [
        "docker",
        "stack",
        "deploy",
        "--detach",
        "--resolve-image",
        "never",
        "--compose-file",
        "generated.yml",
        "g",
    ]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return "" if ended.returncode == 0 else ended.stderr


def side_by_side(chosen: dict[str, Any]) -> dict[str, Any]:
    """Services that one engine can have at once: no port twice, and no task that runs."""
    found, used = {}, set()
    for name, one in chosen.items():
        options = read(written({name: one}))[f"g_{name}"]
        ports = {(port.get("published_port"), port["protocol"]) for port in options.get("publish", [])} - {
            (None, protocol) for protocol in ("tcp", "udp", "sctp")
        }
        if used & ports or refusals(fields.build(TABLE, options)):
            continue
        used |= ports
        found[name] = {**one, "deploy": {**one.get("deploy", {}), "replicas": 0}}
    return found


@pytest.mark.usefixtures("outside")
def test_what_the_cli_deploys_is_what_is_wanted(
    swarm_engine: Engine, engines: list[PrivateEngine], tmp_path: Path
) -> None:
    wrong = []
    for batch in batches(sample(EXAMPLES)):
        chosen = side_by_side(taken({name: one for name, one in batch.items() if not refused(name, one)}))
        said = deployed(engines[0], tmp_path, chosen)
        assert not said, said
        found = run(swarm_engine, "g", load(written(chosen), "generated"), check_mode=True, wait=False)
        wrong += [
            (chosen[name.removeprefix("g_")], found["diff"]["before"]["services"][name], after)
            for name, after in found["diff"]["after"].get("services", {}).items()
        ]
        run(swarm_engine, "g", state="absent")
    assert not wrong, "\n".join(f"{one}: before {before}, after {after}" for one, before, after in wrong)
