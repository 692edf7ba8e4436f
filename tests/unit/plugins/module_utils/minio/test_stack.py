# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of the servers: what keeps a MinIO together, and what must not be in it."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import stack
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose import definition as compose

ARGS = ["http://minio{1...2}:9000/drives/drive{1...2}"]
OPTIONS = {
    "image": "sha256:abc",
    "release": "RELEASE.x",
    "parity": None,
    "port": 9000,
    "console_port": 9001,
    "attachment": {"networks": ["minio-overlay"], "publish": True, "hosts": {}, "identity": stack.USUAL_NETWORK},
    "drives_parent": "/srv/minio",
    "memory_limit": "4g",
    "tmp_size": "128m",
    "dns": [],
    "stop_grace_period": "1m",
    "log_max_size": "10m",
    "log_max_file": 3,
    "environment": {},
    "secret_names": [],
    "secrets_id": "",
    "pids_limit": 16384,
    "no_new_privileges": True,
    "tls": False,
    "tls_dir": "/etc/baremetal-overlay/minio-tls",
    "trust_id": "",
}


def definition(**changed):
    return stack.compose([1, 2], ARGS, {**OPTIONS, **changed})


def test_it_is_a_definition_without_errors_or_warnings():
    converted = compose.convert([definition()], compose.Namespace("minio", prefix=False))
    assert sorted(converted.services) == ["minio1", "minio2"]
    assert converted.warnings == []


def test_each_server_is_held_to_its_node_and_known_by_its_name():
    services = definition()["services"]
    for number in (1, 2):
        service = services[f"minio{number}"]
        assert service["hostname"] == f"minio{number}"
        assert service["deploy"]["placement"]["constraints"] == [f"node.labels.baremetal.overlay.minio == {number}"]


def test_what_servers_compare_at_start_is_equal_on_all():
    first, second = definition()["services"].values()
    for key in ("image", "command", "environment"):
        assert first[key] == second[key]
    assert first["deploy"]["labels"][stack.STARTUP_LABEL] == second["deploy"]["labels"][stack.STARTUP_LABEL]


@pytest.mark.parametrize(
    ("changed", "restarts_together"),
    [
        ({"image": "sha256:def"}, True),
        ({"parity": 2}, True),
        ({"environment": {"MINIO_BROWSER": "off"}}, True),
        ({"secret_names": ["MINIO_KMS_SECRET_KEY"], "secrets_id": "scrypt:1"}, True),
        ({"memory_limit": "8g"}, False),
        ({"pids_limit": 4096}, False),
        ({"no_new_privileges": False}, False),
        ({"log_max_file": 5}, False),
    ],
)
def test_the_label_says_what_cannot_be_changed_server_by_server(changed, restarts_together):
    def labels(options):
        return {name: service["deploy"]["labels"] for name, service in definition(**options)["services"].items()}

    live = labels({})
    assert (live["minio1"][stack.STARTUP_LABEL] != labels(changed)["minio1"][stack.STARTUP_LABEL]) == restarts_together
    assert stack.rolling(definition(**changed), live) == ([] if restarts_together else ["minio1", "minio2"])
    assert stack.rolling(definition(), live) == []
    # A server that is new starts together with whatever is to be changed.
    assert stack.rolling(definition(**changed), {"minio1": live["minio1"]}) == []
    # The rest of a change that was interrupted.
    half = {**live, "minio1": labels(changed)["minio1"]}
    assert stack.rolling(definition(**changed), half) == ([] if restarts_together else ["minio2"])


def test_an_old_task_ends_before_a_new_one_takes_its_ports_and_drives():
    service = definition()["services"]["minio1"]
    assert service["deploy"]["update_config"]["order"] == "stop-first"
    assert {port["mode"] for port in service["ports"]} == {"host"}
    assert service["deploy"]["endpoint_mode"] == "dnsrr"
    assert "healthcheck" not in service


ON_THE_HOST = {
    "networks": ["host"],
    "publish": False,
    "hosts": {"minio1": "10.78.0.1", "minio2": "fd00::2"},
    "identity": "kernel 10.78.0.0/24",
}


def test_in_the_hosts_network_names_are_given_and_no_ports_are_published():
    made = definition(attachment=ON_THE_HOST)
    converted = compose.convert([made], compose.Namespace("minio", prefix=False))
    server = converted.services["minio1"]
    assert [network["name"] for network in server["networks"]] == ["host"]
    assert server["hosts"] == ["10.78.0.1 minio1", "fd00::2 minio2"]
    assert "ports" not in made["services"]["minio1"]
    assert server["labels"][stack.NETWORK_LABEL] == "kernel 10.78.0.0/24"
    assert converted.warnings == []


def test_servers_move_to_another_network_together():
    labels = {name: service["deploy"]["labels"] for name, service in definition()["services"].items()}
    assert stack.NETWORK_LABEL not in labels["minio1"], "a deployment of before would differ"
    assert stack.rolling(definition(attachment=ON_THE_HOST), labels) == []
    moved = definition(attachment=ON_THE_HOST)["services"]["minio1"]["deploy"]["labels"]
    assert moved[stack.STARTUP_LABEL] != labels["minio1"][stack.STARTUP_LABEL]


def test_names_that_the_overlay_does_not_know_are_refused_at_once_unless_name_servers_are_given():
    assert definition()["services"]["minio1"]["dns"] == ["127.0.0.1"]
    assert definition(dns=["10.0.0.53"])["services"]["minio1"]["dns"] == ["10.0.0.53"]


def test_it_runs_without_privileges_and_sees_drives_that_come_later():
    service = definition()["services"]["minio1"]
    assert (service["user"], service["read_only"]) == ("9000:9000", True)
    assert service["volumes"][0]["bind"] == {"propagation": "rslave"}


