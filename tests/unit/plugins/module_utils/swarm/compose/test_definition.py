# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose definitions become what ``docker stack deploy`` makes of them; nothing in them is lost without a word."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.rows import Refs
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose.definition import (
    Definition,
    Given,
    Namespace,
    convert,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose.merge import merge_definitions
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose.names import impossible
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose.service import SERVICE
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.service import TABLE

TOP = {
    "networks": {"net": {"external": True}},
    "volumes": {"data": {"driver_opts": {"o": "size=1g"}}, "given": {"external": True, "name": "theirs"}},
    "secrets": {"password": {"file": "/etc/password"}},
    "configs": {"settings": {"content": "x"}},
}


def made(prefix: bool = True, **service: Any) -> dict[str, Any]:
    """The ServiceSpec of one service."""
    definition = convert([{**TOP, "services": {"web": {"image": "i", **service}}}], Namespace("s", prefix))
    options = next(iter(definition.services.values()))
    refs = Refs({"network": {"net": "n1", "s_default": "n2"}, "secret": {"s_password": "x1"},
                 "config": {"s_settings": "c1"}})  # fmt: skip
    return fields.merge(TABLE, None, fields.whole(TABLE, fields.build(TABLE, options)), refs)


def errors_of(**service: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        made(**service)
    return caught.value.violations


CONTAINER = {
    "command": ({"command": "server '/a b'"}, {"Args": ["server", "/a b"]}),
    "entrypoint": ({"entrypoint": ["/bin/x", "y z"]}, {"Command": ["/bin/x", "y z"]}),
    "environment": ({"environment": ["A=1", "B=x=y", "C="]}, {"Env": ["A=1", "B=x=y", "C="]}),
    "environment mapping": ({"environment": {"A": 1, "B": True}}, {"Env": ["A=1", "B=true"]}),
    "healthcheck": (
        {"healthcheck": {"test": "true", "interval": "1m30s", "retries": 3}},
        {"Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 90_000_000_000, "Retries": 3}},
    ),
    "no healthcheck": ({"healthcheck": {"disable": True}}, {"Healthcheck": {"Test": ["NONE"]}}),
    "ulimits": (
        {"ulimits": {"nofile": {"soft": 1, "hard": 2}, "nproc": 3}},
        {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}, {"Name": "nproc", "Soft": 3, "Hard": 3}]},
    ),
    "extra_hosts": ({"extra_hosts": ["a:10.0.0.1", "b:::1"]}, {"Hosts": ["10.0.0.1 a", "::1 b"]}),
    "stop_grace_period": ({"stop_grace_period": "1m"}, {"StopGracePeriod": 60_000_000_000}),
    "capabilities": ({"cap_add": ["NET_ADMIN"]}, {"CapabilityAdd": ["CAP_NET_ADMIN"]}),
    "dns": ({"dns": "10.0.0.1"}, {"DNSConfig": {"Nameservers": ["10.0.0.1"]}}),
    "tmpfs": (
        {"tmpfs": "/tmp:size=64m,mode=1777"},
        {"Mounts": [{"Target": "/tmp", "Type": "tmpfs", "TmpfsOptions": {"SizeBytes": 64 << 20, "Mode": 0o1777}}]},
    ),
    "bind": (
        {"volumes": ["/srv:/drives:rslave,ro"]},
        {"Mounts": [{"Source": "/srv", "Target": "/drives", "Type": "bind", "ReadOnly": True,
                     "BindOptions": {"Propagation": "rslave"}}]},
    ),
    "long bind": (
        {"volumes": [{"type": "bind", "source": "/srv", "target": "/d", "bind": {"propagation": "rslave"}}]},
        {"Mounts": [{"Source": "/srv", "Target": "/d", "Type": "bind", "BindOptions": {"Propagation": "rslave"}}]},
    ),
    "volume": (
        {"volumes": ["data:/d:nocopy"]},
        {"Mounts": [{"Source": "s_data", "Target": "/d", "Type": "volume", "VolumeOptions": {
            "NoCopy": True, "Labels": {"com.docker.stack.namespace": "s"},
            "DriverConfig": {"Options": {"o": "size=1g"}}}}]},
    ),
    "external volume": (
        {"volumes": ["given:/d"]}, {"Mounts": [{"Source": "theirs", "Target": "/d", "Type": "volume"}]},
    ),
    "secret": (
        {"secrets": [{"source": "password", "uid": "9000", "mode": "0400"}]},
        {"Secrets": [{"SecretName": "s_password", "SecretID": "x1",
                      "File": {"Name": "password", "UID": "9000", "GID": "0", "Mode": 0o400}}]},
    ),
    "config": (
        {"configs": [{"source": "settings", "target": "/etc/x"}]},
        {"Configs": [{"ConfigName": "s_settings", "ConfigID": "c1",
                      "File": {"Name": "/etc/x", "UID": "0", "GID": "0", "Mode": 0o444}}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTAINER)
def test_container(case: str) -> None:
    written, wanted = CONTAINER[case]
    spec = made(**written)["TaskTemplate"]["ContainerSpec"]
    assert {key: spec[key] for key in wanted} == wanted


SPEC = {
    "global": ({"deploy": {"mode": "global"}}, "Mode", {"Global": {}}),
    "job": (
        {"deploy": {"mode": "replicated-job", "replicas": 3}},
        "Mode", {"ReplicatedJob": {"MaxConcurrent": 3, "TotalCompletions": 3}},
    ),
    "host port": (
        {"ports": [{"target": 9000, "published": 9000, "mode": "host"}], "deploy": {"endpoint_mode": "dnsrr"}},
        "EndpointSpec",
        {"Mode": "dnsrr",
         "Ports": [{"PublishedPort": 9000, "TargetPort": 9000, "Protocol": "tcp", "PublishMode": "host"}]},
    ),
    "port range": (
        {"ports": ["8000-8001:80-81/udp"]},
        "EndpointSpec",
        {"Ports": [{"PublishedPort": 8000 + n, "TargetPort": 80 + n, "Protocol": "udp", "PublishMode": "ingress"}
                   for n in (0, 1)]},
    ),
    "update_config": (
        {"deploy": {"update_config": {"delay": "10s"}}},
        "UpdateConfig",
        {"Delay": 10_000_000_000, "Parallelism": 1, "FailureAction": "pause", "Monitor": 5_000_000_000,
         "Order": "stop-first"},
    ),
    "restart_policy": (
        {"deploy": {"restart_policy": {"delay": "1s"}}},
        "TaskTemplate.RestartPolicy", {"Delay": 1_000_000_000, "Condition": "any"},
    ),
    "resources": (
        {"deploy": {"resources": {"limits": {"cpus": "0.5", "memory": "2G", "pids": 9}}}},
        "TaskTemplate.Resources.Limits", {"NanoCPUs": 500_000_000, "MemoryBytes": 2 << 30, "Pids": 9},
    ),
    "placement": (
        {"deploy": {"placement": {"constraints": ["node.labels.a==1"], "preferences": [{"spread": "node.labels.r"}],
                                  "max_replicas_per_node": 1}}},
        "TaskTemplate.Placement",
        {"Constraints": ["node.labels.a == 1"], "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.r"}}],
         "MaxReplicas": 1},
    ),
    "logging": (
        {"logging": {"driver": "json-file", "options": {"max-file": 3}}},
        "TaskTemplate.LogDriver", {"Name": "json-file", "Options": {"max-file": "3"}},
    ),
    "no new privileges": (
        {"x-no-new-privileges": True}, "TaskTemplate.ContainerSpec.Privileges", {"NoNewPrivileges": True},
    ),
    "network": (
        {"networks": {"net": {"aliases": ["w"]}}}, "TaskTemplate.Networks", [{"Target": "n1", "Aliases": ["w", "web"]}],
    ),
    "default network": ({}, "TaskTemplate.Networks", [{"Target": "n2", "Aliases": ["web"]}]),
    "labels": (
        {"deploy": {"labels": ["a=b"]}},
        "Labels", {"a": "b", "com.docker.stack.namespace": "s", "com.docker.stack.image": "i"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPEC)
def test_spec(case: str) -> None:
    written, path, wanted = SPEC[case]
    found: Any = made(**written)
    for step in path.split("."):
        found = found[step]
    assert found == wanted


def test_names_without_a_prefix_are_those_of_the_definition() -> None:
    definition = convert([{**TOP, "services": {"web": {"image": "i", "networks": ["net"]}}}], Namespace("s", False))
    assert list(definition.services) == ["web"]
    assert list(definition.secrets) == ["password"]
    assert definition.services["web"]["networks"] == [{"name": "net", "aliases": [], "options": {}}]


WRONG = {
    "unknown key": ({"imagee": "x"}, 'services.web.imagee: is not a key of a Compose definition; "image"?'),
    "forbidden key": ({"mem_limit": "1g"}, "services.web.mem_limit: give it under deploy.resources"),
    "bound port": ({"ports": ["127.0.0.1:80:80"]}, "is bound to one address, which Swarm cannot do"),
    "port number": (
        {"ports": ["80:70000"]},
        "services.web.ports[0]: '80:70000': port 70000 is not between 1 and 65535",
    ),
    "port ranges": ({"ports": ["80-82:80-81"]}, "has 3 published ports for 2 in the container"),
    "a range the wrong way round": ({"ports": ["8080:90-80"]}, 'the range "90-80" ends before it begins; give 80-90'),
    "a published range the wrong way round": ({"ports": ["82-80:80"]}, 'the range "82-80" ends before it begins'),
    "a long range the wrong way round": ({"ports": [{"target": 80, "published": "82-80"}]}, "ends before it begins"),
    "a bound long port": ({"ports": [{"target": 80, "host_ip": "127.0.0.1"}]}, "is bound to one address"),
    "protocol": ({"ports": ["80:80/icmp"]}, "'80:80/icmp' is not a port; give for example"),
    "an open quote": ({"command": 'a "b'}, "cannot be split into words (no closing quote); give a list"),
    "an address that is no text": ({"extra_hosts": [{"a": "b"}]}, "extra_hosts[0]: is {'a': 'b'}; give name:address"),
    "a key that is no text": ({"labels": {True: "x"}}, "services.web.labels: has the key True, which is no text"),
    "a label that is a list": ({"labels": {"a": [1]}}, "services.web.labels.a: is a list; give a text"),
    "a command with nothing in it": ({"command": ["sh", None]}, "services.web.command[1]: is nothing; give a text"),
    "a variable that is a mapping": ({"environment": [{"A": 1}]}, "services.web.environment[0]: is a mapping"),
    "a test that is a truth value": (
        {"healthcheck": {"test": True}},
        "services.web.healthcheck.test: is a truth value",
    ),
    "a profile": ({"profiles": ["debug"]}, "services.web.profiles: Swarm has none, and would run the service always"),
    "restart": ({"restart": "sometimes"}, "services.web.restart: is 'sometimes'; give deploy.restart_policy instead"),
    "credential spec": (
        {"credential_spec": {"config": "x"}},
        "services.web.credential_spec.config: what Windows alone",
    ),
    "relative path": ({"volumes": ["./a:/b"]}, '"./a" is a relative path'),
    "unknown volume": (
        {"volumes": ["nope:/b"]},
        'volume "nope" is not among the top-level volumes; there are: data, given',
    ),
    "unknown network": ({"networks": ["nope"]}, 'network "nope" is not among the top-level networks; there are: net'),
    "unknown secret": ({"secrets": ["nope"]}, '"nope" is not among the top-level secrets; there are: password'),
    "mount options": (
        {"volumes": [{"type": "bind", "source": "/a", "target": "/b", "tmpfs": {"size": 1}}]},
        "tmpfs options do not go with type bind",
    ),
    "replicas of global": ({"deploy": {"mode": "global", "replicas": 2}}, "is not for mode global"),
    "ingress without a balancer": (
        {"ports": ["80:80"], "deploy": {"endpoint_mode": "dnsrr"}},
        "which needs endpoint_mode vip",
    ),
    "duration": ({"stop_grace_period": "10"}, "is '10'; give a duration with a unit"),
    "size": ({"deploy": {"resources": {"limits": {"memory": "lots"}}}}, '"lots" is not a size'),
    "truth": ({"read_only": "yes"}, "services.web.read_only: is a text ('yes'); give true or false"),
    "variable": ({"environment": ["HOME"]}, '"HOME" has no value; give HOME=value, or one for HOME in variables'),
    "healthcheck": ({"healthcheck": {"disable": True, "test": "x"}}, "disable: true stands beside test"),
    "no image": ({"image": ""}, "services.web: has no image"),
    "file mode": ({"secrets": [{"source": "password", "mode": "rw"}]}, "is 'rw'; give a file mode"),
    "choice": ({"deploy": {"endpoint_mode": "x"}}, "services.web.deploy.endpoint_mode: is 'x'; give one of vip, dnsrr"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(case: str) -> None:
    written, said = WRONG[case]
    assert any(said in error for error in errors_of(**written)), errors_of(**written)


def published(*ports: Any) -> list[tuple[int, int, str]]:
    found = made(ports=list(ports))["EndpointSpec"]["Ports"]
    return [(one.get("PublishedPort", 0), one["TargetPort"], one["Protocol"]) for one in found]


def test_ports_as_docker_takes_them() -> None:
    several = [(8000 + number, 80, "tcp") for number in range(3)]
    assert published("8000-8002:80") == published({"target": 80, "published": "8000-8002"}) == several
    assert published("8000-8001:90-91") == [(8000, 90, "tcp"), (8001, 91, "tcp")]
    assert (
        published("53:53/UDP") == published({"target": 53, "published": "53", "protocol": "UDP"}) == [(53, 53, "udp")]
    )
    assert published("0.0.0.0:80:81", "[::]:82:83") == [(80, 81, "tcp"), (82, 83, "tcp")]
    assert published(":80") == published("0:80") == published({"target": 80, "published": ""}) == [(0, 80, "tcp")]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (r'a "b\c" d', ["a", "bc", "d"]),
        (r'echo "\$$HOME" \"x\" e\ f', ["echo", "$HOME", '"x"', "e f"]),
        (r"x 'a\\b'", ["x", r"a\\b"]),
        ("a#b #c 'd\n e", ["a#b", "e"]),
        ("'' \"\"\ta", ["", "", "a"]),
        ("", []),
    ],
)
def test_a_command_is_split_as_docker_splits_it(written: str, words: list[str]) -> None:
    found = made(command=written, entrypoint=written)["TaskTemplate"]["ContainerSpec"]
    assert (found.get("Args", []), found.get("Command", [])) == (words, words)


def test_what_docker_compose_writes() -> None:
    """Its ``config`` says what is the default, and what means nothing here, of every service."""
    service = {
        "annotations": {"a": "b"}, "attach": False, "command": None, "entrypoint": None,
        "depends_on": {"db": {"condition": "service_started", "required": True}},
        "env_file": [{"path": "gone.env", "required": False}], "networks": {"net": None},
        "deploy": {"resources": {"limits": {"cpus": 0.5, "memory": "67108864"}}, "placement": {}},
        "ports": [{"mode": "ingress", "host_ip": "0.0.0.0", "target": 80, "published": "8080", "protocol": "tcp"}],
        "volumes": [
            {"type": "bind", "source": "/a", "target": "/b", "bind": {"create_host_path": True, "selinux": "z"}},
            {"type": "bind", "source": "/c", "target": "/d", "bind": {"create_host_path": False}},
            {"type": "bind", "source": "/e", "target": "/f", "bind": {"recursive": "disabled"}},
            {"type": "volume", "source": "data", "target": "/g", "volume": {}},
        ],
    }  # fmt: skip
    written = {**TOP, "name": "x", "services": {"web": {"image": "i", **service}}}
    definition = convert([written], Namespace("s"))
    told = ["annotations", "attach", "bind.create_host_path", "bind.selinux", "depends_on", "name"]
    assert sorted(one.partition(":")[0].replace("services.web.", "").replace("volumes[0].", "")
                  for one in definition.warnings) == told  # fmt: skip
    options = definition.services["s_web"]
    assert [one.get("non_recursive") for one in options["mounts"]] == [None, None, True, None]
    assert options["publish"] == [{"target_port": 80, "published_port": 8080, "protocol": "tcp", "mode": "ingress"}]


def test_all_errors_come_at_once() -> None:
    assert len(errors_of(tty=1, ports=["x"], volumes=["./a:/b"], deploy={"replicas": "many"})) == 4


def test_every_key_is_read_or_warned_about_or_refused() -> None:
    ignored = {name: "x" for name, key in SERVICE.items() if key.ignored}
    definition = convert([{"services": {"web": {"image": "i", **ignored}}}], Namespace("s"))
    assert {warning.split(":")[0] for warning in definition.warnings} == {f"services.web.{name}" for name in ignored}
    refused = {name: "x" for name, key in SERVICE.items() if key.refused}
    with pytest.raises(InputError) as caught:
        convert([{"services": {"web": {"image": "i", **ignored}}}], Namespace("s"), Given(strict=True))
    assert len(caught.value.violations) == len(ignored)
    assert len(errors_of(**refused)) == len(refused)


TOP_LEVEL = {
    "version": ({"version": "2.4"}, 'version: "2.4" is not a version that stacks know'),
    "external with more": ({"networks": {"n": {"external": True, "driver": "overlay"}}}, "is external, so nothing but"),
    "secret content": ({"secrets": {"x": {"content": "hidden"}}}, "does not belong into a definition"),
    "cluster volume": ({"volumes": {"v": {"x-cluster-spec": {}}}}, "volumes.v.x-cluster-spec: cluster volumes are not"),
    "a name with a dot": (
        {"services": {"a.b": {"image": "i"}}},
        'services.a.b: "s_a.b" is no name for a service (5 characters); give up to 63 letters and digits',
    ),
    "a name with a blank": ({"secrets": {"a b": {"file": "x"}}}, 'secrets.a b: "s_a b" is no name for a secret'),
    "a long name": (
        {"configs": {"c" * 63: {"content": "x"}}},
        "is no name for a config (65 characters); give up to 64",
    ),
    "one name twice": (
        {"networks": {"n": {"name": "x"}, "m": {"name": "x"}}},
        'networks.m: has the name "x", which networks.n has',
    ),
    "no services": ({"services": {}}, "services: there is none"),
    "list": ({"services": ["web"]}, "services: is a list; give a mapping"),
}


@pytest.mark.parametrize("case", TOP_LEVEL)
def test_wrong_at_the_top_level(case: str) -> None:
    written, said = TOP_LEVEL[case]
    with pytest.raises(InputError) as caught:
        convert([{"services": {"web": {"image": "i"}}, **written}], Namespace("s"))
    assert any(said in error for error in caught.value.violations), caught.value.violations
    assert "hidden" not in str(caught.value)


# What an engine answered: whether it takes the name for a service or network, and for a secret or config.
NAMES = {
    "a.b": (False, True), "a_b": (True, True), "a b": (False, False), "-a": (False, False), "a-": (False, False),
    "a_": (False, False), "_a": (False, False), "a__b": (True, True), "9": (True, True),
    "x" * 63: (True, True), "x" * 64: (False, True), "x" * 65: (False, False), "x" * 60 + ".": (False, False),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_that_the_cluster_takes(name: str) -> None:
    taken = [impossible(kind, name) is None for kind in ("service", "network", "secret", "config")]
    assert taken == [*[NAMES[name][0]] * 2, *[NAMES[name][1]] * 2]


def test_only_networks_that_a_service_uses_are_made() -> None:
    definition: Definition = convert(
        [{"services": {"web": {"image": "i", "networks": ["a"]}}, "networks": {"a": None, "b": None}}], Namespace("s")
    )
    assert list(definition.networks) == ["s_a"]
    assert definition.warnings == ["networks.b: is attached to no service; it is not made"]


VARIABLES = {
    "plain": ("$TAG", "1.0"),
    "braces": ("i:${TAG}-x", "i:1.0-x"),
    "dollar": ("$$TAG", "$TAG"),
    "default": ("${NONE:-two}", "two"),
    "default of empty": ("${EMPTY:-two}", "two"),
    "empty is a value": ("${EMPTY-two}", ""),
    "instead": ("${TAG:+set}", "set"),
    "instead of nothing": ("${NONE:+set}", ""),
    "instead of empty": ("${EMPTY:+set}", ""),
    "instead, empty is a value": ("${EMPTY+set}", "set"),
    "required": ("${TAG:?say}", "1.0"),
    "required, empty is a value": ("${EMPTY?say}", ""),
    "two of them": ("$TAG-${TAG}", "1.0-1.0"),
    "a number": ("${COUNT}", "3"),
}


@pytest.mark.parametrize("case", VARIABLES)
def test_variables(case: str) -> None:
    written, filled = VARIABLES[case]
    one = {"services": {"web": {"image": "i", "hostname": f"h{written}"}}}
    definition = convert([one], Namespace("s"), Given({"TAG": "1.0", "EMPTY": "", "COUNT": 3}))
    assert definition.services["s_web"]["hostname"] == f"h{filled}"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$NONE", "services.web.image: needs a value (variable NONE)"),
        ("${NONE:?say which}", "services.web.image: say which (variable NONE)"),
        ("${NONE?say which}", "services.web.image: say which (variable NONE)"),
        ("${NONE:-${OTHER}}", "services.web.image: has a variable inside what stands for NONE"),
        ("Pa$w0rd!", "services.web.image: needs a value (the variable that begins at character 3)"),
        ("costs 5$", "services.web.image: has a $ that begins no variable"),
    ],
)
def test_variables_that_are_missing(written: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        convert([{"services": {"web": {"image": written}}}], Namespace("s"))
    assert any(error.startswith(said) for error in caught.value.violations)


MERGES = {
    "scalars": ({"a": 1, "b": 2}, {"b": 3}, {"a": 1, "b": 3}),
    "command": ({"command": ["a", "b"]}, {"command": ["c"]}, {"command": ["c"]}),
    "environment": ({"environment": ["A=1", "B=2"]}, {"environment": {"B": 3}}, {"environment": {"A": "1", "B": 3}}),
    "lists": ({"dns": ["a"]}, {"dns": ["b", "a"]}, {"dns": ["a", "b"]}),
    "a text and a list": ({"dns": "a"}, {"dns": ["b"]}, {"dns": ["a", "b"]}),
    "aliases": (
        {"networks": {"n": {"aliases": ["a"]}}}, {"networks": {"n": {"aliases": ["b"]}}},
        {"networks": {"n": {"aliases": ["b"]}}},
    ),
    "two addresses of a name": (
        {"extra_hosts": {"a": "1"}}, {"extra_hosts": ["a:2"]}, {"extra_hosts": ["a:1", "a:2"]},
    ),
    "ports that Swarm chooses": ({"ports": [80, 81]}, {"ports": [81, 82]}, {"ports": [80, 81, 82]}),
    "two files of one secret": (
        {"secrets": [{"source": "a", "target": "x"}, {"source": "a", "target": "y"}, "b"]}, {"secrets": ["b", "c"]},
        {"secrets": [{"source": "a", "target": "x"}, {"source": "a", "target": "y"}, "b", "c"]},
    ),
    "ports": (
        {"ports": ["80:80", "90:90"]}, {"ports": [{"published": 80, "target": 8080}]},
        {"ports": ["90:90", {"published": 80, "target": 8080}]},
    ),
    "volumes": ({"volumes": ["a:/x", "/b:/y"]}, {"volumes": ["c:/x"]}, {"volumes": ["/b:/y", "c:/x"]}),
    "networks": (
        {"networks": ["a"]}, {"networks": {"b": {"aliases": ["x"]}}},
        {"networks": {"a": None, "b": {"aliases": ["x"]}}},
    ),
    "logging": (
        {"logging": {"driver": "a", "options": {"x": 1}}}, {"logging": {"driver": "b"}}, {"logging": {"driver": "b"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MERGES)
def test_later_definitions_override_earlier_ones(case: str) -> None:
    earlier, later, merged = MERGES[case]
    assert merge_definitions([{"services": {"s": earlier}}, {"services": {"s": later}}]) == {"services": {"s": merged}}


def test_what_a_later_definition_says_of_a_network_or_secret_is_all_there_is_of_it() -> None:
    earlier = {"networks": {"a": {"internal": True}, "b": None}, "secrets": {"s": {"file": "x", "labels": {"l": "1"}}}}
    later = {"networks": {"a": None}, "secrets": {"s": {"file": "y"}}}
    assert merge_definitions([earlier, later]) == {
        "networks": {"a": None, "b": None}, "secrets": {"s": {"file": "y"}},
    }  # fmt: skip


FILES = {
    "a.env": b"\xef\xbb\xbf# comment\r\nA=1\r\n  B=x = y \r\n\nC\nD=\n",
    "b.env": b"A=2\n",
    "bad.env": b"OK=1\nsecret word=hunter2\n",
    "binary.env": b"\xff\xfe",
    "gone.env": None,
}
ENVIRONMENTS: dict[str, tuple[Any, Any, list[str]]] = {
    "one file": ("a.env", None, ["A=1", "B=x = y ", "C=given", "D="]),
    "later files and the service win": (
        ["a.env", "b.env"], {"B": "s", "E": None}, ["A=2", "B=s", "C=given", "D=", "E=e"],
    ),
    "a list without values": (None, ["C", "X=1"], ["C=given", "X=1"]),
    "numbers as docker writes them": (None, {"F": 1.0, "G": 1.5, "H": True}, ["F=1", "G=1.5", "H=true"]),
}  # fmt: skip


@pytest.mark.parametrize("case", ENVIRONMENTS)
def test_environment(case: str) -> None:
    env_file, environment, wanted = ENVIRONMENTS[case]
    service = {"image": "i", "env_file": env_file, "environment": environment}
    given = Given(variables={"C": "given", "E": "e"}, files=FILES)
    definition = convert([{"services": {"web": service}}], Namespace("s"), given)
    want = fields.build(TABLE, definition.services["s_web"])
    assert sorted(want["env"]) == wanted


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("gone.env", 'services.web.env_file: file "gone.env" is not there on the controller'),
        ("binary.env", 'services.web.env_file: file "binary.env" is no text'),
        ("bad.env", 'services.web.env_file: file "bad.env", line 2: a name without blanks has to stand'),
        ("a.env", 'services.web.env_file: "C" has no value'),
    ],
)
def test_environment_files_that_cannot_be_used(path: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        convert([{"services": {"web": {"image": "i", "env_file": path}}}], Namespace("s"), Given(files=FILES))
    assert caught.value.violations[0].startswith(said)
    assert "hunter2" not in str(caught.value)


def test_an_override_s_environment_file_wins_over_what_it_overrides() -> None:
    base = {"services": {"web": {"image": "i", "environment": ["A=base", "Z=1"]}}}
    override = {"services": {"web": {"env_file": ["b.env"]}}}
    definition = convert([base, override], Namespace("s"), Given(files=FILES))
    assert definition.services["s_web"]["env"] == {"A": "2", "Z": "1"}


RESTARTS: dict[str, tuple[dict[str, Any], Any]] = {
    "no": ({"restart": "no"}, None),
    "no, as Ansible reads it": ({"restart": False}, None),
    "always": ({"restart": "always"}, {"condition": "any"}),
    "on-failure": ({"restart": "on-failure:3"}, {"condition": "on-failure", "max_attempts": 3}),
    "the policy wins": ({"restart": "always", "deploy": {"restart_policy": {"delay": "1s"}}}, {"delay": 10**9}),
}


@pytest.mark.parametrize("case", RESTARTS)
def test_restart_is_taken_as_docker_takes_it(case: str) -> None:
    written, wanted = RESTARTS[case]
    definition = convert([{"services": {"web": {"image": "i", **written}}}], Namespace("s"))
    assert definition.services["s_web"].get("restart_config") == wanted
    assert "services.web.restart" in definition.warnings[0]


def test_a_mapped_image_runs_and_the_written_one_is_the_label() -> None:
    definition = convert(
        [{"services": {"a": {"image": "x:1"}, "b": {"image": "y:1"}}}],
        Namespace("s"),
        Given(image_map={"x:1": "sha256:1"}),
    )
    images = {
        name: (one["image"], one["labels"]["com.docker.stack.image"]) for name, one in definition.services.items()
    }
    assert images == {"s_a": ("sha256:1", "x:1"), "s_b": ("y:1", "y:1")}
