# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks and convergence on a real engine, with containers that really run."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError, OverlayError, WaitTimeout
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import rollout, service_state, stack
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.service import TABLE
from running import programs, quick, run_network, run_service
from stacks import run

SECRETS = {"user": "admin", "password": "correct horse"}


@pytest.fixture(scope="module")
def image(swarm_engine: Engine) -> str:
    return programs(swarm_engine)


class Stack:
    def __init__(self, engine: Engine, image: str, name: str) -> None:
        self.engine, self.image, self.name = engine, image, name

    def __call__(self, *compose: dict[str, Any], check_mode: bool = False, **more: Any) -> dict[str, Any]:
        given = {"namespace_prefix": False, "secret_data": SECRETS, "wait_timeout": 40, **more}
        return run(self.engine, self.name, *compose, check_mode=check_mode, **given)

    def definition(self, command: str = "/bin/sleep 1000", services: int = 2, **more: Any) -> dict[str, Any]:
        service = {
            "image": self.image,
            "command": command,
            "stop_grace_period": "1s",
            "networks": {"inner": {"aliases": ["alias"]}},
            "secrets": [{"source": "user"}, {"source": "password", "uid": "9000", "gid": "9000", "mode": "0400"}],
            "tmpfs": "/tmp:size=1m",
            "healthcheck": {"disable": True},
            "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
            "deploy": {"endpoint_mode": "dnsrr", "update_config": {"monitor": "1s"}, "restart_policy": {"delay": "1s"}},
            **more,
        }
        return {
            "services": {f"{self.name}{number}": copy.deepcopy(service) for number in range(1, services + 1)},
            "networks": {"inner": {"name": f"{self.name}-net", "attachable": True}},
            "secrets": {"user": {"name": f"{self.name}-user"}, "password": {"name": f"{self.name}-password"}},
        }


@pytest.fixture
def web(swarm_engine: Engine, image: str) -> Iterator[Stack]:
    made = Stack(swarm_engine, image, "web")
    yield made
    made(state="absent")
    assert not [one for one in rollout.services(swarm_engine) if one.startswith("web")]
    for kind in ("networks", "secrets"):
        names = [one.get("Name") or one["Spec"]["Name"] for one in swarm_engine.call("GET", f"/{kind}")]
        assert not [name for name in names if name.startswith("web")], f"{kind} are left"


def test_made_again_changed_again(web: Stack) -> None:
    predicted = web(web.definition(), check_mode=True)
    made = web(web.definition())
    assert made["plan"] == predicted["plan"]
    assert {name: (one["running"], one["wanted"]) for name, one in made["services"].items()} == {
        "web1": (1, 1),
        "web2": (1, 1),
    }
    web.engine.calls.clear()
    assert not web(web.definition())["changed"]
    assert len(web.engine.calls) == 4, "one list a kind"
    changed = web(web.definition(environment={"A": "1"}, hostname="h"))
    assert changed["plan"] == ['update service "web1": hostname, env', 'update service "web2": hostname, env']
    assert not web(web.definition(environment={"A": "1"}, hostname="h"))["changed"]
    assert web(web.definition())["changed"], "what a definition no longer says has the server's default again"
    assert not web(web.definition(), check_mode=True)["changed"]


def test_what_runs_once_beside_what_runs_on_does_not_fail_the_stack(web: Stack) -> None:
    wanted = web.definition(services=1)
    once = {"restart_policy": {"condition": "on-failure", "delay": "0s"}}
    wanted["services"]["web2"] = {"image": web.image, "command": "/bin/true", "networks": ["inner"], "deploy": once}
    made = web(wanted, wait_timeout=25)
    assert made["services"]["web2"] | {"id": ""} == {
        "id": "", "changed": True, "running": 0, "wanted": 1, "completed": 1
    }  # fmt: skip
    again = web(wanted)
    assert (again["changed"], again["services"]["web2"]["completed"]) == (False, 1)


def test_a_label_does_not_restart_tasks(web: Stack) -> None:
    web(web.definition())
    before = {task["ID"] for task in web.engine.call("GET", "/tasks")}
    deploy = {**web.definition()["services"]["web1"]["deploy"], "labels": {"a": "b"}}
    assert web(web.definition(deploy=deploy))["changed"]
    assert {task["ID"] for task in web.engine.call("GET", "/tasks")} == before


