# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The readers, on what the tools of a real host print."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import (
    blockdevices,
    fstab,
    local_engine,
    network,
    packages,
    units,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import stack


def test_packages_know_versions_holds_and_interruptions(fixture_text):
    found = packages.parse(
        fixture_text("dpkg-query.txt") + "gone\t1\tdeinstall\tconfig-files\nhalf\t1\tinstall\thalf-configured\n"
    )
    assert found["docker.io"].version.startswith("26.1.5") and found["docker.io"].held
    assert not found["docker-cli"].held and found["docker-cli"].installed
    assert "gone" not in found
    assert found["half"].interrupted and not found["half"].installed


def test_section_packages_installs_holds_and_repairs(fixture_text):
    present = packages.parse(fixture_text("dpkg-query.txt") + "half\t1\tinstall\tunpacked\n")
    assert packages.plan({"names": ["xfsprogs"], "hold": ["docker.io", "absent"]}, present).sentences == []
    plan = packages.plan({"names": ["xfsprogs", "jq", "half"], "hold": ["xfsprogs", "jq"]}, present)
    assert plan.sentences == [
        "finish the interrupted installation (half is unpacked)",
        "install jq, half",
        "hold xfsprogs, jq against unattended upgrades",
    ]


def test_install_fetches_lists_only_when_it_must(fake_system):
    system = fake_system()
    packages.Install(["jq"]).apply(system)
    assert [word for word in system.ran if "update" in word] == []
    system = fake_system(failing=["install"])
    packages.Install(["jq"]).apply(system)
    assert [command.split()[-1] for command in system.ran] == ["jq", "update", "jq"]
    system = fake_system(failing=["install"], words="you must manually run 'dpkg --configure -a'")
    packages.Install(["jq"]).apply(system)
    assert "dpkg" in system.ran[1] and "--configure" in system.ran[1]


def test_units_stopped_running_and_missing(fixture_text, fake_system):
    text = fixture_text("systemctl-show-stopped.txt")
    found = units.parse(text)
    docker = found["docker.service"]
    assert (docker.active, docker.sub, docker.enabled) == ("inactive", "dead", "enabled")
    assert "--containerd=/run/containerd/containerd.sock" in docker.command
    assert docker.exists and not docker.running
    assert found["containerd.service"].running
    assert not found["nothing.service"].exists
    assert units.parse(fixture_text("systemctl-show-running.txt"))["docker.service"].invocation
    assert not units.read(fake_system(), ("docker.service",))["docker.service"].exists


def test_addresses_and_routes(fixture_text):
    addresses = network.parse_addresses(fixture_text("ip-address.json"))
    assert {"interface": "eth0", "address": "172.31.99.11", "prefix": 24, "mtu": 1500} in addresses
    routes = network.parse_routes(fixture_text("ip-route.json"))
    assert [route["dst"] for route in routes if route["type"] == "blackhole"] == ["10.99.0.0/16"]
    assert (
        network.parse_routes('[{"dst":"default","gateway":"192.0.2.1","dev":"eth0","flags":[]}]')[0]["dst"]
        == "0.0.0.0/0"
    )
    assert network.parse_addresses("") == []


def test_routes_of_both_versions_are_read(fake_system):
    """Each has a default of its own."""

    class Both(fake_system):
        def query(self, argv):
            subnet = {"-4": "192.0.2.0/24", "-6": "2001:db8::/64"}[argv[2]]
            return json.dumps([{"dst": "default", "dev": "eth0"}, {"dst": subnet, "dev": "eth0"}])

    found = [route["dst"] for route in network.read_routes(Both())]
    assert found == ["0.0.0.0/0", "192.0.2.0/24", "::/0", "2001:db8::/64"]
    assert network.collisions("2001:db8::/48", network.read_routes(Both())) == ["2001:db8::/64 on eth0"]


@pytest.mark.parametrize(
    ("subnet", "expected"),
    [
        ("10.50.7.0/24", ["10.50.0.0/16 via 172.31.99.1 on eth0"]),
        ("172.31.0.0/16", ["172.31.99.0/24 on eth0"]),
        ("10.99.0.0/24", []),  # a dead end leads to nobody
        ("172.30.0.0/16", []),  # docker0 is the engine's own
        ("192.168.0.0/16", []),  # the default route leads everywhere
    ],
)
def test_collisions(fixture_text, subnet, expected):
    routes = [
        *network.parse_routes(fixture_text("ip-route.json")),
        *network.parse_routes('[{"dst":"default","dev":"eth0"}]'),
    ]
    assert network.collisions(subnet, routes) == expected


