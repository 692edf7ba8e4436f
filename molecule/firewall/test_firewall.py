# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may reach the cluster's ports: this machine is the only client, another address beside it a stranger."""

from __future__ import annotations

import io
import json
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

CLIENT, STRANGER, STRANGER_ADDRESS = "172.31.77.1", "overlay-lab-stranger", "172.31.77.200"
ONLY_THIS_MACHINE = ("-e", json.dumps({"overlay_client_networks": [f"{CLIENT}/32"]}))
TABLE = "inet baremetal_overlay"
UNIT = "baremetal-overlay-firewall.service"
ORDER = (UNIT, "network-pre.target", "docker.service")
S3_PORTS, CLUSTER_PORTS, UDP_PORTS = (9000, 9001), (2377, 7946), (4789, 7946)
# All that is not ours, without counts.
OTHERS = f"nft -s list ruleset | sed '/^table {TABLE} {{/,/^}}/d'; iptables-save | grep -v '^[#:]' | sed 's/\\[.*\\]//'"
# Asks again and again over one connection until its input ends: an idle one would be closed by MinIO.
TALKER = """
import http.client, select, sys
talk = http.client.HTTPConnection("172.31.77.12", 9000, timeout=20)
talk.connect()
port = talk.sock.getsockname()[1]
while True:
    talk.request("GET", "/minio/health/live")
    answer = talk.getresponse()
    answer.read()
    print(answer.status, talk.sock.getsockname()[1] == port, flush=True)
    if select.select([sys.stdin], [], [], 0.5)[0]:
        break
"""


def connects(shell: Any, address: str, port: int) -> bool:
    """Whether a TCP connection is made within two seconds."""
    return bool(shell(f"timeout 2 bash -c '</dev/tcp/{address}/{port}'") == 0)


def on(host: Any) -> Any:
    """A shell on a host of the lab, by its exit status."""
    return lambda command: host.run(command).rc


def stranger(command: str) -> int:
    """A shell on the stranger."""
    return subprocess.run(
        ["docker", "exec", STRANGER, "bash", "-c", command], capture_output=True, check=False
    ).returncode


def counts(host: Any) -> dict[str, int]:
    """The packets of every counter of ours."""
    objects = json.loads(host.check_output(f"nft -j list counters table {TABLE}"))["nftables"]
    return {one["counter"]["name"]: one["counter"]["packets"] for one in objects if "counter" in one}


@pytest.fixture(scope="module", autouse=True)
def stranger_on_the_network(lab: Any) -> Iterator[None]:
    """One more container beside the hosts; the lab's own inventory is deployed again at the end."""
    tag = lab.engine("inspect", "-f", "{{.Config.Image}}", "overlay-lab-n1").strip()
    where = ("--network=overlay-lab", f"--ip={STRANGER_ADDRESS}", "--cap-add=NET_ADMIN")
    subprocess.run(["docker", "rm", "--force", STRANGER], capture_output=True, check=False)
    lab.engine("run", "--detach", f"--name={STRANGER}", "--init", *where, "--entrypoint=sleep", tag, "infinity")
    yield
    lab.engine("rm", "--force", STRANGER)
    run = lab.site()
    assert run.rc == 0, run.output


class Traffic(threading.Thread):
    """Objects put and got through every node, one after the other, until it is told to end."""

    def __init__(self, lab: Any) -> None:
        super().__init__()
        self.clients = {name: lab.s3(name) for name in lab.hosts}
        self.enough, self.rounds, self.failures = threading.Event(), 0, list[str]()
        self.bucket = "through-the-firewall"

    def run(self) -> None:
        while not self.enough.is_set():
            for name, client in self.clients.items():
                try:
                    body = f"{name} {self.rounds}".encode()
                    client.put_object(
                        bucket_name=self.bucket, object_name=name, data=io.BytesIO(body), length=len(body)
                    )
                    answer = client.get_object(bucket_name=self.bucket, object_name=name)
                    assert answer.read() == body
                    answer.close()
                except Exception as error:
                    self.failures.append(f"{name}: {error}")
            self.rounds += 1

    def __enter__(self) -> Traffic:
        first = next(iter(self.clients.values()))
        if not first.bucket_exists(bucket_name=self.bucket):
            first.make_bucket(bucket_name=self.bucket)
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.enough.set()
        self.join()
        client = next(iter(self.clients.values()))
        for entry in client.list_objects(bucket_name=self.bucket):
            client.remove_object(bucket_name=self.bucket, object_name=entry.object_name)
        client.remove_bucket(bucket_name=self.bucket)


