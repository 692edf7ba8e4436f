# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypted overlay networks on another data path port: which port an engine's policies in the kernel name.

A kernel without ESP takes the policies nevertheless, which is all that is looked at here; the wire is for tests/vm.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.checks import policies
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import cluster, data_path, network
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import stack as stack_state
from ansible_collections.baremetal.overlay.plugins.module_utils.wait import wait_until
from ansible_collections.baremetal.overlay.plugins.modules import stack
from debian_root import root_of
from private import PrivateEngine, connect
from several import inside, pausing_image, several_engines

PORT = 4790
Engines = list[PrivateEngine]


def given(spec: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {**{name: one.get("default") for name, one in spec.items()}, **options}


@pytest.fixture(scope="module")
def pair(pytestconfig: pytest.Config) -> Iterator[Engines]:
    """Two engines of their own, in a swarm whose data path has a port of its own."""
    with several_engines(2, root_of(pytestconfig.getoption("--engine"))) as engines:
        _join(engines)
        yield engines


def _join(engines: Engines) -> None:
    first, second = engines
    made = {"advertise_addr": first.address, "listen_addr": f"{first.address}:2377", "data_path_port": PORT}
    cluster.converge(connect(first), given(cluster.SPEC, **made), False)
    token = connect(first).call("GET", "/swarm")["JoinTokens"]["Worker"]
    joining = {"state": "join", "join_token": token, "remote_addrs": [f"{first.address}:2377"]}
    own = {"advertise_addr": second.address, "listen_addr": f"{second.address}:2377"}
    with inside(second):
        cluster.converge(connect(second), given(cluster.SPEC, **joining, **own), False)
    _image, archive = pausing_image()
    for engine in engines:
        connect(engine).call("POST", "/images/load", data=archive)


def encrypts_it(engine: PrivateEngine) -> bool:
    version = connect(engine).call("GET", "/version")["Version"]
    return data_path.encrypts(version, PORT)


def test_no_network_is_made_that_would_not_be_encrypted(pair: Engines) -> None:
    first = pair[0]
    options = {"name": "refused", "driver": "overlay", "driver_options": {"encrypted": ""}}
    networks = {"a": {"driver": "overlay", "driver_opts": {"encrypted": ""}}}
    compose = [{"services": {"s": {"image": pausing_image()[0], "networks": ["a"]}}, "networks": networks}]
    asked = (
        lambda: network.converge(connect(first), given(network.SPEC, **options), True),
        lambda: stack_state.run(connect(first, True), given(stack.SPEC, name="s", compose=compose), True),
    )
    for ask in asked:
        if encrypts_it(first):
            assert ask()["changed"]
            continue
        with pytest.raises(InputError, match=r"clear text") as error:
            ask()
        assert f"data path port is {PORT}" in str(error.value)
    plain = given(network.SPEC, name="plain", driver="overlay")
    assert network.converge(connect(first), plain, True)["changed"]


def test_the_kernels_policies_name_the_port_that_is_said_of_this_release(pair: Engines) -> None:
    """What the refusal is made of, on the engine itself."""
    first, second = pair
    engine = connect(first)
    engine.call("POST", "/networks/create", {
        "Name": "secret", "Driver": "overlay", "Options": {"encrypted": ""}, "CheckDuplicate": True,
    })  # fmt: skip
    image, _archive = pausing_image()
    engine.call("POST", "/services/create", {
        "Name": "pausing", "Mode": {"Global": {}},
        "TaskTemplate": {"ContainerSpec": {"Image": image}, "Networks": [{"Target": "secret"}]},
    })  # fmt: skip
    wanted = {PORT if encrypts_it(first) else data_path.DEFAULT_PORT}
    seen = wait_until(
        lambda: seen_by(first), lambda found: any(one["target"] == second.address for one in found), 60, "a policy"
    )
    assert {one["port"] for one in seen if one["target"] == second.address} == wanted
    assert {one["source"] for one in seen} == {first.address}


def seen_by(engine: PrivateEngine) -> list[dict[str, Any]]:
    shown = subprocess.run(
        ["ip", "netns", "exec", engine.name, "ip", "xfrm", "policy", "show"], capture_output=True, text=True, check=True
    )
    return policies.parse(shown.stdout)
