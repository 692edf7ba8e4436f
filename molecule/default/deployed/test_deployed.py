# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator has after site.yml: seen on the hosts, through the Engine, and with MinIO's SDK."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from typing import Any

import pytest
from minio import Minio
from minio.error import S3Error

SERVICES = ("minio1", "minio2", "minio3", "minio4")
MEBIBYTE = 1024 * 1024


def test_second_run_and_check_mode_change_nothing(lab: Any) -> None:
    for arguments in ((), ("--check",), ("--check", "--diff", "--limit", "n4"), ("--limit", "n2")):
        run = lab.site(*arguments)
        assert run.rc == 0, run.output
        assert set(run.changed.values()) == {0}, run.output


def test_packages_were_installed_after_another_process_was_done_with_apt(lab: Any) -> None:
    host = lab.hosts["n4"]
    released, installed = (
        float(host.check_output(f"stat -c %.9Y {path}"))
        for path in ("/run/apt-was-held", "/var/lib/dpkg/info/docker.io.list")
    )
    assert installed > released


def test_only_root_enters_our_directory_on_any_host(lab: Any) -> None:
    modes = {name: host.check_output("stat -c '%a %U' /etc/baremetal-overlay") for name, host in lab.hosts.items()}
    assert set(modes.values()) == {"700 root"}, modes


def test_swarm_has_the_inventory_s_nodes(lab: Any) -> None:
    nodes = lab.hosts["n1"].check_output("docker node ls --format '{{.Hostname}} {{.Status}} {{.ManagerStatus}}'")
    roles = dict(line.split(" ", 1) for line in nodes.splitlines())
    assert set(roles) == set(lab.hosts)
    assert all(state.startswith("Ready") for state in roles.values())
    assert sorted(state.split()[-1] for state in roles.values()) == ["Leader", "Reachable", "Reachable", "Ready"]


def test_overlay_has_its_subnet_and_mtu(lab: Any) -> None:
    network = json.loads(lab.hosts["n1"].check_output("docker network inspect minio-overlay"))[0]
    assert network["Driver"] == "overlay"
    assert network["Attachable"] is True
    assert network["IPAM"]["Config"][0]["Subnet"] == "10.77.0.0/24"
    # What tasks may send: the underlay's 1500 bytes without VXLAN's 50.
    pid = lab.hosts["n1"].check_output("docker inspect -f '{{.State.Pid}}' $(docker ps -q --filter name=minio1)")
    links = lab.hosts["n1"].check_output(f"nsenter -t {pid} -n ip -j -4 address")
    mtus = {link["mtu"] for link in json.loads(links) if link["addr_info"][0]["local"].startswith("10.77.0.")}
    assert mtus == {1450}


def test_a_server_without_its_secrets_does_not_start(lab: Any) -> None:
    host = lab.hosts["n1"]
    spec = json.loads(host.check_output("docker service inspect minio1"))[0]["Spec"]["TaskTemplate"]["ContainerSpec"]
    environment = " ".join(f"-e {entry}" for entry in spec["Env"])
    started = host.run(f"timeout 20 docker run --rm --network none {environment} {spec['Image']} server /tmp/drive")
    assert started.rc not in (0, 124), started.stdout
    assert "Unable to validate credentials" in started.stdout + started.stderr


def test_every_node_runs_the_same_image_by_its_id(lab: Any) -> None:
    inspected = json.loads(lab.hosts["n1"].check_output("docker service inspect " + " ".join(SERVICES)))
    images = {service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] for service in inspected}
    assert len(images) == 1
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", images.pop())
    for name, host in lab.hosts.items():
        task = host.check_output("docker ps --filter label=com.docker.swarm.service.name --format '{{.Names}}'")
        assert task.startswith(f"minio{name[1:]}."), task


