# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An underlay of IPv6 from bare hosts on: a kernel overlay with IPsec below, Swarm, S3, and all of it taken away again.

In the order of this file. A swarm that is there keeps its addresses, so the hosts are new, and none are left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Machines, make
from traffic import CARRIERS, a_full_packet_is_one, between, nothing_is_read, transfer
from wire import ESP, ESP_IPV4

# Of the servers and of Swarm, as tcpdump sees it where nobody encrypts.
CLEAR = f"{CARRIERS['vxlan']} or tcp port 2377 or port 7946 or udp port 4789"


@pytest.fixture(scope="module", autouse=True)
def new_hosts(vm: Machines) -> Iterator[None]:
    """Bare hosts in the place of those that were there."""
    make("lab-down")
    make("lab")
    vm.keep_connections()
    yield
    make("lab-down")


@pytest.fixture(scope="module")
def settings(vm: Machines, master: tuple[str, ...]) -> tuple[str, ...]:
    """What the inventory of such a cluster would say; one expression for all hosts, which each reads for itself."""
    addresses = {guest.number: guest.data_ipv6 for guest in vm.lab.guests}
    said = {
        "overlay_underlay_address": f"{{{{ {addresses!r}[overlay_host_number] }}}}",
        "overlay_network_driver": "kernel",
        "kernel_overlay_kind": "vxlan",
        "overlay_encryption": "ipsec",
        # verify.yml looks from this machine, too, at the addresses that are declared.
        "overlay_client_networks": [vm.lab.subnet, f"{vm.controller}/32", f"{vm.controller_ipv6}/128"],
    }
    return ("-e", json.dumps(said), *master)


@pytest.fixture(scope="module")
def cluster(vm: Machines, settings: tuple[str, ...]) -> Machines:
    """The bare hosts, deployed."""
    run = vm.site(*settings)
    assert run.rc == 0, run.output
    return vm


def test_nodes_know_each_other_by_ipv6(cluster: Machines) -> None:
    for name, host in cluster.hosts.items():
        assert host.check_output("docker info --format '{{.Swarm.NodeAddr}}'") == cluster.guests[name].data_ipv6
    seen = cluster.hosts["n1"].check_output("docker node ls -q | xargs docker node inspect -f '{{.Status.Addr}}'")
    assert set(seen.split()) == {guest.data_ipv6 for guest in cluster.lab.guests}


def test_s3_leaves_no_host_in_clear_text(cluster: Machines) -> None:
    captures = between(cluster, lambda: transfer(cluster))
    nothing_is_read(captures, CLEAR)
    for name, wire in captures.items():
        assert wire.packets(ESP_IPV4) == [], name


def test_a_full_packet_leaves_as_one(cluster: Machines) -> None:
    a_full_packet_is_one(cluster, "kernel", ESP)


def test_everything_is_connected(cluster: Machines, settings: tuple[str, ...], tmp_path: Path) -> None:
    verified = cluster.play("verify", *settings, "-e", f"connectivity_report_dir={tmp_path}")
    assert verified.rc == 0, verified.output
    result = json.loads((tmp_path / "connectivity.json").read_text())
    assert (result["verdict"], result["complete"]) == ("pass", True)
    assert {host["address"] for host in result["hosts"]} == {guest.data_ipv6 for guest in cluster.lab.guests}
    assert all(layer["counts"]["pass"] for layer in result["layers"])


def test_a_second_run_changes_nothing(cluster: Machines, settings: tuple[str, ...]) -> None:
    again = cluster.site(*settings)
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output


def test_it_is_taken_away(cluster: Machines, settings: tuple[str, ...]) -> None:
    consent = json.dumps({"overlay_teardown_consent": list(cluster.hosts)})
    run = cluster.play("teardown", *settings, "-e", consent)
    assert run.rc == 0, run.output
    for name, host in cluster.hosts.items():
        assert host.check_output("docker info --format '{{.Swarm.LocalNodeState}}'") == "inactive", name
        assert host.run("ip link show dev ovl0").rc != 0, name
        assert host.run("nft list tables | grep baremetal").stdout == "", name
        assert host.run("ip xfrm state").stdout == "", name
