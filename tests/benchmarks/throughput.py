# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each overlay and its encryption leave of the bare underlay: iperf3 and S3 between virtual machines.

One cluster is deployed, and moved from path to path by site.yml. The underlay is measured again beside every path, so
that each ratio compares what ran within the same minute. Emulated hosts are slow: only ratios count.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measure
from minio import Minio

ROOT = measure.ROOT
INVENTORY = ROOT / "inventories" / "lab_vm"
CREDENTIALS = "/etc/baremetal-overlay/minio-root.json"
SECONDS = 8
OBJECT = os.urandom(16 << 20)
MASTER = "a master key that only this benchmark's hosts know of"
# Two ports of iperf3's, the second of which IPsec protects on the hosts' own network.
BARE, PROTECTED = 5201, 5202


@dataclass(frozen=True)
class Way:
    """A driver, how its frames travel, and who encrypts them."""

    label: str
    driver: str
    encryption: str
    kind: str = "vxlan"

    @property
    def variables(self) -> dict[str, Any]:
        """What site.yml is told."""
        said: dict[str, Any] = {
            "overlay_network_driver": self.driver,
            "overlay_encryption": self.encryption,
            "kernel_overlay_kind": self.kind,
            "minio_network_consent": self.driver,
            "swarm_network_consent": ["minio-overlay"],
        }
        if (self.driver, self.encryption) == ("host", "ipsec"):
            usual = "'host' | baremetal.overlay.ipsec_protected(4789, 'vxlan', 14789, 9000)"
            said["ipsec_protect"] = f"{{{{ {usual} + [{{'protocol': 'tcp', 'port': {PROTECTED}}}] }}}}"
        return said


PATHS = (
    Way("host", "host", "none"),
    Way("host, IPsec", "host", "ipsec"),
    *(
        Way(f"kernel {kind}{words}", "kernel", encryption, kind)
        for kind in ("vxlan", "geneve", "nvgre")
        for encryption, words in (("none", ""), ("ipsec", ", IPsec"))
    ),
    Way("Swarm overlay", "overlay", "none"),
    Way("Swarm overlay, IPsec", "overlay", "ipsec"),
    Way("Swarm overlay, docker", "overlay", "docker"),
)


@dataclass(frozen=True)
class Figures:
    """Bits a second of TCP, bytes a second of S3."""

    underlay: float
    path: float
    put: float
    get: float


class Guests:
    """The hosts of the inventory over ssh, without Ansible's share of the time."""

    def __init__(self) -> None:
        listing = subprocess.run(
            ["ansible-inventory", "-i", str(INVENTORY), "--list"], check=True, capture_output=True, text=True
        )
        self.variables: Mapping[str, Any] = json.loads(listing.stdout)["_meta"]["hostvars"]
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "baremetal.overlay" / "vm"
        subnet = self.variables["n1"]["lab_subnet"].split("/")[0]
        self.ssh = cache / subnet / "ssh"

    def run(self, name: str, command: str) -> str:
        """What a command on a host says."""
        options = ["-o", f"UserKnownHostsFile={self.ssh / 'known_hosts'}", "-o", "IdentitiesOnly=yes"]
        target = f"root@{self.variables[name]['ansible_host']}"
        done = subprocess.run(
            ["ssh", "-i", str(self.ssh / "id_ed25519"), *options, target, command],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise measure.RunError(f"{name}: `{command}` ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def tcp(self, address: str, port: int, inside: Mapping[str, str]) -> float:
        """Bits a second from the first host to an address of the second; ``inside`` is what the commands run in."""
        self.run("n2", f"{inside['n2']} iperf3 --server --one-off --daemon --bind {address} --port {port}")
        said = self.run("n1", f"{inside['n1']} iperf3 --client {address} --port {port} --time {SECONDS} --json")
        return float(json.loads(said)["end"]["sum_received"]["bits_per_second"])

    def s3(self) -> tuple[float, float]:
        """Bytes a second of one object put and got through the first host."""
        kept = json.loads(self.run("n1", f"cat {CREDENTIALS}"))
        endpoint = f"{self.variables['n1']['ansible_host']}:9000"
        client = Minio(endpoint=endpoint, access_key=kept["user"], secret_key=kept["password"], secure=False)
        if not client.bucket_exists(bucket_name="throughput"):
            client.make_bucket(bucket_name="throughput")
        started = time.monotonic()
        client.put_object(
            bucket_name="throughput", object_name="one", data=io.BytesIO(OBJECT), length=len(OBJECT), part_size=0
        )
        put = time.monotonic()
        answer = client.get_object(bucket_name="throughput", object_name="one")
        if answer.read() != OBJECT:
            raise measure.RunError("S3: another object came back")
        got = time.monotonic()
        answer.close()
        return len(OBJECT) / (put - started), len(OBJECT) / (got - put)


def ends(guests: Guests, path: Way) -> tuple[str, dict[str, str]]:
    """The address of the path on the second host, and what enters its network on both."""
    if path.driver == "host":
        return guests.variables["n2"]["overlay_underlay_address"], {"n1": "", "n2": ""}
    if path.driver == "kernel":
        return "10.78.0.2", {"n1": "", "n2": ""}
    inside, address = {}, ""
    form = '{{.State.Pid}} {{(index .NetworkSettings.Networks "minio-overlay").IPAddress}}'
    for name in ("n1", "n2"):
        task = guests.run(name, "docker ps --quiet --filter name=^minio").strip()
        pid, address = guests.run(name, f"docker inspect -f '{form}' {task}").split()
        inside[name] = f"nsenter -n -t {pid}"
    return address, inside


def take(guests: Guests, path: Way) -> Figures:
    """Move the cluster to a path, and measure it beside the underlay."""
    log = ROOT / "build" / "bench" / f"throughput-{path.label.replace(' ', '-')}.log"
    # Only this user reads the master key, and no argument has it.
    with tempfile.NamedTemporaryFile("w", suffix=".json") as secret:
        json.dump({"ipsec_psk_master": MASTER}, secret)
        secret.flush()
        said = ["-e", json.dumps(path.variables), "-e", f"@{secret.name}"]
        measure.run(["ansible-playbook", "-i", str(INVENTORY), "playbooks/site.yml", *said], log)
    bare = guests.tcp(guests.variables["n2"]["overlay_underlay_address"], BARE, {"n1": "", "n2": ""})
    address, inside = ends(guests, path)
    tcp = guests.tcp(address, PROTECTED, inside)
    put, got = guests.s3()
    return Figures(bare, tcp, put, got)


def main() -> None:
    """Measure every path, and print the table as it goes."""
    measure.run(["make", "lab", "LAB=vm"], ROOT / "build" / "bench" / "throughput-lab.log")
    guests = Guests()
    print(f"{'path':<24}{'underlay':>12}{'path':>12}{'ratio':>8}{'S3 PUT':>12}{'ratio':>8}{'S3 GET':>12}{'ratio':>8}")
    first: Figures | None = None
    for path in PATHS:
        one = take(guests, path)
        first = first or one
        print(
            f"{path.label:<24}{one.underlay / 1e6:>7.0f} Mb/s"
            f"{one.path / 1e6:>7.0f} Mb/s{one.path / one.underlay:>7.2f}x"
            f"{one.put / 1e6:>7.1f} MB/s{one.put / first.put:>7.2f}x"
            f"{one.get / 1e6:>7.1f} MB/s{one.get / first.get:>7.2f}x",
            flush=True,
        )
