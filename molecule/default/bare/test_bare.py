# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode where there is nothing yet; and what the deployment that follows meets on a host."""

from __future__ import annotations

import shlex
from typing import Any

# Has locks of apt, as an `apt-get update` of a first boot has them, and leaves a mark when it lets go of them.
HOLDER = """
import fcntl, pathlib, time
held = [open(path, "w") for path in ("/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock")]
for file in held:
    fcntl.lockf(file, fcntl.LOCK_EX)
time.sleep(40)
pathlib.Path("/run/apt-was-held").touch()
"""


def test_hosts_are_bare(lab: Any) -> None:
    for host in lab.hosts.values():
        assert not host.exists("dockerd")
        assert host.run("python3 -c 'import docker'").rc != 0


def test_check_mode_predicts_and_changes_nothing(lab: Any) -> None:
    before = lab.fingerprints()
    run = lab.site("--check", "--diff")
    assert run.rc == 0, run.output
    assert all(run.changed[name] > 0 for name in lab.hosts), run.output
    # No endpoint answers yet, which is no failure.
    assert "check mode proves nothing: 0 of 4 endpoints are healthy at present" in run.text
    assert lab.fingerprints() == before


def test_another_process_uses_apt_when_the_deployment_begins(lab: Any) -> None:
    """The run waits for it; what it did is looked at afterwards."""
    host = lab.hosts["n4"]
    host.check_output(f"systemd-run --quiet --unit=apt-is-held /usr/bin/python3 -c {shlex.quote(HOLDER)}")
    refused = host.run("sleep 1; apt-get update")
    assert refused.rc != 0
    assert "Could not get lock /var/lib/apt/lists/lock" in refused.stderr
