# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine leaves in iptables goes, what others put there stays. The rules are those of a real engine."""

from __future__ import annotations

from overlay_lab import traces

FILTER = """\
-P INPUT ACCEPT
-P FORWARD DROP
-P OUTPUT ACCEPT
-N DOCKER
-N DOCKER-ISOLATION-STAGE-1
-N DOCKER-USER
-N mine
-A FORWARD -s 10.0.0.0/8 -j mine
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i br-overlay-lab -o br-overlay-lab -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 ! -s 172.31.77.0/24 -o br-overlay-lab -j DROP
-A DOCKER-USER -j RETURN
""".splitlines()


def test_only_the_engines_rules_go() -> None:
    calls = [" ".join(arguments) for arguments in traces.removal(FILTER, accept_forward=True)]
    assert calls[0] == "-P FORWARD ACCEPT"
    assert [call for call in calls if call.startswith("-D")] == [
        "-D FORWARD -j DOCKER-USER",
        "-D FORWARD -j DOCKER-ISOLATION-STAGE-1",
        "-D FORWARD -o docker0 -j DOCKER",
        "-D FORWARD -i br-overlay-lab -o br-overlay-lab -j ACCEPT",
    ]
    assert calls[-3:] == ["-X DOCKER", "-X DOCKER-ISOLATION-STAGE-1", "-X DOCKER-USER"]
    assert not any("mine" in call for call in calls)


def test_a_policy_that_was_there_before_stays() -> None:
    assert ["-P", "FORWARD", "ACCEPT"] not in traces.removal(FILTER, accept_forward=False)


def test_a_table_without_an_engine_needs_nothing() -> None:
    assert traces.removal(["-P FORWARD ACCEPT", "-A FORWARD -s 10.0.0.0/8 -j ACCEPT"], accept_forward=True) == []
