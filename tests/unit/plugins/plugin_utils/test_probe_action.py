# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed URL goes from the host that signs to the client, and nowhere else."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action.normal import ActionModule as NormalActionModule
from ansible_collections.baremetal.overlay.plugins.action import probe

SIGNED = "http://192.0.2.1:9000/b/o?X-Amz-Signature=abc"
OFFERS = [{"endpoint": "http://192.0.2.1:9000", "put": SIGNED, "get": SIGNED, "neighbour": SIGNED}]
STORE = {"mode": "visit", "clients": ["http://192.0.2.1:9000"], "bucket": "overlay-check-1", "root_password": "secret"}
SEEN = {"store": {"health": {}, "clients": {"http://192.0.2.1:9000": {"write": "", "read": ""}}}}


class Hosts:
    """What was asked of which host, and how; each gives the answer that is laid out for it."""

    def __init__(self):
        self.asked, self.closed = [], []
        self.answers = {"n1": {"store": {"error": "", "offers": OFFERS}}, "localhost": SEEN}

    def __call__(self, _action, host, _variables, **how):
        def run(module, arguments):
            assert module == "baremetal.overlay.probe"
            self.asked.append((host, arguments, how))
            answer = self.answers[host]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return SimpleNamespace(run=run, close=lambda: self.closed.append(host))


@pytest.fixture
def hosts(monkeypatch):
    found = Hosts()
    monkeypatch.setattr(probe, "OtherHost", found)
    return found


def action(check_mode=False, **arguments):
    made = probe.ActionModule.__new__(probe.ActionModule)
    made._task = SimpleNamespace(args=arguments, check_mode=check_mode, delegate_to=None)
    return made


def visit(**visitor):
    return action(run="1", store=STORE, visitor={"host": "localhost", **visitor})


def test_the_url_is_signed_in_secret_and_used_without_privileges(hosts):
    result = visit(ca_certificates="PEM").run(task_vars={"inventory_hostname": "n1"})
    (signer, signs, secretly), (client, uses, plainly) = hosts.asked
    assert (signer, signs["store"]["mode"], secretly) == ("n1", "sign", {"secret": True})
    assert (client, uses["store"]["mode"], plainly) == ("localhost", "visit", {"privileged": False})
    assert uses["store"]["offers"] == OFFERS
    assert uses["store"]["ca_certificates"] == "PEM"
    assert "root_password" not in uses["store"] and "visitor" not in uses
    assert "X-Amz-Signature" not in json.dumps(result)
    assert result["store"] == {**SEEN["store"], "error": ""}
    assert hosts.closed == ["n1", "localhost"]


def test_where_nothing_can_be_signed_the_client_looks_at_the_health(hosts):
    hosts.answers["n1"] = {"failed": True, "msg": "no credentials"}
    result = visit().run(task_vars={"inventory_hostname": "n1"})
    assert (hosts.asked[1][1]["store"]["offers"], result["store"]["error"]) == ([], "no credentials")
    hosts.answers["n1"] = AnsibleConnectionFailure("timed out")
    assert visit().run(task_vars={"inventory_hostname": "n1"})["store"]["error"] == "n1 cannot be reached: timed out"
    hosts.asked.clear()
    visit(signs=False).run(task_vars={"inventory_hostname": "n1"})
    assert [host for host, _arguments, _how in hosts.asked] == ["localhost"]


def test_a_client_that_cannot_be_reached_is_no_fault_of_the_host_that_signs(hosts):
    hosts.answers["localhost"] = AnsibleConnectionFailure("timed out")
    result = visit().run(task_vars={"inventory_hostname": "n1"})
    assert result == {"failed": True, "changed": False, "msg": "localhost cannot be reached: timed out"}


def test_check_mode_visits_nobody(hosts):
    made = action(check_mode=True, run="1", store=STORE, visitor={"host": "localhost"})
    assert made.run(task_vars={"inventory_hostname": "n1"})["skipped"]
    assert not hosts.asked


def test_a_look_at_a_host_has_the_controller_s_time_on_both_sides(monkeypatch):
    monkeypatch.setattr(NormalActionModule, "run", lambda *_arguments: {"sight": {}})
    stamps = action(run="1", respond={}).run()["stamps"]
    assert stamps["sent"] <= stamps["received"]
    monkeypatch.setattr(NormalActionModule, "run", lambda *_arguments: {"unreachable": True})
    assert action(run="1", respond={}).run() == {"unreachable": True}
