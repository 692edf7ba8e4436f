# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host of an inventory a node is."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils.node_host import NoHost, host_of

HOSTS: dict[str, dict[str, Any]] = {
    "rack1": {"inventory_hostname": "rack1", "overlay_underlay_address": "10.0.0.1", "ansible_host": "192.168.0.1"},
    "rack2": {"inventory_hostname": "rack2", "ansible_host": "10.0.0.2"},
    "rack6": {"inventory_hostname": "rack6", "overlay_underlay_address": "FD31:79:0::16"},
    "rack3.example.com": {"inventory_hostname": "rack3.example.com"},
    "other": {"inventory_hostname": "other", "ansible_facts": {"hostname": "rack4", "fqdn": "rack4.example.com"}},
    "jump": {"inventory_hostname": "jump", "ansible_host": "rack5"},
}


@pytest.mark.parametrize(
    ("node", "addresses", "host"),
    [
        ("x", ["10.0.0.1"], "rack1"),
        ("rack2", ["10.0.0.1"], "rack1"),
        ("x", ["10.9.9.9", "10.0.0.2"], "rack2"),
        ("rack2", [], "rack2"),
        ("x", ["fd31:79::16"], "rack6"),
        ("rack3", ["10.9.9.9"], "rack3.example.com"),
        ("rack4", [], "other"),
        ("rack4.example.com", [], "other"),
        ("rack5", [], "jump"),
    ],
)
def test_the_host_of_a_node(node: str, addresses: list[str], host: str) -> None:
    assert host_of(node, addresses, HOSTS) == host


def test_no_host_and_two_hosts() -> None:
    with pytest.raises(NoHost) as error:
        host_of("rack9", ["10.0.0.9"], HOSTS)
    said = str(error.value)
    assert 'node "rack9" (10.0.0.9) is no host of this inventory' in said
    assert "rack1 (overlay_underlay_address 10.0.0.1, ansible_host 192.168.0.1); rack2 (ansible_host 10.0.0.2)" in said
    assert "rack3.example.com (no address given)" in said
    twins = {name: {"inventory_hostname": name, "ansible_host": "10.0.0.1"} for name in ("a", "b")}
    with pytest.raises(NoHost, match=r"2 hosts of the inventory have ansible_host 10.0.0.1: a, b; give each its own"):
        host_of("x", ["10.0.0.1"], twins)
