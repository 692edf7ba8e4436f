# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests' clocks: after a resume they show the time of the snapshot, which certificates and S3 would not take."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from ..shell import LabError, die_with_parent
from .settings import Guest

# Under emulation the cryptography of a new connection alone takes a second.
PATIENCE = 60


def options(ssh: Path) -> list[str]:
    """How a guest is reached: with the lab's keys and known hosts, and no others."""
    settings = (
        f"UserKnownHostsFile={ssh / 'known_hosts'}", "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes", "BatchMode=yes", f"ConnectTimeout={PATIENCE}",
    )  # fmt: skip
    return ["-F", "/dev/null", "-i", str(ssh / "id_ed25519"), *(word for one in settings for word in ("-o", one))]


def set_now(guest: Guest, ssh: Path) -> None:
    """The time is sent when the connection stands: however long that took, it is right to a few milliseconds."""
    command = ["ssh", *options(ssh), f"root@{guest.management}", 'echo; read -r now && date --utc --set "@$now"']
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=die_with_parent,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        ready = process.stdout.readline()
        if ready:
            process.stdin.write(f"{time.time():.3f}\n")
        process.stdin.close()
        said = process.stdout.read() + process.stderr.read()
    if not ready or process.returncode != 0:
        raise LabError(f"host {guest.name}: its clock could not be set: {said.strip()}")
