# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVGRE and Geneve, which only a kernel of its own has: the cases of tests/links, in namespaces of one machine.

Everything that differs by the kind is here; what the kinds have in common, tests/links shows over VXLAN.
"""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOST, FOLDER = "n1", "overlay-links"
COLLECTION = "ansible_collections/baremetal/overlay"
OF_EACH_KIND = (
    "reach_and_no_op",
    "no_packet_is_lost",
    "stale_peers_go",
    "full_size",
    "changes_in_place",
    "nothing_goes_in_circles",
    "forged_frames",
)
# What is different where the underlay is IPv6.
OF_EACH_VERSION = ("reach_and_no_op", "full_size")
CASES = [
    (kind, version, name)
    for kind in ("nvgre", "geneve")
    for version, names in ((4, OF_EACH_KIND), (6, OF_EACH_VERSION))
    for name in names
]


def archive(file: Path) -> None:
    """The cases, and of the collection what they apply."""
    utils = ROOT / "plugins" / "module_utils"
    with tarfile.open(file, "w:gz") as tar:
        for source in utils.rglob("*.py"):
            tar.add(source, f"{FOLDER}/{COLLECTION}/{source.relative_to(ROOT)}")
        for source in (ROOT / "tests" / "links").glob("*.py"):
            tar.add(source, f"{FOLDER}/{source.name}")


@pytest.fixture(scope="module")
def guest(vm: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A machine that has the cases."""
    file = tmp_path_factory.mktemp("links") / "links.tar.gz"
    archive(file)
    command = ["ansible", "-i", str(vm.inventory), HOST, "-m", "ansible.builtin.unarchive"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(
        [*command, "-a", f"src={file} dest=/root"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return vm.hosts[HOST]


@pytest.mark.parametrize(("kind", "version", "name"), CASES)
def test_kind(guest: Any, kind: str, version: int, name: str) -> None:
    done = guest.run(f"cd /root/{FOLDER} && PYTHONPATH=. python3 cases.py {kind} {version} {name}")
    assert done.rc == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["case"], result["failure"]) == (name, ""), result["failure"]


def test_a_host_that_was_rebooted_is_in_the_overlay_by_itself(vm: Any) -> None:
    kind = ("-e", "kernel_overlay_kind=geneve")
    done = vm.play("../tests/vm/links", *kind)
    assert done.rc == 0, done.output
    vm.eventually(lambda: vm.hosts["n2"].run("ping -c 1 -W 5 10.78.0.1").rc, 0)
    vm.reboot("n1")
    vm.eventually(lambda: vm.hosts["n2"].run("ping -c 1 -W 5 10.78.0.1").rc, 0)
    again = vm.play("../tests/vm/links", *kind)
    assert (again.rc, set(again.changed.values())) == (0, {0}), again.output
