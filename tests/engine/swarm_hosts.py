# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Four hosts, as many of them managers as a test makes so, and what our modules are asked on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.host.system import System
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import (
    cluster,
    info,
    network,
    node,
    secret,
    service_state,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import stack as stack_state
from ansible_collections.baremetal.overlay.plugins.module_utils.wait import wait_until
from ansible_collections.baremetal.overlay.plugins.modules import service, stack
from private import PrivateEngine, connect, connection
from several import inside, several_engines

FIRST, SECOND, THIRD, WORKER = range(4)
MANAGERS = [f"10.97.0.{number}:2377" for number in (1, 2, 3)]


def module() -> basic.AnsibleModule:
    """What a look at the host runs its commands with: the real one, as every module has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic, "_ANSIBLE_ARGS", b'{"ANSIBLE_MODULE_ARGS": {}}')
        patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        return basic.AnsibleModule({})


class Hosts:
    """What is asked of a host is asked there: with its addresses, its routes and its engine."""

    def __init__(self, engines: list[PrivateEngine]) -> None:
        self.engines = engines

    def engine(self, number: int, check_mode: bool = False) -> Engine:
        return connect(self.engines[number], check_mode)

    def address(self, number: int) -> str:
        return self.engines[number].address

    def swarm(self, number: int, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        params = {**connection(self.engines[number]), **given(cluster.SPEC, **options)}
        with inside(self.engines[number]):
            return cluster.converge(self.engine(number), params, check_mode, System(module()))

    def join(self, number: int, role: str, through: int = FIRST, **options: Any) -> dict[str, Any]:
        address = self.address(number)
        token = self.engine(through).call("GET", "/swarm")["JoinTokens"][role]
        own = {"listen_addr": f"{address}:2377", "advertise_addr": address}
        return self.swarm(number, state="join", join_token=token, **{**own, "remote_addrs": MANAGERS, **options})

    def node(self, number: int, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        return node.converge(self.engine(number), given(node.SPEC, **options), check_mode)

    def info(self, number: int, **options: Any) -> dict[str, Any]:
        return info.gather(self.engine(number), given(info.SPEC, **options), False)

    def state(self, number: int) -> dict[str, Any]:
        return dict(self.engine(number).call("GET", "/info")["Swarm"])

    def ident(self, number: int) -> str:
        return str(self.state(number)["NodeID"])

    def settled(self, number: int, manager: bool) -> None:
        """The managers agree on a role a moment before the host's own engine acts in it."""
        wait_until(
            lambda: self.state(number)["ControlAvailable"],
            lambda seen: seen is manager,
            30,
            "the host to be in its role",
        )

    def nodes(self, number: int) -> list[dict[str, Any]]:
        return list(self.engine(number).call("GET", "/nodes"))

    def live(self, number: int, ident: str) -> dict[str, Any]:
        return dict(self.engine(number).call("GET", f"/nodes/{ident}"))


def given(spec: dict[str, Any], **options: Any) -> dict[str, Any]:
    unknown = set(options) - set(spec)
    assert not unknown
    return {**{name: one.get("default") for name, one in spec.items()}, **options}


def network_of(engine: Engine, **options: Any) -> dict[str, Any]:
    return network.converge(engine, given(network.SPEC, **options), False)


def asked(engine: Engine) -> dict[str, Any]:
    """Every module that needs a manager, asked for something."""
    params = {**given(cluster.SPEC, election_tick=7), "docker_host": ""}
    return {
        "swarm": lambda: cluster.converge(engine, params, False),
        "swarm remove": lambda: cluster.converge(engine, {**params, "state": "remove", "node_id": "x"}, False),
        "swarm force": lambda: cluster.converge(engine, {**params, "force": True}, False),
        "swarm_info": lambda: info.gather(engine, given(info.SPEC), False),
        "node": lambda: node.converge(engine, given(node.SPEC, hostname="x", role="worker"), False),
        "network": lambda: network_of(engine, name="n", driver="overlay"),
        "secret": lambda: secret.converge(engine, given(secret.SPEC, name="s", data="xxxxxxxx"), False),
        "service": lambda: service_state.run(engine, given(service.SPEC, name="s", image="i"), False),
        "stack": lambda: stack_state.run(
            engine, given(stack.SPEC, name="s", compose=[{"services": {"a": {"image": "i"}}}]), False
        ),
    }


def four_hosts(pytestconfig: pytest.Config) -> Iterator[Hosts]:
    """On the release that is asked for, where one can be."""
    wanted = pytestconfig.getoption("--engine", None)
    root = []
    if wanted:
        from debian_root import root_of

        root = [root_of(wanted)]
    with several_engines(4, *root) as engines:
        version = connect(engines[FIRST]).call("GET", "/version")["Version"]
        assert version.startswith(f"{wanted}." if wanted else ""), f"{wanted} is wanted, and {version} runs"
        yield Hosts(engines)
