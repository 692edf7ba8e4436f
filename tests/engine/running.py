# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests run on their engines: an image of a few programs, services of it, and the modules without Ansible."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import network, service_state
from ansible_collections.baremetal.overlay.plugins.modules import service as service_module
from members import programs_image

PROGRAMS = ("/bin/sleep", "/bin/false", "/bin/true")
SLEEP = ["/bin/sleep", "1000"]


def programs(*engines: Engine) -> str:
    """The ID of an image of three programs of this machine, on each of the engines."""
    return programs_image(engines, PROGRAMS)


def given(spec: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The options as Ansible hands them over."""
    unknown = set(options) - set(spec)
    assert not unknown
    return {**{name: one.get("default") for name, one in spec.items()}, **options}


def run_network(engine: Engine, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return network.converge(engine, given(network.SPEC, **options), check_mode)


def run_service(engine: Engine, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return service_state.run(engine, given(service_module.SPEC, **options), check_mode)


def quick(image: str, **options: Any) -> dict[str, Any]:
    """Options of a service that is fast to start, to watch and to stop."""
    brief = {"monitor": "1s", "parallelism": 0, **options.pop("update_config", {})}
    return {
        "image": image, "command": SLEEP, "stop_grace_period": "1s", "restart_config": {"delay": "1s"},
        "update_config": brief, **options,
    }  # fmt: skip


def spec_of(engine: Engine, name: str) -> dict[str, Any]:
    return dict(engine.call("GET", f"/services/{name}")["Spec"])


def tasks_of(engine: Engine, name: str) -> list[dict[str, Any]]:
    return list(engine.call("GET", "/tasks", query={"filters": {"service": [name], "desired-state": ["running"]}}))


class Interrupted(Exception):
    """What becomes of a run whose process is killed."""


class Brittle:
    """An engine whose caller is killed just before its ``fatal``-th change."""

    fresh = False

    def __init__(self, engine: Engine, fatal: int) -> None:
        self.engine, self.left = engine, fatal

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def call(self, verb: str, *args: Any, **more: Any) -> Any:
        if verb != "GET":
            if not self.left:
                raise Interrupted
            self.left -= 1
        return self.engine.call(verb, *args, **more)
