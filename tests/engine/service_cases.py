# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of a service: a line an option."""

from __future__ import annotations

from typing import Any

from option_cases import Case

IMAGE, OTHER_IMAGE = "sha256:" + "0" * 64, "sha256:" + "1" * 64
NOWHERE = {"placement": {"constraints": ["node.labels.nowhere == 1"]}}
BIND = {"source": "/srv", "target": "/a"}
VOLUME = {"type": "volume", "source": "v", "target": "/a"}
TMPFS = {"type": "tmpfs", "target": "/a"}
SECRET, CONFIG = {"secret_name": "secret-one"}, {"config_name": "config-one"}
PORT = {"target_port": 9000, "published_port": 9000, "mode": "host"}
JOB = {"mode": "replicated-job", **NOWHERE}


def bools(**beside: Any) -> Case:
    return Case(True, False, False, beside)


CONTAINER = {
    "labels": Case({"a": "1", "b": "2"}, {"a": "1"}, {}, same=({"b": 2, "a": 1},)),
    "image": Case(IMAGE, OTHER_IMAGE, IMAGE),
    "container_labels": Case({"a": "1"}, {"a": "2"}, {}),
    "command": Case(["sleep", "1 2"], "sleep '1 2' 3", [], same=("sleep '1 2'",)),
    "args": Case(["a", "b"], ["b", "a"], []),
    "hostname": Case("one", "two", ""),
    "env": Case({"A": "1", "B": 2}, ["B=2", "A=x"], {}, same=(["B=2", "A=1"], "A=1,B=2")),
    "working_dir": Case("/srv", "/tmp", ""),
    "user": Case("9000:9000", "1", ""),
    "groups": Case(["1", "2"], ["2"], [], same=(["2", "1"],)),
    "init": Case(True, False, True),
    "stop_signal": Case("SIGINT", "SIGQUIT", ""),
    "tty": bools(),
    "stdin_open": bools(),
    "read_only": bools(),
    "stop_grace_period": Case("1m30s", "0s", "10s", same=("90s", "90000000000")),
    "hosts": Case(
        {"a": "10.0.0.1", "b": "10.0.0.2"}, {"a": "10.0.0.3"}, {}, same=({"b": "10.0.0.2", "a": "10.0.0.1"},)
    ),
    "dns": Case(["10.0.0.1", "10.0.0.2"], ["10.0.0.2", "10.0.0.1"], []),
    "dns_search": Case(["a.example", "b.example"], ["b.example"], []),
    "dns_options": Case(["ndots:1", "rotate"], ["ndots:2", "rotate"], [], same=(["rotate", "ndots:1"],)),
    "isolation": Case("process", "hyperv", "default"),
    "sysctls": Case(
        {"net.core.somaxconn": "1024"}, {"net.core.somaxconn": 2048}, {}, same=({"net.core.somaxconn": 1024},)
    ),
    "cap_add": Case(["NET_ADMIN", "CAP_SYS_TIME"], ["net_admin"], [], same=(["cap_sys_time", "CAP_NET_ADMIN"],)),
    "cap_drop": Case(["ALL"], ["CAP_KILL"], [], same=(["all"],)),
    "ulimits": Case(
        ["nofile=1024:2048", {"name": "core", "soft": 0, "hard": 0}],
        [{"name": "nofile", "soft": 1024, "hard": 1024}],
        [],
        same=(["core=0", {"name": "nofile", "soft": 1024, "hard": 2048}],),
    ),
    "ulimits.name": Case("nofile", "nproc", "nofile", {"soft": 64, "hard": 64}),
    "ulimits.soft": Case(32, 64, 0, {"name": "nofile", "hard": 64}),
    "ulimits.hard": Case(64, 128, 0, {"name": "core", "soft": 0}),
    "oom_score_adj": Case(100, -100, 0),
    "healthcheck": Case({"test": "true", "interval": "30s", "retries": 3}, {"test": ["NONE"], "interval": "0s"}, {}),
    "healthcheck.test": Case(["CMD", "a", "b"], "a b", []),
    "healthcheck.interval": Case("30s", "1m", "0s", same=("30000ms",)),
    "healthcheck.timeout": Case("30s", "1m", "0s"),
    "healthcheck.start_period": Case("30s", "1m", "0s"),
    "healthcheck.start_interval": Case("30s", "1m", "0s"),
    "healthcheck.retries": Case(3, 5, 0),
}
PRIVILEGES = {
    "privileges": Case({"selinux_context": {"user": "u", "role": "r"}}, {"selinux_context": {"disable": True}}, {}),
    "privileges.credential_spec": Case({"file": "a.json"}, {"file": "b.json"}, {}),
    "privileges.credential_spec.config": Case(
        "config-one", "config-two", "config-one",
        {"configs": [{"config_name": f"config-{one}", "target": "runtime"} for one in ("one", "two")]},
    ),
    "privileges.credential_spec.file": Case("a.json", "b.json", ""),
    "privileges.credential_spec.registry": Case("a", "b", ""),
    "privileges.selinux_context": Case({"level": "s0"}, {"level": "s1", "type": "t"}, {}),
    "privileges.selinux_context.disable": bools(),
    "privileges.selinux_context.user": Case("a", "b", ""),
    "privileges.selinux_context.role": Case("a", "b", ""),
    "privileges.selinux_context.type": Case("a", "b", ""),
    "privileges.selinux_context.level": Case("s0", "s1", ""),
    "privileges.seccomp": Case({"mode": "unconfined"}, {"mode": "custom", "profile": "{}"}, {}),
    "privileges.seccomp.mode": Case("unconfined", "default", "default"),
    "privileges.seccomp.profile": Case('{"a": 1}', "{}", '{"a": 1}'),
    "privileges.apparmor": Case({"mode": "disabled"}, {"mode": "default"}, {"mode": "default"}),
    "privileges.apparmor.mode": Case("disabled", "default", "default"),
    "privileges.no_new_privileges": bools(),
}  # fmt: skip
MOUNTS = {
    "mounts": Case(
        [
            {"source": "/srv", "target": "/drives", "propagation": "rslave"},
            {"type": "tmpfs", "target": "/tmp", "tmpfs_size": "64M", "tmpfs_mode": 0o1777},
            {"type": "volume", "source": "v", "target": "/v", "labels": {"a": "b"}, "no_copy": True},
        ],
        [
            {"source": "/srv", "target": "/drives", "propagation": "rprivate", "readonly": True},
            {"type": "volume", "source": "v", "target": "/v", "driver_config": {"name": "l", "options": {"o": "1"}}},
        ],
        [],
    ),
    "mounts.source": Case("/srv", "/var", "/srv", {"target": "/a"}),
    "mounts.target": Case("/a", "/b", "/a", {"source": "/srv"}),
    "mounts.type": Case("volume", "bind", "bind", {"source": "/srv", "target": "/a"}),
    "mounts.type of a cluster volume": Case(
        "cluster", "volume", "cluster", {"source": "v", "target": "/a"}, since=(1, 42)
    ),
    "mounts.type of a pipe": Case("npipe", "volume", "npipe", {"source": r"\\.\pipe\a", "target": r"\\.\pipe\a"}),
    "mounts.type of an image": Case("image", "volume", "image", {"source": "v", "target": "/a"}, since=(1, 48)),
    "mounts.readonly": bools(**BIND),
    "mounts.consistency": Case("cached", "delegated", "default", BIND, shown=False),
    "mounts.labels": Case({"a": "1"}, {"a": 2}, {}, VOLUME),
    "mounts.propagation": Case("rslave", "shared", "rprivate", BIND),
    "mounts.non_recursive": bools(**BIND),
    # Debian's 26.1 has them for containers and loses them for services.
    "mounts.create_mountpoint": Case(True, False, False, BIND, lost=((1, 45),)),
    "mounts.read_only_non_recursive": Case(True, False, False, {**BIND, "readonly": True}, lost=((1, 45),)),
    "mounts.read_only_force_recursive": Case(True, False, False, {**BIND, "readonly": True}, lost=((1, 45),)),
    "mounts.no_copy": bools(**VOLUME),
    "mounts.subpath": Case("a", "b", "", VOLUME),
    "mounts.driver_config": Case({"name": "local"}, {"name": "local", "options": {"o": "1"}}, {}, VOLUME),
    "mounts.driver_config.name": Case("local", "other", "", VOLUME),
    "mounts.driver_config.options": Case({"o": "1"}, {"o": 2}, {}, VOLUME),
    "mounts.image_subpath": Case("a", "b", "", {"type": "image", "source": IMAGE, "target": "/a"}),
    "mounts.tmpfs_size": Case("64M", "1G", "0", TMPFS, same=("65536K", "67108864")),
    "mounts.tmpfs_mode": Case(0o1777, 0o700, 0, TMPFS),
    "mounts.tmpfs_options": Case([["exec"], ["uid", "1"]], [["exec"]], [], TMPFS, same=([["uid", "1"], ["exec"]],)),
}


