# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run takes the lease where it has something to do, and says since when its plan is true."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils import lease_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host


def cluster(state: str = "active", **settings: Any) -> Cluster:
    report = {"facts": {"swarm": {"state": state, "manager": True}}}
    return Cluster((Host("n1", frozenset({"managers"}), 1, report=report),), settings)


@pytest.mark.parametrize(
    ("work", "restarts", "settings", "holds"),
    [
        ({"n1": ["overlay_acting"], "n2": []}, False, {}, None),
        ({"n1": ["overlay_acting"], "n2": ["overlay_firewall"]}, False, {}, "n1"),
        ({"n1": ["overlay_acting"], "n2": []}, True, {}, "n1"),
        ({"n1": ["overlay_acting"], "n2": []}, False, {"swarm_network_consent": ["minio-overlay"]}, "n1"),
        ({"n1": ["overlay_acting"], "n2": []}, False, {"network_consent": ["overlay"]}, "n1"),
        # A run with --limit, without a manager that is active.
        ({"n3": [], "n4": ["overlay_restart"]}, False, {}, "n4"),
        ({"n3": [], "n4": []}, False, {}, None),
    ],
)
def test_only_a_run_with_something_to_do_holds_it(work, restarts, settings, holds):
    drawn = lease_plan.groups(cluster(**settings), work, restarts)
    assert [name for name, own in drawn.items() if "overlay_lease" in own] == ([holds] if holds else [])
    assert {name: [one for one in own if one != "overlay_lease"] for name, own in drawn.items()} == work


def test_a_swarm_that_is_still_to_be_made_keeps_it_once_it_is_there():
    drawn = lease_plan.groups(cluster("inactive"), {"n1": ["overlay_engine", "overlay_acting"]}, False)
    assert drawn == {"n1": ["overlay_engine", "overlay_acting", "overlay_lease_new"]}


def looked_at(sent: float, received: float, time: float) -> dict[str, Any]:
    return {"facts": {"clock": {"time": time, "age": 0.0}}, "clock": {"sent": sent, "received": received}}


def test_the_first_look_counts_by_the_manager_s_clock():
    """The manager is 100 seconds ahead of the controller."""
    manager = Host("n1", frozenset({"managers"}), 1, report=looked_at(20.0, 22.0, 121.0))
    worker = Host("n2", frozenset({"workers"}), 2, report=looked_at(10.0, 12.0, 11.0))
    unseen = Host("n3", frozenset({"workers"}), 3)
    assert lease_plan.looked([manager, worker, unseen], manager) == 110.0
    assert lease_plan.looked([worker], None) is None
    assert lease_plan.looked([worker], unseen) is None
