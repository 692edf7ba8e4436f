# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are away and may be: what is deployed without them, what is said, and which drives are formatted."""

from __future__ import annotations

import uuid

import pytest
from ansible_collections.baremetal.overlay.plugins.filter import minio as filters
from ansible_collections.baremetal.overlay.plugins.plugin_utils import absent_plan, minio_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils import plan as plans
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import minio as rules

EMPTY = {"state": "empty", "used": False}
MINIOS = [[str(uuid.UUID(int=number, version=4)) for number in range(8)]]


def formatted(sets, this, used=False, deployment="d"):
    sizes = [len(members) for members in sets]
    return {
        "state": "formatted",
        "deployment": deployment,
        "this": this,
        "sets": sizes,
        "members": sets,
        "used": used,
    }


def cluster(away=("n4",), consent=None, formats=None, count=4, drives=2, pools=None, limit=None, **settings):
    """Hosts with their drives; formats: what is on those of each host, nothing where they carry no label yet."""
    hosts = []
    for number in range(1, count + 1):
        name = f"n{number}"
        entries = [
            {"drive": f"drive {position}", "position": position, **entry}
            for position, entry in enumerate((formats or {}).get(name, []), 1)
        ]
        report = {"facts": {}, "sections": {"drives": {"formats": entries}}}
        seen = name not in away and (limit is None or name in limit)
        hosts.append(
            Host(
                name,
                frozenset({"minio", "managers"}),
                number,
                f"10.0.0.{number}",
                (pools or {}).get(name, 1),
                tuple("abcdefgh"[:drives]),
                report if seen else None,
                unreachable="no route" if name in away else None,
            )
        )
    consented = list(away if consent is None else consent)
    return Cluster(tuple(hosts), {"unreachable_consent": consented, **settings})


def sentences(given):
    return [sentence for rule in rules.RULES for sentence in rule(given)]


def test_what_is_missing_and_what_it_tolerates_is_said():
    given = cluster()
    assert sentences(given) == []
    assert absent_plan.sentences(given) == [
        "pool 1: without minio4, 6 of 8 drives are there; meanwhile 1 more server may fail for reads, "
        "no more server may fail for writes",
        "n4 is absent, and nothing is proven there: run site.yml again once it answers",
    ]
    assert absent_plan.sentences(cluster(away=())) == []
    assert plans.draw(given)["minio"]["absent"] == absent_plan.sentences(given)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (cluster(("n3", "n4")), "n3 and n4: are absent, and an erasure set of minio_pool 1 has 4 of its 8 drives"),
        (cluster(("n4",), parity=0), "n4: is absent, and an erasure set of minio_pool 1 has 6 of its 8 drives"),
        (cluster(("n2",), count=2), "n2: is absent, and an erasure set of minio_pool 1 has 2 of its 4 drives"),
        (
            cluster(("n4",), pools={"n3": 2, "n4": 2}),
            "n4: is absent, and an erasure set of minio_pool 2 has 2 of its 4 drives; MinIO writes with 3",
        ),
        (cluster(environment={"MINIO_ERASURE_SET_DRIVE_COUNT": "4"}), "bring all hosts for the first run, or unset it"),
    ],
)
def test_what_the_erasure_code_does_not_allow_is_refused(given, part):
    assert part in "\n".join(sentences(given))


def test_an_absence_that_was_not_agreed_to_is_said_once():
    """The rule of hosts says it; what MinIO could do without them is no question yet."""
    assert sentences(cluster(("n3", "n4"), consent=[])) == []


def test_drives_that_are_there_are_formatted_as_minio_walks_them():
    given = cluster(drives_parent="/srv/minio")
    found = absent_plan.formats(given)
    assert [[one["path"] for one in found[name]] for name in ("n1", "n2", "n3")] == [
        ["/srv/minio/drive1", "/srv/minio/drive2"]
    ] * 3
    assert "n4" not in found
    (sets,) = {str(one["format"]["xl"]["sets"]) for own in found.values() for one in own}
    (members,) = found["n1"][0]["format"]["xl"]["sets"]
    assert len(set(members)) == 8, sets
    for server, name in enumerate(("n1", "n2", "n3")):
        for drive in range(2):
            assert found[name][drive]["format"]["xl"]["this"] == members[drive * 4 + server]
    assert len({one["format"]["id"] for own in found.values() for one in own}) == 1
    assert found["n1"][0]["format"]["id"] != absent_plan.formats(given)["n1"][0]["format"]["id"]
    work = plans.draw(given)["work"]
    assert {name for name, groups in work.items() if "overlay_format" in groups} == {"n1", "n2", "n3"}


def test_several_erasure_sets_have_their_drives():
    found = absent_plan.formats(cluster(count=4, drives=8))
    sets = found["n1"][0]["format"]["xl"]["sets"]
    assert [len(members) for members in sets] == [16, 16]
    assert found["n2"][4]["format"]["xl"]["this"] == sets[1][1]