def test_no_server_has_a_power_of_root_s_or_can_get_one(lab: Any) -> None:
    for name, host in lab.hosts.items():
        container = host.check_output(f"docker ps -q --filter name=minio{name[1:]}")
        pid = host.check_output(f"docker inspect -f '{{{{.State.Pid}}}}' {container}")
        status = dict(line.split(":\t", 1) for line in host.check_output(f"cat /proc/{pid}/status").splitlines())
        assert set(status["Uid"].split()) == {"9000"}
        assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
        confines = int(host.check_output("docker version -f '{{.Server.Version}}'").split(".")[0]) >= 25
        assert status["NoNewPrivs"].strip() == str(int(confines))
        limit = host.check_output(f"docker inspect -f '{{{{.HostConfig.PidsLimit}}}}' {container}")
        assert limit == "16384"
        mounts = dict(line.split()[4:6] for line in host.check_output(f"cat /proc/{pid}/mountinfo").splitlines())
        assert mounts["/"].split(",")[0] == "ro"
        assert mounts["/drives/drive1"].split(",")[0] == "rw"


def test_one_erasure_set_over_all_drives(lab: Any) -> None:
    info = json.loads(lab.admin("n1").info())
    assert info["mode"] == "online"
    assert info["backend"]["totalSets"] == [1]
    assert info["backend"]["standardSCParity"] == 4
    assert set(lab.drives("n1").values()) == {"ok"}
    assert len(lab.drives("n1")) == 8


def test_drives_are_xfs_by_label_and_minio_s_own(lab: Any) -> None:
    for number, host in enumerate(lab.hosts.values(), start=1):
        for drive in (1, 2):
            mount = host.mount_point(f"/srv/minio/drive{drive}")
            assert (mount.exists, mount.filesystem) == (True, "xfs")
            assert "noatime" in mount.options
            assert host.file(f"/srv/minio/drive{drive}").uid == 9000
            label = host.check_output(f"blkid -s LABEL -o value {mount.device}")
            assert label == f"minio{number}d{drive}"


def test_credentials_are_kept_for_root_only(lab: Any) -> None:
    for name in ("n1", "n2", "n3"):
        kept = lab.hosts[name].file("/etc/baremetal-overlay/minio-root.json")
        assert (kept.exists, kept.mode, kept.user) == (True, 0o600, "root")
    assert not lab.hosts["n4"].file("/etc/baremetal-overlay/minio-root.json").exists


def test_nothing_secret_in_the_most_verbose_output(lab: Any) -> None:
    _user, password = lab.credentials()
    run = lab.site("-vvv", "--diff")
    assert run.rc == 0, run.output
    assert password not in run.output
    assert "SWMTKN" not in run.output
    assert password not in lab.hosts["n1"].check_output(
        "docker service inspect minio1; docker secret inspect $(docker secret ls -q)"
    )


@pytest.mark.parametrize("size", [0, 1, 12 * MEBIBYTE], ids=["empty", "byte", "multipart"])
def test_object_put_on_one_node_is_read_from_all(lab: Any, size: int) -> None:
    body = os.urandom(size)
    bucket = "seen-from-everywhere"
    writer = lab.s3("n1")
    if not writer.bucket_exists(bucket_name=bucket):
        writer.make_bucket(bucket_name=bucket)
    writer.put_object(
        bucket_name=bucket,
        object_name="object",
        data=io.BytesIO(body),
        length=-1 if size else 0,
        part_size=5 * MEBIBYTE,
    )
    for name in lab.hosts:
        response = lab.s3(name).get_object(bucket_name=bucket, object_name="object")
        assert hashlib.sha256(response.read()).digest() == hashlib.sha256(body).digest(), name
        response.close()
    writer.remove_object(bucket_name=bucket, object_name="object")
    writer.remove_bucket(bucket_name=bucket)


def test_default_credentials_do_not_log_in() -> None:
    client = Minio(endpoint="172.31.77.11:9000", access_key="minioadmin", secret_key="minioadmin", secure=False)
    with pytest.raises(S3Error) as refused:
        client.list_buckets()
    assert refused.value.code == "InvalidAccessKeyId"


def test_a_lost_engine_setting_comes_back_without_losing_the_operator_s_own(lab: Any) -> None:
    daemon = json.loads(lab.hosts["n1"].check_output("cat /etc/docker/daemon.json"))
    assert daemon["log-opts"]["max-size"]
    assert daemon.get("live-restore", False) is False
    held = lab.hosts["n1"].check_output("apt-mark showhold").split()
    assert {"docker.io", "containerd", "runc"} <= set(held)
