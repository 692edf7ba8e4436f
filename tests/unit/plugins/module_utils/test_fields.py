# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machinery on a table that has every kind of row; the shapes are those of a ServiceSpec."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import fields, units, versions
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.rows import (
    KEYED,
    RECREATE,
    SET,
    SUBSET,
    WRITE_ONLY,
    Arm,
    Convert,
    Field,
    OneOf,
    Refs,
)

CONTAINER = "TaskTemplate.ContainerSpec"
TABLE = (
    Field("image", f"{CONTAINER}.Image", required=True),
    Field("args", f"{CONTAINER}.Args", "list"),
    Field("env", f"{CONTAINER}.Env", "list", compare=SET, convert=units.ENV),
    Field("read_only", f"{CONTAINER}.ReadOnly", "bool"),
    Field("init", f"{CONTAINER}.Init", "bool", default=None, since=(1, 37)),
    Field("cap_add", f"{CONTAINER}.CapabilityAdd", "list", compare=SET, since=(1, 41)),
    Field("labels", "Labels", "dict", convert=units.TEXT_MAP),
    Field("extra_labels", f"{CONTAINER}.Labels", "dict", compare=SUBSET, convert=units.TEXT_MAP),
    Field("stop_grace_period", f"{CONTAINER}.StopGracePeriod", default=10_000_000_000, convert=units.DURATION),
    Field("endpoint", "EndpointSpec.Mode", choices=("vip", "dnsrr"), default="vip"),
    Field("token", "Token", mutability=WRITE_ONLY, secret=True),
    Field("driver", "Driver", mutability=RECREATE),
    Field(
        "limits",
        "TaskTemplate.Resources.Limits",
        "dict",
        fields=(
            Field("cpus", "NanoCPUs", "float", convert=units.CPUS),
            Field("memory", "MemoryBytes", convert=units.SIZE, default=0),
            Field("pids", "Pids", "int", since=(1, 41)),
        ),
    ),
    Field(
        "update_config",
        "UpdateConfig",
        "dict",
        fields=(
            Field("parallelism", "Parallelism", "int", default=1),
            Field("delay", "Delay", convert=units.DURATION, default=0),
            Field("order", "Order", default="stop-first", choices=("stop-first", "start-first")),
        ),
    ),
    Field(
        "networks",
        "TaskTemplate.Networks",
        "list",
        elements="raw",
        compare=KEYED,
        key=("name",),
        convert=Convert(parse=lambda value, _where: [{"name": one} if isinstance(one, str) else one for one in value]),
        fields=(Field("name", "Target", ref="network"), Field("aliases", "Aliases", "list", compare=SET)),
    ),
    Field(
        "secrets",
        f"{CONTAINER}.Secrets",
        "list",
        compare=KEYED,
        key=("secret_name", "filename"),
        fields=(
            Field("secret_name", "SecretName", ref="secret", id_path="SecretID", required=True),
            Field("filename", "File.Name"),
            Field("uid", "File.UID", default="0"),
            Field("mode", "File.Mode", "int", default=0o444),
        ),
    ),
    OneOf(
        "mode",
        "Mode",
        {
            "replicated": Arm("Replicated", (Field("replicas", "Replicas", "int", default=1),)),
            "global": Arm("Global"),
            "replicated-job": Arm(
                "ReplicatedJob", (Field("max_concurrent", "MaxConcurrent", "int", default=1),), since=(1, 41)
            ),
        },
        default="replicated",
    ),
)
REFS = Refs({"network": {"front": "n1id", "back": "n2id"}, "secret": {"root": "s1id"}})
OPTIONS = {
    "image": "sha256:ab",
    "args": ["server", "--x"],
    "env": {"B": "2", "A": "1"},
    "read_only": True,
    "cap_add": ["NET_ADMIN"],
    "labels": {"a": 1},
    "stop_grace_period": "1m30s",
    "limits": {"cpus": 0.5, "memory": "512M", "pids": None},
    "update_config": {"parallelism": None, "delay": "5s", "order": None},
    "networks": ["front", {"name": "back", "aliases": ["m"]}],
    "secrets": [{"secret_name": "root", "filename": "root", "uid": None, "mode": None}],
    "mode": "replicated",
    "replicas": 0,
}
SPEC = {
    "Labels": {"a": "1"},
    "TaskTemplate": {
        "ContainerSpec": {
            "Image": "sha256:ab",
            "Args": ["server", "--x"],
            "Env": ["B=2", "A=1"],
            "ReadOnly": True,
            "CapabilityAdd": ["NET_ADMIN"],
            "StopGracePeriod": 90_000_000_000,
            "Secrets": [
                {"SecretName": "root", "SecretID": "s1id", "File": {"Name": "root", "UID": "0", "Mode": 0o444}}
            ],
        },
        "Resources": {"Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 536870912}},
        "Networks": [{"Target": "n1id"}, {"Target": "n2id", "Aliases": ["m"]}],
    },
    "UpdateConfig": {"Parallelism": 1, "Delay": 5_000_000_000, "Order": "stop-first"},
    "Mode": {"Replicated": {"Replicas": 0}},
}


def options_of(changes):
    return {change.option: (change.before, change.after) for change in changes}


def test_create_body_and_its_read_back():
    want = fields.build(TABLE, OPTIONS)
    body = fields.merge(TABLE, None, want, REFS)
    assert body == SPEC
    assert fields.diff(TABLE, want, fields.read(TABLE, body, REFS)) == []


@pytest.mark.parametrize("option", sorted(OPTIONS))
def test_one_option_given_again_differs_in_nothing(option):
    given = {option: OPTIONS[option]}
    want = fields.build(TABLE, given)
    assert fields.diff(TABLE, want, fields.read(TABLE, SPEC, REFS)) == []
    assert fields.merge(TABLE, SPEC, want, REFS) == SPEC


@pytest.mark.parametrize(
    ("given", "changed", "path", "value"),
    [
        ({"env": ["A=1"]}, {"env": (["B=2", "A=1"], ["A=1"])}, ("TaskTemplate", "ContainerSpec", "Env"), ["A=1"]),
        ({"env": []}, {"env": (["B=2", "A=1"], [])}, ("TaskTemplate", "ContainerSpec", "Env"), None),
        ({"read_only": False}, {"read_only": (True, False)}, ("TaskTemplate", "ContainerSpec", "ReadOnly"), None),
        ({"init": False}, {"init": (None, False)}, ("TaskTemplate", "ContainerSpec", "Init"), False),
        ({"args": ["--x", "server"]}, {"args": (["server", "--x"], ["--x", "server"])}, (), None),
        ({"labels": {}}, {"labels": ({"a": "1"}, {})}, ("Labels",), None),
        ({"extra_labels": {"b": "2"}}, {"extra_labels": ({}, {"b": "2"})}, (), None),
        ({"stop_grace_period": "0s"}, {"stop_grace_period": ("1m30s", "0s")},
         ("TaskTemplate", "ContainerSpec", "StopGracePeriod"), 0),
        ({"limits": {"memory": "1G"}}, {"limits.memory": ("512M", "1G")},
         ("TaskTemplate", "Resources", "Limits"), {"NanoCPUs": 500_000_000, "MemoryBytes": 1 << 30}),
        ({"limits": {}}, {"limits.cpus": (0.5, 0.0), "limits.memory": ("512M", 0)},
         ("TaskTemplate", "Resources", "Limits"), None),
        ({"networks": ["back"]}, {"networks[front]": ({"name": "front"}, None)},
         ("TaskTemplate", "Networks"), [{"Target": "n2id", "Aliases": ["m"]}]),
        ({"networks": [{"name": "back", "aliases": []}, "front"]}, {"networks[back].aliases": (["m"], [])},
         ("TaskTemplate", "Networks"), [{"Target": "n1id"}, {"Target": "n2id"}]),
        ({"replicas": 3}, {"replicas": (0, 3)}, ("Mode",), {"Replicated": {"Replicas": 3}}),
        ({"mode": "global"}, {"mode": ("replicated", "global")}, ("Mode",), {"Global": {}}),
        ({"mode": "replicated-job"}, {"mode": ("replicated", "replicated-job")},
         ("Mode",), {"ReplicatedJob": {"MaxConcurrent": 1}}),
    ],
)  # fmt: skip
def test_one_change(given, changed, path, value):
    want = fields.build(TABLE, given)
    assert options_of(fields.diff(TABLE, want, fields.read(TABLE, SPEC, REFS))) == changed
    after = fields.merge(TABLE, SPEC, want, REFS)
    assert fields.diff(TABLE, want, fields.read(TABLE, after, REFS)) == []
    found = after
    for step in path:
        found = found.get(step)
    if path:
        assert found == value
    # Nothing but the named option moved.
    options = {name.split(".")[0].split("[")[0] for name in changed}
    moved = fields.diff(TABLE, fields.read(TABLE, after, REFS), fields.read(TABLE, SPEC, REFS))
    assert {change.option.split(".")[0].split("[")[0] for change in moved} - {"max_concurrent"} == options


def test_what_the_table_does_not_know_stays():
    live = copy.deepcopy(SPEC)
    live["TaskTemplate"]["ForceUpdate"] = 7
    live["TaskTemplate"]["Networks"][1]["DriverOpts"] = {"x": "y"}
    live["TaskTemplate"]["ContainerSpec"]["Labels"] = {"theirs": "1"}
    want = fields.build(TABLE, {"networks": [{"name": "back", "aliases": ["n"]}, "front"], "extra_labels": {"b": 2}})
    after = fields.merge(TABLE, live, want, REFS)
    assert after["TaskTemplate"]["ForceUpdate"] == 7
    assert after["TaskTemplate"]["Networks"][1] == {"Target": "n2id", "Aliases": ["n"], "DriverOpts": {"x": "y"}}
    assert after["TaskTemplate"]["ContainerSpec"]["Labels"] == {"theirs": "1", "b": "2"}


def test_equal_but_for_order_keeps_the_live_order():
    want = fields.build(TABLE, {"env": ["A=1", "B=2"], "networks": ["back", "front"], "read_only": False})
    after = fields.merge(TABLE, SPEC, want, REFS)
    assert after["TaskTemplate"]["ContainerSpec"]["Env"] == ["B=2", "A=1"]
    assert [one["Target"] for one in after["TaskTemplate"]["Networks"]] == ["n1id", "n2id"]


def test_whole_takes_back_what_is_not_said():
    want = fields.whole(TABLE, fields.build(TABLE, {"image": "sha256:ab"}))
    after = fields.merge(TABLE, SPEC, want, REFS)
    assert after["TaskTemplate"]["ContainerSpec"] == {"Image": "sha256:ab", "StopGracePeriod": 10_000_000_000}
    assert after["Mode"] == {"Replicated": {"Replicas": 1}}
    assert "Networks" not in after["TaskTemplate"] and "Labels" not in after
    assert fields.diff(TABLE, want, fields.read(TABLE, after, REFS)) == []
    assert (
        fields.diff(TABLE, want, fields.read(TABLE, {"TaskTemplate": {"ContainerSpec": {"Image": "sha256:ab"}}})) == []
    )


def test_whole_sends_defaults_with_a_half_given_object():
    want = fields.whole(TABLE, fields.build(TABLE, {"image": "i", "update_config": {"delay": "1s"}}))
    body = fields.merge(TABLE, None, want, REFS)
    assert body["UpdateConfig"] == {"Parallelism": 1, "Delay": 1_000_000_000, "Order": "stop-first"}


def test_a_spec_can_be_what_is_wanted():
    assert fields.diff(TABLE, fields.read(TABLE, SPEC), fields.read(TABLE, SPEC)) == []


def test_write_only_is_sent_and_hidden_and_never_a_difference():
    want = fields.build(TABLE, {"token": "sesame"})
    assert fields.diff(TABLE, want, fields.read(TABLE, SPEC, REFS)) == []
    assert fields.merge(TABLE, SPEC, want, REFS)["Token"] == "sesame"
    assert "sesame" not in repr(fields.as_diff(fields.diff(TABLE, want, None)))


def test_recreate_is_marked():
    want = fields.build(TABLE, {"driver": "b", "mode": "global"})
    assert {change.option: change.recreate for change in fields.diff(TABLE, want, fields.read(TABLE, {}))} == {
        "driver": True,
        "mode": True,
    }


@pytest.mark.parametrize(
    ("given", "sentences"),
    [
        ({"labels": {"a": True}, "limits": {"cpus": "many", "memory": "1 X"}},
         ['option "labels.a" is a truth value; give a string, in quotes',
          'option "limits.cpus": "many" is not a number of CPUs; give for example 0.5 or 2',
          'option "limits.memory": "1 X" is not a size; give bytes or for example 512M or 2G']),
        ({"stop_grace_period": "10 parsecs"},
         ['option "stop_grace_period": "10 parsecs" is not a duration; give for example 500ms, 10s or 1m30s']),
        ({"networks": ["a", "a"]}, ['option "networks": a is given twice; give it once']),
        ({"mode": "global", "replicas": 2},
         ['option "replicas" belongs to mode replicated, not to mode global; remove it or change mode']),
        ({"endpoint": "x"}, ['option "endpoint": "x" is not one of vip, dnsrr']),
        ({"mode": "x"}, ['option "mode": "x" is not one of replicated, global, replicated-job']),
    ],
)  # fmt: skip
def test_all_violations_at_once(given, sentences):
    with pytest.raises(InputError) as error:
        fields.build(TABLE, given)
    assert error.value.violations == sentences


def test_an_option_of_another_arm_than_the_live_one():
    want = fields.build(TABLE, {"replicas": 2})
    with pytest.raises(InputError, match="belongs to mode replicated, not to mode global"):
        fields.diff(TABLE, want, fields.read(TABLE, {"Mode": {"Global": {}}}))


def test_a_reference_to_nothing_names_what_there_is():
    with pytest.raises(
        InputError, match=r'"networks.nope..name": network "nope" does not exist; there are: back, front'
    ):
        fields.merge(TABLE, SPEC, fields.build(TABLE, {"networks": ["nope"]}), REFS)


@pytest.mark.parametrize(
    ("given", "version", "sentence"),
    [
        ({"cap_add": ["X"]}, (1, 40), 'option "cap_add" needs Engine API 1.41 (Docker 20.10 or later); this engine'),
        ({"limits": {"pids": 5}}, (1, 40), 'option "limits.pids" needs Engine API 1.41'),
        ({"mode": "replicated-job"}, (1, 40), 'option "mode": replicated-job needs Engine API 1.41'),
        ({"cap_add": ["X"]}, (1, 41), None),
        ({"cap_add": []}, (1, 40), None),
        ({"init": False}, (1, 30), 'option "init" needs Engine API 1.37 (Docker 18.03 or later)'),
    ],
)
def test_gate(given, version, sentence):
    found = versions.gate(TABLE, fields.build(TABLE, given), version)
    assert bool(found) == bool(sentence)
    assert not sentence or found[0].startswith(sentence)


def test_argument_spec():
    spec = fields.spec(TABLE)
    assert spec["image"] == {"type": "str", "required": True}
    assert spec["token"] == {"type": "str", "no_log": True}
    assert spec["mode"] == {"type": "str", "choices": ["replicated", "global", "replicated-job"]}
    assert spec["replicas"] == {"type": "int"}
    assert spec["networks"] == {"type": "list", "elements": "raw"}
    assert spec["secrets"]["no_log"] is False and spec["secrets"]["options"]["uid"] == {"type": "str"}
    assert spec["limits"]["options"]["cpus"] == {"type": "float"}


@pytest.mark.parametrize(
    ("function", "value", "normal"),
    [
        (units.duration, "1m30s", 90 * 10**9), (units.duration, "0.5s", 5 * 10**8),
        (units.duration, "250ms", 25 * 10**7),
        (units.duration, 7, 7), (units.size, "512M", 512 << 20), (units.size, "1.5GiB", 3 << 29), (units.size, 10, 10),
        (units.size, "-1", -1), (units.cpus, 0.25, 250_000_000), (units.env_list, "A=1,B=2", ["A=1", "B=2"]),
        (units.text_map, ["a=b=c", "d"], {"a": "b=c", "d": ""}),
    ],
)  # fmt: skip
def test_units(function, value, normal):
    assert function(value, "x") == normal


@pytest.mark.parametrize(("value", "said"), [(90 * 10**9, "1m30s"), (0, "0s"), (1_500_000_000, "1s500ms")])
def test_durations_are_shown_exactly(value, said):
    assert units.show_duration(value) == said
    assert units.duration(said, "x") == value