@pytest.mark.parametrize("can", [True, False])
def test_it_has_no_capability_a_limit_of_processes_and_no_new_privileges_where_engines_can(can):
    converted = compose.convert([definition(no_new_privileges=can)], compose.Namespace("minio", prefix=False))
    service = converted.services["minio1"]
    assert (service["cap_drop"], service["limits"]["pids"]) == (["ALL"], 16384)
    assert service.get("privileges") == ({"no_new_privileges": True} if can else None)
    assert converted.warnings == []


def test_other_secrets_of_the_environment_are_another_start():
    def labels(secrets_id):
        made = definition(secret_names=["MINIO_KMS_SECRET_KEY"], secrets_id=secrets_id)
        return {name: service["deploy"]["labels"] for name, service in made["services"].items()}

    assert labels("scrypt:1") == labels("scrypt:1")
    assert labels("scrypt:1")["minio1"][stack.STARTUP_LABEL] != labels("scrypt:2")["minio1"][stack.STARTUP_LABEL]


def test_a_secret_environment_is_a_file_and_its_names_open_nothing():
    made = definition(secret_names=["MINIO_KMS_SECRET_KEY"], secrets_id="scrypt:1")
    assert "minio-environment" in made["secrets"]
    service = made["services"]["minio1"]
    assert service["environment"]["MINIO_CONFIG_ENV_FILE"] == "/run/secrets/minio-environment"
    # A server that misses the file has no key that it could encrypt with, and does not start.
    assert service["environment"]["MINIO_KMS_SECRET_KEY"] == "unset"
    assert service["deploy"]["labels"][stack.SECRETS_LABEL] == "scrypt:1"
    assert {"minio-environment", "0400"} <= {value for secret in service["secrets"] for value in secret.values()}


def test_credentials_are_secrets_and_nothing_else():
    made = definition()
    assert made["secrets"] == {"minio-root-user": {}, "minio-root-password": {}}
    service = made["services"]["minio1"]
    assert service["environment"]["MINIO_ROOT_PASSWORD_FILE"] == "/run/secrets/minio-root-password"
    assert {(secret["uid"], secret["mode"]) for secret in service["secrets"]} == {("9000", "0400")}
    # Where a secret is missing MinIO falls back on these, and refuses a password of fewer than 8 characters.
    assert len(service["environment"]["MINIO_ROOT_PASSWORD"]) < 8
    with pytest.raises(InputError, match="minio_environment: MINIO_ROOT_PASSWORD does not belong there"):
        definition(environment={"MINIO_ROOT_PASSWORD": "secret-one"})


def test_parity_reaches_minio_only_where_it_is_given():
    assert definition(parity=2)["services"]["minio1"]["environment"]["MINIO_STORAGE_CLASS_STANDARD"] == "EC:2"
    assert "MINIO_STORAGE_CLASS_STANDARD" not in definition()["services"]["minio1"]["environment"]


def test_other_trust_is_another_server_and_another_scheme_is_another_start():
    def labels(**options):
        return {name: each["deploy"]["labels"] for name, each in definition(**options)["services"].items()}

    off, old, new = labels(), labels(tls=True, trust_id="old"), labels(tls=True, trust_id="new")
    assert off["minio1"][stack.STARTUP_LABEL] != old["minio1"][stack.STARTUP_LABEL]
    assert stack.rolling(definition(tls=True, trust_id="old"), off) == []
    assert old["minio1"][stack.STARTUP_LABEL] == new["minio1"][stack.STARTUP_LABEL]
    assert stack.rolling(definition(tls=True, trust_id="new"), old) == ["minio1", "minio2"]
    service = definition(tls=True)["services"]["minio1"]
    assert "--certs-dir=/certs" in service["command"]
    assert service["volumes"][1] == {
        "type": "bind",
        "source": "/etc/baremetal-overlay/minio-tls",
        "target": "/certs",
        "read_only": True,
    }


LITERAL = ["Pa$$w0rd!", "Pa$w0rd!", "${HOME}", "$", "a{{.Node.Hostname}}b", "{{{ }}", "{{", '{{"']


@pytest.mark.parametrize("value", LITERAL)
def test_what_is_given_is_meant_as_it_is_written(value):
    given = {
        "environment": {"MINIO_COMMENT": value},
        "drives_parent": f"/srv/{value}",
        "image": f"registry/{value}",
        "dns": [value],
        "trust_id": value,
        "tls": True,
    }
    made = compose.convert([definition(**given)], compose.Namespace("minio", prefix=False)).services["minio1"]
    environment, source = made["env"], made["mounts"][0]["source"]
    assert expanded(environment["MINIO_COMMENT"]) == value
    assert expanded(source) == f"/srv/{value}"
    assert made["image"] == f"registry/{value}"
    assert made["dns"] == [value]
    assert made["container_labels"][stack.TRUST_LABEL] == value


def expanded(text):
    """What Swarm makes of a text in environment and mounts; a placeholder that is none of a quoted text is an error."""
    left = text.replace('{{"{{"}}', "\0")
    assert "{{" not in left
    return left.replace("\0", "{{")


def test_how_a_value_is_written_says_nothing_of_the_server():
    plain, odd = (definition(environment={"MINIO_X": value})["services"]["minio1"] for value in ("a", "a$b{{c"))
    assert plain["deploy"]["labels"][stack.SERVER_LABEL] != odd["deploy"]["labels"][stack.SERVER_LABEL]
    assert odd["environment"]["MINIO_X"] == 'a$$b{{"{{"}}c'