def test_a_changed_secret_is_a_new_version(web: Stack) -> None:
    web(web.definition())
    other = {**SECRETS, "password": "battery staple"}
    changed = web(web.definition(), secret_data=other)
    assert changed["plan"][0] == 'create secret "web-password_v2": its content changed'
    assert changed["plan"][-1] == 'remove secret "web-password"'
    assert "battery" not in str(changed)
    assert not web(web.definition(), secret_data=other)["changed"]
    secrets = [one for one in web.engine.call("GET", "/secrets") if one["Spec"]["Name"].startswith("web")]
    assert {one["Spec"]["Name"] for one in secrets} == {"web-user", "web-password_v2"}
    assert "battery" not in str(secrets)


def test_a_failing_update_says_why(web: Stack) -> None:
    web(web.definition())
    with pytest.raises(OverlayError, match=r'service "web[12]": its update is paused.*non-zero exit \(1\)'):
        web(web.definition("/bin/false"))
    with pytest.raises(OverlayError, match="its update is paused"):
        web(web.definition("/bin/false"))
    assert web(web.definition())["changed"]


def test_one_after_another_stops_at_the_first_failure(web: Stack) -> None:
    web(web.definition())
    with pytest.raises(OverlayError, match='service "web1"'):
        web(web.definition("/bin/false"), serial=1)
    live = rollout.services(web.engine)
    assert live["web2"]["Spec"]["TaskTemplate"]["ContainerSpec"]["Args"] == ["/bin/sleep", "1000"]
    web(web.definition(), serial=1)


def test_a_service_that_cannot_start_is_named_at_the_deadline(web: Stack) -> None:
    with pytest.raises(WaitTimeout, match=r'service "web1": [01] of 1 running; task 1 on node .* failed: .*exit \(1\)'):
        web(web.definition("/bin/false", services=1), wait_timeout=6)


def test_prune(web: Stack) -> None:
    web(web.definition())
    kept = web(web.definition(services=1))
    assert "prune: true removes it" in kept["warnings"][0]
    pruned = web(web.definition(services=1), prune=True)
    assert pruned["plan"] == ['remove service "web2"']


def test_refusals_come_before_any_change(web: Stack) -> None:
    web(web.definition(services=1))
    wrong = web.definition(services=2, deploy={"mode": "global"})
    wrong["networks"]["inner"]["internal"] = True
    wrong["services"]["web2"]["networks"] = ["theirs"]
    wrong["networks"]["theirs"] = {"external": True}
    with pytest.raises(InputError) as caught:
        web(wrong, secret_data={"user": "x", "unknown": "y"})
    said = "\n".join(caught.value.violations)
    for part in (
        "mode cannot be changed from replicated to global",
        'network "web-net": internal is False, wanted True',
        'network "theirs" is external but does not exist',
        'secret "password" has no content',
        'option "secret_data" has "unknown"',
    ):
        assert part in said
    assert list(rollout.services(web.engine)) == ["web1"]


def test_a_service_of_somebody_else_is_not_taken_over(web: Stack) -> None:
    theirs = web.engine.call("POST", "/services/create", {
        "Name": "web1", "TaskTemplate": {"ContainerSpec": {"Image": web.image}},
        "Mode": {"Replicated": {"Replicas": 0}}})  # fmt: skip
    with pytest.raises(InputError, match='it exists and is not part of stack "web"'):
        web(web.definition())
    rollout.remove(web.engine, theirs["ID"])


def test_an_update_of_somebody_else_in_between_is_read_again(web: Stack) -> None:
    web(web.definition(services=1))
    stale = rollout.services(web.engine)["web1"]
    refs = rollout.references(web.engine, ["network", "secret"])
    rollout.update(web.engine, stale, {"hostname": "first"}, refs)
    rollout.update(web.engine, stale, {"stop_signal": "SIGINT"}, refs)
    container = rollout.services(web.engine)["web1"]["Spec"]["TaskTemplate"]["ContainerSpec"]
    assert (container["Hostname"], container["StopSignal"]) == ("first", "SIGINT")


