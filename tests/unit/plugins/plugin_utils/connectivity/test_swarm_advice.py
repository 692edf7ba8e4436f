# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Section 7 of the CIS Docker Benchmark: each rule with a swarm that follows it and one that does not."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import tls
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity import page, swarm_advice
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import EPOCH, Member, View
from test_connectivity import World

SOUND = {"autolock": True, "node_cert_expiry": 90 * swarm_advice.DAY, "root": "", "open_networks": []}


def view(count=3, encryption="docker", driver="overlay", data_path="10.1.0.1", management=("10.0.0.1",), **cluster):
    managers = [{"name": f"n{number}", "reachability": "reachable"} for number in range(count)]
    sight = {"managers": managers, "cluster": {**SOUND, **cluster}, "management": list(management)}
    member = Member("n1", frozenset({"managers"}), "10.0.0.1", sight=sight, advertised="10.0.0.1", data_path=data_path)
    return View("r", (member,), encryption=encryption, driver=driver, now=EPOCH + timedelta(days=1000))


def of(number, **given):
    return [text for text in swarm_advice.sentences(view(**given)) if text.startswith(f"CIS Docker 7.{number}: ")]


@pytest.mark.parametrize(
    ("number", "bad", "good", "words"),
    [
        (2, {"count": 1}, {"count": 3}, "has 1 manager, and none may fail"),
        (2, {"count": 4}, {"count": 5}, "has 4 managers; an odd number"),
        (2, {"count": 9}, {"count": 7}, "has 9 managers"),
        (3, {"management": ["::"]}, {}, "n1: management of the swarm (2377/tcp) listens on every address"),
        (4, {"open_networks": ["minio-overlay"]}, {}, "minio-overlay carry clear text"),
        (4, {"open_networks": ["x"]}, {"open_networks": ["x"], "encryption": "ipsec"}, "clear text"),
        (6, {"autolock": False}, {"autolock": True}, "managers are not locked"),
        (7, {"autolock": True}, {"autolock": False}, "does not say when the unlock key was last changed"),
        (8, {"node_cert_expiry": 91 * swarm_advice.DAY}, {}, "valid for 91 days"),
        (10, {"data_path": "10.0.0.1"}, {}, "share an address on every host"),
        (10, {"data_path": "10.0.0.1"}, {"data_path": "10.0.0.1", "driver": "kernel"}, "share an address"),
    ],
)
def test_each_rule(number, bad, good, words):
    (sentence,) = of(number, **bad)
    assert words in sentence
    assert of(number, **good) == []


@pytest.mark.parametrize(("days", "advised"), [(100, False), (800, True)])
def test_an_old_root_is_renewed(monkeypatch, days, advised):
    seen = SimpleNamespace(not_before=EPOCH + timedelta(days=1000 - days))
    monkeypatch.setattr(tls, "see", lambda text: seen if text else tls.Seen)
    assert bool(of(9, root="PEM")) == advised


def test_where_nothing_is_known_nothing_is_advised():
    member = Member("n1", frozenset({"managers"}), "10.0.0.1", sight={"cluster": None})
    assert swarm_advice.sentences(View("r", (member,))) == []


def test_advice_is_shown_and_fails_nothing():
    world = World()
    world.sight("n1")["cluster"] = {**SOUND, "autolock": False}
    result = world.run()
    assert (result["verdict"], result["counts"]["warn"]) == ("pass", 0)
    assert any(text.startswith("CIS Docker 7.6: managers are not locked") for text in result["advice"])
    assert "managers are not locked" in page.render(result)
