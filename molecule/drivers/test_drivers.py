# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network under one cluster is exchanged: servers reach each other by it, and what was stored before is there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

BUCKET, SIZE = "outlives-its-network", 8 << 20
# A part of the lab's own network: it drops frames of all others.
LAN = {"swarm_lan_parent": "eth0", "swarm_lan_subnet": "172.31.77.128/25"}
NOT_RUN = "overlay_network_driver: host has servers reach each other at the hosts' own addresses"


@dataclass(frozen=True)
class Driver:
    """A driver, what it is given, and where a server's address has to be."""

    name: str
    networks: list[str]
    address: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What the inventory would say."""
        return ("-e", json.dumps({"overlay_network_driver": self.name, **self.settings}))

    @property
    def agreed(self) -> tuple[str, ...]:
        """The same, and the consent that names it."""
        return (*self.arguments, "-e", f"minio_network_consent={self.name}")


DRIVERS = [
    Driver("host", ["host"], "172.31.77.1{number}"),
    Driver("kernel", ["host"], "10.78.0.{number}"),
    Driver("macvlan", ["minio-bridge", "minio-macvlan-*"], "172.31.77.{number128}", LAN),
]


@pytest.fixture(scope="module", autouse=True)
def overlay_again(lab: Any) -> Iterator[None]:
    """Whatever happens, the next scenario finds the driver that it expects."""
    yield
    run = lab.site("-e", "minio_network_consent=overlay")
    assert run.rc == 0, run.output
    for name in lab.hosts:
        assert lab.healthy(name) == 200


@pytest.fixture(scope="module")
def digest(lab: Any) -> str:
    """An object that was stored by way of the first network."""
    client = lab.s3("n1")
    if not client.bucket_exists(bucket_name=BUCKET):
        client.make_bucket(bucket_name=BUCKET)
    return put(lab, "n1", "before")


def put(lab: Any, through: str, name: str) -> str:
    body = os.urandom(SIZE)
    lab.s3(through).put_object(bucket_name=BUCKET, object_name=name, data=BytesIO(body), length=SIZE)
    return hashlib.sha256(body).hexdigest()


def got(lab: Any, through: str, name: str) -> str:
    """The SHA-256 of what another server serves."""
    return hashlib.sha256(lab.s3(through).get_object(bucket_name=BUCKET, object_name=name).read()).hexdigest()


def servers(lab: Any) -> dict[str, Any]:
    """The specification of every server, by its name."""
    services = lab.hosts["n1"].check_output("docker service inspect minio1 minio2 minio3 minio4")
    return {one["Spec"]["Name"]: one["Spec"]["TaskTemplate"] for one in json.loads(services)}


def networks(lab: Any) -> list[str]:
    """Those of the first server; where a name says what it was made of, only that it does."""
    shown = "{{range $name, $end := .NetworkSettings.Networks}}{{$name}} {{end}}"
    names = lab.hosts["n1"].check_output(f"docker inspect -f '{shown}' $(docker ps -q --filter name=^minio1.)").split()
    return sorted(f"{name[:14]}*" if name.startswith("minio-macvlan-") else name for name in names)


def sent(lab: Any, host: str, address: str) -> int:
    """The bytes that left by the interface with that address, in the network of the host's server."""
    shell = lab.hosts[host]
    listing = shell.check_output("nsenter --net=/proc/$(pgrep --newest --exact minio)/ns/net ip -j -s address show")
    (link,) = [
        one for one in json.loads(listing) if address in [entry.get("local") for entry in one.get("addr_info", [])]
    ]
    return int(link["stats64"]["tx"]["bytes"])


def tasks(lab: Any) -> list[str]:
    """The tasks that run, each one's own."""
    names = " ".join(servers(lab))
    listing = lab.hosts["n1"].check_output(f"docker service ps -q --no-trunc --filter desired-state=running {names}")
    return sorted(listing.split())


def test_what_cannot_be_or_is_not_agreed_to_is_refused_together(lab: Any) -> None:
    before = lab.fingerprints()
    wrong = Driver("macvlan", [], "", {"swarm_lan_parent": "eth9", "swarm_lan_subnet": "172.31.77.0/28"})
    run = lab.site(*wrong.arguments)
    assert run.rc != 0
    for sentence in (
        "n1, n2, n3 and n4: swarm_lan_parent: there is no interface eth9; there are docker0, docker_gwbridge, eth0",
        "swarm_lan_subnet: 172.31.77.0/28 contains 172.31.77.11 of n1",
        "this run would move them to macvlan minio-macvlan-",
        "which restarts all of them together; agree by minio_network_consent: macvlan",
    ):
        assert sentence in run.text, run.output
    assert lab.fingerprints() == before


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_servers_move_with_their_data(lab: Any, digest: str, driver: Driver, tmp_path: Path) -> None:
    commands = {name: task["ContainerSpec"]["Args"] for name, task in servers(lab).items()}
    predicted = lab.site("--check", *driver.agreed)
    assert predicted.rc == 0, predicted.output
    assert predicted.changed["n1"] > 0
    run = lab.site(*driver.agreed)
    assert run.rc == 0, run.output
    assert "4 of 4 endpoints are healthy and serve equal objects" in run.text
    assert networks(lab) == driver.networks
    assert {name: task["ContainerSpec"]["Args"] for name, task in servers(lab).items()} == commands
    for name in lab.hosts:
        assert got(lab, name, "before") == digest

    # By this network and no other: the shards for three servers leave by the address that its number gives.
    address = driver.address.format(number=1, number128=129)
    before = sent(lab, "n1", address)
    after = put(lab, "n1", driver.name)
    assert got(lab, "n4", driver.name) == after
    assert sent(lab, "n1", address) - before > SIZE

    running = tasks(lab)
    again = lab.site(*driver.arguments)
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output
    assert tasks(lab) == running
    verified(lab, driver, tmp_path)


def verified(lab: Any, driver: Driver, folder: Path) -> None:
    """Every layer is looked at, but the one that this driver has not."""
    run = lab.play("verify", *driver.arguments, "-e", f"connectivity_report_dir={folder}")
    assert run.rc == 0 and (run.passed or driver.name == "host"), run.output
    result = json.loads((folder / "connectivity.json").read_text())
    reasons = {cell["detail"] for layer in result["layers"] for cell in layer["cells"] if cell["status"] == "not_run"}
    without = [layer["name"] for layer in result["layers"] if not layer["counts"]["pass"]]
    if driver.name == "host":
        assert (without, len(reasons)) == (["overlay", "overlay-mtu"], 1)
        assert next(iter(reasons)).startswith(NOT_RUN)
    else:
        assert (without, reasons) == ([], set())


def test_back_on_the_overlay_with_everything_that_was_stored(lab: Any, digest: str) -> None:
    refused = lab.site()
    assert refused.rc != 0
    assert "minio_network_consent: overlay" in refused.text
    back = lab.site("-e", "minio_network_consent=overlay")
    assert back.rc == 0, back.output
    assert networks(lab) == ["minio-overlay"]
    stored = {one.object_name for one in lab.s3("n2").list_objects(bucket_name=BUCKET)}
    assert stored == {"before", *(driver.name for driver in DRIVERS)}
    assert got(lab, "n3", "before") == digest
    assert set(lab.site().changed.values()) == {0}
