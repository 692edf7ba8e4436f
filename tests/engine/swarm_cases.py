# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of a swarm and its nodes: a line an option."""

from __future__ import annotations

from option_cases import Case

SECOND = 1_000_000_000
DAY = 24 * 3600 * SECOND
FIRST, NEXT = {"url": "https://10.98.0.9:8888"}, {"url": "https://10.98.0.9:8889"}

SWARM = {
    "name": Case("default", "default", "default", constant=True),
    "labels": Case({"a": "1", "b": 2}, {"a": "1"}, {}, same=({"b": "2", "a": 1},)),
    "task_history_retention_limit": Case(0, 7, 5),
    "snapshot_interval": Case(500, 700, 10_000),
    "keep_old_snapshots": Case(2, 3, 0),
    "log_entries_for_slow_followers": Case(100, 200, 500),
    "heartbeat_tick": Case(2, 3, 1),
    "election_tick": Case(30, 20, 10),
    "dispatcher_heartbeat_period": Case(7 * SECOND, 9 * SECOND, 5 * SECOND),
    "node_cert_expiry": Case(7200 * SECOND, DAY, 90 * DAY),
    "external_cas": Case(
        [FIRST], [{**FIRST, "options": {"a": "1"}}, NEXT], [], same=([{**FIRST, "protocol": "cfssl"}],)
    ),
    "external_cas.protocol": Case("cfssl", "cfssl", "cfssl", FIRST),
    "external_cas.url": Case(FIRST["url"], NEXT["url"], FIRST["url"]),
    "external_cas.options": Case({"a": "1"}, {"a": 2}, {}, FIRST),
    "external_cas.ca_cert": Case("<root>", "<root>", "<root>", FIRST),
    "ca_force_rotate": Case(1, 2, 2),
    "autolock_managers": Case(True, False, False),
    "log_driver": Case({"name": "json-file", "options": {"a": "1"}}, {"name": "none"}, {}, shown=False),
    "log_driver.name": Case("json-file", "none", "", shown=False),
    "log_driver.options": Case({"a": "1"}, {"a": 2}, {}, shown=False),
}
# Tried by the tests of what a swarm is made with, and of its certificates.
ELSEWHERE = {"signing_ca_cert", "signing_ca_key"}

# What a swarm is made with: one value, and another one for the next swarm.
FOUNDED = {
    "default_addr_pool": (["10.20.0.0/16", "10.30.0.0/16"], ["10.40.0.0/16"]),
    "subnet_size": (26, 28),
    "data_path_port": (4790, 7777),
    "listen_addr": ("10.98.0.2:2377", "10.98.0.2:2378"),
    "advertise_addr": ("10.98.0.2", "10.98.0.2:2379"),
    "data_path_addr": ("10.98.0.2", "c0"),
    "availability": ("pause", "drain"),
}

NODE = {
    "name": Case("one", "two", ""),
    "labels": Case({"a": "1", "b": 2}, {"a": "1", "b": "3"}, {"a": "1", "b": "3"}, same=({"b": "2"}, {})),
    "role": Case("manager", "worker", "worker"),
    "availability": Case("drain", "pause", "active"),
}