def test_a_change_cuts_nobody_off_and_leaves_docker_s_rules(lab: Any) -> None:
    before = {name: host.check_output(OTHERS) for name, host in lab.hosts.items()}
    assert "DOCKER" in before["n1"]
    assert connects(stranger, "172.31.77.12", 9000)
    talker = ["docker", "exec", "--interactive", STRANGER, "python3", "-uc", TALKER]
    with subprocess.Popen(talker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as talk:
        assert talk.stdout
        assert talk.stdout.readline() == "200 True\n"
        with Traffic(lab) as traffic:
            run = lab.site(*ONLY_THIS_MACHINE)
        assert not connects(stranger, "172.31.77.12", 9000)
        said, _errors = talk.communicate("enough")
    assert run.rc == 0, run.output
    assert all(changed > 0 for changed in run.changed.values()), run.output
    assert set(said.splitlines()) == {"200 True"}
    assert traffic.rounds > 0
    assert traffic.failures == []
    assert {name: host.check_output(OTHERS) for name, host in lab.hosts.items()} == before


def test_second_run_changes_nothing(lab: Any) -> None:
    run = lab.site(*ONLY_THIS_MACHINE)
    assert set(run.changed.values()) == {0}, run.output


def test_a_client_reaches_s3_and_console_and_no_port_of_the_cluster(lab: Any) -> None:
    def here(command: str) -> int:
        return subprocess.run(["bash", "-c", command], capture_output=True, check=False).returncode

    for number in range(1, 5):
        assert lab.healthy(f"n{number}") == 200
        assert connects(here, f"172.31.77.1{number}", 9001)
        assert not any(connects(here, f"172.31.77.1{number}", port) for port in CLUSTER_PORTS)
    assert connects(here, "172.31.77.11", 22)


def test_a_stranger_reaches_nothing_of_the_cluster_and_everything_else(lab: Any) -> None:
    for number in (1, 4):
        before = counts(lab.hosts[f"n{number}"])
        address = f"172.31.77.1{number}"
        assert not any(connects(stranger, address, port) for port in (*S3_PORTS, *CLUSTER_PORTS))
        for port in UDP_PORTS:
            assert stranger(f"for i in 1 2 3; do echo forged > /dev/udp/{address}/{port}; done") == 0
        after = counts(lab.hosts[f"n{number}"])
        assert after["strangers_s3"] - before["strangers_s3"] >= 2
        assert after["strangers_cluster"] - before["strangers_cluster"] >= 2 + 6
        assert connects(stranger, address, 22)


@pytest.fixture
def another_network(lab: Any) -> Iterator[Any]:
    """One more network of the first host, with a stranger in it; the lab's own lets nothing through to containers."""
    host = lab.hosts["n1"]
    host.check_output(
        "ip netns add stranger && ip link add stranger0 type veth peer name eth0 netns stranger"
        " && ip address add 192.0.2.1/24 dev stranger0 && ip link set stranger0 up"
        " && ip -n stranger address add 192.0.2.2/24 dev eth0 && ip -n stranger link set eth0 up"
        " && ip -n stranger route add default via 192.0.2.1"
    )
    yield lambda command: host.run(f"ip netns exec stranger {command}").rc
    host.check_output("ip netns del stranger")


def test_a_stranger_does_not_come_in_by_the_containers_own_addresses(lab: Any, another_network: Any) -> None:
    host = lab.hosts["n1"]
    gateway = json.loads(host.check_output("docker network inspect docker_gwbridge"))[0]["Containers"]
    inside = next(one["IPv4Address"].split("/")[0] for name, one in gateway.items() if name != "ingress-sbox")
    before = counts(host)
    assert not connects(another_network, inside, 9000)
    assert not connects(another_network, "172.31.77.11", 9000)
    assert counts(host)["strangers_s3"] >= before["strangers_s3"] + 2
    assert connects(another_network, "172.31.77.11", 22)


def test_members_reach_every_port_of_each_other(lab: Any) -> None:
    before = counts(lab.hosts["n1"])
    assert all(connects(on(lab.hosts["n4"]), "172.31.77.11", port) for port in (*S3_PORTS, *CLUSTER_PORTS))
    lab.eventually(lambda: counts(lab.hosts["n1"])["members_cluster"] > before["members_cluster"] + 1, True)
    assert counts(lab.hosts["n1"])["members_s3"] >= before["members_s3"] + 2


def test_the_host_and_its_own_containers_reach_their_host(lab: Any) -> None:
    host = lab.hosts["n2"]
    assert all(connects(on(host), address, 9000) for address in ("172.31.77.12", "127.0.0.1"))
    task = host.check_output("docker inspect -f '{{.State.Pid}}' $(docker ps -q -f name=minio2)")
    assert connects(lambda command: host.run(f"nsenter -t {task} -n {command}").rc, "172.31.77.12", 9000)


@pytest.mark.parametrize(
    "harm",
    [f"nft delete table {TABLE}", f"nft insert rule {TABLE} judge accept", f"systemctl disable --now {UNIT}"],
    ids=["deleted", "changed", "disabled"],
)
def test_harm_is_noticed_and_mended(lab: Any, harm: str) -> None:
    host = lab.hosts["n4"]
    host.check_output(harm)
    # A unit that is disabled leaves the table, and harms the next boot only.
    assert connects(stranger, "172.31.77.14", 9000) or "disable" in harm
    run = lab.site(*ONLY_THIS_MACHINE, "--limit", "n4")
    assert (run.rc, run.changed["n4"]) == (0, 1), run.output
    assert not connects(stranger, "172.31.77.14", 2377)
    assert not connects(stranger, "172.31.77.14", 9000)
    assert host.run(f"systemctl is-enabled {UNIT}").rc == host.run(f"systemctl is-active {UNIT}").rc == 0
    # Not because there is no stranger.
    assert connects(stranger, "172.31.77.14", 22)


def test_of_two_runs_one_mends_and_the_other_changes_nothing(lab: Any) -> None:
    lab.hosts["n4"].check_output(f"nft delete table {TABLE}")
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _one: lab.site(*ONLY_THIS_MACHINE, "--limit", "n4"), range(2)))
    assert sorted(run.changed["n4"] for run in runs) == [0, 1], [run.output for run in runs]
    for run in runs:
        # One that begins so late that it looks at what the other has mended has nothing to do.
        assert run.rc == 0 or "the deployment's lease: " in run.text, run.output
    assert not connects(stranger, "172.31.77.14", 9000)


