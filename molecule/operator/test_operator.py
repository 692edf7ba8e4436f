# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator does with the installed archive, from a first look full of mistakes to the teardown.

Hosts have mixed-case fully qualified names and are reached by a user who becomes root; the root password is in a vault
and has every kind of character that MinIO takes. The oldest ansible-core deploys, the newest goes on.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ADDRESSES, CACHE, CHECKS, ROOT, Run

NAMES = {f"n{number}": f"Rack{number}.DC-East.Example.NET" for number in range(1, 5)}
OLD, NEW = "p$$a%s's\"w\\o{r}d#é y=", "N3w: {p}$$a's\"w\\"
USER = "rack.admin"
BUCKET = "operator"
# Certificates of four hosts with two kinds each, beside what four hosts without TLS are asked.
CHECKS_TLS = CHECKS + 8
MISTAKES = {
    "minio_port": 99999,
    "minio_console_port": 7946,
    "minio_memory_limit": "4gigs",
    "minio_stop_grace_period": "soon",
    "minio_log_max_size": "ten",
    "minio_image_source": "ftp",
    "minio_prot": 9000,
    "overlay_firewal": False,
    "minio_memory_limt": "4g",
    "docker_engine_nofile": "lots",
    "docker_engine_hold": "maybe",
    "docker_engine_address_pools": [{"base": "10.1.0.0/16"}],
    "overlay_client_networks": ["10.0.0.0/33"],
    "overlay_encryption": "rot13",
    "overlay_underlay_mtu": "large",
    "overlay_unreachable_consent": ["n9"],
    "drives_format_consent": ["/dev/z"],
}


@dataclass(frozen=True)
class Desk:
    """A folder with nothing in it but the installed collection, an inventory, and the example's ansible.cfg."""

    folder: Path

    def call(self, core: str, *command: str) -> Run:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))}
        programs = ROOT / ".venv" / (core if (ROOT / ".venv" / core).exists() else "newest") / "bin"
        own |= {"ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"), "PATH": f"{programs}:{own['PATH']}"}
        own |= {"NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_VAULT_PASSWORD_FILE": str(self.folder / "vault")}
        done = subprocess.run(command, cwd=self.folder, env=own, capture_output=True, text=True, check=False)
        return Run(done.returncode, done.stdout + done.stderr)

    def play(self, core: str, name: str, *arguments: str) -> Run:
        run = self.call(core, "ansible-playbook", f"baremetal.overlay.{name}", *arguments)
        assert OLD not in run.output and NEW not in run.output
        return run

    def site(self, core: str, **variables: Any) -> Run:
        return self.play(core, "site", "-e", json.dumps(variables))

    def keep(self, password: str) -> None:
        """The vault of the inventory."""
        path = self.folder / "inventory" / "group_vars" / "all" / "vault.yml"
        path.write_text(yaml.safe_dump({"minio_root_user": USER, "minio_root_password": password}))
        assert self.call("newest", "ansible-vault", "encrypt", str(path)).rc == 0


def introduce(lab: Any, name: str) -> None:
    """A user of the operator's, who may become root; the lab's hosts have no sudo, and su asks nobody here."""
    script = """
        id rack >/dev/null 2>&1 || useradd --create-home --shell /bin/bash rack
        install -d -m 700 -o rack /home/rack/.ssh
        install -m 600 -o rack /etc/overlay-lab/authorized_keys /home/rack/.ssh/authorized_keys
        for kind in auth account session; do echo "$kind sufficient pam_permit.so"; done >/etc/pam.d/su
    """
    lab.hosts[name].check_output(script)