@pytest.mark.parametrize(("mode", "wanted"), [("replicated-job", 2), ("global-job", 1), ("global", 1)])
def test_other_modes_converge_and_go(swarm_engine: Engine, image: str, mode: str, wanted: int) -> None:
    params: dict[str, Any] = dict.fromkeys(fields.spec(TABLE))
    params.update(
        name=f"mode-{mode}", image=image, mode=mode, state="present", env_files=None, force_update=False,
        networks_state="replace", networks_to_remove=None, rollback=False,
        with_registry_auth=False, wait=True, wait_timeout=30, update_config={"monitor": "1s"},
        command="/bin/true" if "job" in mode else "/bin/sleep 1000", stop_grace_period="1s",
    )  # fmt: skip
    if "job" in mode:
        params.update(restart_config={"condition": "on-failure"}, update_config=None)
    if mode == "replicated-job":
        params.update(max_concurrent=2, total_completions=wanted)
    assert service_state.run(swarm_engine, params, False)["changed"]
    again = service_state.run(swarm_engine, params, False)
    assert not again["changed"], again["diff"]
    assert service_state.run(swarm_engine, {**params, "state": "absent"}, False)["changed"]


def test_what_a_service_of_others_uses_stays_and_is_predicted_to(web: Stack) -> None:
    web(web.definition(services=1))
    used = {"networks": ["web-net"], "secrets": [{"secret_name": "web-user"}]}
    run_service(web.engine, name="stranger", **quick(web.image, **used))
    predicted = web(state="absent", check_mode=True)
    done = web(state="absent")
    assert predicted["plan"] == done["plan"] == ['remove service "web1"', 'remove secret "web-password"']
    assert predicted["warnings"] == done["warnings"]
    assert done["warnings"] == [
        f"{one} stays: a service that is not of the stack uses it" for one in ('secret "web-user"', 'network "web-net"')
    ]
    run_service(web.engine, name="stranger", state="absent")


def test_a_content_at_the_engine_s_limit_is_refused_before_anything_is_made(web: Stack) -> None:
    wanted = web.definition(services=1)
    wanted["services"]["web1"]["configs"] = ["big"]
    wanted["configs"] = {"big": {"name": "web-big", "content": "x" * 1000 * 1024}}
    with pytest.raises(InputError, match='config "web-big": 1024000 bytes; from 1 to 1023999 are possible'):
        web(wanted)
    assert "web-net" not in [one["Name"] for one in web.engine.call("GET", "/networks")]
    wanted["configs"]["big"]["content"] = "x" * 1023999
    assert 'create config "web-big"' in web(wanted)["plan"]


def test_a_stack_s_networks_are_refused_as_those_of_the_module_network(web: Stack) -> None:
    run_network(web.engine, name="taken", driver="overlay", ipam_config=[{"subnet": "10.66.0.0/16"}])
    for pool, said in (
        ({"subnet": "10.66.3.0/24"}, r'"networks.inner.ipam_config": 10.66.3.0/24 overlaps 10.66.0.0/16 of .*"taken"'),
        ({"subnet": "10.67.0.0"}, "10.67.0.0 is not a CIDR"),
        ({"subnet": "10.67.0.0/24", "gateway": "10.68.0.1"}, "10.68.0.1 is not in the subnet"),
    ):
        wanted = web.definition(services=1)
        wanted["networks"]["inner"]["ipam"] = {"config": [pool]}
        for more in ({"check_mode": True}, {"wait": False}, {}):
            with pytest.raises(InputError, match=said):
                web(wanted, **more)
    assert "web-net" not in [one["Name"] for one in web.engine.call("GET", "/networks")]
    run_network(web.engine, name="taken", state="absent")


def test_a_subnet_that_is_too_small_is_counted_out(web: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = web.definition(services=1, deploy={"replicas": 6, "endpoint_mode": "vip"})
    wanted["networks"]["inner"]["ipam"] = {"config": [{"subnet": "10.90.0.0/29"}]}
    counted = r"10.90.0.0/29 has 5 addresses to give, and 8 \(6 for tasks, 1 for virtual IPs of services, 1 for nodes"
    for more in ({"check_mode": True}, {}):
        with pytest.raises(InputError, match=counted + r".*are needed; give it a larger subnet, at least a /28"):
            web(wanted, **more)
    monkeypatch.setattr(stack, "check_room", lambda *_given: None)
    with pytest.raises(WaitTimeout, match=r"of 6 running.*" + counted):
        web(wanted, wait_timeout=4)
    monkeypatch.undo()
    with pytest.raises(InputError, match=counted):
        run_service(web.engine, name="web1", env={"A": "1"})
    small = {**wanted["services"]["web1"], "deploy": {"replicas": 3}}
    web({**wanted, "services": {"web1": small}})
    with pytest.raises(InputError, match=r"10.90.0.0/29 has 5 addresses to give, and 7 .* 2 for virtual IPs"):
        run_service(web.engine, name="another", networks=["web-net"], **quick(web.image))
