# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything at once under MinIO: a kernel overlay, IPsec on it, and a firewall that drops what is not listed.

In the order of this file; the first test makes it so.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import time
from collections import Counter

import associations
import pytest
from conftest import REBOOT, Machines, eventually
from traffic import BUCKET, CARRIERS, Requests, between, nothing_is_read, requests, transfer
from wire import ESP

# Servers of the overlay, as tcpdump sees them where nobody encrypts: its frames, and Swarm's management.
CLEAR = f"{CARRIERS['vxlan']} or tcp port 2377 or port 7946 or udp port 4789"
CONTENT = os.urandom(3 << 20)
EXECUTION = re.compile(r"^<([0-9.]+)> SSH: EXEC .*python3", re.MULTILINE)
# One who works, of either kind; the second manages nothing.
WORKER, MOST = "n2", 3


@pytest.fixture(scope="module")
def settings(moved: Machines, master: tuple[str, ...]) -> tuple[str, ...]:
    """What the inventory of such a cluster would say."""
    said = {
        "overlay_network_driver": "kernel",
        "overlay_encryption": "ipsec",
        "minio_network_consent": "kernel",
        "swarm_network_consent": ["minio-overlay"],
        "firewall_default_drop_interfaces": ["eth0", "eth1"],
        "firewall_management_networks": [moved.lab.subnet],
    }
    return ("-e", json.dumps(said), *master)


@pytest.fixture(scope="module")
def cluster(moved: Machines, settings: tuple[str, ...]) -> Machines:
    """The hosts with all of it, and an object from before everything else."""
    run = moved.site(*settings)
    assert run.rc == 0, run.output
    transfer(moved)
    moved.s3("n1").put_object(bucket_name=BUCKET, object_name="before", data=io.BytesIO(CONTENT), length=len(CONTENT))
    return moved


def test_a_second_run_changes_nothing_and_looks_once(cluster: Machines, settings: tuple[str, ...]) -> None:
    again = cluster.site(*settings, "-vvv")
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output
    executed = Counter(EXECUTION.findall(again.output))
    print(f"module executions of a run with nothing to do: {dict(executed)}")
    assert 0 < executed[cluster.guests[WORKER].management] <= MOST, executed


def test_s3_leaves_no_host_in_clear_text(cluster: Machines) -> None:
    nothing_is_read(between(cluster, lambda: transfer(cluster)), CLEAR)


def test_without_charon_servers_are_parted_and_nothing_leaks(cluster: Machines) -> None:
    """Then it is started, as a boot does, and nobody does anything else."""
    host = cluster.hosts["n2"]

    def parted() -> None:
        host.check_output("systemctl stop strongswan")
        with Requests(cluster) as seen:
            eventually(lambda: len(seen.failed) > 0, True, 120)
        assert seen.failed

    for name, wire in between(cluster, parted).items():
        assert wire.packets(CLEAR) == [], name
    host.check_output("systemctl start strongswan")
    healthy(cluster)


def test_a_charon_that_was_killed_comes_back_without_a_hand(cluster: Machines) -> None:
    host = cluster.hosts["n2"]

    def killed() -> None:
        with Requests(cluster) as seen:
            eventually(lambda: seen.good > 0, True, 120)
            host.check_output("kill -KILL $(pidof charon-systemd)")
            good = seen.good
            eventually(lambda: seen.good > good + 3, True, 300)

    for name, wire in between(cluster, killed).items():
        assert wire.packets(CLEAR) == [], name
        assert wire.count(ESP) > 100, name


def test_new_keys_of_the_data_under_requests(cluster: Machines) -> None:
    host = cluster.hosts["n1"]
    before = associations.look(host)
    # A host that was started again asks for what it needs only.
    assert "baremetal-overlay-2 out" in before.spis
    with requests(cluster) as seen:
        for child in sorted({name.split()[1] for name in before.spis}):
            host.check_output(f"swanctl --rekey --child {child}")
        wanted = dict.fromkeys(before.spis, True)
        eventually(lambda: associations.renewed(before.spis, associations.look(host).spis), wanted)
        host.check_output("swanctl --rekey --ike baremetal-overlay-2")
        number = {"baremetal-overlay-2": before.numbers["baremetal-overlay-2"]}
        eventually(lambda: associations.renewed(number, associations.look(host).numbers), dict.fromkeys(number, True))
        good = seen.good
        eventually(lambda: seen.good > good + 5, True, 120)