def hosts(**pools: int) -> dict[str, Any]:
    """The inventory of some hosts, each with its pool."""

    def one(name: str) -> dict[str, Any]:
        address = ADDRESSES[name]
        drives = [f"serial:overlay-{name}-drive{number}" for number in (1, 2)]
        own = {"ansible_host": address, "overlay_underlay_address": address, "minio_drives": drives}
        return {**own, "overlay_host_number": int(name[1]), "minio_pool": pools[name]}

    managers = {NAMES[name]: one(name) for name in pools if name != "n4"}
    workers = {NAMES[name]: one(name) for name in pools if name == "n4"}
    members = dict.fromkeys([*managers, *workers])
    groups = {"managers": {"hosts": managers}, "workers": {"hosts": workers}, "minio": {"hosts": members}}
    return {"all": {"children": groups}}


@pytest.fixture(scope="module")
def desk(lab: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    lab.ca = None
    for name in ADDRESSES:
        lab.lose(name)
    lab.bring()
    for name in ADDRESSES:
        introduce(lab, name)
    desk = Desk(tmp_path_factory.mktemp("desk"))
    command = ["ansible-galaxy", "collection", "build", "--output-path", str(desk.folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (desk.folder / "vault").write_text("a vault's password\n")
    (archive,) = desk.folder.glob("*.tar.gz")
    done = desk.call(
        "oldest", "ansible-galaxy", "collection", "install", "--offline", "-p", "collections", str(archive)
    )
    assert done.rc == 0, done.output
    installed = desk.folder / "collections" / "ansible_collections" / "baremetal" / "overlay"
    shutil.copy(installed / "inventories" / "example" / "ansible.cfg", desk.folder)
    inventory = desk.folder / "inventory"
    (inventory / "group_vars" / "all").mkdir(parents=True)
    (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts(n1=1, n2=1, n3=1, n4=1)))
    ssh = CACHE / "ssh"
    settings = {
        **{"overlay_encryption": "none", "overlay_client_networks": ["172.31.77.0/24"]},
        **{"minio_tls": "own-ca", "minio_tls_ca_host": NAMES["n1"]},
        **{"ansible_user": "rack", "ansible_become": True, "ansible_become_method": "su"},
        "ansible_ssh_private_key_file": str(ssh / "id_ed25519"),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={ssh / 'known_hosts'} -o IdentitiesOnly=yes",
    }
    (inventory / "group_vars" / "all" / "main.yml").write_text(yaml.safe_dump(settings))
    desk.keep(OLD)
    yield desk
    lab.ca = None
    for name in ADDRESSES:
        lab.lose(name)
    lab.bring()


def served(lab: Any, tmp_path: Path, *names: str) -> None:
    """Every server serves every object that was ever stored."""
    lab.ca = tmp_path / "ca.crt"
    lab.ca.write_text(lab.hosts["n1"].check_output("cat /etc/baremetal-overlay/minio-tls/CAs/ca.crt") + "\n")
    client = lab.s3("n1")
    if not client.bucket_exists(bucket_name=BUCKET):
        client.make_bucket(bucket_name=BUCKET)
    client.put_object(
        bucket_name=BUCKET, object_name=names[-1], data=io.BytesIO(names[-1].encode()), length=len(names[-1])
    )
    for node in ADDRESSES:
        if lab.hosts[node].run("docker ps -q").stdout:
            for name in names:
                lab.eventually(
                    lambda node=node, name=name: lab.s3(node).get_object(bucket_name=BUCKET, object_name=name).read(),
                    name.encode(),
                )


def test_every_mistake_is_named_in_one_run(lab: Any, desk: Desk) -> None:
    before = lab.fingerprints()
    run = desk.play("oldest", "preflight", "-e", json.dumps(MISTAKES))
    assert run.rc != 0
    assert [name for name in MISTAKES if name not in run.text] == [], run.output
    assert "did you mean minio_port?" in run.text and "did you mean overlay_firewall?" in run.text
    assert lab.fingerprints() == before


def test_the_oldest_core_deploys_and_does_nothing_twice(lab: Any, desk: Desk, tmp_path: Path) -> None:
    assert "core 2.19" in desk.call("oldest", "ansible", "--version").output
    predicted = desk.play("oldest", "site", "--check", "--diff")
    assert predicted.rc == 0, predicted.output[-3000:]
    first = desk.site("oldest")
    assert first.rc == 0, first.output[-3000:]
    assert "4 of 4 endpoints are healthy and serve equal objects" in first.text
    again = desk.site("oldest")
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output[-3000:]
    served(lab, tmp_path, "first")


@pytest.mark.parametrize("core", ["oldest", "newest"])
def test_it_is_verified(desk: Desk, core: str) -> None:
    run = desk.play(core, "verify", "-e", f"connectivity_report_dir={desk.folder / 'report'}")
    assert (run.rc, run.passed) == (0, CHECKS_TLS), run.output[-3000:]


def test_the_newest_core_changes_nothing(desk: Desk) -> None:
    run = desk.site("newest", minio_port="9000", overlay_firewall="true", minio_tls_names="[]")
    assert (run.rc, set(run.changed.values())) == (0, {0}), run.output[-3000:]


@pytest.mark.parametrize("core", ["newest", "oldest"])
def test_a_host_rebuilt_from_nothing_comes_back_by_site_alone(lab: Any, desk: Desk, tmp_path: Path, core: str) -> None:
    lab.lose("n4")
    lab.bring()
    introduce(lab, "n4")
    run = desk.site(core)
    assert run.rc == 0, run.output[-3000:]
    lab.ca = tmp_path / "ca.crt"
    served(lab, tmp_path, "first", f"rebuilt with {core}")
    lab.eventually(lambda: set(lab.drives("n4").values()), {"ok"})
    verified = desk.play(core, "verify")
    assert (verified.rc, verified.passed) == (0, CHECKS_TLS), verified.output[-3000:]


def test_the_root_password_is_changed_by_consent(lab: Any, desk: Desk, tmp_path: Path) -> None:
    desk.keep(NEW)
    refused = desk.site("newest")
    assert refused.rc != 0 and "minio_root_consent" in refused.text, refused.output[-3000:]
    assert set(refused.changed.values()) == {0}
    run = desk.site("newest", minio_root_consent=USER)
    assert run.rc == 0, run.output[-3000:]
    assert lab.credentials() == (USER, NEW)
    served(lab, tmp_path, "first", "changed")
    again = desk.site("oldest")
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output[-3000:]


def consent(*names: str) -> dict[str, Any]:
    drives = [f"{NAMES[name]}:serial:overlay-{name}-drive{number}" for name in names for number in (1, 2)]
    return {
        "overlay_teardown_consent": [NAMES[name] for name in names],
        "overlay_teardown_drives_consent": drives,
    }


def test_all_of_it_goes_by_consent(lab: Any, desk: Desk) -> None:
    agreed = consent(*ADDRESSES)
    refused = desk.play("oldest", "teardown", "-e", json.dumps(agreed))
    assert (refused.rc != 0, len(refused.entries)) == (True, 2 * len(ADDRESSES)), refused.output[-3000:]
    agreed["overlay_teardown_drives_consent"] = refused.entries
    run = desk.play("oldest", "teardown", "-e", json.dumps(agreed))
    assert run.rc == 0, run.output[-3000:]
    lab.ca = None


def test_a_second_pool_comes_in(lab: Any, desk: Desk, tmp_path: Path) -> None:
    path = desk.folder / "inventory" / "hosts.yml"
    path.write_text(yaml.safe_dump(hosts(n1=1, n2=1)))
    first = desk.site("oldest")
    assert first.rc == 0, first.output[-3000:]
    served(lab, tmp_path, "first pool")
    path.write_text(yaml.safe_dump(hosts(n1=1, n2=1, n3=2, n4=2)))
    run = desk.site("newest")
    assert run.rc == 0, run.output[-3000:]
    assert "4 of 4 endpoints are healthy and serve equal objects" in run.text
    served(lab, tmp_path, "first pool", "second pool")
    again = desk.site("oldest")
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output[-3000:]
