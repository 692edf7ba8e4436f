# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How IPsec is negotiated before clear text is refused, who is named where that fails, and how it is ended then."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import ipsec
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import charon
from ipsec_host import host_of, options

ALL = tuple(range(2, 10))


@pytest.fixture
def host(fake_system):
    return host_of(fake_system)


def negotiation(host, **changed):
    """That step alone, by the time of its charon; peers are known to it."""
    host.go(options("prepare", ALL))
    steps = ipsec.plan(options("enforce", ALL, **changed), host.state()).steps
    host.daemon.said.clear()
    (step,) = [step for step in steps if isinstance(step, charon.Negotiate)]
    return replace(step, clock=host.daemon.clock)


def unreachable(*numbers):
    return {f"baremetal-overlay-{number}" for number in numbers}


def said(host, command):
    return [what for seen, what in host.daemon.said if seen == command]


def test_only_what_there_is_with_a_peer_is_looked_at_before_and_after_each_beginning(host):
    """All of a large mesh takes charon and us too long to be listed for each child."""
    negotiation(host).apply(host)
    each = [f"baremetal-overlay-{number}" for number in ALL]
    assert said(host, "list-sas") == [name for name in each for _look in range(1 + 3)]
    negotiation(host).apply(host)
    assert said(host, "list-sas") == each and said(host, "initiate") == []


def test_what_a_peer_began_meanwhile_is_not_begun_again(host):
    step = negotiation(host)
    host.daemon.associations["baremetal-overlay-5"] = {
        "uniqueid": "7", "out": "TRANSPORT", "in": "TRANSPORT", "same": "TRANSPORT"
    }  # fmt: skip
    step.apply(host)
    assert len(said(host, "initiate")) == 3 * (len(ALL) - 1)


def test_what_stands_in_the_way_of_one_child_is_not_tried_with_the_next(host):
    host.daemon.unreachable = unreachable(3)
    with pytest.raises(
        OverlayError, match=r"^ipsec: n3 \(198\.51\.100\.13\): out was not negotiated: .*giving up"
    ) as caught:
        negotiation(host).apply(host)
    assert str(caught.value).count("\n") == 0
    assert len(said(host, "initiate")) == 3 * (len(ALL) - 1) + 1


@pytest.mark.parametrize(
    ("confirm_timeout", "blocked", "named"), [(15, 1, 1), (60, 1, 1), (60, 2, 2), (60, 5, 2), (300, 5, 5)]
)
def test_who_is_not_reached_is_named_before_the_change_is_taken_back(host, confirm_timeout, blocked, named):
    host.daemon.unreachable = unreachable(*ALL[:blocked])
    with pytest.raises(OverlayError) as caught:
        negotiation(host, confirm_timeout=confirm_timeout).apply(host)
    lines = str(caught.value).splitlines()
    assert len([line for line in lines if "was not negotiated: " in line]) == named
    assert host.daemon.clock.now() <= confirm_timeout / 2 + 1
    assert ("not tried to the end" in lines[-1]) == (blocked * charon.NEGOTIATION >= confirm_timeout / 2)


def test_for_whom_no_time_was_left_is_said_with_what_to_do(host):
    host.daemon.takes = 2
    with pytest.raises(OverlayError) as caught:
        negotiation(host, confirm_timeout=16).apply(host)
    peers = ", ".join(f"n{number} (198.51.100.1{number})" for number in range(3, 8))
    assert str(caught.value) == (
        f"ipsec: {peers} and 2 more: not tried to the end, since 8 s, half of ipsec_confirm_timeout, were over; "
        "mend what else is said here, or give a longer one"
    )


def way_back(host, **changed):
    """The names of the connections that a change would begin, and so ends where it is taken back."""
    given = options("enforce", **changed)
    lines = [line for step in ipsec.guard(given, host.state(), host).redo for line in step.shell.splitlines()]
    return [line.split()[1] for line in lines if line.endswith(" &")]


def test_what_a_change_negotiated_first_ends_with_it(host):
    host.go(options("prepare", (2, 3)))
    assert way_back(host, numbers=(2, 3)) == ["baremetal-overlay-2", "baremetal-overlay-3"]
    # What a peer began before lives on: its clear text is refused there.
    host.daemon.associations["baremetal-overlay-3"] = {"uniqueid": "1", "out": "TRANSPORT"}
    assert way_back(host, numbers=(2, 3)) == ["baremetal-overlay-2"]


def test_what_was_in_force_before_is_not_ended(host):
    host.go(options("finish", (2, 3)))
    assert way_back(host, numbers=(2, 3)) == []
    # Also where nothing is negotiated just now: its traps stay.
    host.daemon.associations.clear()
    assert way_back(host, numbers=(2, 3)) == []
    # A peer more is new to a host that refuses clear text to the others.
    host.go(options("prepare", (2, 3, 4)))
    assert way_back(host, numbers=(2, 3, 4)) == ["baremetal-overlay-4"]
