# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab of virtual machines that tests take: that of inventories/lab_vm, or of the inventory in ``LAB_INVENTORY``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

sys.path.append(str(Path(__file__).resolve().parents[1] / "roles" / "lab" / "files"))

from overlay_lab.vm import settings

ROOT = Path(__file__).resolve().parents[1]
INVENTORY = Path(os.environ.get("LAB_INVENTORY") or ROOT / "inventories" / "lab_vm").resolve()


def make(*arguments: str) -> str:
    """`make lab` and the like, as a user types it; what runs this has settings of Ansible's of its own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MAKE", "MFLAGS"))}
    command = ["make", *arguments, "LAB=vm", f"LAB_INVENTORY={INVENTORY}"]
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def lab_of(inventory: Path) -> settings.VmLab:
    """The lab that an inventory describes."""
    variables = yaml.safe_load((inventory / "group_vars" / "all.yml").read_text(encoding="utf-8"))
    hosts = yaml.safe_load((inventory / "hosts.yml").read_text(encoding="utf-8"))["all"]["children"]
    rows: dict[str, dict[str, Any]] = {}
    for group in hosts.values():
        for name, host in group["hosts"].items():
            rows.setdefault(name, {}).update(host or {})
    return settings.read(
        {
            "subnet": variables["lab_subnet"],
            "data_subnet": variables["lab_data_subnet"],
            "names": list(rows),
            "numbers": [row["overlay_host_number"] for row in rows.values()],
            "management": [row["ansible_host"] for row in rows.values()],
            "addresses": [row["overlay_underlay_address"] for row in rows.values()],
            "drives": [len(row.get("minio_drives", [])) for row in rows.values()],
        }
    )
