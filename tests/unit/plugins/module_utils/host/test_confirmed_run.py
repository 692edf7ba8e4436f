# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module runs whose changes are confirmed: what it does each time, and what it returns."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import confirm, confirmed, revert_script, runner
from ansible_collections.baremetal.overlay.plugins.module_utils.host.confirm import Guard
from ansible_collections.baremetal.overlay.plugins.module_utils.host.confirmed import Confirmed
from ansible_collections.baremetal.overlay.plugins.module_utils.host.packages import Install
from ansible_collections.baremetal.overlay.plugins.module_utils.host.steps import Plan, WriteFile
from ansible_collections.baremetal.overlay.plugins.modules import ipsec

FILE = WriteFile("/etc/x", "new", "old")


class Ended(Exception):
    def __init__(self, failed, result):
        self.failed, self.result = failed, result


class Module:
    def __init__(self, check_mode=False, **params):
        given = {name: option.get("default") for name, option in confirmed.CONFIRM_SPEC.items()}
        self.params, self.check_mode = {**given, **params}, check_mode

    def exit_json(self, **result):
        raise Ended(False, result)

    def fail_json(self, **result):
        raise Ended(True, result)


@pytest.fixture
def did(monkeypatch):
    """What is asked of the envelope, in its order."""
    done = []

    def carry_out(steps, guard, seconds, _system):
        done.append(("carry out", [type(step).__name__ for step in steps], guard.what, seconds))
        return "abc"

    def confirmation(token, _system, verify):
        done.append(("confirm", token, verify()))

    monkeypatch.setattr(confirm, "await_free", lambda _system: done.append(("await",)))
    monkeypatch.setattr(confirm, "carry_out", carry_out)
    monkeypatch.setattr(confirm, "confirm", confirmation)
    monkeypatch.setattr(Install, "apply", lambda _step, _system: done.append(("install",)))
    return done


def run(module, plan, fake_system):
    section = Confirmed(
        name="firewall",
        plan=lambda _options, _snapshot: plan,
        guard=lambda _options, _snapshot: Guard("firewall", ()),
        prepares=(Install,),
        verify=lambda _system: ["the table is gone"],
        watched=lambda _options, _snapshot: {"ports": [9000]},
    )
    with pytest.raises(Ended) as ended:
        confirmed.run(module, section, fake_system())
    return ended.value


def test_what_needs_no_way_back_is_done_before_the_time_begins(did, fake_system):
    ended = run(Module(confirm_timeout=30), Plan(steps=[Install(["nftables"]), FILE]), fake_system)
    assert did == [("await",), ("install",), ("carry out", ["WriteFile"], "firewall", 30)]
    assert ended.result["armed"] == {"token": "abc", "seconds": 30}
    assert ended.result["changed"]


@pytest.mark.parametrize(("plan", "watched"), [(Plan(steps=[FILE]), {"ports": [9000]}), (Plan(), {})])
def test_in_check_mode_nobody_waits_and_nothing_is_armed(did, fake_system, plan, watched):
    ended = run(Module(check_mode=True), plan, fake_system)
    assert did == []
    assert (ended.result["changed"], ended.result["watched"]) == (plan.changed, watched)


def test_nothing_to_do_arms_nothing(did, fake_system):
    assert "armed" not in run(Module(), Plan(), fake_system).result
    assert did == [("await",)]


def test_a_violation_arms_nothing(did, fake_system):
    ended = run(Module(), Plan(violations=["firewalld runs here"]), fake_system)
    assert (ended.failed, ended.result["msg"]) == (True, "firewalld runs here")
    assert did == [("await",)]


def test_the_second_time_it_confirms_with_all_that_speaks_against_it(did, fake_system):
    ended = run(Module(confirm="abc", confirm_refused=["n2 is cut off"]), Plan(steps=[FILE]), fake_system)
    assert did == [("confirm", "abc", ["n2 is cut off", "the table is gone"])]
    assert ended.result == {"changed": False, "confirmed": True}


@pytest.mark.parametrize("seconds", [0, 14, 3601])
def test_a_time_in_which_nothing_could_be_proven_is_refused(did, fake_system, seconds):
    ended = run(Module(confirm_timeout=seconds), Plan(steps=[FILE]), fake_system)
    assert ended.failed
    assert ended.result["msg"].startswith(f"confirm_timeout: {seconds}; allowed: 15 to 3600 seconds")
    assert did == []


@pytest.mark.parametrize(
    ("check_mode", "order"),
    [(False, ["await", f"lock {revert_script.LOCK}", "look", "apply"]), (True, ["look", "apply"])],
)
def test_what_has_no_way_back_waits_for_what_has_one_and_keeps_others_away(fake_system, monkeypatch, check_mode, order):
    class Host(fake_system):
        def query(self, _argv):
            self.ran.append("look")
            return ""

    def apply(_module, _plans, system):
        system.ran.append("apply")
        return True

    host = Host()
    monkeypatch.setattr(confirm, "await_free", lambda system: system.ran.append("await"))
    monkeypatch.setattr(runner, "apply", apply)
    options = {name: option.get("default") for name, option in ipsec.ipsec.SPEC.items()}
    with pytest.raises(Ended) as ended:
        ipsec.run(Module(check_mode, **{**options, "state": "absent"}), host)
    assert ended.value.result["changed"]
    assert list(dict.fromkeys(host.ran))[: len(order)] == order
