# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Large stacks, stacks whose names begin alike, and two runs of one stack at once, on a real engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError, OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import rollout
from private import PrivateEngine, connect
from stacks import run

MANY = 200
MOST_CALLS = 8


def definition(count: int, **service: Any) -> dict[str, Any]:
    """Names that begin with each other: s1, s10, s100."""
    one = {
        "image": "corpus/app:1", "deploy": {"replicas": 0, "update_config": {"monitor": "1s"}},
        "networks": ["net", "n"], "secrets": ["word", "wor"], "configs": ["settings"], **service,
    }  # fmt: skip
    return {
        "services": {f"s{number}": one for number in range(1, count + 1)},
        "networks": {"net": None, "n": None},
        "secrets": {"word": {}, "wor": {}},
        "configs": {"settings": {"content": "a"}},
    }


DATA = {"word": "one", "wor": "two"}


@pytest.fixture
def clean(swarm_engine: Engine) -> Iterator[Engine]:
    yield swarm_engine
    for name in ("many", "many1"):
        run(swarm_engine, name, {}, state="absent")


def names(engine: Engine, kind: str) -> set[str]:
    found = {one.get("Name") or one["Spec"]["Name"] for one in engine.call("GET", f"/{kind}")}
    return {one for one in found if one.startswith("many")}


def test_two_hundred_services(clean: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    times = {}
    for step in ("made", "nothing to do"):
        clean.calls.clear()
        before = time.monotonic()
        found = run(clean, "many", definition(MANY), secret_data=DATA)
        times[step] = (time.monotonic() - before, len(clean.calls))
        assert found["changed"] == (step == "made")
    assert times["nothing to do"][1] <= MOST_CALLS
    assert len(names(clean, "services")) == MANY
    changed = run(clean, "many", definition(MANY, hostname="h"), secret_data={**DATA, "wor": "three"})
    assert 'create secret "many_wor_v2": its content changed' in changed["plan"]
    assert names(clean, "secrets") == {"many_word", "many_wor_v2"}
    pruned = run(clean, "many", definition(9, hostname="h"), secret_data={**DATA, "wor": "three"}, prune=True)
    assert len(pruned["plan"]) == MANY - 9
    before = time.monotonic()
    removed = run(clean, "many", {}, state="absent")
    times["removed"] = (time.monotonic() - before, len(removed["plan"]))
    assert not names(clean, "services") | names(clean, "networks") | names(clean, "secrets") | names(clean, "configs")
    with capsys.disabled():
        print(f"\n{MANY} services: " + ", ".join(f"{step} {took:.1f} s ({n})" for step, (took, n) in times.items()))


def test_a_stack_whose_name_begins_like_another_s_is_left_alone(clean: Engine) -> None:
    run(clean, "many", definition(2), secret_data=DATA)
    run(clean, "many1", definition(2), secret_data=DATA)
    run(clean, "many", definition(1), secret_data={**DATA, "word": "another"}, prune=True)
    assert names(clean, "services") == {"many_s1", "many1_s1", "many1_s2"}
    assert names(clean, "secrets") == {"many_word_v2", "many_wor", "many1_word", "many1_wor"}
    run(clean, "many", {}, state="absent")
    assert names(clean, "services") == {"many1_s1", "many1_s2"}
    assert names(clean, "networks") == {"many1_net", "many1_n"}
    assert not run(clean, "many1", definition(2), secret_data=DATA)["changed"]


def test_two_runs_at_once(clean: Engine, engines: list[PrivateEngine]) -> None:
    others = [connect(engines[0]) for _run in range(2)]
    for round_number in range(4):
        wanted = definition(12, hostname=f"h{round_number}")
        data = {"word": f"word{round_number}", "wor": "two"}
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(run, one, "many", wanted, secret_data=data) for one in others]
            results = [one.result() for one in runs]
        assert any(one["changed"] for one in results)
        again = run(clean, "many", wanted, secret_data=data)
        assert not again["changed"], again["plan"]
    assert names(clean, "secrets") == {"many_word_v4", "many_wor"}


def test_an_update_that_nobody_waits_for_keeps_what_it_replaces(clean: Engine) -> None:
    run(clean, "many", definition(1), secret_data=DATA)
    other = {**DATA, "word": "another"}
    found = run(clean, "many", definition(1), secret_data=other, detach=True)
    assert found["warnings"] == ['secret "many_word" stays until a run finds the services converged']
    assert {"many_word", "many_word_v2"} <= names(clean, "secrets")
    later = run(clean, "many", definition(1), secret_data=other, detach=True)
    assert later["plan"] == ['remove secret "many_word"']
    assert not run(clean, "many", definition(1), secret_data=other, detach=True)["changed"]


def test_an_update_that_fails_keeps_what_it_replaces(clean: Engine) -> None:
    one = definition(1, deploy={"replicas": 1, "restart_policy": {"condition": "none"}})
    one["services"]["s1"]["image"] = "sha256:" + "0" * 64
    with pytest.raises(OverlayError):
        run(clean, "many", one, secret_data=DATA, wait_timeout=3)
    with pytest.raises(OverlayError):
        run(clean, "many", one, secret_data={**DATA, "word": "another"}, wait_timeout=3)
    assert {"many_word", "many_word_v2"} <= names(clean, "secrets")


def test_a_removal_is_waited_for_as_docker_stack_says_it(clean: Engine) -> None:
    run(clean, "many", definition(1), secret_data=DATA)
    run(clean, "many", {}, state="absent", wait=False, absent_retries=30)
    assert not names(clean, "services") | names(clean, "networks")
    assert not run(clean, "many", {}, state="absent")["changed"]


def test_a_network_s_option_that_the_definition_no_longer_has_is_refused(clean: Engine) -> None:
    one = definition(1)
    one["networks"]["net"] = {"driver_opts": {"com.docker.network.driver.mtu": "1400"}}
    run(clean, "many", one, secret_data=DATA)
    with pytest.raises(InputError, match=r'network "many_net": driver_options is .*mtu.* wanted \{\}'):
        run(clean, "many", definition(1), secret_data=DATA)
    assert list(rollout.services(clean)) == ["many_s1"]
