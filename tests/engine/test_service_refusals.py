# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Engine refuses of a service is refused by a prediction as well, by the same sentence as in the real run."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import EngineError, InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import rollout, service_state
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.service import TABLE
from ansible_collections.baremetal.overlay.plugins.modules import service as module

IMAGE = "sha256:" + "0" * 64
PORT = {"target_port": 80, "published_port": 8080}
# Options, and how the sentence begins that refuses them.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "cpus": ({"limits": {"cpus": 0.0001}}, 'option "limits.cpus": 0.0001 is below 0.001'),
    "memory": ({"reservations": {"memory": "1M"}}, 'option "reservations.memory": 1048576 bytes is below 4M'),
    "no memory": ({"limits": {"memory": "-1"}}, 'option "limits.memory": -1 bytes is below 4M'),
    "interval": ({"healthcheck": {"test": "true", "interval": "1us"}}, 'option "healthcheck.interval": 1000 ns'),
    "start period": ({"healthcheck": {"test": "true", "start_period": "1"}}, 'option "healthcheck.start_period": 1 ns'),
    "constraint": (
        {"placement": {"constraints": ["node.role=manager"]}},
        'option "placement.constraints": "node.role=',
    ),
    "empty constraint": ({"placement": {"constraints": ["node.id =="]}}, 'option "placement.constraints": "node.id'),
    "value of a constraint": ({"placement": {"constraints": ["node.id==a,b"]}}, 'option "placement.constraints"'),
    "image": ({"image": "foo/Bar"}, 'option "image": "foo/Bar" is not the name of an image'),
    "tag": ({"image": "foo:"}, 'option "image": "foo:" is not the name of an image'),
    "name": ({"name": "a.b"}, 'option "name": "a.b" is no name for a service'),
    "a port twice": (
        {"publish": [PORT, {**PORT, "target_port": 81, "mode": "host"}]},
        'option "publish": port 8080/tcp is published 2 times',
    ),
    "an ingress port without a balancer": (
        {"publish": [PORT], "endpoint_mode": "dnsrr"},
        'option "publish": a port in mode ingress needs endpoint_mode vip',
    ),
    "a file twice": (
        {"secrets": [{"secret_name": name, "filename": "f"} for name in ("refused-1", "refused-2")]},
        'option "secrets": refused-1, refused-2 have the file "f"',
    ),
    "credentials": (
        {"privileges": {"credential_spec": {"file": "a", "registry": "b"}}},
        'option "privileges.credential_spec" has file and registry',
    ),
    "a job that is updated": (
        {"mode": "replicated-job", "replicas": None, "update_config": {"parallelism": 2}},
        'option "update_config" is not for a job',
    ),
    "a port of another service": ({"publish": [{**PORT, "published_port": 8090}]}, 'option "publish": port 8090/tcp'),
    "a host's port of another service": (
        {"publish": [{**PORT, "published_port": 8090, "mode": "host"}]},
        'option "publish": port 8090/tcp is published by service "holder"',
    ),
}
# What the module's own rows refuse, so that the Engine is never asked.
MISSING = {
    "network": ({"networks": ["nowhere"]}, 'option "networks[nowhere].name": network "nowhere" does not exist'),
    "secret": ({"secrets": [{"secret_name": "none"}]}, 'option "secrets[none].secret_name": secret "none" does not'),
    "config": ({"configs": [{"config_name": "none"}]}, 'option "configs[none].config_name": config "none" does not'),
    "replicas": ({"replicas": -5}, 'option "replicas": -5 is below 0; give 0 or more'),
    "ratio": (
        {"update_config": {"max_failure_ratio": 2.0}},
        'option "update_config.max_failure_ratio": 2.0 is above 1',
    ),
    "aliases": ({"networks": [{"name": "ingress", "aliases": {"a": 1}}]}, 'option "networks[0].aliases" is a mapping'),
    "all at once": (
        {"networks": ["nowhere"], "configs": [{"config_name": "none"}]},
        'option "networks[nowhere].name": network "nowhere" does not exist',
    ),
}


