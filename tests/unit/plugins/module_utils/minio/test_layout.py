# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server list, against what MinIO's own code answers for the same counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import layout

FIXTURE = json.loads((Path(__file__).parents[3] / "fixtures/minio/erasure_sets.json").read_text())
SIZES = FIXTURE["set_size_by_servers_1_to_40_and_drives_1_to_20"]


def servers(*counts, pool=1, first=1):
    """Hosts h<n> from a number on, one for each count of drives."""
    return [
        {"host": f"h{number}", "number": number, "drives": drives, "pool": pool}
        for number, drives in enumerate(counts, first)
    ]


@pytest.mark.parametrize("count", range(1, 41))
def test_erasure_set_sizes_are_those_of_minio(count):
    assert [layout.set_size(count, drives) or 0 for drives in range(1, 21)] == SIZES[count - 1]


@pytest.mark.parametrize(("argument", "sets"), FIXTURE["servers_of_each_set"].items())
def test_drives_fall_into_the_sets_that_minio_makes(argument, sets):
    (pool,) = [
        pool
        for count in range(1, 41)
        for drives in range(1, 21)
        if layout.set_size(count, drives)
        for pool in layout.plan(servers(*[drives] * count)).pools
        if pool.argument(layout.Endpoints()) == argument
    ]
    assert pool.sets == sets


@pytest.mark.parametrize(
    ("members", "parity", "args", "expected"),
    [
        (servers(1), None, ["/drives/drive1"], (1, 0, 0, 0)),
        (servers(4), None, ["http://minio1:9000/drives/drive{1...4}"], (4, 2, 0, 0)),
        (servers(1, 1), None, ["http://minio{1...2}:9000/drives/drive1"], (2, 1, 1, 0)),
        (servers(1, 1, 1), None, ["http://minio{1...3}:9000/drives/drive1"], (3, 1, 1, 1)),
        (servers(2, 2, 2, 2), None, ["http://minio{1...4}:9000/drives/drive{1...2}"], (8, 4, 2, 1)),
        (servers(2, 2, 2, 2), 2, ["http://minio{1...4}:9000/drives/drive{1...2}"], (8, 2, 1, 1)),
        (servers(2, 2, 2, 2), 0, ["http://minio{1...4}:9000/drives/drive{1...2}"], (8, 0, 0, 0)),
        (servers(4, 4, 4, 4), None, ["http://minio{1...4}:9000/drives/drive{1...4}"], (16, 4, 1, 1)),
        (servers(*[1] * 8, first=5), None, ["http://minio{5...12}:9000/drives/drive1"], (8, 4, 4, 3)),
        (servers(*[2] * 32), 8, ["http://minio{1...32}:9000/drives/drive{1...2}"], (16, 8, 8, 7)),
        # MinIO keeps symmetry with the servers: 18 drives become three sets of 6, not two of 9.
        (servers(*[3] * 6), None, ["http://minio{1...6}:9000/drives/drive{1...3}"], (6, 3, 3, 2)),
    ],
)
def test_layouts(members, parity, args, expected):
    planned = layout.plan(members, parity)
    read, write = planned.tolerance(planned.pools[0])
    assert planned.args == args
    assert (planned.pools[0].set_size, planned.parity, read, write) == expected


def test_pools_follow_each_other_and_share_the_first_ones_parity():
    planned = layout.plan(servers(2, 2, 2, 2) + servers(4, 4, 4, 4, pool=2, first=5))
    assert planned.args == [
        "http://minio{1...4}:9000/drives/drive{1...2}",
        "http://minio{5...8}:9000/drives/drive{1...4}",
    ]
    assert planned.describe()["summary"] == [
        "pool 1: 4 servers x 2 drives, 1 erasure set of 8, EC:4; "
        "2 servers may fail for reads, 1 server may fail for writes",
        "pool 2: 4 servers x 4 drives, 1 erasure set of 16, EC:4; "
        "1 server may fail for reads, 1 server may fail for writes",
    ]


def test_the_order_of_hosts_and_the_type_of_numbers_do_not_matter():
    shuffled = [{**server, "number": str(server["number"])} for server in reversed(servers(2, 2, 2, 2))]
    assert layout.plan(shuffled).args == layout.plan(servers(2, 2, 2, 2)).args