def test_an_interrupted_formatting_is_completed_and_not_begun_again():
    first = absent_plan.formats(cluster())["n1"]
    done = [
        formatted(one["format"]["xl"]["sets"], one["format"]["xl"]["this"], deployment=one["format"]["id"])
        for one in first
    ]
    formats = {
        "n1": done,
        "n2": [done[0] | {"this": first[0]["format"]["xl"]["sets"][0][1]}, EMPTY],
        "n3": [EMPTY, EMPTY],
    }
    for away in (("n4",), ()):
        found = absent_plan.formats(cluster(away, formats=formats))
        assert [one["path"] for one in found["n2"]] == ["/srv/minio/drive2"]
        assert "n1" not in found
        assert ("n4" in found) == (not away), "MinIO would wait for one that nobody formats"
        assert {one["format"]["id"] for own in found.values() for one in own} == {first[0]["format"]["id"]}
        assert found["n3"][1]["format"]["xl"]["this"] == first[0]["format"]["xl"]["sets"][0][6]


USED = {
    "MinIO formatted it": [formatted(MINIOS, MINIOS[0][0]), EMPTY],
    "MinIO started on it": [formatted([[str(uuid.uuid5(uuid.NAMESPACE_DNS, "a"))] * 8], "x", used=True), EMPTY],
    "not mounted": [EMPTY, {"state": "unmounted"}],
    "not readable": [{"state": "unreadable"}, EMPTY],
    "strange": [EMPTY, {"state": "strange", "used": False}],
}


@pytest.mark.parametrize("why", USED)
def test_nothing_is_formatted_where_minio_was_or_may_have_been(why):
    formats = {"n1": USED[why], "n2": [EMPTY, EMPTY], "n3": [EMPTY, EMPTY]}
    assert absent_plan.formats(cluster(formats=formats)) == {}


def test_nothing_is_formatted_where_minio_can():
    assert absent_plan.formats(cluster(away=())) == {}
    # What --limit keeps out is not known.
    assert absent_plan.formats(cluster(limit=("n1",))) == {}


def test_a_second_pool_is_of_the_deployment_that_is_there():
    pools = dict.fromkeys(("n5", "n6", "n7", "n8"), 2)
    live = {
        f"n{number}": [formatted(MINIOS, this, used=True, deployment="live") for this in "ab"] for number in range(1, 5)
    }
    found = absent_plan.formats(cluster(("n8",), formats=live, count=8, pools=pools))
    assert set(found) == {"n5", "n6", "n7"}
    assert {one["format"]["id"] for own in found.values() for one in own} == {"live"}


OPTIONS = {
    "tls": False,
    "tls_dir": "/t",
    "port": 9000,
    "console_port": 9001,
    "image": "i",
    "release": "r",
    "tmp_size": "1m",
    "dns": [],
    "drives_parent": "/srv/minio",
    "stop_grace_period": "1m",
    "log_max_size": "1m",
    "log_max_file": 1,
    "memory_limit": "1g",
    "pids_limit": 16384,
    "secret_names": [],
    "secrets_id": "",
    "no_new_privileges": None,
    "nodes": [],
    "attachment": {"networks": ["o"], "publish": True, "hosts": {}, "identity": "o"},
}


def test_no_service_is_waited_for_whose_host_is_away():
    servers = minio_plan.servers(cluster())
    made = filters.minio_stack(servers, OPTIONS)
    assert list(made["services"]) == ["minio1", "minio2", "minio3"]
    assert made["services"]["minio1"]["command"][-1] == "http://minio{1...4}:9000/drives/drive{1...2}"
    assert list(filters.minio_stack(minio_plan.servers(cluster(())), OPTIONS)["services"])[3] == "minio4"


def node(version):
    """As the Engine lists it."""
    return {"Description": {"Engine": {"EngineVersion": version}}}


@pytest.mark.parametrize(
    ("known", "nodes", "confined"),
    [
        (True, [], True),
        (False, [node("26.1.5+dfsg1")], False),
        # A swarm that this run made.
        (None, [node("26.1.5+dfsg1"), node("29.1.0")], True),
        (None, [node("26.1.5+dfsg1"), node("20.10.24+dfsg1")], False),
        (None, [node("26.1.5+dfsg1"), {"Description": {"Engine": {}}}], False),
        # A prediction for bare hosts, and for the nodes that they will be.
        (None, [], False),
        (None, [{}], False),
    ],
)
def test_servers_are_kept_from_new_privileges_where_every_engine_can(known, nodes, confined):
    options = {**OPTIONS, "no_new_privileges": known, "nodes": nodes}
    made = filters.minio_stack(minio_plan.servers(cluster(())), options)["services"]["minio1"]
    assert made.get("x-no-new-privileges", False) == confined