def test_it_is_there_before_network_and_engine_and_stays_when_others_restart(lab: Any) -> None:
    host = lab.hosts["n4"]
    shown = dict(
        line.split("=", 1)
        for line in host.check_output(f"systemctl show -p Before,After,WantedBy,UnitFileState {UNIT}").splitlines()
    )
    assert {"network-pre.target", "docker.service"} <= set(shown["Before"].split())
    assert "nftables.service" in shown["After"].split()
    assert (shown["WantedBy"], shown["UnitFileState"]) == ("sysinit.target", "enabled")
    lab.engine("restart", "overlay-lab-n4")
    lab.eventually(lambda: lab.healthy("n4"), 200)
    begun = [host.check_output(f"systemctl show -p ActiveEnterTimestampMonotonic --value {unit}") for unit in ORDER]
    assert sorted(map(int, begun)) == list(map(int, begun))
    assert 0 not in map(int, begun)
    # Its configuration flushes every table, Docker's too: the engine makes its own again when it starts.
    for command in ("systemctl restart nftables", "systemctl restart docker"):
        host.check_output(command)
        assert host.run(f"nft list table {TABLE}").rc == 0, command
        assert not connects(stranger, "172.31.77.14", 9000)
    lab.eventually(lambda: lab.healthy("n4"), 200)
    lab.eventually(lambda: set(lab.drives("n1").values()), {"ok"})
    run = lab.site(*ONLY_THIS_MACHINE)
    assert (run.rc, run.changed["n4"]) == (0, 0), run.output


