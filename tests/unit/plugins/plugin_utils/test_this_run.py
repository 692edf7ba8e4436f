# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every worker of a run says the same run, and a run is gone only where that is certain."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.baremetal.overlay.plugins.action import lease
from ansible_collections.baremetal.overlay.plugins.plugin_utils import this_run


def lease_of(process):
    """What a lease says of a process on this machine."""
    state, started = this_run.process(process.pid)
    assert state
    return {"pid": process.pid, "started": started, "place": this_run.place(), "run": "b", "released": False}


@pytest.fixture
def other():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_workers_are_of_their_run():
    own = this_run.holder()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.apply(this_run.holder) == own
    assert (own["pid"], len(own["run"])) == (os.getpid(), 16)
    assert set(own) == {"run", "controller", "user", "pid", "started", "place"}


def test_a_process_that_ended_is_gone_and_one_that_works_is_not(other):
    live = lease_of(other)
    assert not this_run.is_gone(live)
    # The number has gone to another process.
    assert this_run.is_gone({**live, "started": "1"})
    other.kill()
    other.stdin.close()
    while this_run.process(other.pid)[0] not in this_run.ENDED:
        pass
    # Not waited for yet: it does nothing any more.
    assert this_run.is_gone(live)
    other.wait()
    assert this_run.is_gone(live)


@pytest.mark.parametrize("place", ["", "of another machine"])
def test_elsewhere_nothing_is_known(place):
    assert not this_run.is_gone({"pid": 2**22 + 1, "started": "1", "place": place})


class Managers:
    """The managers' answers, one after another."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __call__(self, _action, host, _task_vars):
        def run(_module, arguments):
            self.asked.append((host, arguments))
            answer = self.answers[host].pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return SimpleNamespace(run=run, close=lambda: None)


OUTSIDE = {"failed": True, "outside": True, "msg": "this host is in no swarm"}
LEADERLESS = {"failed": True, "outside": False, "msg": "no leader"}
TAKEN = {"changed": True, "taken": True, "lease": {"run": "a", "released": False}}


def ask(monkeypatch, managers, **arguments):
    monkeypatch.setattr(lease, "OtherHost", managers)
    action = lease.ActionModule.__new__(lease.ActionModule)
    action._task = SimpleNamespace(args=arguments)
    return action._ask(list(managers.answers), {"holder": this_run.holder(), **arguments}, {})


def test_the_first_manager_that_can_tell_is_asked(monkeypatch):
    managers = Managers(n1=[AnsibleConnectionFailure("no route")], n2=[OUTSIDE], n3=[TAKEN], n4=[])
    assert ask(monkeypatch, managers) == TAKEN
    assert [host for host, _arguments in managers.asked] == ["n1", "n2", "n3"]


def test_without_a_swarm_there_is_nothing_to_hold(monkeypatch):
    assert ask(monkeypatch, Managers(n1=[OUTSIDE], n2=[OUTSIDE])) == {"changed": False, "taken": False, "lease": {}}


def test_where_no_manager_can_tell_the_run_ends(monkeypatch):
    found = ask(monkeypatch, Managers(n1=[LEADERLESS], n2=[OUTSIDE], n3=[AnsibleConnectionFailure("no route")]))
    assert found["failed"]
    assert found["msg"].endswith("nothing was changed: n1: no leader; n3: cannot be reached (no route)")


def test_a_run_of_this_controller_that_was_killed_keeps_nobody_out(monkeypatch, other):
    held = {"failed": True, "msg": "held", "lease": lease_of(other)}
    assert ask(monkeypatch, Managers(n1=[held]))["msg"] == "held"
    other.kill()
    other.wait()
    managers = Managers(n1=[held, TAKEN])
    assert ask(monkeypatch, managers)["gone"] == "b"
    assert managers.asked[1][1]["ended"] == "b"
    # What its holder released is refused for another reason.
    stale = {**held, "lease": {**held["lease"], "released": True}}
    assert "gone" not in ask(monkeypatch, Managers(n1=[stale]))


def test_nothing_of_it_is_secret():
    assert "environ" not in json.dumps(this_run.holder())
