# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Name servers, gateways and time servers, as each program of a host writes them."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import daemon, network, reached

STUB = "# by systemd-resolved\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example.org\n"
RESOLVED = "nameserver 192.0.2.53\nnameserver 2001:DB8::53\nnameserver fe80::1%eth0\n"
CHRONY = (
    "^,*,192.0.2.123,2,6,377,21,-0.000011,0.000021,0.03\n"
    "^,?,2001:db8::123,0,7,0,4294967295,0.0,0.0,0.0\n"
    "#,*,PHC0,0,2,377,4,0.0,0.0,0.0\n"
)
TIMESYNC = "LinkNTPServers=192.0.2.9\nSystemNTPServers=ntp.example.org 2001:db8::9\nServerAddress=192.0.2.7\n"
NTPQ = (
    "     remote           refid      st t when poll reach   delay   offset  jitter\n"
    "==============================================================================\n"
    "*192.0.2.123     .GPS.            1 u   12   64  377    0.123   -0.004   0.010\n"
    " 2001:db8::123   .INIT.          16 u    -   64    0    0.000    0.000   0.000\n"
    "+ntp.example.org .GPS.            1 u   12   64  377    0.123   -0.004   0.010\n"
)


def test_a_stub_stands_for_the_servers_behind_it(fake_system):
    files = dict(zip(reached.RESOLVERS, (STUB, RESOLVED)))
    found = reached.read(fake_system(files=files), [])
    assert found == {"name_servers": ["192.0.2.53", "2001:db8::53"], "gateways": [], "time_servers": []}


@pytest.mark.parametrize(
    ("runs", "program", "text", "servers"),
    [
        (reached.CHRONY, "chronyc", CHRONY, ["192.0.2.123", "2001:db8::123"]),
        (reached.TIMESYNC, "timedatectl", TIMESYNC, ["192.0.2.9", "2001:db8::9", "192.0.2.7"]),
        (reached.NTPD, "ntpq", NTPQ, ["192.0.2.123", "2001:db8::123"]),
    ],
)
def test_a_time_service_is_asked_where_it_runs(fake_system, runs, program, text, servers):
    answers = {program: text}
    assert reached.read(fake_system(files={runs: ""}, answers=answers), [])["time_servers"] == servers
    assert reached.read(fake_system(answers=answers), [])["time_servers"] == []


def test_gateways_are_those_of_every_way():
    ways = [{"gateway": "192.0.2.1", "dev": "eth0"}, {"gateway": "192.0.2.2", "dev": "eth1"}]
    text = json.dumps(
        [
            {"dst": "default", "nexthops": ways},
            {"dst": "198.51.100.0/24", "via": {"family": "inet6", "host": "2001:db8::1"}, "dev": "eth0"},
            {"dst": "203.0.113.0/24", "gateway": "192.0.2.1", "dev": "eth0"},
            {"dst": "192.0.2.0/24", "dev": "eth0"},
        ]
    )
    assert reached.elsewhere(
        gateway for route in network.parse_routes(text) for gateway in route["gateways"]
    ) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "arguments", "pools"),
    [
        (None, "", []),
        ("no json", "", []),
        ('{"default-address-pools": [{"base": "172.20.0.0/14", "size": 24}]}', "", ["172.20.0.0/14"]),
        ("{}", "/usr/bin/dockerd --default-address-pool base=10.9.0.0/16,size=24 -H fd://", ["10.9.0.0/16"]),
        ("{}", '/usr/bin/dockerd --default-address-pool="base=10.9.0.0/16,size=24"', ["10.9.0.0/16"]),
    ],
)
def test_the_pools_of_an_engine(text, arguments, pools):
    assert daemon.pools(text, arguments) == pools
