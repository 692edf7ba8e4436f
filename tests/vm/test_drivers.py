# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every driver, with IPsec and without, under one cluster on Debian's own kernel: what was stored is there after.

Of each it is looked at on the wire what can be read, and whether a full packet leaves as one.
"""

from __future__ import annotations

import hashlib
import json
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from conftest import BACK, Machines
from traffic import CARRIERS, a_full_packet_is_one, all_is_read, between, nothing_is_read, transfer
from wire import ESP

BUCKET, SIZE = "outlives-its-network", 1 << 20
LAN = {"swarm_lan_parent": "eth1"}
KINDS = ("vxlan", "nvgre", "geneve")
# Name, driver, encryption, what else is said.
CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    *((f"overlay-{way}", "overlay", way, {}) for way in ("docker", "ipsec", "none")),
    ("ipvlan", "ipvlan", "none", LAN),
    ("macvlan", "macvlan", "none", LAN),
    *((f"host-{way}", "host", way, {}) for way in ("none", "ipsec")),
    *((f"{kind}-{way}", "kernel", way, {"kernel_overlay_kind": kind}) for kind in KINDS for way in ("none", "ipsec")),
]


def arguments(driver: str, encryption: str, more: dict[str, Any]) -> tuple[str, ...]:
    """What the inventory would say; the key comes by a file of the controller's, not by its arguments."""
    said = {"overlay_network_driver": driver, "overlay_encryption": encryption, "minio_network_consent": driver, **more}
    # What it encrypts, and its MTU, are properties of Docker's network, which is made anew for it.
    said["swarm_network_consent"] = ["minio-overlay"]
    return ("-e", json.dumps(said))


@pytest.fixture(scope="module")
def digest(moved: Machines) -> str:
    """An object from before all changes."""
    run = moved.site(*BACK)
    assert run.rc == 0, run.output
    client = moved.s3("n1")
    if not client.bucket_exists(bucket_name=BUCKET):
        client.make_bucket(bucket_name=BUCKET)
    return put(moved, "before")


def put(vm: Machines, name: str) -> str:
    body = os.urandom(SIZE)
    vm.s3("n1").put_object(bucket_name=BUCKET, object_name=name, data=BytesIO(body), length=SIZE)
    return hashlib.sha256(body).hexdigest()


def got(vm: Machines, through: str, name: str) -> str:
    """The SHA-256 of what one server gives."""
    return hashlib.sha256(vm.s3(through).get_object(bucket_name=BUCKET, object_name=name).read()).hexdigest()


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_servers_move_with_their_data(
    moved: Machines, digest: str, master: tuple[str, ...], tmp_path: Path, case: tuple[str, str, str, dict[str, Any]]
) -> None:
    name, driver, encryption, more = case
    said = (*arguments(driver, encryption, more), *(master if encryption == "ipsec" else ()))
    run = moved.site(*said)
    assert run.rc == 0, run.output
    assert got(moved, "n2", "before") == digest
    after = put(moved, name)
    assert got(moved, "n2", name) == after
    carrier = CARRIERS.get(more.get("kernel_overlay_kind", driver))
    on_the_wire(moved, driver, encryption, carrier)
    verified = moved.play("verify", *said, "-e", f"connectivity_report_dir={tmp_path}")
    assert verified.rc == 0, verified.output
    result = json.loads((tmp_path / "connectivity.json").read_text())
    without = {layer["name"] for layer in result["layers"] if not layer["counts"]["pass"]}
    assert without == ({"overlay", "overlay-mtu"} if driver == "host" else set())
    again = moved.site(*said)
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output


def on_the_wire(vm: Machines, driver: str, encryption: str, carrier: str | None) -> None:
    """ESP and nothing to read, or all of it; and full packets, where the driver has an overlay."""
    seen = between(vm, lambda: transfer(vm))
    if encryption == "none":
        all_is_read(seen, carrier)
    else:
        assert carrier
        nothing_is_read(seen, carrier)
    if driver in ("overlay", "kernel"):
        assert carrier
        a_full_packet_is_one(vm, driver, carrier if encryption == "none" else ESP)
