# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a service on a real engine: set, again, changed, again, emptied, again; refused where too new."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields, versions
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.rows import Field, OneOf
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import rollout, service_state
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.service import MODE, TABLE

IMAGE = "sha256:" + "0" * 64
# option: one value, another one, the value that empties it
CASES: dict[str, tuple[Any, Any, Any]] = {
    "labels": ({"a": "1", "b": "2"}, {"a": "1"}, {}),
    "image": (IMAGE, "sha256:" + "1" * 64, IMAGE),
    "container_labels": ({"a": "1"}, {"a": "2"}, {}),
    "command": (["sleep", "1 2"], "sleep '1 2' 3", []),
    "args": (["a", "b"], ["b", "a"], []),
    "hostname": ("one", "two", ""),
    "env": ({"A": "1", "B": 2}, ["B=2", "A=x"], {}),
    "working_dir": ("/srv", "/tmp", ""),
    "user": ("9000:9000", "1", ""),
    "groups": (["1", "2"], ["2"], []),
    "privileges": (
        {"selinux_context": {"user": "u", "role": "r"}},
        {"selinux_context": {"disable": True}},
        {"selinux_context": {}},
    ),
    "init": (True, False, True),
    "stop_signal": ("SIGINT", "SIGQUIT", ""),
    "tty": (True, False, False),
    "stdin_open": (True, False, False),
    "read_only": (True, False, False),
    "mounts": (
        [
            {"source": "/srv", "target": "/drives", "propagation": "rslave"},
            {"type": "tmpfs", "target": "/tmp", "tmpfs_size": "64M", "tmpfs_mode": 0o1777},
            {"type": "volume", "source": "v", "target": "/v", "labels": {"a": "b"}, "no_copy": True},
        ],
        [
            {"source": "/srv", "target": "/drives", "propagation": "rprivate", "readonly": True},
            {
                "type": "volume",
                "source": "v",
                "target": "/v",
                "driver_config": {"name": "local", "options": {"o": "1"}},
            },
        ],
        [],
    ),
    "stop_grace_period": ("1m30s", "0s", "10s"),
    "healthcheck": (
        {"test": "true", "interval": "30s", "timeout": "3s", "retries": 3, "start_period": "1m"},
        {"test": ["NONE"], "interval": "0s"},
        {},
    ),
    "hosts": ({"a": "10.0.0.1", "b": "10.0.0.2"}, {"a": "10.0.0.3"}, {}),
    "dns": (["10.0.0.1", "10.0.0.2"], ["10.0.0.2"], []),
    "dns_search": (["a.example", "b.example"], ["b.example"], []),
    "dns_options": (["ndots:1"], ["ndots:2", "rotate"], []),
    "secrets": (
        [{"secret_name": "secret-one", "mode": 0o400, "uid": "9000"}],
        [{"secret_name": "secret-one", "filename": "other"}, {"secret_name": "secret-two"}],
        [],
    ),
    "configs": (
        [{"config_name": "config-one", "filename": "/etc/one", "gid": "7"}],
        [{"config_name": "config-two", "filename": "/etc/one", "mode": 0o400}],
        [],
    ),
    "isolation": ("process", "default", "default"),
    "sysctls": ({"net.core.somaxconn": "1024"}, {"net.core.somaxconn": "2048"}, {}),
    "cap_add": (["NET_ADMIN", "CAP_SYS_TIME"], ["net_admin"], []),
    "cap_drop": (["ALL"], ["CAP_KILL"], []),
    "ulimits": (
        ["nofile=1024:2048", {"name": "core", "soft": 0, "hard": 0}],
        [{"name": "nofile", "soft": 1024, "hard": 1024}],
        [],
    ),
    "oom_score_adj": (100, -100, 0),
    "limits": ({"cpus": 0.5, "memory": "64M", "pids": 100}, {"cpus": 0, "memory": "128M"}, {}),
    "reservations": (
        {"cpus": 0.25, "memory": "32M", "generic_resources": ["gpu=2", "fpga=one"]},
        {"memory": "0", "generic_resources": [{"kind": "gpu", "value": 3}]},
        {},
    ),
    "swap_bytes": ("64M", "0", None),
    "memory_swappiness": (10, 20, None),
    "restart_config": (
        {"condition": "on-failure", "delay": "1s", "max_attempts": 3, "window": "1m"},
        {"delay": "0s", "condition": "any"},
        {},
    ),
    "placement": (
        {
            "constraints": ["node.role==manager"],
            "preferences": [{"spread": "node.labels.rack"}],
            "platforms": [{"os": "linux", "architecture": "amd64"}],
            "replicas_max_per_node": 2,
        },
        {"constraints": ["node.role != worker", "node.labels.a == 1"], "preferences": [], "replicas_max_per_node": 0},
        {},
    ),
    "networks": (
        ["net-one", {"name": "net-two", "aliases": ["x", "y"]}],
        [{"name": "net-two", "aliases": ["x"], "options": {"a": "b"}}],
        [],
    ),
    "logging": (
        {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
        {"driver": "json-file", "options": {"max-size": "20m"}},
        {},
    ),
    "update_config": (
        {
            "parallelism": 0,
            "delay": "10s",
            "failure_action": "rollback",
            "monitor": "1m",
            "max_failure_ratio": 0.25,
            "order": "start-first",
        },
        {"parallelism": 2, "delay": "0s", "max_failure_ratio": 0},
        {},
    ),
    "rollback_config": (
        {"parallelism": 2, "delay": "10s", "failure_action": "continue", "monitor": "1m"},
        {"delay": "0s"},
        {},
    ),
    "endpoint_mode": ("dnsrr", "vip", "vip"),
    "publish": (
        [
            {"target_port": 9000, "published_port": 9000, "mode": "host"},
            {"target_port": 53, "protocol": "udp", "name": "dns"},
        ],
        [{"target_port": 9000, "published_port": 9000, "mode": "ingress"}],
        [],
    ),
    "replicas": (0, 2, 1),
}
TOO_NEW = {
    "mounts.create_mountpoint": {"mounts": [{"source": "/srv", "target": "/a", "create_mountpoint": True}]},
    "healthcheck.start_interval": {"healthcheck": {"test": "true", "start_interval": "1s"}},
    "privileges.no_new_privileges": {"privileges": {"no_new_privileges": True}},
}


class Service:
    """The module as the controller calls it, without Ansible around it."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine, self.name = engine, name

    def __call__(self, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        params = dict.fromkeys(fields.spec(TABLE))
        params.update(
            name=self.name, state="present", env_files=None, networks_state="replace",
            networks_to_remove=None, force_update=False, rollback=False, resolve_image=False,
            with_registry_auth=False, wait=False, wait_timeout=30,
        )  # fmt: skip
        return service_state.run(self.engine, {**params, **options}, check_mode)

    def spec(self) -> Any:
        return rollout.services(self.engine)[self.name]["Spec"]


@pytest.fixture(scope="module")
def cluster(swarm_engine: Engine) -> Engine:
    for name in ("one", "two"):
        swarm_engine.call("POST", "/networks/create", {"Name": f"net-{name}", "Driver": "overlay"})
        for kind in ("secret", "config"):
            swarm_engine.call("POST", f"/{kind}s/create", {"Name": f"{kind}-{name}", "Data": "eA=="})
    return swarm_engine


def test_every_option_has_a_case() -> None:
    options = {row.name for row in TABLE if isinstance(row, Field)} - {"name"}
    assert options <= set(CASES), "an option without a case is an option nobody tried"


@pytest.mark.parametrize("option", CASES)
def test_option(cluster: Engine, option: str) -> None:
    service = Service(cluster, f"option-{option.replace('_', '-')}")
    first, second, empty = CASES[option]
    base: dict[str, Any] = {"image": IMAGE, "placement": {"constraints": ["node.labels.nowhere == 1"]}}
    options = {**base, option: first}
    too_new = versions.gate(TABLE, fields.build(TABLE, {option: first}), cluster.api_version)
    if too_new:
        with pytest.raises(Exception, match="needs Engine API"):
            service(**options)
        return
    assert service(**options)["changed"]
    for number, value in enumerate((first, second, empty)):
        before = service.spec()
        predicted = service(check_mode=True, **{option: value})
        if number:
            done = service(**{option: value})
            assert done["changed"] == predicted["changed"] == (before != service.spec())
            assert fields.read(TABLE, predicted["swarm_service"]["Spec"]) == fields.read(TABLE, service.spec())
        again = service(**{option: value})
        assert not again["changed"], again["diff"]
    service(state="absent")


@pytest.mark.parametrize("option", TOO_NEW)
def test_a_field_that_the_engine_would_drop_is_refused(cluster: Engine, option: str) -> None:
    row = next(row for path, row in fields.walk(TABLE) if row.name == option.rpartition(".")[2])
    assert isinstance(row, Field)
    if row.since and cluster.api_version >= row.since:
        pytest.skip("this engine knows it")
    with pytest.raises(Exception, match=f'option "{option.partition(".")[0]}.*needs Engine API'):
        Service(cluster, "too-new")(image=IMAGE, **TOO_NEW[option])
    assert "too-new" not in rollout.services(cluster)


def test_a_partial_update_keeps_what_is_not_named(cluster: Engine) -> None:
    service = Service(cluster, "partial")
    given = {option: first for option, (first, _second, _empty) in CASES.items() if option != "init"}
    usable = {
        option: value
        for option, value in given.items()
        if not versions.gate(TABLE, fields.build(TABLE, {option: value}), cluster.api_version)
    }
    usable.update(endpoint_mode="vip", placement={"constraints": ["node.labels.nowhere == 1"]})
    service(**usable)
    before = service.spec()
    assert service(hostname="other")["changes"] == ["hostname"]
    after = service.spec()
    assert after["TaskTemplate"]["ContainerSpec"].pop("Hostname") == "other"
    before["TaskTemplate"]["ContainerSpec"].pop("Hostname")
    assert before == after
    service(state="absent")


@pytest.mark.parametrize("mode", [mode for mode in MODE.arms if mode != "replicated"])
def test_a_mode_is_changed_by_making_the_service_anew(cluster: Engine, mode: str) -> None:
    assert isinstance(MODE, OneOf)
    service = Service(cluster, f"mode-{mode}")
    service(image=IMAGE, hostname="kept", placement={"constraints": ["node.labels.nowhere == 1"]})
    assert service(mode=mode)["rebuilt"]
    assert not service(mode=mode)["changed"]
    assert service.spec()["TaskTemplate"]["ContainerSpec"]["Hostname"] == "kept"
    service(state="absent")