def test_block_devices_with_mounts_partitions_and_signatures(fixture_text):
    mounts = blockdevices.parse_mounts(fixture_text("mountinfo-host.txt"))
    devices = {device.path: device for device in blockdevices.parse(fixture_text("lsblk-host.json"), mounts)}
    assert devices["/dev/loop0"].serial == "h4-drive1"
    assert devices["/dev/loop0"].facts()["mounted"] == ["/srv/minio/drive1"]
    assert [member.path for member in devices["/dev/loop3"].family] == ["/dev/loop3", "/dev/loop3p1"]
    signatures = blockdevices.parse_signatures(fixture_text("wipefs-host.json"))
    assert [mark.type for mark in signatures["loop3"]] == ["gpt", "gpt", "PMBR"]
    assert str(signatures["loop0"][0]) == 'xfs labelled "minio3d1"'
    assert (
        blockdevices.parse_mounts(r"1 2 8:1 / /srv/with\040space rw - xfs /dev/sda1 rw")[0].target == "/srv/with space"
    )


def test_one_unreadable_device_does_not_hide_the_others(fake_system):
    system = fake_system(answers={"wipefs": '{"signatures":[]}'}, failing=["/dev/a /dev/b", "/dev/b"])
    assert blockdevices.read_signatures(system, ["/dev/a", "/dev/b"]) == ({}, {"/dev/b": "it failed"})


@pytest.mark.parametrize(
    ("block", "unfinished"), [(b"XFSB" + bytes(508), False), (b"XFSB" + bytes(122) + b"\1", True), (b"", False)]
)
def test_unfinished_xfs(tmp_path, block, unfinished):
    path = tmp_path / "device"
    path.write_bytes(block)
    assert blockdevices.is_unfinished_xfs(str(path)) is unfinished


ENTRY = fstab.Entry("minio1d1", "/srv/minio/drive1")


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        (None, ""),
        ("# comment\nUUID=1 / ext4 defaults 0 1\n", "# comment\nUUID=1 / ext4 defaults 0 1\n"),
        ("LABEL=minio1d1 /srv/minio/drive1 xfs defaults 0 0\n", ""),
        ("LABEL=minio1d1 /mnt xfs defaults 0 0\n/dev/sdb1 /srv/minio/drive1 ext4 defaults 0 0\n", ""),
        ("#LABEL=minio1d1 /srv/minio/drive1\n", "#LABEL=minio1d1 /srv/minio/drive1\n"),
    ],
)
def test_fstab_keeps_what_is_not_ours(before, kept):
    after = fstab.merge(before, [ENTRY])
    assert after == f"{kept}{ENTRY}\n"
    assert fstab.merge(after, [ENTRY]) == after


class ScriptedEngine(local_engine.LocalEngine):
    def __init__(self, answers):
        super().__init__()
        self.answers = answers

    def get(self, path):
        if path.strip("/") not in self.answers:
            raise OSError("no")
        self.api_version = "1.45"
        return self.answers[path.strip("/")]


def test_facts_of_a_manager_without_anyone_elses_secrets(fixture_text):
    recorded = json.loads(fixture_text("engine-manager.json"))
    recorded["images/json"] = [{"Id": "sha256:1", "Labels": None, "RepoTags": None}]
    recorded["networks"] = [
        {"Name": "minio-overlay", "Scope": "swarm", "Options": None},
        {"Name": "minio-bridge-config", "ConfigOnly": True, "Options": None},
    ]
    recorded["containers/json"] = json.loads(fixture_text("containers.json"))
    recorded["nodes"][0]["Description"]["Engine"] = {"EngineVersion": "20.10.24+dfsg1", "Labels": {"of": "no use"}}
    answers = local_engine.ask(ScriptedEngine(recorded))
    facts = local_engine.swarm_facts(answers)
    assert (facts["state"], facts["manager"]) == ("active", True)
    assert facts["remote_managers"] == ["172.31.99.11:2377"]
    assert facts["nodes"][0]["labels"] == {"baremetal.overlay.minio": "3"}
    # Whether servers may say that they gain no privileges is for the oldest one to tell.
    assert facts["nodes"][0]["engine"] == "20.10.24+dfsg1"
    assert [service["name"] for service in facts["services"]] == ["minio3"]
    assert facts["services"][0]["args"][0] == "server"
    # Names of variables are told, values never.
    assert facts["services"][0]["made_of"]["environment"] == ["SECRET"]
    assert "hush-hush" not in json.dumps(facts)
    published = [(entry["port"], entry["service"], entry["stack"]) for entry in local_engine.published_facts(answers)]
    assert sorted(set(published)) == [(9000, "minio1", "minio"), (9001, "minio1", "minio")]
    assert local_engine.network_facts(answers) == [{"name": "minio-bridge-config", "driver_options": {}}]
    assert local_engine.image_facts(answers) == [{"id": "sha256:1", "labels": {}, "tags": []}]