def run(engine: Engine, check_mode: bool, **options: Any) -> dict[str, Any]:
    defaults = {name: one.get("default") for name, one in module.SPEC.items()}
    given = {**defaults, "name": "refused", "image": IMAGE, "replicas": 0, "wait": False, **options}
    return service_state.run(engine, copy.deepcopy(given), check_mode)


@pytest.fixture(scope="module")
def cluster(swarm_engine: Engine) -> Iterator[Engine]:
    for name in ("refused-1", "refused-2"):
        swarm_engine.call("POST", "/secrets/create", {"Name": name, "Data": "eA=="})
    run(swarm_engine, False, name="holder", publish=[{**PORT, "published_port": 8090}])
    yield swarm_engine
    run(swarm_engine, False, name="holder", state="absent")


@pytest.mark.parametrize("case", REFUSED)
def test_a_prediction_refuses_what_the_engine_refuses(cluster: Engine, case: str) -> None:
    options, sentence = REFUSED[case]
    for check_mode in (True, False):
        with pytest.raises(InputError) as refused:
            run(cluster, check_mode, **options)
        assert [one for one in refused.value.violations if one.startswith(sentence)], refused.value.violations
    given = {"name": "refused", "image": IMAGE, "replicas": 0, **options}
    want = fields.build(TABLE, {key: one for key, one in given.items() if one is not None})
    body = fields.merge(TABLE, None, want, rollout.references(cluster, ("network", "secret", "config")))
    with pytest.raises(EngineError):
        cluster.call("POST", "/services/create", body)


@pytest.mark.parametrize("case", MISSING)
def test_a_prediction_refuses_what_the_real_run_refuses(cluster: Engine, case: str) -> None:
    options, sentence = MISSING[case]
    said = []
    for check_mode in (True, False):
        with pytest.raises(InputError) as refused:
            run(cluster, check_mode, **options)
        said.append(refused.value.violations)
    assert said[0] == said[1] and said[0][0].startswith(sentence)
    assert len(said[0]) == (2 if case == "all at once" else 1)


def test_replicas_in_each_mode(cluster: Engine) -> None:
    """As docker_swarm_service takes them."""
    job = {"name": "job", "mode": "replicated-job", "placement": {"constraints": ["node.labels.nowhere == 1"]}}
    made = run(cluster, False, **job, replicas=3)
    assert made["swarm_service"]["Spec"]["Mode"]["ReplicatedJob"]["TotalCompletions"] == 3
    assert not run(cluster, False, **job, replicas=3)["changed"]
    assert not run(cluster, False, **job, replicas=-1)["changed"]
    with pytest.raises(InputError, match=r"replicas.*is the number of completions.*total_completions says 2"):
        run(cluster, True, **job, replicas=3, total_completions=2)
    everywhere = {**job, "mode": "global", "name": "everywhere"}
    made = run(cluster, False, **everywhere, replicas=1)
    assert made["warnings"] == [
        'option "replicas" says nothing in mode global, in which one task runs on each node; leave it out'
    ]
    assert "Global" in made["swarm_service"]["Spec"]["Mode"]
    assert not run(cluster, False, **everywhere, replicas=1)["changed"]
    for name in ("job", "everywhere"):
        run(cluster, False, name=name, state="absent")


def test_tasks_that_are_replaced_for_no_other_reason_are_in_the_diff(cluster: Engine) -> None:
    run(cluster, False, name="forced")
    for count in (1, 2):
        for check_mode in (True, False):
            forced = run(cluster, check_mode, name="forced", force_update=True)
            assert forced["changes"] == ["force_update"]
            assert forced["diff"] == {"before": {"force_update": count - 1}, "after": {"force_update": count}}
            assert forced["swarm_service"]["Spec"]["TaskTemplate"]["ForceUpdate"] == count
    run(cluster, False, name="forced", state="absent")


def test_no_files_of_variables_are_no_variables(cluster: Engine) -> None:
    run(cluster, False, name="emptied", env={"A": "1"})
    emptied = run(cluster, False, name="emptied", env_files=[])
    assert emptied["diff"] == {"before": {"env": ["A=1"]}, "after": {"env": []}}
    assert "Env" not in emptied["swarm_service"]["Spec"]["TaskTemplate"]["ContainerSpec"]
    run(cluster, False, name="emptied", state="absent")
