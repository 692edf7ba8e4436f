# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack's plan exists before its objects do; versions of secrets follow their content."""

from __future__ import annotations

import base64
from hashlib import sha224
from typing import Any, Optional

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import FreshEngine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import fingerprint, stack
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose.definition import Namespace, convert
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.stack_plan import (
    BASE_LABEL,
    Live,
    Plan,
    plan_stack,
    same_image,
    versions_of,
)

IMAGE = "sha256:" + "0" * 64
PARAMS = {
    "name": "store", "state": "present", "prune": False, "namespace_prefix": False, "variables": None,
    "secret_data": None, "secret_files": None, "file_data": None, "image_map": None, "strict": False, "wait": True,
    "detach": None, "wait_timeout": 1, "resolve_image": None,
}  # fmt: skip
LABELS = {"com.docker.stack.namespace": "store"}


def definition(**secret: Any) -> dict[str, Any]:
    return {
        "services": {"store1": {"image": IMAGE, "networks": ["net"], "secrets": ["password"]}},
        "networks": {"net": {"external": True}},
        "secrets": {"password": secret},
    }


def secret(name: str, data: Optional[bytes], **labels: str) -> dict[str, Any]:
    own = {fingerprint.LABEL: fingerprint.fingerprint(data)} if data else {}
    own[BASE_LABEL] = name.partition("_v")[0]
    return {"ID": f"id-{name}", "Version": {"Index": 1}, "Spec": {"Name": name, "Labels": {**LABELS, **own, **labels}}}


def plan(
    live: Live, data: Optional[bytes] = b"one", written: Optional[dict[str, Any]] = None, prune: bool = False
) -> Plan:
    made = convert([written or definition()], Namespace("store", False))
    for name, one in live.secrets.items():
        live.refs.add("secret", name, one["ID"])
    live.networks.setdefault("net", {"Id": "n1", "Name": "net"})
    live.refs.add("network", "net", "n1")
    return plan_stack("store", made, {("secret", "password"): data}, live, prune)


def sentences(found: Plan) -> list[str]:
    assert not found.violations
    return [step.sentence() for step in found.steps]


def test_on_an_empty_cluster_everything_is_made() -> None:
    assert sentences(plan(Live())) == ['create secret "password"', 'create service "store1"']


SECRETS: dict[str, tuple[list[dict[str, Any]], Optional[bytes], list[str]]] = {
    "the same content": ([secret("password", b"one")], b"one", []),
    "content that is not known yet": ([secret("password", b"one")], None, []),
    "other content": (
        [secret("password", b"old")], b"one",
        ['create secret "password_v2": its content changed', 'remove secret "password"'],
    ),
    "left over from an interrupted run": (
        [secret("password", b"old"), secret("password_v2", b"one")], b"one", ['remove secret "password"'],
    ),
    "version ten comes after nine": (
        [secret("password_v9", b"one"), secret("password_v10", b"old")], b"one",
        ['create secret "password_v11": its content changed', 'remove secret "password_v9"',
         'remove secret "password_v10"'],
    ),
    "another label": ([secret("password", b"one", a="b")], b"one", ['update secret "password": labels']),
}  # fmt: skip


@pytest.mark.parametrize("case", SECRETS)
def test_secrets(case: str) -> None:
    there, data, wanted = SECRETS[case]
    found = plan(Live(secrets={one["Spec"]["Name"]: one for one in there}), data)
    assert [one for one in sentences(found) if "service" not in one] == wanted


