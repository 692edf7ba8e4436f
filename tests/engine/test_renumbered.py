# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manager that was given another address comes back with it, by the steps that teardown.yml and site.yml take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import NoLeader
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import cluster, node
from ansible_collections.baremetal.overlay.plugins.module_utils.wait import wait_until
from debian_root import root_of
from private import PrivateEngine, connect, run
from several import inside, several_engines

NEW = "10.97.0.33"


def given(spec: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {**{name: one.get("default") for name, one in spec.items()}, **options}


def swarm(engine: PrivateEngine, **options: Any) -> dict[str, Any]:
    with inside(engine):
        return cluster.converge(connect(engine), given(cluster.SPEC, **options), False)


def join(engine: PrivateEngine, through: PrivateEngine, address: str) -> dict[str, Any]:
    token = connect(through).call("GET", "/swarm")["JoinTokens"]["Manager"]
    own = {"advertise_addr": address, "listen_addr": f"{address}:2377"}
    return swarm(engine, state="join", join_token=token, remote_addrs=[through.address], **own)


@pytest.fixture
def three(pytestconfig: pytest.Config) -> Iterator[list[PrivateEngine]]:
    with several_engines(3, root_of(pytestconfig.getoption("--engine"))) as engines:
        first, *others = engines
        swarm(first, advertise_addr=first.address, listen_addr=f"{first.address}:2377")
        for engine in others:
            join(engine, first, engine.address)
        yield engines


def leaderless(engine: PrivateEngine) -> bool:
    try:
        connect(engine).call("GET", "/nodes")
    except NoLeader:
        return True
    return False


def test_a_renumbered_manager_leaves_and_joins_with_its_new_address(three: list[PrivateEngine]) -> None:
    first, _second, third = three
    ident = connect(third).call("GET", "/info")["Swarm"]["NodeID"]
    run("ip", "-n", third.name, "addr", "del", f"{third.address}/24", "dev", "c0")
    run("ip", "-n", third.name, "addr", "add", f"{NEW}/24", "dev", "c0")
    wait_until(lambda: leaderless(third), bool, 90, "the others not to reach it")
    assert connect(third).call("GET", "/info")["Swarm"]["NodeAddr"] == third.address
    demoted = node.converge(
        connect(first), given(node.SPEC, hostname=ident, availability="drain", role="worker"), False
    )
    assert demoted["changed"]
    # It never hears of that, and believes itself a manager without a leader.
    with pytest.raises(NoLeader):
        swarm(third, state="absent")
    assert swarm(third, state="absent", force=True)["changed"]
    assert cluster.converge(connect(first), given(cluster.SPEC, state="remove", node_id=ident), False)["changed"]
    assert join(third, first, NEW)["changed"]
    nodes = connect(first).call("GET", "/nodes")
    assert sorted(one["ManagerStatus"]["Addr"] for one in nodes) == [
        "10.97.0.1:2377", "10.97.0.2:2377", f"{NEW}:2377",
    ]  # fmt: skip
