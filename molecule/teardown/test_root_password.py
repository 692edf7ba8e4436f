# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another root password: only with consent, all servers at once, and nothing else of the deployment changes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
from typing import Any
from urllib.request import urlopen

import pytest
from minio import Minio
from minio.error import S3Error

BUCKET, BODY = "outlives-the-password", b"what was stored before"
# Dollar signs, quotes, a backslash and a letter outside of ASCII: as vaults generate them.
NEW = "N3w$$pa}ss$word'\"\\é"
# What no server may find changed; Ansible makes the last of it two braces with a placeholder of Swarm's between them.
NAME, WRITTEN = "MINIO_NOTIFY_WEBHOOK_COMMENT", "Pa$$w0rd! Pa$w0rd! {{ '{{.Node.Hostname}}' }}"
# The second one shows that servers read what is secret: their metrics are open then.
TOKEN = "t0k$$en'\"{{x}} é"
HIDDEN = {"MINIO_PROMETHEUS_AUTH_TOKEN": TOKEN.replace("{{", "{{ '{{' }}"), "MINIO_PROMETHEUS_AUTH_TYPE": "public"}
ENVIRONMENT = {"minio_environment": {NAME: WRITTEN}, "minio_secret_environment": HIDDEN}
MEANT = "Pa$$w0rd! Pa$w0rd! {{.Node.Hostname}}"
CONVERGES = "Converge MinIO's services"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}],
}
KEYS = {"app": "the-password-of-app", "app-key": "the-secret-of-app-key", "root-key": "the-secret-of-root-key"}


def client(lab: Any, node: str, key: str, secret: str) -> Minio:
    """MinIO's SDK with these credentials."""
    return Minio(endpoint=f"{lab.addresses[node]}:9000", access_key=key, secret_key=secret, secure=False)


def use(lab: Any) -> None:
    """Put into the deployment what has to outlive the change, the bucket last."""
    admin = lab.admin("n1")
    admin.user_add(access_key="app", secret_key=KEYS["app"])
    admin.policy_add(policy_name="all", policy=POLICY)
    admin.attach_policy(policies=["all"], user="app")
    of_app = type(admin)(
        endpoint=f"{lab.addresses['n1']}:9000",
        credentials=type(admin._provider)("app", KEYS["app"]),
        secure=False,
    )
    for owner, key in ((of_app, "app-key"), (admin, "root-key")):
        owner.add_service_account(access_key=key, secret_key=KEYS[key])
    lab.s3("n1").make_bucket(bucket_name=BUCKET)
    lab.s3("n1").put_object(bucket_name=BUCKET, object_name="object", data=io.BytesIO(BODY), length=len(BODY))


@pytest.fixture(scope="module")
def in_use(lab: Any) -> tuple[str, str]:
    """The credentials of a deployment with an object, a user, and access keys of that user and of root."""
    if not lab.s3("n1").bucket_exists(bucket_name=BUCKET):
        use(lab)
    found: tuple[str, str] = lab.credentials()
    return found


def given(user: str, password: str, **more: Any) -> tuple[str, str]:
    """What an operator gives the run."""
    return ("-e", json.dumps({"minio_root_user": user, "minio_root_password": password, **more}))


def kept(lab: Any, file: str) -> list[str]:
    """The managers that have a file of credentials."""
    return [name for name, host in lab.hosts.items() if host.file(f"/etc/baremetal-overlay/{file}").exists]


