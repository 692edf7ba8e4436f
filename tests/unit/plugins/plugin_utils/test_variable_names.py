# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A misspelt variable is named with the one that was meant, and nothing that means something is taken for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.overlay.plugins.plugin_utils import names, settings
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import advice, options, violations

ROOT = Path(__file__).parents[4]
PREFIXED = rf"(?:{'|'.join(names.PREFIXES)})[a-z0-9_]+"
# How a variable is given: on a command line, in JSON or a call, and in YAML.
GIVEN = re.compile(
    rf"""-e ['"]?({PREFIXED})=|"-e", f?"({PREFIXED})=|["']({PREFIXED})=|["']({PREFIXED})["']: |^#? ?({PREFIXED}):""",
    re.MULTILINE,
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("minio_prot", "minio_port"),
        ("overlay_firewal", "overlay_firewall"),
        ("minio_memory_limt", "minio_memory_limit"),
        ("minio_drive", "minio_drives"),
        ("overlay_encription", "overlay_encryption"),
        ("swarm_network", "swarm_networks"),
        ("docker_engine_pakage", "docker_engine_package"),
        ("overlay_teardown_consents", "overlay_teardown_consent"),
    ],
)
def test_what_was_meant(name: str, meant: str) -> None:
    (sentence,) = names.unknown({name: 1, meant: 2})
    assert sentence.startswith(f"{name} is no variable of this collection; did you mean {meant}? correct the name")


def test_what_is_like_nothing_is_named_without_a_guess() -> None:
    (sentence,) = names.unknown(["minio_zzzzqqqq"])
    assert sentence == "minio_zzzzqqqq is no variable of this collection; correct the name, or remove it"


@pytest.mark.parametrize("excused", [["minio_alias_home"], ["minio_alias_*"], ["x", "minio_*"]])
def test_what_is_excused(excused: list[str]) -> None:
    assert list(names.unknown(["minio_alias_home", "alias_minio", "ansible_host", "__minio_x"], excused)) == []


def cluster(**given: Any) -> Cluster:
    hosts = [Host(name, frozenset({"managers"}), variables={"minio_prot": 1}) for name in ("n1", "n2")]
    return Cluster(tuple(hosts), settings.read(given))


SENTENCE = (
    "n1 and n2: minio_prot is no variable of this collection; did you mean minio_port? correct the name, or remove it, "
    "or list it in overlay_known_variables if it is yours"
)


def test_it_stops_the_run_unless_that_is_switched_off() -> None:
    assert SENTENCE in violations(cluster(), options.RULES)
    assert SENTENCE in violations(cluster(strict_variables="true"), options.RULES)
    assert SENTENCE not in violations(cluster(strict_variables="false"), options.RULES)
    assert SENTENCE in advice(cluster(strict_variables="no"))
    assert SENTENCE not in advice(cluster())
    for strict in (True, False):
        excused = cluster(known_variables="minio_prot", strict_variables=strict)
        assert SENTENCE not in [*violations(excused, options.RULES), *advice(excused)]


def given_in(path: Path) -> Iterator[str]:
    for match in GIVEN.finditer(path.read_text(encoding="utf-8")):
        yield from [name for name in match.groups() if name][:1]


SOURCES = [
    path
    for folder in ("inventories", "molecule", "playbooks", "awx", "docs", "roles")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".yml", ".py", ".md", ".sh") and "argument_specs" not in path.name
]


def test_no_false_alarm_in_what_is_in_use() -> None:
    given = {name: path for path in SOURCES for name in given_in(path)}
    assert len(given) > 100
    unknown = {name: str(path.relative_to(ROOT)) for name, path in given.items() if name not in names.known()}
    # Those that scenarios misspell on purpose.
    assert {*unknown} == {"minio_prot", "minio_memory_limt", "overlay_firewal"}, unknown


def left_behind(tasks: Any) -> Iterator[str]:
    """What tasks register or set, however deep they stand."""
    if isinstance(tasks, list):
        for task in tasks:
            yield from left_behind(task)
    elif isinstance(tasks, dict):
        yield from [tasks["register"]] if isinstance(tasks.get("register"), str) else []
        yield from tasks.get("ansible.builtin.set_fact") or {}
        yield from tasks.get("vars") or {} if isinstance(tasks.get("vars"), dict) else {}
        for value in tasks.values():
            yield from left_behind(value)


def test_what_runs_leave_behind_is_known() -> None:
    files = [*ROOT.glob("playbooks/*.yml"), *ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("roles/*/vars/*.yml")]
    found = {name for path in files for name in left_behind(yaml.safe_load(path.read_text(encoding="utf-8")))}
    assert "preflight_plan" in found
    assert {name for name in found if name.startswith(names.PREFIXES)} - names.known() == set()
