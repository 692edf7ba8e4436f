# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab as the tests of every tier look at it: its hosts over ssh, the playbooks, and MinIO's own SDK."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import testinfra
import urllib3
from minio import Minio
from minio.credentials.providers import StaticProvider
from minio.minioadmin import MinioAdmin
from testinfra.host import Host

ROOT = Path(__file__).resolve().parents[1]
CREDENTIALS = "/etc/baremetal-overlay/minio-root.json"
# What verify.yml asks four hosts with a server each, on an overlay of Swarm's.
CHECKS = 237
RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
# Host, device and digest.
ENTRY = re.compile(r"[\w.-]+:(?:/dev/|serial:)[^\s\"',\\\]]+:[0-9a-f]{8}(?::<UUID>)?")

# A call of the administration that the SDK has no method for.
STORAGE_INFO: Any = SimpleNamespace(value="storageinfo")


@dataclass(frozen=True)
class Run:
    """One run of a playbook."""

    rc: int
    output: str

    @property
    def changed(self) -> dict[str, int]:
        """How much each host's recap says was changed."""
        return {name: int(changed) for name, _ok, changed, _unreachable, _failed in RECAP.findall(self.output)}

    @property
    def passed(self) -> int:
        """How many checks verify.yml says passed, where it says nothing else; 0 otherwise."""
        found = re.search(r"\ball (\d+) checks passed(?![;\w])", self.text)
        return int(found[1]) if found else 0

    @property
    def entries(self) -> list[str]:
        """What a refusal prints to be copied by who wants a drive erased."""
        return list(dict.fromkeys(ENTRY.findall(self.text)))

    @property
    def text(self) -> str:
        """The output as it was meant: messages are wrapped, and quotes doubled, where they are printed."""
        return " ".join(self.output.split()).replace("''", "'")


def eventually(read: Callable[[], Any], wanted: Any, seconds: float = 180) -> None:
    """Poll until what is read is what is wanted, and show the last of it otherwise."""
    deadline = time.monotonic() + seconds
    last: Any = None
    while time.monotonic() < deadline:
        try:
            last = read()
        except Exception as error:
            last = error
        if last == wanted:
            return
        time.sleep(0.5)
    pytest.fail(f"wanted {wanted!r}, last seen {last!r}")


@dataclass
class Deployment:
    """Hosts, and what was deployed on them."""

    eventually = staticmethod(eventually)

    inventory: Path
    addresses: dict[str, str]  # of S3
    hosts: dict[str, Host] = field(default_factory=dict)
    # What MinIO's certificates are verified with, while it speaks TLS.
    ca: Path | None = None

    @property
    def http(self) -> urllib3.PoolManager | None:
        """Connections that trust the CA and nobody else; None is the SDK's own choice."""
        if self.ca is None:
            return None
        retries = urllib3.Retry(total=5, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504])
        return urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=str(self.ca), retries=retries)

    def site(self, *arguments: str, inventory: Path | None = None) -> Run:
        """Run site.yml against the lab."""
        return self.play("site", *arguments, inventory=inventory)

    def play(self, playbook: str, *arguments: str, inventory: Path | None = None) -> Run:
        """Run a playbook against the lab."""
        command = [
            "ansible-playbook",
            "-i",
            str(inventory or self.inventory),
            str(ROOT / "playbooks" / f"{playbook}.yml"),
            *arguments,
        ]
        environment = {**os.environ, "ANSIBLE_FORCE_COLOR": "0", "PY_COLORS": "0", "NO_COLOR": "1"}
        environment["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        return Run(done.returncode, done.stdout + done.stderr)

    def healthy(self, through: str, path: str = "cluster") -> int:
        """The status of a health call on one node."""
        url = f"{'https' if self.ca else 'http'}://{self.addresses[through]}:9000/minio/health/{path}"
        context = ssl.create_default_context(cafile=str(self.ca)) if self.ca else None
        try:
            with urllib.request.urlopen(url, timeout=5, context=context) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def credentials(self) -> tuple[str, str]:
        """MinIO's root credentials, as the first manager keeps them."""
        kept = json.loads(self.hosts["n1"].check_output(f"cat {CREDENTIALS}"))
        return kept["user"], kept["password"]

    def s3(self, name: str) -> Minio:
        """MinIO's SDK against one node."""
        user, password = self.credentials()
        return Minio(
            endpoint=f"{self.addresses[name]}:9000",
            access_key=user,
            secret_key=password,
            secure=self.ca is not None,
            http_client=self.http,
        )

    def admin(self, name: str) -> MinioAdmin:
        """MinIO's administration through one node."""
        return MinioAdmin(
            endpoint=f"{self.addresses[name]}:9000",
            credentials=StaticProvider(*self.credentials()),
            secure=self.ca is not None,
            http_client=self.http,
        )

    def drives(self, through: str) -> dict[str, str]:
        """The state of every drive by its endpoint, as that node itself reaches it.

        Its ``info`` holds what servers say of their own drives; a node that has just returned shows that before it can
        read from them.
        """
        answer = self.admin(through)._url_open(method="GET", command=STORAGE_INFO)
        return {drive["endpoint"]: drive["state"] for drive in json.loads(answer.data)["Disks"]}


def reach(addresses: dict[str, str], ssh: Path, *options: str) -> dict[str, Host]:
    """The hosts at these addresses, with the keys that the lab made and the host keys that it knows."""
    known = f"-o UserKnownHostsFile={ssh / 'known_hosts'} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    return {
        name: testinfra.get_host(
            f"ssh://root@{address}",
            ssh_identity_file=str(ssh / "id_ed25519"),
            ssh_extra_args=" ".join([known, *options]),
        )
        for name, address in addresses.items()
    }