def test_a_table_that_cannot_be_loaded_at_boot_leaves_the_ports_closed(lab: Any) -> None:
    host, closed, address = lab.hosts["n4"], f"{UNIT.removesuffix('.service')}-closed.service", "172.31.77.14"
    host.check_output("echo 'nonsense {' >> /etc/baremetal-overlay/firewall.nft")
    lab.engine("restart", "overlay-lab-n4")
    lab.eventually(lambda: host.run(f"nft list table {TABLE}_closed").rc, 0)
    assert host.run(f"nft list table {TABLE}").rc == 1
    # Its drives are in use all the while, as members reach it.
    lab.eventually(lambda: set(lab.drives("n1").values()), {"ok"})
    assert not [port for port in (*S3_PORTS, *CLUSTER_PORTS) if connects(stranger, address, port)]
    assert not connects(this_machine, address, 9000)
    assert connects(stranger, address, 22)
    asked = ((closed, "InactiveExit"), ("docker.service", "InactiveExit"))
    begun = [
        int(host.check_output(f"systemctl show -p {what}TimestampMonotonic --value {unit}")) for unit, what in asked
    ]
    assert 0 < begun[0] < begun[1]
    assert f"{UNIT} could not load its table" in host.check_output("cat /run/motd.d/*")
    verified = lab.play("verify", "--limit", "n4")
    assert verified.rc != 0 and f"n4: the table {TABLE} is not loaded ({UNIT} is failed)" in verified.text, (
        verified.output
    )
    run = lab.site(*ONLY_THIS_MACHINE, "--limit", "n4")
    assert (run.rc, run.changed["n4"]) == (0, 1), run.output
    assert f"n4: {UNIT} could not load its table, and {TABLE}_closed is there in its place" in run.text, run.output
    assert "closed" not in host.check_output("nft list tables; ls /run/motd.d")
    assert connects(this_machine, address, 9000)


def this_machine(command: str) -> int:
    """A shell on the client."""
    return subprocess.run(["bash", "-c", command], capture_output=True, check=False).returncode


# A header of VXLAN with a network's number, and a frame in it.
FORGED = r"\x08\x00\x00\x00\x00\x10\x01\x00" + r"\xff" * 6 + r"\x02" * 6 + r"\x08\x06forged"
PUBLISHED = 8088
DROP = {
    "overlay_client_networks": [f"{CLIENT}/32"],
    "firewall_default_drop_interfaces": ["eth0"],
    "firewall_management_networks": [f"{CLIENT}/32"],
}


def forge(address: str, port: int) -> str:
    return f"for i in 1 2 3; do printf '{FORGED}' > /dev/udp/{address}/{port}; done"


@pytest.fixture
def published(lab: Any) -> Iterator[None]:
    """A container of somebody else's on n4, with a port that Docker publishes."""
    host = lab.hosts["n4"]
    image = host.check_output("docker images --quiet --no-trunc").split()[0]
    host.check_output(
        f"docker run --detach --name somebody --publish {PUBLISHED}:{PUBLISHED} {image} "
        f"server --address :{PUBLISHED} /tmp/data"
    )
    lab.eventually(lambda: connects(stranger, "172.31.77.14", PUBLISHED), True, 60)
    yield
    host.check_output("docker rm --force --volumes somebody")


