# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing refuses clear text or asks for encryption without the way back, in whatever phase the module runs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.overlay.plugins.action.ipsec import ActionModule
from ansible_collections.baremetal.overlay.plugins.module_utils.host import confirm, ipsec, nft_table
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import charon
from ansible_collections.baremetal.overlay.plugins.modules import ipsec as module_ipsec
from ansible_collections.baremetal.overlay.plugins.plugin_utils.confirmed import ConfirmedAction
from ipsec_host import actions, host_of, options


@pytest.fixture
def host(fake_system):
    return host_of(fake_system)


class Ended(Exception):
    def __init__(self, failed, result):
        self.failed, self.result = failed, result


class Module:
    def __init__(self, check_mode, params):
        self.check_mode, self.params = check_mode, params

    def exit_json(self, **result):
        raise Ended(False, result)

    def fail_json(self, **result):
        raise Ended(True, result)


@pytest.fixture
def execute(host, monkeypatch):
    """One execution of the module; what is done under the way back is written down, and done."""
    guarded = []

    def carry_out(steps, guard, _seconds, system):
        guarded.append(steps)
        for step in steps:
            step.apply(system)
        assert guard.what == "ipsec"
        return "abc"

    monkeypatch.setattr(module_ipsec, "System", lambda _module: host)
    monkeypatch.setattr(module_ipsec, "Snapshot", lambda _system: SimpleNamespace(ipsec=host.state, system=host))
    monkeypatch.setattr(module_ipsec.confirmed, "Snapshot", module_ipsec.Snapshot)
    monkeypatch.setattr(confirm, "await_free", lambda _system: None)
    monkeypatch.setattr(confirm, "carry_out", carry_out)

    def run(given, check_mode=False):
        guarded.clear()
        params = {"confirm": None, "confirm_refused": [], "confirm_timeout": 60, **given}
        monkeypatch.setattr(module_ipsec, "AnsibleModule", lambda **_arguments: Module(check_mode, params))
        with pytest.raises(Ended) as ended:
            module_ipsec.main()
        assert not ended.value.failed, ended.value.result
        return ended.value.result, [step for steps in guarded for step in steps]

    return run


def kinds(steps):
    return {type(step) for step in steps}


@pytest.mark.parametrize("phase", ["enforce", ipsec.SPEC["phase"]["default"], "finish"])
@pytest.mark.parametrize("prepared", [False, True])
def test_clear_text_begins_to_be_refused_under_the_way_back_only(host, execute, phase, prepared):
    if prepared:
        execute(options("prepare"))
    done, guarded = execute(options(phase))
    assert done["armed"] == {"token": "abc", "seconds": 60}
    assert {nft_table.Load, charon.Negotiate, charon.Load} <= kinds(guarded)
    assert host.table and actions(host) == {"trap"}
    done, guarded = execute(options(phase))
    assert (done["changed"], guarded) == (False, [])


@pytest.mark.parametrize(
    "break_it",
    [
        lambda host: setattr(host, "table", ""),
        lambda host: setattr(host, "enabled", False),
        lambda host: host.daemon.connections.clear(),
        lambda host: host.daemon.associations["baremetal-overlay-2"].update(out="TUNNEL"),
    ],
)
def test_what_somebody_changed_is_put_right_under_the_way_back_in_the_last_phase_too(host, execute, break_it):
    execute(options("finish"))
    break_it(host)
    predicted, guarded = execute(options("finish"), check_mode=True)
    assert (predicted["changed"], bool(predicted["watched"]), guarded) == (True, True, [])
    done, guarded = execute(options("finish"))
    assert done["armed"] and guarded


def test_what_cuts_nobody_off_arms_nothing(execute):
    for given in (options("prepare"), options("finish")):
        execute(given)
    for given in (
        options("prepare", epoch=2),
        options("finish", epoch=2),
        {"state": "absent", "phase": "prepare"},
        {"state": "absent", "phase": "finish"},
    ):
        done, guarded = execute(given)
        assert done["changed"] and "armed" not in done and guarded == [], given


def test_keys_of_before_are_not_forgotten_before_the_rest_is_confirmed(host, execute):
    execute(options("finish"))
    host.table = ""
    execute(options("prepare", epoch=2))
    _done, guarded = execute(options("finish", epoch=2))
    assert guarded and not kinds(guarded) & {charon.Forget, charon.Reauthenticate}
    assert len(host.daemon.secrets) == 2
    done, guarded = execute(options("finish", epoch=2))
    assert (done["changed"], guarded, len(host.daemon.secrets)) == (True, [], 1)


def test_what_somebody_else_does_meanwhile_is_not_made_good_without_the_way_back(host, execute, monkeypatch):
    execute(options("finish"))
    seen = []

    def state():
        seen.append(host.state())
        host.table = ""
        return seen[-1]

    monkeypatch.setattr(module_ipsec, "Snapshot", lambda _system: SimpleNamespace(ipsec=state, system=host))
    with pytest.raises(Ended) as ended:
        monkeypatch.setattr(module_ipsec, "AnsibleModule", lambda **_: Module(False, {"confirm": None, **options()}))
        module_ipsec.main()
    assert ended.value.failed and "somebody else changed this host" in ended.value.result["msg"]
    assert host.table == ""


@pytest.mark.parametrize(
    ("arguments", "confirms"),
    [
        ({}, True),
        ({"phase": "finish"}, True),
        ({"phase": "enforce"}, True),
        ({"phase": "prepare"}, False),
        ({"state": "absent"}, False),
        ({"state": "absent", "phase": "finish"}, False),
    ],
)
def test_whatever_may_be_armed_is_confirmed(monkeypatch, arguments, confirms):
    """An option that is not given has the default of the module."""
    monkeypatch.setattr(ConfirmedAction, "run", lambda *_arguments: {"way": True})
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(args=arguments)
    action._module = lambda *_arguments: {"way": False}
    assert action.run() == {"way": confirms}
