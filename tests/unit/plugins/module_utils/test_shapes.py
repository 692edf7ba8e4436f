# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of the wrong shape: each converter's own, with the sentence that says what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields, given
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import cluster, network, service, stack_contents
from ansible_collections.baremetal.overlay.plugins.modules import service as service_module

NUL = "a\0b=c"
# Option, value, and the place that is named with what is wrong with it.
WRONG: list[tuple[str, Any, str]] = [
    ("command", True, '"command" is a truth value; give a string or a list of strings'),
    ("command", {"a": 1}, '"command" is a mapping; give a string or a list of strings'),
    ("command", ["/bin/sh", None], '"command[1]" is nothing; give a string, in quotes'),
    ("command", ["x", ["y"]], '"command[1]" is a list; give a string, in quotes'),
    ("command", "a 'b", '"command" cannot be split into words (No closing quotation); give a list'),
    ("args", ["a", None], '"args[1]" is nothing; give a string'),
    ("args", "a", '"args" is a string; give a list'),
    ("env", 5, '"env" is a number; give a mapping, or a list of KEY=VALUE'),
    ("env", True, '"env" is a truth value; give a mapping, or a list of KEY=VALUE'),
    ("env", ["=x"], '"env[0]" is not KEY=VALUE; give a name, "=" and the value'),
    ("env", [""], '"env[0]" is not KEY=VALUE'),
    ("env", ["A"], '"env[0]" is not KEY=VALUE'),
    ("env", "A=1,,B=2", '"env[1]" is not KEY=VALUE'),
    ("env", [None], '"env[0]" is nothing; give a string'),
    ("env", [NUL], '"env[0]" is not KEY=VALUE'),
    ("env", {"A": None}, '"env.A" is nothing; give a string'),
    ("env", {"A": 1.5}, '"env.A" is a number; give a string, in quotes'),
    ("env", {"A": [1]}, '"env.A" is a list; give a string'),
    ("env", {"": "x"}, '"env." is not KEY=VALUE'),
    ("env", {"A=B": "x", True: "y"}, '"env, a key" is a truth value; give a string'),
    ("healthcheck", True, '"healthcheck" is a truth value; give a mapping'),
    ("healthcheck", {"test": True}, '"healthcheck.test" is a truth value; give a string or a list of strings'),
    ("healthcheck", {"test": ["CMD", None]}, '"healthcheck.test[1]" is nothing; give a string'),
    ("healthcheck", {"test": ["true"]}, '"healthcheck.test" starts with "true"; a list starts with NONE, CMD or'),
    ("healthcheck", {"tests": "x"}, '"healthcheck.tests" is unknown; allowed: interval, retries, start_interval'),
    ("networks", [{"name": ["a"]}], '"networks[0].name" is a list; give a string'),
    ("networks", ["a", True], '"networks[1]" is a truth value; give a string'),
    ("networks", [{}], '"networks[0]" has no name; give the name of a network'),
    ("networks", [{"name": "a", "alias": "b"}], '"networks[0].alias" is unknown; allowed: aliases, name, options'),
    ("networks", [{"name": "a", "aliases": "b"}], '"networks[0].aliases" is a string; give a list'),
    ("networks", [{"name": "a", "aliases": [None]}], '"networks[0].aliases[0]" is nothing; give a string'),
    ("networks", [{"name": "a", "options": [1, 2.5]}], '"networks[0].options[1]" is a number; give a string'),
    ("networks", [{"name": "a", "options": ["=b"]}], '"networks[0].options[0]" has no name before its value'),
    ("networks", [{"name": "a", "options": {"b": None}}], '"networks[0].options.b" is nothing; give a string'),
    ("networks", {"a": None}, '"networks" is a mapping; give a list'),
    ("hosts", {"a": None}, '"hosts.a" is nothing; give a string'),
    ("hosts", {"a": ""}, '"hosts.a": "" is not an address for "a"; give for example 10.0.0.1'),
    ("hosts", {"a b": "10.0.0.1"}, '"hosts.a b": "10.0.0.1" is not an address for "a b"'),
    ("hosts", "a", '"hosts" is a string; give a mapping'),
    ("ulimits", [5], '"ulimits[0]" is no limit: 5; give for example nofile=65536:65536'),
    ("ulimits", ["nofile"], '"ulimits[0]" is no limit'),
    ("ulimits", [{"name": "nofile", "soft": "1"}], '"ulimits[0].soft" is a string; give a whole number'),
    ("ulimits", [{"name": "nofile", "sft": 1}], '"ulimits[0].sft" is unknown; allowed: hard, name, soft'),
    ("ulimits", [{"soft": 1}], '"ulimits[0]" has no name; give it'),
    ("ulimits", [{"name": "nofile", "soft": -2}], '"ulimits[0].soft": -2 is below -1; give -1 or more'),
    ("labels", {"a": True}, '"labels.a" is a truth value; give a string, in quotes'),
    ("labels", {"a": {"b": 1}}, '"labels.a" is a mapping; give a string'),
    ("mounts", [None], '"mounts[0]" is nothing; give a mapping'),
    ("mounts", [{"source": "/a"}], '"mounts[0]" has no target; give it'),
    ("mounts", [{"target": "/a", "readonly": "yes"}], '"mounts[0].readonly" is a string; give true or false'),
    ("mounts", [{"target": "/a", "tmpfs_mode": 0o20000}], '"mounts[0].tmpfs_mode": 8192 is above 4095'),
    ("mounts", [{"target": "/a", "tmpfs_options": [["a", None]]}], '"mounts[0].tmpfs_options[0][1]" is nothing'),
    ("publish", [{"target_port": 0}], '"publish[0].target_port": 0 is below 1; give 1 or more'),
    ("publish", [{"target_port": 80, "published_port": 70000}], '"publish[0].published_port": 70000 is above 65535'),
    ("publish", [{"target_port": True}], '"publish[0].target_port" is a truth value; give a whole number'),
    ("reservations", {"generic_resources": [True]}, '"reservations.generic_resources[0]" is a truth value'),
    ("reservations", {"generic_resources": ["gpu"]}, "\"reservations.generic_resources[0]\": 'gpu' is not a resource"),
    ("reservations", {"generic_resources": [{"kind": "gpu", "value": [1]}]}, 'generic_resources[0].value" is a list'),
    ("limits", {"cpus": float("nan")}, '"limits.cpus": "nan" is not a number of CPUs'),
    ("limits", {"memory": "9e3"}, '"limits.memory": "9e3" is not a size'),
    ("limits", {"memory": f"{1 << 63}"}, '"limits.memory": "9223372036854775808" is more than the Engine can hold'),
    ("limits", {"memory": 1.5}, '"limits.memory" is a number; give a string, in quotes'),
    ("stop_grace_period", "٣s", '"stop_grace_period": "٣s" is not a duration'),
    ("stop_grace_period", True, '"stop_grace_period" is a truth value; give a string'),
    ("cap_add", ["A", 1.5], '"cap_add[1]" is a number; give a string'),
    ("replicas", -5, '"replicas": -5 is below 0; give 0 or more'),
    ("replicas", True, '"replicas" is a truth value; give a whole number'),
    ("update_config", {"max_failure_ratio": float("inf")}, '"update_config.max_failure_ratio": inf is above 1'),
    ("mode", ["global"], '"mode": "[\'global\']" is not one of replicated, global, replicated-job, global-job'),
    ("secrets", [{"secret_name": "s", "mode": "0400"}], '"secrets[0].mode" is a string; give a whole number'),
    ("secrets", ["s"], '"secrets[0]" is a string; give a mapping'),
]


