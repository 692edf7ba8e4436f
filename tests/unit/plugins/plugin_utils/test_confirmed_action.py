# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action plugin does with an armed change: in which order it speaks to whom, and what it says at the end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.overlay.plugins.plugin_utils import confirmed

PLANNED = {"changed": True, "watched": {"address": "192.0.2.1", "ports": [9000], "peers": ["192.0.2.1", "192.0.2.2"]}}
DONE = {"changed": True, "armed": {"token": "abc", "seconds": 60}}
KEPT = {"changed": False, "confirmed": True}
CUT = AnsibleConnectionFailure("connection timed out")
HOSTVARS = {f"n{number}": {"overlay_underlay_address": f"192.0.2.{number}"} for number in (1, 2, 3)}


class Time:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Action(confirmed.ConfirmedAction):
    """Answers of the module in their order; what was done is written down."""

    module = "baremetal.overlay.firewall"

    def __init__(self, answers, check_mode=False, args=None):
        self._task = SimpleNamespace(check_mode=check_mode, args=args or {"peers": []})
        self._connection = SimpleNamespace(reset=lambda: self.did.append("reset"))
        self.answers, self.did = list(answers), []

    def _execute_module(self, module_name, module_args, **_options):
        assert module_name == self.module
        said = [name for name in ("confirm", "confirm_refused") if module_args.get(name)]
        self.did.append("look" if self._task.check_mode else "+".join(said) or "apply")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


class Other:
    """A peer that sees a port, or does not, look by look."""

    def __init__(self, looks):
        self.looks, self.closed = list(looks), False

    def run(self, _module, _arguments):
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        return {"probes": {"9000": {"ok": look}}}

    def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    time = Time()
    monkeypatch.setattr(confirmed, "time", time)
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})
    return time


@pytest.fixture
def peers(monkeypatch):
    """Peers by their names."""
    found = {}
    monkeypatch.setattr(confirmed, "OtherHost", lambda _action, name, _task_vars: found[name])
    return found


def run(action):
    variables = {"inventory_hostname": "n1", "hostvars": HOSTVARS, "ansible_play_hosts": ["n1"]}
    return action.run(task_vars=variables)


def test_nothing_to_do_costs_one_look():
    action = Action([{"changed": False}])
    assert run(action) == {"changed": False}
    assert action.did == ["look"]


def test_a_refusal_is_the_module_s_own():
    action = Action([{"failed": True, "msg": "firewalld runs here"}])
    assert run(action)["msg"] == "firewalld runs here"
    assert action.did == ["look"]


def test_in_check_mode_the_module_runs_once():
    action = Action([PLANNED], check_mode=True)
    assert run(action) == PLANNED
    assert action.did == ["look"]


def test_a_change_is_confirmed_over_a_new_connection(peers):
    peers["n2"] = Other([True])
    action = Action([PLANNED, DONE, KEPT])
    assert run(action) == {"changed": True, "confirmed": True}
    assert action.did == ["look", "apply", "reset", "confirm"]
    assert peers["n2"].closed


def test_a_slow_connection_is_tried_again(peers):
    peers["n2"] = Other([True])
    action = Action([PLANNED, DONE, CUT, CUT, KEPT])
    assert run(action)["confirmed"]
    assert action.did[2:] == ["reset", "confirm"] * 3


def test_a_host_that_is_cut_off_is_named_once_it_is_back(peers, clock):
    peers["n2"] = Other([True])
    back = {"failed": True, "msg": "the change was not confirmed in time, and the host put back what was there before"}
    action = Action([PLANNED, DONE, *[CUT] * 70, back])
    result = run(action)
    assert (result["failed"], result["confirmed"], result["changed"]) == (True, False, False)
    assert result["msg"].startswith(
        "n1: no new connection could be made within 60 s after the change (connection timed out)"
    )
    assert "the host put back what was there before" in result["msg"]
    # What comes too late is never confirmed.
    assert action.did[-1] == "confirm+confirm_refused"
    assert clock.now >= 60


def test_a_host_that_is_back_before_the_time_is_over_says_so_itself(peers):
    peers["n2"] = Other([True])
    back = {"failed": True, "msg": "the change was not confirmed in time"}
    result = run(Action([PLANNED, DONE, CUT, CUT, back]))
    assert result["msg"] == (
        "n1: no new connection could be made within 60 s after the change (connection timed out), and the host says: "
        "the change was not confirmed in time"
    )


@pytest.mark.parametrize("cuts", [1, 70], ids=["at once", "when it was too late"])
def test_a_confirmation_whose_answer_was_lost_is_one(peers, cuts):
    peers["n2"] = Other([True])
    result = run(Action([PLANNED, DONE, *[CUT] * cuts, KEPT]))
    assert result == {"changed": True, "confirmed": True}


def test_a_host_that_stays_away_is_said_to(peers, clock):
    peers["n2"] = Other([True])
    result = run(Action([PLANNED, DONE, *[CUT] * 200]))
    assert "and none within 60 s after the host's timer was due" in result["msg"]
    assert clock.now < 60 + confirmed.GRACE + 5


def test_a_connection_that_breaks_in_the_change_is_not_an_unreachable_host(peers):
    peers["n2"] = Other([True])
    result = run(Action([PLANNED, CUT]))
    assert result["failed"]
    assert result["msg"].startswith("n1: the connection broke while the change was made")
    assert "unreachable" not in result


def test_what_a_peer_reached_before_it_has_to_reach_after(peers):
    peers["n2"] = Other([True, False])
    action = Action([PLANNED, DONE, {"failed": True, "msg": "n2 reached ...; what was there before was put back"}])
    result = run(action)
    assert action.did[-1] == "confirm+confirm_refused"
    assert result["msg"].startswith("n1: n2 reached")


@pytest.mark.parametrize(
    "looks",
    [[False, False], [True, False, False, True], [True, AnsibleError("gone")], [AnsibleError("gone")]],
    ids=["nothing before", "after a moment", "cannot be asked after", "cannot be asked before"],
)
def test_what_says_nothing_against_the_change(peers, looks):
    peers["n2"] = Other(looks)
    action = Action([PLANNED, DONE, KEPT])
    assert run(action)["confirmed"]
    assert action.did[-1] == "confirm"


def test_peers_that_reach_nothing_leave_their_places_to_others(peers, monkeypatch):
    monkeypatch.setattr(confirmed, "PEERS", 1)
    watched = {"changed": True, "watched": {**PLANNED["watched"], "peers": ["192.0.2.2", "192.0.2.3"]}}
    peers["n2"], peers["n3"] = Other([False]), Other([True, False])
    action = Action([watched, DONE, {"failed": True, "msg": "n3 reached ..."}])
    assert run(action)["failed"]
    assert action.did[-1] == "confirm+confirm_refused"
    assert peers["n2"].closed


def test_peers_are_hosts_of_the_inventory_and_those_of_the_play_come_first():
    variables = {"inventory_hostname": "n1", "hostvars": HOSTVARS, "ansible_play_hosts": ["n3", "n1"]}
    assert list(confirmed._candidates({"peers": ["192.0.2.2", "192.0.2.3"]}, variables)) == ["n3", "n2"]
    assert list(confirmed._candidates({"peers": ["192.0.2.2"]}, variables)) == ["n2"]


def test_a_peer_is_known_by_its_address_however_it_is_written():
    hostvars = {**HOSTVARS, "n4": {"overlay_underlay_address": "FD31:79:0::14"}, "n5": {}}
    variables = {"inventory_hostname": "n1", "hostvars": hostvars}
    assert list(confirmed._candidates({"peers": ["fd31:79::14"]}, variables)) == ["n4"]
