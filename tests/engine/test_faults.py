# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines that hang, and managers that are parted two to one, while nodes, networks and stacks are changed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine, open_engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import EngineError, NoLeader, OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import node
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import stack as stack_state
from ansible_collections.baremetal.overlay.plugins.module_utils.wait import wait_until
from ansible_collections.baremetal.overlay.plugins.modules import stack
from private import connection, run
from several import pausing_image
from swarm_hosts import FIRST, SECOND, THIRD, WORKER, Hosts, asked, four_hosts, given, network_of

TRIO = (FIRST, SECOND, THIRD)
SHORT = 1
# Elections take their time: a part of them in every run, all of them in the long lanes.
SOAK = bool(os.environ.get("OVERLAY_SOAK"))
PARTED = [["node", "network", "stack"]] if SOAK else [["network"]]
LOST = [("node", 1), ("network", 1), ("stack", 1), ("stack", 3)] if SOAK else [("stack", 3)]


@pytest.fixture(scope="module")
def hosts(pytestconfig: pytest.Config) -> Iterator[Hosts]:
    """Three managers and a worker, with an image that has a task to run."""
    for hosts in four_hosts(pytestconfig):
        hosts.swarm(FIRST, advertise_addr=hosts.address(FIRST))
        for number, role in ((SECOND, "Manager"), (THIRD, "Manager"), (WORKER, "Worker")):
            hosts.join(number, role)
        for number in range(4):
            hosts.engine(number).call("POST", "/images/load", data=pausing_image()[1])
        yield hosts


class Changes:
    """What is changed, by kind: each says through which engine, and with which number, so that it can be told apart."""

    def __init__(self, hosts: Hosts) -> None:
        self.ident = hosts.ident(WORKER)

    def node(self, engine: Engine, number: int) -> dict[str, Any]:
        options = given(node.SPEC, hostname=self.ident, labels={"change": str(number)}, labels_state="replace")
        return node.converge(engine, options, False)

    def network(self, engine: Engine, number: int) -> dict[str, Any]:
        return network_of(engine, name=f"parted{number}", driver="overlay", labels={"change": str(number)})

    def stack(self, engine: Engine, number: int) -> dict[str, Any]:
        service = {"image": pausing_image()[0], "labels": {"change": str(number)}, "networks": ["inner"]}
        compose = [{"services": {"one": service, "two": service}, "networks": {"inner": {"driver": "overlay"}}}]
        return stack_state.run(engine, given(stack.SPEC, name="parted", compose=compose, resolve_image="never"), False)

    def items(self) -> list[tuple[str, Callable[[Engine, int], dict[str, Any]]]]:
        return [("node", self.node), ("network", self.network), ("stack", self.stack)]


class Cutting(Engine):
    """An engine that loses something right before a write."""

    def __init__(self, engine: Engine, before: int, cut: Callable[[], None]) -> None:
        super().__init__(engine._client, engine._host, timeout=engine._timeout)
        self._left = before
        self._cut = cut

    def call(self, verb: str, path: str, *args: Any, **more: Any) -> Any:
        if verb != "GET":
            self._left -= 1
            if self._left == 0:
                self._cut()
        return super().call(verb, path, *args, **more)


def leader(hosts: Hosts, among: tuple[int, ...] = TRIO) -> int:
    """Whom the managers among these follow; a leader that was parted from the others is none."""

    def look() -> list[int]:
        try:
            nodes = hosts.nodes(among[0])
        except NoLeader:
            return []
        ids = [one["ID"] for one in nodes if (one.get("ManagerStatus") or {}).get("Leader")]
        return [number for number in among if hosts.ident(number) in ids]

    return int(wait_until(look, lambda seen: len(seen) == 1, 60, "the managers to have a leader")[0])


def plugged(hosts: Hosts, number: int, state: str) -> None:
    switch = f"{hosts.engines[number].name.rpartition('-')[0]}-s"
    run("ip", "-n", switch, "link", "set", f"p{number + 1}", state)


@contextlib.contextmanager
def parted(hosts: Hosts, number: int) -> Iterator[None]:
    """One host's cable is out of the switch; afterwards all follow one leader again."""
    plugged(hosts, number, "down")
    try:
        yield
    finally:
        joined_again(hosts, number)


def joined_again(hosts: Hosts, number: int) -> None:
    plugged(hosts, number, "up")
    leaders = {leader(hosts, (one, *(other for other in TRIO if other != one))) for one in TRIO}
    assert len(leaders) == 1


def alone(hosts: Hosts, number: int) -> None:
    wait_until(
        lambda: hosts.state(number).get("Error") or "", lambda seen: "leader" in seen, 60, "the host to see it is alone"
    )


@contextlib.contextmanager
def hanging(hosts: Hosts, number: int) -> Iterator[None]:
    """dockerd takes connections, and answers none of them."""
    process = hosts.engines[number]._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def test_an_engine_that_hangs_ends_every_module_in_time_and_a_rerun_converges(hosts: Hosts) -> None:
    """It is a follower, so the others go on; and after it, nothing of what was asked meanwhile is half done."""
    number = next(one for one in TRIO if one != leader(hosts))
    changes = Changes(hosts)
    hung = open_engine(connection(hosts.engines[number], timeout=SHORT))
    with hanging(hosts, number):
        for name, ask in asked(hung).items():
            began = time.monotonic()
            with pytest.raises(EngineError, match=r"gave no answer in time") as error:
                ask()
            assert hosts.engines[number].url in str(error.value), name
            assert time.monotonic() - began < 5 * SHORT, name
        for _name, change in changes.items():
            with pytest.raises(EngineError, match="gave no answer in time"):
                change(hung, 1)
    leader(hosts)
    for name, change in changes.items():
        change(hosts.engine(number), 1)
        assert not change(hosts.engine(number), 1)["changed"], name


@pytest.mark.parametrize("kinds", PARTED, ids=" ".join)
def test_the_lone_manager_changes_nothing_and_has_all_of_it_afterwards(hosts: Hosts, kinds: list[str]) -> None:
    lone = leader(hosts)
    others = tuple(one for one in TRIO if one != lone)
    changes = [(kind, change) for kind, change in Changes(hosts).items() if kind in kinds]
    with parted(hosts, lone):
        alone(hosts, lone)
        for _name, change in changes:
            with pytest.raises(NoLeader, match="no leader"):
                change(hosts.engine(lone), 3)
        # The two have a quorum, and go on.
        leader(hosts, others)
        for name, change in changes:
            assert change(hosts.engine(others[0]), 2)["changed"], name
    for name, change in changes:
        for number in TRIO:
            assert not change(hosts.engine(number), 2)["changed"], (name, number)


@pytest.mark.parametrize(("kind", "write"), LOST)
def test_the_leader_is_lost_in_the_middle_and_a_rerun_converges(hosts: Hosts, kind: str, write: int) -> None:
    """Asked of a manager that stays; whether this run notices or not, the next one ends where it should."""
    lost = leader(hosts)
    through = next(one for one in TRIO if one != lost)
    change = dict(Changes(hosts).items())[kind]
    number = 10 * TRIO.index(lost) + 40 + write
    engine = Cutting(
        open_engine(connection(hosts.engines[through], timeout=20)), write, lambda: plugged(hosts, lost, "down")
    )
    said = "it ended as if nothing had been"
    try:
        change(engine, number)
    except OverlayError as error:
        said = str(error)
    finally:
        joined_again(hosts, lost)
    print(f"{kind}, write {write}: {said}")
    change(hosts.engine(through), number)
    for manager in TRIO:
        assert not change(hosts.engine(manager), number)["changed"], manager