@pytest.mark.parametrize(("option", "value", "sentence"), WRONG)
def test_wrong_shapes(option: str, value: Any, sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        fields.build(service.TABLE, {option: value})
    assert sentence in refused.value.violations[0], refused.value.violations


def test_all_of_them_at_once() -> None:
    with pytest.raises(InputError) as refused:
        fields.build(service.TABLE, {"env": [1, "", None], "command": [None, True], "hosts": {"a": None, "b": 1.5}})
    assert len(refused.value.violations) == 7


@pytest.mark.parametrize(
    ("table", "options", "sentence"),
    [
        (network.TABLE, {"ipam_config": [{"subnet": True}]}, '"ipam_config[0].subnet" is a truth value'),
        (
            network.TABLE,
            {"ipam_config": [{"aux_addresses": {"a": None}}]},
            '"ipam_config[0].aux_addresses.a" is nothing',
        ),
        (network.TABLE, {"driver_options": {"a": [1]}}, '"driver_options.a" is a list; give a string'),
        (cluster.TABLE, {"labels": {"a": None}}, '"labels.a" is nothing'),
        (cluster.TABLE, {"node_cert_expiry": 1}, '"node_cert_expiry": 1 is below 3600000000000'),
        (cluster.TABLE, {"heartbeat_tick": 0}, '"heartbeat_tick": 0 says nothing to the Engine'),
        (cluster.TABLE, {"external_cas": [{"protocol": "cfssl"}]}, '"external_cas[0]" has no url; give it'),
    ],
)
def test_wrong_shapes_elsewhere(table: Any, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as refused:
        fields.build(table, options)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("options", "sentences"),
    [
        ({"hostname": True, "user": {"a": 1}}, ['"hostname" is a truth value; give a string, in quotes',
                                                '"user" is a mapping; give a string, in quotes']),
        ({"args": ["a", None, False], "dns": True}, ['"args[1]" is nothing; give a string, in quotes',
                                                     '"args[2]" is a truth value; give a string, in quotes',
                                                     '"dns" is a truth value; give a list']),
        ({"healthcheck": True}, ['"healthcheck" is a truth value; give a mapping']),
        ({"limits": {"cpus": True, "pids": 1.5}}, ['"limits.cpus" is a truth value; give a number',
                                                   '"limits.pids" is a number; give a whole number']),
        ({"open_stdin": True, "replicas": True}, ['"replicas" is a truth value; give a whole number']),
        ({"mounts": [{"target": "/a", "tmpfs_options": [["a"]]}], "hostname": 5, "args": "a,b", "env": True}, []),
    ],
)  # fmt: skip
def test_what_ansible_would_make_something_else_of(options: dict[str, Any], sentences: list[str]) -> None:
    assert sorted(given.strange(service_module.SPEC, options)) == sorted(f"option {one}" for one in sentences)


def test_texts_of_a_stack() -> None:
    params: dict[str, Any] = {
        "variables": {"A": True, "B": 1, "C": None},
        "secret_data": {"s": 5},
        "secret_files": None,
    }
    found = stack_contents.texts_of({**params, "image_map": {}})
    assert found["variables"] == {"A": "true", "B": "1", "C": None} and found["secret_data"] == {"s": "5"}
    with pytest.raises(InputError) as refused:
        stack_contents.texts_of({**params, "secret_data": {"s": True, "t": ["x"]}, "image_map": {"i": {}}})
    assert [one.partition(";")[0] for one in refused.value.violations] == [
        'option "secret_data.s" is a truth value',
        'option "secret_data.t" is a list',
        'option "image_map.i" is a mapping',
    ]