def killed_at(lab: Any, task: str, *arguments: str) -> None:
    """A run of site.yml that dies as soon as it begins a task."""
    root = lab.inventory.parents[1]
    command = ["ansible-playbook", "-i", str(lab.inventory), str(root / "playbooks" / "site.yml"), *arguments]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(root / "ansible.cfg"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        assert run.stdout is not None
        assert any(task in line for line in run.stdout)
        os.killpg(run.pid, signal.SIGKILL)


def test_another_password_needs_consent_and_another_user_is_refused(lab: Any, in_use: tuple[str, str]) -> None:
    user, password = in_use
    before = lab.fingerprints()
    refused = (
        (
            given(user, NEW),
            "minio_root_password: is not the one that n1 keeps, and a change restarts all servers together; "
            f"agree by minio_root_consent: {user}",
        ),
        (given("another", password, minio_root_consent="another"), "minio_root_user: is not the one that n1 keeps"),
    )
    for arguments, sentence in refused:
        run = lab.site("--tags", "preflight", *arguments)
        assert run.rc != 0, run.output
        assert sentence in run.text, run.output
        assert NEW not in run.output
        assert password not in run.output
    assert lab.fingerprints() == before


def test_a_change_that_was_killed_is_finished_by_the_next_run(lab: Any, in_use: tuple[str, str]) -> None:
    user, password = in_use
    killed_at(lab, CONVERGES, *given(user, NEW, minio_root_consent=user))
    assert lab.credentials() == (user, password)
    assert kept(lab, "minio-root-next.json") == ["n1", "n2", "n3"]
    run = lab.site("-vvv", "--diff", "-e", json.dumps(ENVIRONMENT))
    assert run.rc == 0, run.output
    assert "n1, n2 and n3: change MinIO's root credentials, for which all servers restart together" in run.text
    assert NEW not in run.output
    assert json.dumps(NEW)[1:-1] not in run.output
    assert "t0k" not in run.output
    assert lab.credentials() == (user, NEW)
    assert kept(lab, "minio-root-next.json") == []
    for name in ("n1", "n2", "n3"):
        assert json.loads(lab.hosts[name].check_output("cat /etc/baremetal-overlay/minio-root.json"))["password"] == NEW


def test_the_old_password_is_refused_and_everything_else_works_as_before(lab: Any, in_use: tuple[str, str]) -> None:
    for node in lab.hosts:
        with pytest.raises(S3Error) as refused:
            client(lab, node, *in_use).list_buckets()
        assert refused.value.code == "SignatureDoesNotMatch"
        for key, secret in {**KEYS, in_use[0]: NEW}.items():
            answer = client(lab, node, key, secret).get_object(bucket_name=BUCKET, object_name="object")
            assert answer.read() == BODY
            answer.close()


def test_the_servers_environment_is_what_was_written(lab: Any) -> None:
    for name, host in lab.hosts.items():
        pid = host.check_output(f"docker inspect -f '{{{{.State.Pid}}}}' $(docker ps -q --filter name=minio{name[1:]})")
        environment = host.check_output(f"tr '\\0' '\\n' < /proc/{pid}/environ").splitlines()
        assert f"{NAME}={MEANT}" in environment, name
        assert {f"{hidden}=unset" for hidden in HIDDEN} <= {*environment}


def test_what_is_secret_in_it_reaches_the_servers_and_is_seen_nowhere(lab: Any) -> None:
    for name, host in lab.hosts.items():
        with urlopen(f"http://{lab.addresses[name]}:9000/minio/v2/metrics/node", timeout=10) as answer:
            assert answer.status == 200
        container = host.check_output(f"docker ps -q --filter name=minio{name[1:]}")
        file = host.check_output(
            f"cat /proc/$(docker inspect -f '{{{{.State.Pid}}}}' {container})/root/run/secrets/minio-environment"
        )
        assert f'MINIO_PROMETHEUS_AUTH_TOKEN="{TOKEN}"' in file.splitlines()
        assert "t0k" not in host.check_output(f"docker inspect {container}")
    manager = lab.hosts["n1"]
    services = " ".join(f"minio{name[1:]}" for name in lab.hosts)
    secrets = manager.check_output("docker secret inspect $(docker secret ls -q)")
    assert "t0k" not in manager.check_output(f"docker service inspect {services}") + secrets


def test_given_again_it_changes_nothing(lab: Any, in_use: tuple[str, str]) -> None:
    run = lab.site(*given(in_use[0], NEW, **ENVIRONMENT))
    assert (run.rc, set(run.changed.values())) == (0, {0}), run.output
    secrets = lab.hosts["n1"].check_output("docker secret ls --format '{{.Name}}'").split()
    assert sorted(secrets) == ["minio-environment", "minio-root-password_v2", "minio-root-user"]