@pytest.mark.parametrize(
    ("members", "parity", "parts"),
    [
        ([], None, ["there is no server"]),
        (servers(2, 2, 1, 2), None, ["h3 has 1", "the others 2", "minio_pool 1"]),
        (servers(2, 2) + servers(2, first=4), None, ["1, 2, 4", "a break between 2 and 4", "minio_pool"]),
        (servers(*[1] * 17), None, ["17 drives", "2 to 16", "no number of drives up to 16", "16 or 18 servers"]),
        (servers(*[1] * 19), None, ["19 servers", "18 or 20 servers"]),
        (servers(19), None, ["1 server x 19 drives", "with 1 server 1, 2, 3"]),
        (servers(2, 2) + servers(1, pool=2, first=3), None, ["minio_pool 2", "a single drive"]),
        (servers(2, 2, 2, 2), 5, ["minio_parity: EC:5", "0 to 4"]),
        (servers(2, 2, 2, 2) + servers(1, 1, pool=2, first=5), None, ["EC:4", "minio_pool 2", "0 to 1"]),
    ],
)
def test_what_minio_refuses_is_refused_with_what_is_allowed(members, parity, parts):
    (sentence,) = layout.violations(members, parity)
    assert [part for part in parts if part not in sentence] == []
    with pytest.raises(InputError):
        layout.plan(members, parity)


def test_all_pools_are_looked_at_at_once():
    found = layout.violations(servers(2, 1, 2) + servers(*[1] * 17, pool=2, first=4) + servers(1, 1, pool=3, first=31))
    assert [sentence.partition(":")[0] for sentence in found] == ["minio_pool 1", "minio_pool 2"]


FOUR = layout.plan(servers(2, 2, 2, 2)).args
EIGHT = layout.plan(servers(*[2] * 8)).args
TWO_POOLS = layout.plan(servers(2, 2, 2, 2) + servers(2, 2, 2, 2, pool=2, first=5)).args


@pytest.mark.parametrize(
    ("live", "wanted", "parts"),
    [
        ([], FOUR, None),
        (FOUR, FOUR, None),
        (FOUR, TWO_POOLS, None),
        (FOUR, EIGHT, ["servers: 1 to 4 live, 1 to 8 wanted", "minio_pool"]),
        (FOUR, layout.plan(servers(4, 4, 4, 4)).args, ["drives per server: 2 live, 4 wanted"]),
        (
            FOUR,
            layout.plan(servers(2, 2, 2, 2), None, layout.Endpoints(port=9900)).args,
            ["minio*:9000", "minio*:9900"],
        ),
        (TWO_POOLS, FOUR, [TWO_POOLS[1], "decommissioned"]),
        (TWO_POOLS, TWO_POOLS[1:], ["the live pool"]),
        (["/drives/drive1"], ["/drives/drive1"], None),
        (["/drives/drive1"], FOUR, ["single drive", "cannot grow"]),
        (["http://other{1...4}/data"], FOUR, ["http://other{1...4}/data"]),
    ],
)
def test_a_live_server_list_only_grows_by_whole_pools(live, wanted, parts):
    sentence = layout.grow(live, wanted)
    assert sentence is None if parts is None else [part for part in parts if part not in sentence] == []


def test_the_server_list_is_found_in_a_command_line():
    assert layout.server_list(["server", "--console-address", ":9001", "--address", ":9000", *TWO_POOLS]) == TWO_POOLS


def test_quorums_are_those_that_real_servers_report():
    """X-Minio-Write-Quorum of /minio/health/cluster, as each of these deployments answered."""
    reported = [
        (servers(1), 1),
        (servers(2), 2),
        (servers(1, 1), 2),
        (servers(1, 1, 1), 2),
        (servers(2, 2) + servers(2, 2, pool=2, first=3), 3),
        (servers(2, 2, 2, 2), 5),
    ]
    for members, quorum in reported:
        planned = layout.plan(members)
        assert max(planned.quorums(pool)[1] for pool in planned.pools) == quorum
