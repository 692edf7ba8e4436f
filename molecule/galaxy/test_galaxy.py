# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the archive to a cluster: with the newest ansible-core, then again with the oldest, which changes nothing.

Hosts have a way to become root that the controller has not, so a task that became root there would fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ADDRESSES, CACHE, CHECKS, ROOT, Run

# What an installed collection consists of; anything else would be the project's own.
TOP = {"changelogs", "docs", "inventories", "meta", "playbooks", "plugins", "roles"}
TOP |= {"FILES.json", "LICENSE", "MANIFEST.json", "README.md", "requirements.txt"}
# What hosts become root with.
BECOME = "/usr/local/sbin/become-root"


@dataclass(frozen=True)
class Desk:
    """A folder with nothing in it but the installed collection and an inventory."""

    folder: Path

    def call(self, core: str, *command: str) -> Run:
        """Run a program of one ansible-core, with no setting of this project."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))}
        programs = ROOT / ".venv" / core / "bin"
        own |= {"ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"), "PATH": f"{programs}:{own['PATH']}"}
        # The lab's hosts are reached as root: that is no reason to leave become out.
        own |= {"NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_BECOME_ALLOW_SAME_USER": "true"}
        done = subprocess.run(command, cwd=self.folder, env=own, capture_output=True, text=True, check=False)
        return Run(done.returncode, done.stdout + done.stderr)

    def play(self, core: str, name: str, *arguments: str) -> Run:
        """Run a playbook of the installed collection by its full name."""
        return self.call(core, "ansible-playbook", "-i", "inventory", f"baremetal.overlay.{name}", *arguments)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    command = ["ansible-galaxy", "collection", "build", "--output-path", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("baremetal-overlay-*.tar.gz"))


@pytest.fixture(scope="module")
def desk(archive: Path, tmp_path_factory: pytest.TempPathFactory, lab: Any) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    install = ("ansible-galaxy", "collection", "install", "--offline", "-p", "collections", str(archive))
    done = desk.call("newest", *install)
    assert done.rc == 0, done.output
    for host in lab.hosts.values():
        host.check_output(f"ln -sf /usr/bin/su {BECOME}")
    assert not Path(BECOME).exists()
    adapt(desk.folder / "collections" / "ansible_collections" / "baremetal" / "overlay", desk.folder / "inventory")
    return desk


def adapt(installed: Path, inventory: Path) -> None:
    """The example, with the lab's addresses, drives and key in it, and every other line as it is."""
    example = installed / "inventories" / "example"
    hosts = yaml.safe_load((example / "hosts.yml").read_text())
    for group in ("managers", "workers"):
        for variables in hosts["all"]["children"][group]["hosts"].values():
            name = f"n{variables['overlay_host_number']}"
            variables |= dict.fromkeys(("ansible_host", "overlay_underlay_address"), ADDRESSES[name])
            variables["minio_drives"] = [f"/dev/disk/by-id/overlay-{name}-drive{drive}" for drive in (1, 2)]
    (inventory / "group_vars").mkdir(parents=True)
    shutil.copy(example / "ansible.cfg", inventory.parent)
    (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
    settings = (example / "group_vars" / "all.yml").read_text()
    # The machine's kernel need not have ESP.
    settings = settings.replace("overlay_encryption: docker", "overlay_encryption: none")
    settings = settings.replace("192.0.2.0/24", "172.31.77.0/24")
    settings = settings.replace("\nansible_user: ansible\n", "\nansible_user: root\n")
    settings += f"\nansible_become_method: su\nansible_become_exe: {BECOME}\n"
    ssh = CACHE / "ssh"
    settings += f"\nansible_ssh_private_key_file: {ssh / 'id_ed25519'}\n"
    settings += f"ansible_ssh_common_args: -o UserKnownHostsFile={ssh / 'known_hosts'} -o IdentitiesOnly=yes\n"
    (inventory / "group_vars" / "all.yml").write_text(settings)


def test_the_archive_holds_what_users_need_and_nothing_else(archive: Path) -> None:
    with tarfile.open(archive) as file:
        names = file.getnames()
    assert {name.split("/")[0] for name in names} == TOP
    assert [name for name in names if "lab" in name.split("/")[1:2] or name.endswith((".pyc", ".tar.gz"))] == []


def test_what_is_refused_is_said_once(desk: Desk) -> None:
    done = desk.play("newest", "preflight", "--extra-vars", "overlay_encryption=rot13")
    assert done.rc != 0
    assert done.text.count('"rot13" is unknown') == 1


def test_the_newest_core_deploys(desk: Desk) -> None:
    looked = desk.play("newest", "preflight")
    assert looked.rc == 0, looked.output
    assert "discovered Python interpreter" not in looked.text
    done = desk.play("newest", "site")
    assert done.rc == 0, done.output[-3000:]
    assert "4 of 4 endpoints are healthy and serve equal objects" in done.text


def test_the_oldest_core_finds_nothing_to_do(desk: Desk) -> None:
    assert "core 2.19" in desk.call("oldest", "ansible", "--version").output
    done = desk.play("oldest", "site")
    assert done.rc == 0, done.output[-3000:]
    assert set(done.changed.values()) == {0}, done.output[-3000:]


@pytest.mark.parametrize("core", ["newest", "oldest"])
def test_the_cluster_is_verified(desk: Desk, core: str) -> None:
    report = desk.folder / f"report-{core}"
    done = desk.play(core, "verify", "--extra-vars", f"connectivity_report_dir={report}")
    assert (done.rc, done.passed) == (0, CHECKS), done.output[-3000:]
    assert {path.name for path in report.iterdir()} == {f"connectivity.{kind}" for kind in ("json", "html", "xml")}


def test_teardown_without_consent_changes_nothing(desk: Desk) -> None:
    done = desk.play("oldest", "teardown", "--check")
    assert "overlay_teardown_consent" in done.text
    assert set(done.changed.values()) <= {0}
