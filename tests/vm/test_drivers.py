# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every driver, with IPsec and without, under one cluster on Debian's own kernel: what was stored is there after."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

BUCKET, SIZE = "outlives-its-network", 1 << 20
MASTER = "a master key for the tests of every driver, and for nothing else"
LAN = {"swarm_lan_parent": "eth1"}
KINDS = ("vxlan", "nvgre", "geneve")
# Name, driver, encryption, what else is said.
CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("overlay-docker", "overlay", "docker", {}),
    ("overlay-ipsec", "overlay", "ipsec", {}),
    ("ipvlan", "ipvlan", "none", LAN),
    ("macvlan", "macvlan", "none", LAN),
    ("host", "host", "none", {}),
    ("host-ipsec", "host", "ipsec", {}),
    *((f"{kind}-{way}", "kernel", way, {"kernel_overlay_kind": kind}) for kind in KINDS for way in ("none", "ipsec")),
]


def arguments(driver: str, encryption: str, more: dict[str, Any]) -> tuple[str, ...]:
    """What the inventory would say; the key comes by a file of the controller's, not by its arguments."""
    said = {"overlay_network_driver": driver, "overlay_encryption": encryption, "minio_network_consent": driver, **more}
    return ("-e", json.dumps(said))


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The master key, as a file that only this user reads."""
    path = tmp_path_factory.mktemp("secrets") / "ipsec.json"
    path.write_text(json.dumps({"ipsec_psk_master": MASTER}))
    path.chmod(0o600)
    return ("-e", f"@{path}")


@pytest.fixture(scope="module", autouse=True)
def before_again(vm: Any) -> Iterator[None]:
    """The next test finds the driver and the encryption of the inventory."""
    yield
    run = vm.site("-e", "minio_network_consent=overlay")
    assert run.rc == 0, run.output


@pytest.fixture(scope="module")
def digest(vm: Any) -> str:
    """An object from before all changes."""
    run = vm.site("-e", "minio_network_consent=overlay")
    assert run.rc == 0, run.output
    client = vm.s3("n1")
    if not client.bucket_exists(bucket_name=BUCKET):
        client.make_bucket(bucket_name=BUCKET)
    return put(vm, "before")


def put(vm: Any, name: str) -> str:
    body = os.urandom(SIZE)
    vm.s3("n1").put_object(bucket_name=BUCKET, object_name=name, data=BytesIO(body), length=SIZE)
    return hashlib.sha256(body).hexdigest()


def got(vm: Any, through: str, name: str) -> str:
    """The SHA-256 of what one server gives."""
    return hashlib.sha256(vm.s3(through).get_object(bucket_name=BUCKET, object_name=name).read()).hexdigest()


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_servers_move_with_their_data(
    vm: Any, digest: str, secrets: tuple[str, ...], tmp_path: Path, case: tuple[str, str, str, dict[str, Any]]
) -> None:
    name, driver, encryption, more = case
    said = (*arguments(driver, encryption, more), *(secrets if encryption == "ipsec" else ()))
    run = vm.site(*said)
    assert run.rc == 0, run.output
    assert got(vm, "n2", "before") == digest
    after = put(vm, name)
    assert got(vm, "n2", name) == after
    verified = vm.play("verify", *said, "-e", f"connectivity_report_dir={tmp_path}")
    assert verified.rc == 0, verified.output
    result = json.loads((tmp_path / "connectivity.json").read_text())
    without = {layer["name"] for layer in result["layers"] if not layer["counts"]["pass"]}
    assert without == ({"overlay", "overlay-mtu"} if driver == "host" else set())
    again = vm.site(*said)
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output
