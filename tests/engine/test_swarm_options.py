# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a swarm and of a node on real engines."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import cluster, node
from option_cases import COUNT, Case, walk_case, without_case
from private import PrivateEngine
from several import inside
from swarm_cases import ELSEWHERE, FOUNDED, NODE, SWARM


def given(spec: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    return {**{name: one.get("default") for name, one in spec.items()}, **options}


class Swarm:
    kind, table = "swarm", cluster.TABLE

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        return cluster.converge(self.engine, given(cluster.SPEC, **options), check_mode)

    def live(self) -> Any:
        return self.engine.call("GET", "/swarm")["Spec"]

    def after(self, result: Mapping[str, Any]) -> Any:
        return result["swarm_facts"]["Spec"]


class Node:
    kind, table = "node", node.TABLE

    def __init__(self, engine: Engine, ident: str) -> None:
        self.engine, self.ident = engine, ident

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        return node.converge(self.engine, given(node.SPEC, hostname=self.ident, **options), check_mode)

    def live(self) -> Any:
        return self.engine.call("GET", f"/nodes/{self.ident}")["Spec"]

    def after(self, result: Mapping[str, Any]) -> Any:
        return result["node"]["Spec"]


def test_every_option_has_a_case() -> None:
    elsewhere = dict.fromkeys(ELSEWHERE, Case(0, 0, 0))
    assert not without_case(cluster.TABLE, {**SWARM, **elsewhere})
    assert not without_case(node.TABLE, NODE)
    assert not without_case((*cluster.FOUNDED, *cluster.ENTERED), dict.fromkeys(FOUNDED, Case(0, 0, 0)))


@pytest.mark.parametrize("option", SWARM)
def test_swarm_option(swarm_engine: Engine, option: str) -> None:
    case, before = SWARM[option], swarm_engine.call("GET", "/swarm")
    if case.first == "<root>":
        root = before["TLSInfo"]["TrustRoot"]
        case = dataclasses.replace(case, first=root, second=root, default=root)
    walk_case(Swarm(swarm_engine), option, case, swarm_engine.api_version)
    after = swarm_engine.call("GET", "/swarm")
    # A token holds the digest of the root: another root makes other tokens.
    assert (after["JoinTokens"] != before["JoinTokens"]) == (option == "ca_force_rotate")
    Swarm(swarm_engine)(external_cas=[])


@pytest.mark.parametrize("option", ["snapshot_interval", "election_tick", "node_cert_expiry"])
def test_a_number_that_the_engine_would_take_for_none_is_refused(swarm_engine: Engine, option: str) -> None:
    with pytest.raises(InputError, match=f'option "{option}": 0 says nothing to the Engine; give 1 or more'):
        Swarm(swarm_engine)(False, **{option: 0})


@pytest.fixture
def outside(bare_engine: Engine) -> Iterator[Engine]:
    yield bare_engine
    Swarm(bare_engine)(state="absent", force=True)
    assert bare_engine.call("GET", "/info")["Swarm"]["LocalNodeState"] == "inactive"


@pytest.mark.parametrize("option", FOUNDED)
def test_what_a_swarm_is_made_with(outside: Engine, engines: list[PrivateEngine], option: str) -> None:
    subject, address = Swarm(outside), engines[1].address
    first, second = FOUNDED[option]
    where: dict[str, Any] = {"listen_addr": f"{address}:2377", "advertise_addr": address}
    if option == "subnet_size":
        # Without pools of its own a swarm takes no size of subnets either.
        where["default_addr_pool"] = ["10.50.0.0/16"]
    options = {**where, option: first}
    predicted = subject(check_mode=True, **options)
    done = subject(**options)
    assert predicted["changed"] and done["changed"] and predicted["diff"] == done["diff"]
    assert not subject(**options)["changed"]
    if option in {row.name for row in cluster.FOUNDED}:
        assert done["diff"]["after"][option] == first
        with pytest.raises(InputError, match=f"made with {option} .*cannot be changed"):
            subject(**{option: second})
    seen = outside.call("GET", "/info")["Swarm"]
    if option == "availability":
        assert outside.call("GET", f"/nodes/{seen['NodeID']}")["Spec"]["Availability"] == first
    subject(state="absent", force=True)
    assert subject(**{**where, option: second})["changed"]
    assert not subject(**{option: second})["changed"]
    COUNT["swarm"] = COUNT.get("swarm", 0) + 1


@pytest.fixture(scope="module")
def worker(swarm_engine: Engine, bare_engine: Engine, engines: list[PrivateEngine]) -> Iterator[str]:
    first, second = engines
    options = {"advertise_addr": second.address, "listen_addr": f"{second.address}:2377"}
    token = swarm_engine.call("GET", "/swarm")["JoinTokens"]["Worker"]
    # What looks for the manager looks from the host that joins, and not from wherever the tests run.
    with inside(second):
        Swarm(bare_engine)(state="join", remote_addrs=[first.address], join_token=token, **options)
    ident = str(bare_engine.call("GET", "/info")["Swarm"]["NodeID"])
    yield ident
    Swarm(bare_engine)(state="absent", force=True)
    swarm_engine.call("DELETE", f"/nodes/{ident}", query={"force": True})


@pytest.mark.parametrize("option", NODE)
def test_node_option(swarm_engine: Engine, worker: str, option: str) -> None:
    walk_case(Node(swarm_engine, worker), option, NODE[option], swarm_engine.api_version)
