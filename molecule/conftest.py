# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every scenario looks at the lab with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from deployment import CHECKS, ROOT, Deployment, Run, eventually, reach

__all__ = ["ADDRESSES", "CACHE", "CHECKS", "INVENTORY", "ROOT", "Lab", "Run", "eventually"]

INVENTORY = ROOT / "inventories" / "lab"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "baremetal.overlay" / "lab"
ADDRESSES = {f"n{number}": f"172.31.77.{10 + number}" for number in range(1, 5)}

# What a refused run must not have touched, in one text for each host.
FINGERPRINT = r"""
find /etc /srv/minio -xdev -type f ! -name '*.cache' ! -name mtab -exec sha256sum {} + | sort -k2
find /srv/minio -xdev -printf '%p %m %u\n' | sort
dpkg-query -W | sha256sum
findmnt -rno TARGET,SOURCE,FSTYPE | grep -E '^/(srv|dev)' | sort
for device in /dev/disk/by-id/*; do echo "$device $(blkid -p -o value -s UUID "$device")"; done
systemctl show -p ActiveState --value docker
nft -s list table inet baremetal_overlay 2>/dev/null
docker info -f '{{.Swarm.LocalNodeState}} {{.Swarm.NodeID}}' 2>/dev/null
docker images --no-trunc -q 2>/dev/null | sort
docker service ls --format '{{.Name}} {{.Image}}' 2>/dev/null | sort
docker network ls --format '{{.Name}}' 2>/dev/null | sort
"""


class Lab(Deployment):
    """The four hosts."""

    def fingerprints(self) -> dict[str, str]:
        """What is on every host that answers, as text that shows what differs."""
        return {name: host.run(FINGERPRINT).stdout for name, host in self.hosts.items()}

    def lose(self, name: str) -> None:
        """A host is gone for good: its packages, its place in the swarm, its files and all that its drives held."""
        container = f"overlay-lab-{name}"
        self.engine("rm", "--force", "--volumes", container)
        self.engine("volume", "rm", f"{container}-docker")
        for image in (CACHE / "drives").glob(f"overlay-{name}-*.img"):
            device = self._output("losetup", "--noheadings", "--output", "NAME", "--associated", str(image)).strip()
            self._output("losetup", "--detach", device)
            # Another host's engine may still hold it for a moment.
            eventually(lambda image=image: self._output("losetup", "--associated", str(image)), "", 30)
            image.unlink()

    def bring(self) -> None:
        """New hosts with blank drives for all that are missing, under the old names and addresses."""
        run = self.play("lab")
        assert run.rc == 0, run.output

    def bring_up(self, name: str) -> None:
        """One that was stopped, until it can be reached."""
        self.engine("start", f"overlay-lab-{name}")
        eventually(lambda: self.hosts[name].run("systemctl is-system-running --wait").rc in (0, 1), True, 90)

    @staticmethod
    def _output(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def engine(self, *arguments: str) -> str:
        """Do something to the hosts themselves, through the engine that the lab runs on."""
        return self._output("docker", *arguments)


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The lab as it is, reached the way a controller reaches it."""
    return Lab(INVENTORY, ADDRESSES, reach(ADDRESSES, CACHE / "ssh"))


@pytest.fixture
def changed_inventory(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """A copy of the lab's inventory with something in it changed."""

    def change(edit: Callable[[dict[str, Any]], None]) -> Path:
        copy = tmp_path / "inventory"
        shutil.copytree(INVENTORY, copy)
        path = copy / "hosts.yml"
        inventory = yaml.safe_load(path.read_text())
        edit(inventory)
        path.write_text(yaml.safe_dump(inventory))
        return copy

    return change