@pytest.mark.usefixtures("published")
def test_default_drop_on_a_declared_interface(lab: Any) -> None:
    host, address = lab.hosts["n4"], "172.31.77.14"
    run = lab.site("-e", json.dumps(DROP), "--limit", "n4")
    assert (run.rc, run.changed["n4"]) == (0, 1), run.output
    before = counts(host)
    assert not any(connects(stranger, address, port) for port in (22, PUBLISHED, *S3_PORTS))
    assert not connects(on(lab.hosts["n1"]), address, 22)
    assert stranger(forge(address, 4789)) == 0
    assert lab.hosts["n1"].run(f'bash -c "{forge(address, 4790)}"').rc == 0
    after = counts(host)
    assert after["strangers_cluster"] - before["strangers_cluster"] >= 3
    assert after["unlisted"] - before["unlisted"] >= 3 + 3
    # All of the cluster, pings and what manages the host go on.
    assert lab.hosts["n1"].run(f"ping -c 1 -W 2 {address}").rc == 0
    assert connects(on(lab.hosts["n1"]), address, 7946)
    assert lab.healthy("n4") == 200
    assert set(lab.drives("n1").values()) == {"ok"}
    assert host.run("true").rc == 0
    run = lab.site("-e", json.dumps(DROP), "--limit", "n4")
    assert (run.rc, run.changed["n4"]) == (0, 0), run.output
    allowed = {"firewall_allowed": [{"port": PUBLISHED, "sources": [f"{STRANGER_ADDRESS}/32"]}]}
    run = lab.site("-e", json.dumps({**DROP, **allowed}), "--limit", "n4")
    assert run.rc == 0, run.output
    assert connects(stranger, address, PUBLISHED)
    assert not connects(on(lab.hosts["n1"]), address, PUBLISHED)
    run = lab.site(*ONLY_THIS_MACHINE, "--limit", "n4")
    assert run.rc == 0, run.output


@pytest.fixture
def legacy_rule(lab: Any) -> Iterator[None]:
    """A rule of the older machinery, which nft does not show."""
    lab.hosts["n4"].check_output("iptables-legacy -A INPUT -s 203.0.113.7 -j DROP")
    yield
    lab.hosts["n4"].check_output("iptables-legacy -D INPUT -s 203.0.113.7 -j DROP")


@pytest.mark.usefixtures("legacy_rule")
def test_all_that_speaks_against_a_default_drop_is_said_at_once(lab: Any) -> None:
    before = lab.fingerprints()
    wrong = {
        "firewall_default_drop_interfaces": ["eth0", "eth9"],
        "firewall_management_networks": ["203.0.113.0/24"],
    }
    run = lab.site("-e", json.dumps(wrong))
    assert run.rc != 0, run.output
    for sentence in (
        "n1, n2, n3 and n4: firewall: firewall_default_drop_interfaces: eth9 is not here; this host has ",
        f"firewall_management_networks: excludes this controller, which this host sees as {CLIENT} on eth0",
        "n4: firewall: legacy iptables filters here (rules and policies: 1, the first "
        '"-A INPUT -s 203.0.113.7/32 -j DROP")',
    ):
        assert sentence in run.text, run.output
    assert set(run.changed.values()) == {0}, run.output
    assert lab.fingerprints() == before


def test_what_nft_refuses_is_said_in_its_own_words(lab: Any) -> None:
    before = lab.fingerprints()
    run = lab.site("-e", json.dumps({**DROP, "firewall_extra_rules": ["tcp dport nonsense accept"]}))
    assert run.rc != 0, run.output
    assert "firewall: nft refuses the table" in run.text, run.output
    assert "tcp dport nonsense accept" in run.text, run.output
    assert set(run.changed.values()) == {0}, run.output
    assert lab.fingerprints() == before


REFUSED = [
    ([], "overlay_client_networks: the list is empty, and nobody could reach S3"),
    (["172.31.77.0/33"], 'overlay_client_networks "172.31.77.0/33": is not a CIDR'),
    (["10.0.0.0/8"], f"overlay_client_networks: excludes this controller, which the hosts see as {CLIENT}"),
]


@pytest.mark.parametrize(("networks", "sentence"), REFUSED, ids=[case[1][:50] for case in REFUSED])
def test_refused_before_anything_is_changed(lab: Any, networks: list[str], sentence: str) -> None:
    before = lab.fingerprints()
    run = lab.site("-e", json.dumps({"overlay_client_networks": networks}))
    assert run.rc != 0, run.output
    assert sentence in run.text, run.output
    assert set(run.changed.values()) == {0}, run.output
    assert lab.fingerprints() == before


def test_switched_off_it_leaves_alone_what_is_there(lab: Any) -> None:
    run = lab.site("-e", "overlay_firewall=false", "--limit", "n4")
    assert (run.rc, run.changed["n4"]) == (0, 0), run.output
    assert not connects(stranger, "172.31.77.14", 9000)
