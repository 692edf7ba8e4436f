# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode where there is nothing yet."""

from __future__ import annotations

from typing import Any


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
