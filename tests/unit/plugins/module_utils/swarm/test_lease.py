# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may have the deployment's lease, and that of two that try at the same moment one has it."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.engine import Engine
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import (
    Conflict,
    InputError,
    NotManager,
    OutOfSequence,
    Refused,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import lease

NOW = 1_795_900_000.0


def holder(run="a", **changes):
    return {"run": run, "controller": "ops1", "user": "alice", "pid": 7, "started": "1", "place": "p", **changes}


def asked(run="a", state="present", **changes):
    given = {"state": state, "holder": holder(run), "seconds": 600, "takeover": "", "ended": "", "looked": None}
    return {**given, **changes}


def held(run="a", **changes):
    times = {"since": NOW - 60, "until": NOW + 60, "written": NOW - 60}
    return lease.Lease(**{**holder(run), **times, **changes})


class Swarm(Engine):
    """The configs of a swarm, as it takes and refuses them."""

    def __init__(self):
        super().__init__(None)
        self.config, self.lock, self.before_write = None, threading.Lock(), lambda: None

    def call(self, verb, path, body=None, query=None, **_more):
        if verb == "GET":
            with self.lock:
                return [self.config] if self.config else []
        self.before_write()
        with self.lock:
            if path == "/configs/create":
                if self.config:
                    raise Conflict("name conflicts with an existing object", 409)
                self.config = {"ID": "c", "Version": {"Index": 1}, "Spec": body}
                return {"ID": "c"}
            if query["version"] != self.config["Version"]["Index"]:
                raise OutOfSequence("update out of sequence", 500)
            self.config = {**self.config, "Version": {"Index": query["version"] + 1}, "Spec": body}
            return None


def test_what_is_written_is_what_is_read():
    one = held(displaced=("x", "y"), released=True)
    assert lease.read({"Spec": {"Labels": {**one.labels(), "other": "1"}}}) == one


@pytest.mark.parametrize(
    ("live", "ask", "sentence"),
    [
        (None, asked(), ""),
        (held("b", released=True), asked(), ""),
        (held("b", until=NOW - 1), asked(), ""),
        (held("a"), asked(), ""),
        (held("b"), asked(takeover="b"), ""),
        (held("b"), asked(ended="b"), ""),
        (held("b"), asked(), "alice on ops1 .process 7, run b. holds it since .* changed nothing: wait .*takeover: b"),
        (held("b"), asked(takeover="c"), "holds it since"),
        (held("b", displaced=("a",)), asked(), "this run .a. has lost it, and the last to take it was alice on ops1"),
        (held("b", displaced=("a",), released=True), asked(takeover="b"), "has lost it"),
        # Its plan was drawn before the other run's last step.
        (held("b", released=True, written=NOW - 5), asked(looked=NOW - 10), "its plan may be out of date.*run again"),
        (held("b", written=NOW - 5), asked(ended="b", looked=NOW - 10), "its plan may be out of date"),
        (held("b", written=NOW - 5), asked(takeover="b", looked=NOW - 10), ""),
        (held("b", released=True, written=NOW - 15), asked(looked=NOW - 10), ""),
        (held("a", written=NOW - 5), asked(looked=NOW - 10), ""),
    ],
)
def test_who_may_have_it(live, ask, sentence):
    if sentence:
        with pytest.raises(lease.Held, match=sentence) as error:
            lease.take(live, ask, NOW)
        assert error.value.facts["lease"]["run"] == "b"
        return
    taken = lease.take(live, ask, NOW)
    assert (taken.run, taken.until, taken.written, taken.released) == ("a", NOW + 600, NOW, False)
    assert taken.since == (live.since if live and live.run == "a" else NOW)
    assert ("b" in taken.displaced) == bool(live and live.run == "b" and not live.released)


def test_only_the_last_that_lost_it_are_remembered():
    live = held("b", displaced=tuple(map(str, range(20))))
    assert lease.take(live, asked(takeover="b"), NOW).displaced == (*map(str, range(5, 20)), "b")


def test_it_is_taken_renewed_and_released():
    swarm = Swarm()
    first = lease.converge(swarm, asked(), False)
    assert (first["changed"], first["taken"], first["lease"]["run"]) == (True, True, "a")
    again = lease.converge(swarm, asked(), False)
    assert (again["changed"], again["taken"]) == (False, False)
    with pytest.raises(lease.Held):
        lease.converge(swarm, asked("b"), False)
    # Another run's lease is not released.
    assert not lease.converge(swarm, asked("b", "absent"), False)["changed"]
    assert lease.converge(swarm, asked("a", "absent"), False)["lease"]["released"]
    assert not lease.converge(swarm, asked("a", "absent"), False)["changed"]
    assert lease.converge(swarm, asked("b"), False)["taken"]


def test_a_prediction_takes_nothing_and_says_who_has_it():
    swarm = Swarm()
    assert lease.converge(swarm, asked(), True)["changed"] and swarm.config is None
    lease.converge(swarm, asked("b"), False)
    before = swarm.config
    found = lease.converge(swarm, asked(), True)
    assert not found["taken"] and "run b) holds it since" in found["warnings"][0]
    assert swarm.config == before


@pytest.mark.parametrize("known", [False, True])
def test_of_two_at_the_same_moment_one_has_it(known):
    """Both have read that it is free before either writes, whether it is made or changed by that."""
    swarm = Swarm()
    if known:
        lease.converge(swarm, asked("z"), False)
        lease.converge(swarm, asked("z", "absent"), False)
    meeting = threading.Barrier(2)
    swarm.before_write = lambda: meeting.wait(5) and None
    outcomes = {}

    def run(name):
        try:
            outcomes[name] = lease.converge(swarm, asked(name), False)["taken"]
        except lease.Held as error:
            outcomes[name] = error.facts["lease"]["run"]

    threads = [threading.Thread(target=run, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = lease.read(swarm.config).run
    loser = "b" if winner == "a" else "a"
    assert outcomes == {winner: True, loser: winner}


def test_one_that_was_taken_over_says_so_at_its_next_step_and_releases_nothing():
    swarm = Swarm()
    lease.converge(swarm, asked("a"), False)
    lease.converge(swarm, asked("b", takeover="a"), False)
    with pytest.raises(lease.Held, match=r"this run \(a\) has lost it"):
        lease.converge(swarm, asked("a"), False)
    lease.converge(swarm, asked("b", "absent"), False)
    with pytest.raises(lease.Held, match=r"this run \(a\) has lost it"):
        lease.converge(swarm, asked("a"), False)


def test_labels_that_tell_nothing_are_no_free_lease():
    swarm = Swarm()
    swarm.config = {"ID": "c", "Version": {"Index": 1}, "Spec": {"Name": lease.NAME, "Labels": {}}}
    with pytest.raises(Refused, match=r"no run can tell who holds this deployment.*docker config rm"):
        lease.converge(swarm, asked(), False)


def test_a_host_in_no_swarm_says_so():
    def nothing(*_args, **_more):
        error = NotManager("this host is in no swarm", 503)
        error.state = "inactive"
        raise error

    swarm = Swarm()
    swarm.call = nothing
    with pytest.raises(NotManager) as error:
        lease.converge(swarm, asked(), False)
    assert error.value.facts == {"outside": True}


def test_a_lease_has_to_outlast_a_step():
    with pytest.raises(InputError, match="overlay_lease_seconds"):
        lease.converge(Swarm(), asked(seconds=5), False)