def test_other_keys_of_all_pairs_under_requests(cluster: Machines, settings: tuple[str, ...]) -> None:
    before = {name: (associations.look(host), associations.keys(host)) for name, host in cluster.hosts.items()}
    with requests(cluster):
        changed = cluster.site(*settings, "-e", "ipsec_psk_epoch=2")
    assert changed.rc == 0, changed.output
    for name, host in cluster.hosts.items():
        (old, keys), now = before[name], associations.look(host)
        assert old.numbers and associations.renewed(old.numbers, now.numbers) == dict.fromkeys(old.numbers, True), name
        # What charon itself has: one a peer, none of before.
        assert len(associations.keys(host)) == len(keys) and not set(associations.keys(host)) & set(keys), name
    assert changed.changed["n1"] > 0 and changed.changed["n2"] > 0
    with requests(cluster):
        back = cluster.site(*settings)
    assert back.rc == 0, back.output


def digest(vm: Machines, through: str) -> str:
    """The SHA-256 of the first object as one host serves it."""
    answer = vm.s3(through).get_object(bucket_name=BUCKET, object_name="before")
    return hashlib.sha256(answer.read()).hexdigest()


def healthy(vm: Machines) -> None:
    """Swarm and MinIO are whole again, and what was stored before can be read through every host."""
    nodes = "docker node ls --format '{{.Status}}' | sort | uniq -c | tr -s ' '"
    eventually(lambda: vm.hosts["n1"].check_output(nodes).strip(), f"{len(vm.hosts)} Ready", REBOOT)
    eventually(lambda: {name: vm.healthy(name) for name in vm.hosts}, dict.fromkeys(vm.hosts, 200), REBOOT)
    # MinIO keeps the addresses of the other servers for half a minute.
    wanted = {hashlib.sha256(CONTENT).hexdigest()}
    eventually(lambda: {digest(vm, name) for name in vm.hosts}, wanted, 120)


@pytest.mark.parametrize("name", ["n1", "n2"])
def test_a_reboot_takes_no_hand(cluster: Machines, name: str) -> None:
    """And nothing is sent in clear text while the host starts."""

    def rebooted() -> None:
        cluster.reboot(name)
        healthy(cluster)

    for host, wire in between(cluster, rebooted).items():
        assert wire.packets(CLEAR) == [], host
    table = cluster.hosts[name].check_output("nft list table inet baremetal_overlay")
    assert "goto guarded" in table, table
    assert cluster.hosts[name].check_output("systemctl --failed --plain --no-legend") == ""


def test_nothing_is_left_to_do(cluster: Machines, settings: tuple[str, ...]) -> None:
    again = cluster.site(*settings)
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output


def test_certificates_are_renewed_under_requests(cluster: Machines, settings: tuple[str, ...]) -> None:
    """One way to authenticate is not changed for the other while it is in force: clear text lies between."""
    certificates = (*settings, "-e", "ipsec_authentication=certificates", "-e", "ipsec_ca_host=n1")
    for said in ((*settings, "-e", "overlay_encryption=none"), certificates):
        run = cluster.site(*said)
        assert run.rc == 0, run.output
    before = {
        name: (associations.own_certificate(host), associations.look(host)) for name, host in cluster.hosts.items()
    }
    with requests(cluster):
        run = cluster.site(*certificates, "-e", "ipsec_days=400", "-e", "ipsec_renew_days=390")
        assert run.rc == 0, run.output
        time.sleep(5)  # requests over what was negotiated last
    for name, host in cluster.hosts.items():
        (serial, old), now = before[name], associations.look(host)
        assert associations.own_certificate(host) != serial, name
        assert associations.own_certificate(host) in associations.certificates(host), name
        assert old.numbers and associations.renewed(old.numbers, now.numbers) == dict.fromkeys(old.numbers, True), name
    nothing_is_read(between(cluster, lambda: transfer(cluster)), CLEAR)