def test_a_manager_without_quorum_and_a_dead_engine(fixture_text):
    recorded = json.loads(fixture_text("engine-manager.json"))
    lonely = local_engine.ask(
        ScriptedEngine({"info": recorded["info"], "images/json": [], "containers/json": [], "networks": []})
    )
    assert local_engine.swarm_facts(lonely)["nodes"] == []
    # Unknown, and why; a manager that lists none would be another thing.
    assert (lonely.unlisted, local_engine.swarm_facts(lonely)["unlisted"]) == ("no", "no")
    assert local_engine.swarm_facts(local_engine.ask(ScriptedEngine(_listing(recorded))))["unlisted"] is None
    assert local_engine.ask(ScriptedEngine({})) is None
    assert local_engine.swarm_facts(None)["state"] is None


def _listing(recorded):
    return {**recorded, "images/json": [], "containers/json": [], "networks": []}


@pytest.mark.parametrize(
    ("cluster", "locks"),
    [
        ({"ID": "c", "Spec": {"EncryptionConfig": {"AutoLockManagers": True}}}, True),
        ({"ID": "c", "Spec": {"EncryptionConfig": {"AutoLockManagers": False}}}, False),
        # As a manager without a leader says it.
        ({"ID": "", "Spec": {"EncryptionConfig": {"AutoLockManagers": False}}}, None),
        (None, None),
    ],
)
def test_whether_managers_lock_themselves_is_unknown_without_a_leader(cluster, locks):
    answers = local_engine.Answers("1.45", {"Swarm": {"ControlAvailable": True, "Cluster": cluster}}, [], [], [])
    assert answers.autolock is locks


def test_servers_of_minio_are_known_by_their_own_arguments():
    label = {"com.docker.swarm.service.name": "minio1"}
    command = "/usr/bin/minio server --address :9100 --console-address :9001 http://minio{1...3}:9100/drives/d"
    containers = [
        {"Id": "1", "Labels": label, "Command": command},
        {"Id": "2", "Labels": {}, "Command": command},
        {"Id": "3", "Labels": {"com.docker.swarm.service.name": "web"}, "Command": "web --address"},
    ]
    answers = local_engine.Answers("1.45", {}, [], [], [], containers)
    assert local_engine.minio_servers(answers) == {"minio1": ":9100"}
    assert local_engine.minio_servers(None) == {}


IDENT = "c2957a602663f99a7e0905c1d32a6590f3f4e1cd482eaa255c70ef90a9756668"


@pytest.mark.parametrize(
    ("cgroup", "ident"),
    [
        (f"9:name=systemd:/docker/{IDENT}\n0::/docker/{IDENT}\n", IDENT),
        (f"0::/system.slice/docker-{IDENT}.scope\n", IDENT),
        ("0::/system.slice/ssh.service\n", None),
        ("", None),
    ],
)
def test_the_container_of_a_process(cgroup, ident):
    assert local_engine.container_of(cgroup) == ident


def test_a_listener_in_the_hosts_network_is_known_by_its_service():
    labels = {"com.docker.swarm.service.name": "minio1", "com.docker.stack.namespace": "minio"}
    containers = [{"Id": IDENT, "Names": ["/minio1.1.x"], "Labels": labels}]
    answers = local_engine.Answers("1.45", {}, [], [], [], containers)
    listening = [{"port": 9000, "pid": 7}, {"port": 9001, "pid": 8}, {"port": 4789, "pid": None}]
    found = local_engine.listener_facts(listening, {7: f"0::/docker/{IDENT}\n", 8: "0::/init.scope\n"}, answers)
    assert [(one["service"], one["stack"], one["container"]) for one in found] == [
        ("minio1", "minio", "minio1.1.x"),
        (None, None, None),
        (None, None, None),
    ]


def test_what_a_server_that_runs_here_trusts_is_known_by_its_task():
    assert local_engine.TRUST_LABEL == stack.TRUST_LABEL
    task = {"com.docker.swarm.service.name": "minio1"}
    labels = [{**task, stack.TRUST_LABEL: "0123456789abcdef"}, {**task, "other": "x"}, {"other": "x"}, None]
    answers = local_engine.Answers("1.45", {}, [], [], [], [{"Id": IDENT, "Labels": own} for own in labels])
    assert local_engine.task_facts(answers) == [
        {"service": "minio1", "trust": "0123456789abcdef"},
        {"service": "minio1", "trust": None},
    ]
    assert local_engine.task_facts(None) == []


def test_interfaces_are_known_without_an_address():
    text = '[{"ifname": "eth0", "mtu": 1500, "addr_info": [{"local": "192.0.2.1"}]}, {"ifname": "eth1", "mtu": 9000}]'
    assert network.parse_interfaces(text) == {"eth0": 1500, "eth1": 9000}


@pytest.mark.parametrize("link", ["docker_gwbridge", "minio_bridge", "br-gp3v1s63at7k", "br-0123456789ab"])
def test_bridges_of_the_engine_are_no_collision(link):
    route = {"dst": "172.30.2.0/24", "gateway": None, "dev": link, "type": "unicast"}
    assert network.collisions("172.30.0.0/16", [route]) == []