def files(kind: str, beside: dict[str, Any]) -> dict[str, Case]:
    return {
        f"{kind}s.{kind}_name": Case(f"{kind}-one", f"{kind}-two", f"{kind}-one"),
        f"{kind}s.{kind}_id": Case(f"<{kind}-one>", f"<{kind}-one>", f"<{kind}-one>", beside),
        f"{kind}s.filename": Case("a", "b", f"{kind}-one", beside),
        f"{kind}s.uid": Case("9000", "1", "0", beside),
        f"{kind}s.gid": Case("9000", "1", "0", beside),
        f"{kind}s.mode": Case(0o400, 0o440, 0o444, beside),
    }


FILES = {
    "secrets": Case(
        [{**SECRET, "mode": 0o400, "uid": "9000"}], [{**SECRET, "filename": "x"}, {"secret_name": "secret-two"}], []
    ),
    **files("secret", SECRET),
    "configs": Case(
        [{**CONFIG, "filename": "/etc/one", "gid": "7"}], [{"config_name": "config-two", "filename": "/etc/one"}], []
    ),
    **files("config", CONFIG),
    "configs.target": Case("runtime", "file", "file", CONFIG),
}
TASK = {
    "limits": Case({"cpus": 0.5, "memory": "64M", "pids": 100}, {"cpus": 0, "memory": "128M"}, {}),
    "limits.cpus": Case(0.5, 2, 0),
    "limits.memory": Case("64M", "1G", "0", same=("65536K", "67108864")),
    "limits.pids": Case(100, 200, 0),
    "reservations": Case({"cpus": 0.25, "memory": "32M"}, {"memory": "0", "generic_resources": ["gpu=3"]}, {}),
    "reservations.cpus": Case(0.5, 2, 0),
    "reservations.memory": Case("64M", "1G", "0"),
    "reservations.generic_resources": Case(
        ["gpu=2", "fpga=one"], ["gpu=3"], [], same=(["fpga=one", {"kind": "gpu", "value": 2}],)
    ),
    "swap_bytes": Case("64M", "0", "64M"),
    "memory_swappiness": Case(10, 0, 10),
    "restart_config": Case(
        {"condition": "on-failure", "delay": "1s", "max_attempts": 3, "window": "1m"}, {"delay": "0s"}, {}
    ),
    "restart_config.condition": Case("none", "on-failure", "any"),
    "restart_config.delay": Case("1s", "0s", "5s"),
    "restart_config.max_attempts": Case(3, 5, 0),
    "restart_config.window": Case("1m", "2m", "0s"),
    "placement": Case(
        {"constraints": ["node.role==manager"], "replicas_max_per_node": 2},
        {"platforms": [{"os": "linux"}]},
        {},
    ),
    "placement.constraints": Case(
        ["node.role==manager", "node.id != x"],
        ["node.id != y"],
        [],
        same=(["node.id!=x", "node.role == manager"],),
    ),
    "placement.preferences": Case([{"spread": "node.labels.a"}, {"spread": "node.id"}], [{"spread": "node.id"}], []),
    "placement.preferences.spread": Case("node.labels.a", "node.labels.b", "node.labels.a"),
    "placement.replicas_max_per_node": Case(2, 3, 0),
    "placement.platforms": Case(
        [{"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "arm64"}], [{"os": "linux"}], []
    ),
    "placement.platforms.os": Case("linux", "windows", ""),
    "placement.platforms.architecture": Case("amd64", "arm64", ""),
    "networks": Case(["net-one", {"name": "net-two", "aliases": ["x"]}], [{"name": "net-two"}], []),
    "networks.name": Case("net-one", "net-two", "net-one"),
    "networks.aliases": Case(["x", "y"], ["x"], [], {"name": "net-one"}, same=(["y", "x"],)),
    "networks.options": Case({"a": "1"}, {"a": 2}, {}, {"name": "net-one"}),
    "logging": Case({"driver": "json-file", "options": {"max-size": "10m"}}, {"driver": "none", "options": {}}, {}),
    "logging.driver": Case("json-file", "none", ""),
    "logging.options": Case({"max-file": 3}, {"max-file": "4"}, {}, {}, same=({"max-file": "3"},)),
}
MODES = {
    "mode": Case("global", "replicated", "replicated", NOWHERE),
    "mode of a job": Case("replicated-job", "global-job", "replicated", NOWHERE, since=(1, 41)),
    "replicas": Case(0, 2, 1, NOWHERE),
    "max_concurrent": Case(2, 3, 1, JOB),
    "total_completions": Case(2, 3, 1, JOB),
}


def updates(name: str) -> dict[str, Case]:
    return {
        name: Case({"parallelism": 0, "delay": "10s", "order": "start-first"}, {"delay": "0s", "monitor": "1m"}, {}),
        f"{name}.parallelism": Case(0, 2, 1),
        f"{name}.delay": Case("10s", "1m", "0s"),
        f"{name}.failure_action": Case("continue", "rollback", "pause"),
        f"{name}.monitor": Case("1m", "1s", "0s"),
        f"{name}.max_failure_ratio": Case(0.25, 0.3, 0),
        f"{name}.order": Case("start-first", "stop-first", "stop-first"),
    }


ENDPOINT = {
    **updates("update_config"),
    **updates("rollback_config"),
    "endpoint_mode": Case("dnsrr", "vip", "vip"),
    "publish": Case([PORT, {"target_port": 53, "protocol": "udp", "name": "dns"}], [{**PORT, "mode": "ingress"}], []),
    "publish.name": Case("a", "b", "", PORT),
    "publish.published_port": Case(9000, 9001, 9000, {"target_port": 9000}),
    "publish.target_port": Case(9000, 9001, 9000, {"published_port": 9000}),
    "publish.protocol": Case("udp", "sctp", "tcp", PORT),
    "publish.mode": Case("host", "ingress", "ingress", {"target_port": 9000, "published_port": 9000}),
}
CASES: dict[str, Case] = {**CONTAINER, **PRIVILEGES, **MOUNTS, **FILES, **TASK, **MODES, **ENDPOINT}