HELD: dict[str, tuple[dict[str, str], dict[str, bool], list[str]]] = {
    "the Engine says it is the same": ({}, {"password": True}, []),
    "the Engine says it is another": (
        {}, {"password": False}, ['create secret "password_v2": its content changed', 'remove secret "password"'],
    ),
    "it cannot be asked": ({}, {}, []),
    "docker_secret's label says it is the same": ({"ansible_key": sha224(b"one").hexdigest()}, {}, ["labels"]),
    "docker_secret's label says it is another": (
        {"ansible_key": sha224(b"old").hexdigest()}, {},
        ['create secret "password_v2": its content changed', 'remove secret "password"'],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HELD)
def test_secrets_that_carry_no_label_of_ours(case: str) -> None:
    labels, held, wanted = HELD[case]
    there = secret("password", None, **labels)
    found = plan(Live(secrets={"password": there}, held=held))
    said = [one for one in sentences(found) if "service" not in one]
    if wanted == ["labels"]:
        assert said == ['update secret "password": labels']
        body, before = next((step.want, step.before) for step in found.steps if step.kind == "secret")
        assert before["ansible_key"] == "(hidden)", "a diff shows it to more people than the label does"
        assert "ansible_key" not in body["Labels"], "an unsalted hash does not stay"
        assert fingerprint.matches(body["Labels"][fingerprint.LABEL], b"one")
    else:
        assert said == wanted
    assert bool(found.warnings) == (case == "it cannot be asked")


def test_a_secret_of_another_stack_is_not_taken_over() -> None:
    theirs = secret("password", b"old", **{"com.docker.stack.namespace": "other"})
    found = plan(Live(secrets={"password": theirs}))
    assert found.violations == ['secret "password": it exists and is not part of stack "store"; rename yours']


def test_a_version_s_name_may_be_taken_by_somebody() -> None:
    theirs = secret("password_v2", b"x", **{BASE_LABEL: "password_v2"})
    found = plan(Live(secrets={"password": secret("password", b"old"), "password_v2": theirs}))
    assert [one for one in sentences(found) if "service" not in one] == [
        'create secret "password_v3": its content changed', 'remove secret "password"',
    ]  # fmt: skip


def test_a_version_s_name_may_become_too_long() -> None:
    name = "p" * 62
    written = definition()
    written["secrets"]["password"] = {"name": name}
    there = secret(name, b"old")
    made = convert([written], Namespace("store", False))
    live = Live(secrets={name: there}, networks={"net": {"Id": "n1", "Name": "net"}})
    found = plan_stack("store", made, {("secret", name): b"new"}, live, False)
    assert "its next version" in found.violations[0]
    assert "(65 characters)" in found.violations[0]


def test_another_option_of_a_driver_is_another_secret() -> None:
    spec = {"Name": "password", "Labels": LABELS, "Driver": {"Name": "vault", "Options": {"path": "a"}}}
    live = {"password": {"ID": "id-password", "Version": {"Index": 1}, "Spec": spec}}
    for path, changed in (("a", False), ("b", True)):
        found = plan(Live(secrets=dict(live)), b"", definition(driver="vault", driver_opts={"path": path}))
        assert any(one.startswith("create secret") for one in sentences(found)) == changed


def test_prune_takes_all_that_the_definition_no_longer_has_unless_a_service_uses_it() -> None:
    names = ("gone", "used")
    live = Live(
        secrets={name: secret(name, b"x") for name in names},
        networks={f"n-{name}": {"Id": f"id-{name}", "Name": f"n-{name}", "Labels": LABELS} for name in names},
        services={"theirs": {"ID": "s", "Spec": {"Name": "theirs", "TaskTemplate": {
            "Networks": [{"Target": "id-used"}],
            "ContainerSpec": {"Secrets": [{"SecretName": "used", "SecretID": "id-used"}]}}}}},
    )  # fmt: skip
    for name in names:
        live.refs.add("network", f"n-{name}", f"id-{name}")
    found = plan(live, prune=True)
    assert [one for one in sentences(found) if one.startswith("remove")] == [
        'remove network "n-gone"', 'remove secret "gone"',
    ]  # fmt: skip
    assert [one.split(" is ")[0] for one in found.warnings] == ['network "n-used"', 'secret "used"']


def test_prune_leaves_the_copy_that_a_broken_off_replacement_keeps() -> None:
    copy = secret("password.next-0123abcd", b"the only one")
    copy["Spec"]["Labels"]["baremetal.overlay.replaces"] = "password"
    found = plan(Live(secrets={"password.next-0123abcd": copy}), prune=True)
    assert not [one for one in sentences(found) if one.startswith("remove")]


def test_what_a_stack_replaces_goes_after_the_services_went_over() -> None:
    """So content that the engine refuses is refused while the former one is there and used."""
    found = plan(Live(secrets={"password": secret("password", b"old")}), prune=True)
    kinds = [(step.kind, step.action) for step in found.steps]
    assert kinds.index(("secret", "create")) < kinds.index(("secret", "remove"))
    assert [step.name for step in found.of("secret", remove=True)] == ["password"]


def test_the_service_follows_the_version_and_keeps_the_file_name() -> None:
    found = plan(Live(secrets={"password": secret("password", b"old")}))
    service = next(step for step in found.steps if step.kind == "service")
    used = service.want["secrets"][0]
    assert (used["secret_name"], used["filename"]) == ("password_v2", "password")


def test_an_old_version_that_a_foreign_service_uses_stays() -> None:
    reference = {"SecretName": "password", "SecretID": "id-password"}
    theirs = {"ID": "s", "Spec": {"Name": "theirs", "TaskTemplate": {"ContainerSpec": {"Secrets": [reference]}}}}
    found = plan(Live(secrets={"password": secret("password", b"old")}, services={"theirs": theirs}))
    assert not [one for one in sentences(found) if one.startswith("remove")]


def test_nothing_of_a_secret_is_in_the_plan() -> None:
    found = plan(Live(), b"a very secret thing")
    visible = str([(step.sentence(), step.before, step.after) for step in found.steps])
    body = next(step.want for step in found.steps if step.kind == "secret")
    assert "a very secret thing" not in visible
    assert base64.b64encode(b"a very secret thing").decode() not in visible
    assert "a very secret thing" not in str(body["Labels"])


def test_what_is_external_must_exist_unless_it_is_a_prediction() -> None:
    written = {**definition(), "networks": {"net": {"external": True, "name": "other"}}}
    assert plan(Live(), written=written).violations == [
        'network "other" is external but does not exist; create it first'
    ]
    assert (
        'network "other" is external, and of this host alone'
        in plan(Live(local={"other"}), written=written).violations[0]
    )
    predicted = plan(Live(prediction=True), written=written)
    assert not predicted.violations
    assert 'network "other" is external and does not exist yet' in predicted.warnings[0]


def test_an_option_that_the_engine_would_drop_is_refused() -> None:
    written = definition()
    written["services"]["store1"]["oom_score_adj"] = 100
    assert "needs Engine API 1.46" in plan(Live(), written=written).violations[0]


def publishing(*ports: str, image: str = IMAGE) -> dict[str, Any]:
    return {"services": {name: {"image": image, "ports": [port]} for name, port in zip(("one", "two"), ports)}}


def test_what_the_engine_would_refuse_is_said_of_all_services_at_once() -> None:
    ours, theirs = plan(Live(), written=publishing("80:80", "80:81", image="Foo")).violations, Live()
    assert [one.partition(";")[0] for one in ours] == [
        'service "one": option "image": "Foo" is not the name of an image',
        'service "two": option "image": "Foo" is not the name of an image',
        'service "two": option "publish": port 80/tcp is published by service "one"',
    ]
    port = {"Protocol": "tcp", "TargetPort": 1, "PublishedPort": 90, "PublishMode": "host"}
    theirs.services["other"] = {"Spec": {"Name": "other", "TaskTemplate": {}}, "Endpoint": {"Ports": [port]}}
    assert len(plan(theirs, written=publishing("90:80")).violations) == 1
    assert not plan(theirs, written=publishing("90:80/udp", "91:80")).violations


def test_a_bare_host_gets_a_prediction_although_the_secret_is_not_there_yet() -> None:
    params = {**PARAMS, "compose": [definition()], "secret_files": {"password": "/nowhere/password"}}
    found = stack.run(FreshEngine(), params, True)
    assert found["plan"] == ['create secret "password"', 'create service "store1"']
    with pytest.raises(InputError, match="cannot be read on this host"):
        stack.run(FreshEngine(), params, False)


def test_a_path_that_reaches_the_module_is_refused() -> None:
    with pytest.raises(InputError, match="is not a mapping"):
        stack.run(FreshEngine(), {**PARAMS, "compose": ["a.yml"]}, True)


def test_versions_are_those_of_exactly_that_name() -> None:
    made = {name: {"Labels": {BASE_LABEL: "a"}} for name in ("a_v2", "ab", "a_vx", "xa_v3", "a_v10")}
    others = {"a": {"Labels": {}}, "a_v3": {"Labels": {}}, "a_v4": {"Labels": {BASE_LABEL: "a_v4"}}}
    assert versions_of({**made, **others}, "a") == ["a", "a_v2", "a_v10"]
    assert versions_of({**made, **others}, "a_v4") == ["a_v4"]
    assert versions_of(made, "a_v2") == [], "a version of another secret is not the secret of that name"


@pytest.mark.parametrize(
    ("want", "have", "taken"),
    [
        ("i:1", "i:1@sha256:ab", "i:1@sha256:ab"),
        ("i:2", "i:1@sha256:ab", "i:2"),
        ("i@sha256:cd", "i@sha256:ab", "i@sha256:cd"),
        ("i", "i:latest@sha256:ab", "i:latest@sha256:ab"),
        ("docker.io/library/i", "i:latest", "i:latest"),
        ("i", "i:1@sha256:ab", "i"),
        ("r:5000/i", "r:5000/i:latest@sha256:ab", "r:5000/i:latest@sha256:ab"),
        ("", "i:latest", ""),
    ],
)
def test_a_resolved_tag_is_the_tag(want: str, have: str, taken: str) -> None:
    assert same_image(want, have) == taken


def test_a_fingerprint_is_salted_and_recognises_its_data() -> None:
    first, second = fingerprint.fingerprint(b"data"), fingerprint.fingerprint(b"data")
    assert first != second
    assert fingerprint.matches(first, b"data")
    assert fingerprint.matches(second, b"data")
    assert not fingerprint.matches(first, b"date")
    for strange in (None, "", "md5:x", "scrypt:1:2", "scrypt:a:8:1:x:y", "scrypt:3:8:1:AAAA:AAAA"):
        assert not fingerprint.matches(strange, b"data")
