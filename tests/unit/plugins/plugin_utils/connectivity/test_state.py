# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives, room, quorum, certificates and clocks: what is wrong is red, what will be wrong is a warning."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import tls
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity import junit, page
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.checks import drives, room
from test_connectivity import GIB, STARTED, World, cells, disk


@pytest.fixture
def world():
    return World()


def ill(world, where, **told):
    """The world in which MinIO says something else of some drives."""
    whole = world.disks()
    world.disks = lambda: [{**one, **(told if where in ("all", one["endpoint"]) else {})} for one in whole]
    return world.run()


D2 = "http://minio4:9000/drives/drive2"


def test_a_drive_that_is_not_mounted_is_red_on_its_host(world):
    entry = world.sight("n4")["drives"][1]
    entry["unmounted"] = "nothing is mounted on /srv/minio/drive2"
    result = ill(world, D2, state="offline", totalspace=0, availspace=0)
    assert cells(result, "fail") == {("drives", check, "n4", "drive2") for check in ("mounted", "minio")}
    assert result["failures"] == [
        "n4: drive2 (/dev/sdb): nothing is mounted on /srv/minio/drive2",
        "n4: drive2 is offline in MinIO",
    ]
    # The room and the quorum are those of the drives that are left.
    assert cells(result, "warn") == {("quorum", "drives", "pool 1, set 1", "may fail")}
    assert result["warnings"] == ["pool 1, set 1: 7 of 8 drives answer; 2 more drives may fail"]


def test_another_device_in_the_place_of_a_drive_is_red(world):
    world.sight("n2")["drives"][0]["wrong"] = "/dev/sda carries nothing; it has to be xfs labelled minio2d1"
    assert cells(world.run(), "fail") == {("drives", "device", "n2", "drive1")}


def test_a_drive_that_is_healed_is_a_warning_with_how_far_it_is(world):
    healed = {"objects_total_size": 200, "bytes_done": 86}
    result = ill(world, D2, healing=True, healed=healed)
    assert (result["verdict"], result["counts"]["warn"]) == ("pass", 1)
    assert result["warnings"] == ["n4: MinIO is healing drive2, 43 % healed: wait before another drive goes"]
    assert result["sentence"] == f"all {sum(result['counts'].values())} checks passed; 1 with a warning"
    text = page.render(result)
    assert "What to look at soon" in text
    assert '<td class="warn"' in text
    assert 'failures="0"' in junit.render(result)


def test_a_host_that_did_not_look_at_its_drives_is_no_pass(world):
    del world.sight("n3")["drives"]
    result = world.run()
    assert result["verdict"] == "fail"
    assert {cell[:3] for cell in cells(result, "unknown")} == {
        ("drives", check, "n3") for check in ("device", "mounted")
    }
    assert result["unknown"] == ["n3 did not look at its drives"]


def test_without_minio_s_answer_drives_room_and_quorum_are_unknown(world):
    world.run()
    world.hostvars["n1"]["__connectivity_probe"]["store"]["storage"] = {"error": "timed out", "disks": []}
    result = world.judge()
    assert result["verdict"] == "fail"
    assert {cell[0] for cell in cells(result, "unknown")} == {"drives", "room", "quorum"}
    assert result["unknown"] == ["timed out"]
    layers = {layer["name"]: layer for layer in result["layers"]}
    assert all(
        sum(layers[layer.name]["counts"].values()) == layer.expected(world.view())
        for layer in (drives.LAYER, room.LAYER)
    )


SMART = [
    ({"passed": True}, "pass", 1, []),
    ({"passed": False}, "fail", 1, []),
    ({"unknown": "/dev/sda: smartctl gave no answer within 10 s"}, "unknown", 1, []),
    ({"unsupported": "/dev/sda has no SMART"}, "pass", 0, ["SMART is not read: the disks have none"]),
    ({}, "pass", 0, ["SMART is not read: smartctl is not installed (package smartmontools)"]),
]


@pytest.mark.parametrize(("answer", "status", "count", "notes"), SMART)
def test_smart_is_a_check_where_it_can_be_read(world, answer, status, count, notes):
    for name in world.ran:
        for one in world.sight(name)["drives"]:
            one["smart"] = answer
    result = world.run()
    layer = next(layer for layer in result["layers"] if layer["name"] == "drives")
    assert layer["status"] == status
    assert len([cell for cell in layer["cells"] if cell["check"] == "smart"]) == count * 8
    assert layer["notes"] == [f"n1, n2, n3 and n4: {note}" for note in notes]
    assert all(note in page.render(result) and note in junit.render(result) for note in notes)
    assert (result["verdict"] == "pass", result["complete"]) == (status == "pass", status != "unknown")


ROOM = [
    # Free of each 100 GiB; what the cells are, and what is said.
    (70, {}, {"room": "pass", "accepts": "pass"}),
    (15, {}, {"room": "warn", "accepts": "pass"}),
    (5, {}, {"room": "fail", "accepts": "pass"}),
    (15, {"room_warning": 10}, {"room": "pass", "accepts": "pass"}),
    (5, {"room_minimum": "2", "room_warning": "4"}, {"room": "pass", "accepts": "pass"}),
    (0.9, {}, {"room": "fail", "accepts": "fail"}),
    (0.05, {"room_minimum": 0, "room_warning": 0}, {"room": "pass", "accepts": "fail"}),
]


@pytest.mark.parametrize(("free", "settings", "wanted"), ROOM)
def test_room_is_judged_by_the_thresholds_and_by_minio_s_rule(world, free, settings, wanted):
    world.settings = settings
    available = int(free * GIB)
    result = ill(world, "all", availspace=available, usedspace=100 * GIB - available)
    layer = next(layer for layer in result["layers"] if layer["name"] == "room")
    assert {cell["check"]: cell["status"] for cell in layer["cells"]} == wanted
    assert (result["verdict"] == "fail") == ("fail" in wanted.values())


def test_one_full_drive_is_the_room_that_is_left(world):
    result = ill(world, D2, availspace=GIB // 100, usedspace=100 * GIB - GIB // 100)
    assert cells(result, "fail") == {("room", "room", "pool 1", "left"), ("room", "accepts", "pool 1", "takes uploads")}
    first, second = result["failures"]
    assert first == (
        "pool 1: 0 % is left on its fullest drive (n4 drive2), 41 MiB of 400.0 GiB of the pool; "
        "connectivity_room_minimum is 10 %"
    )
    assert second.startswith("pool 1, erasure set 1: MinIO refuses uploads whose length it is not told")


def test_without_inodes_minio_takes_nothing(world):
    result = ill(world, D2, free_inodes=999)
    assert result["failures"] == ["pool 1, erasure set 1: MinIO refuses every upload: 507 XMinioStorageFull"]


def test_minio_s_rule_counts_the_whole_set_and_each_drive():
    """As hasSpaceFor in MinIO's cmd/object-api-utils.go decides."""
    roomy = [disk(number, 1) for number in range(1, 5)]
    full = [{**one, "usedspace": 99 * GIB, "availspace": GIB} for one in roomy]
    assert not room.refuses(roomy, 0)
    assert room.refuses(full, 0)
    assert room.refuses([*roomy[:3], {**roomy[3], "availspace": GIB}], 4 * GIB)
    assert not room.refuses([*roomy[:3], {**roomy[3], "availspace": GIB + 1}], 4 * GIB)


def test_several_pools_and_sets_each_have_their_cells():
    world = World(16)
    for number in range(9, 17):
        world.hostvars[f"n{number}"]["minio_pool"] = 2
    pools = world.view().layout.pools
    assert [(pool.number, len(pool.sets)) for pool in pools] == [(1, 1), (2, 1)]
    world.disks = lambda: [
        disk(number, place, 0, pool_index=int(number > 8)) for number in range(1, 17) for place in (1, 2)
    ]
    result = world.run()
    assert (result["verdict"], result["complete"]) == ("pass", True)
    assert {cell[2] for cell in cells(result, "pass") if cell[0] == "room"} == {"pool 1", "pool 2"}


def test_managers_without_a_quorum_are_red_and_one_away_is_a_warning(world):
    for name in ("n1", "n2", "n3"):
        world.sight(name)["managers"][0] = {"name": "n1", "reachability": "unreachable"}
    result = world.run()
    assert result["warnings"] == ["Swarm: 2 of 3 managers answer; with the next one, Swarm takes no changes"]
    for name in ("n1", "n2", "n3"):
        world.sight(name).update(managers=[], managers_error="the swarm does not have a leader")
    assert world.run()["failures"] == ["Swarm as n1 sees it: the swarm does not have a leader"]


def test_a_set_below_its_write_quorum_is_red(world):
    lost = {f"http://minio{number}:9000/drives/drive{place}" for number in (3, 4) for place in (1, 2)}
    whole = world.disks()
    world.disks = lambda: [{**one, "state": "offline" if one["endpoint"] in lost else "ok"} for one in whole]
    result = world.run()
    assert "pool 1, set 1: 4 of 8 drives answer, and 5 are needed: MinIO refuses to write" in result["failures"]


def guarded(world, **settings):
    """Every host has both tables."""
    world.settings = {"firewall": True, "encryption": "ipsec", **settings}
    for name in world.ran:
        loaded = {"there": True, "closed": False, "unit": "active"}
        world.sight(name)["tables"] = {"firewall": dict(loaded), "ipsec": dict(loaded)}
    return world


def tables(result, status):
    return {cell[1:] for cell in cells(result, status) if cell[0] == "tables"}


def test_tables_that_are_loaded_are_green_and_where_none_is_asked_for_there_is_no_layer(world):
    assert "tables" not in {layer["name"] for layer in world.run()["layers"]}
    both = {(table, name) for table in ("firewall", "ipsec") for name in world.ran}
    assert {cell[:2] for cell in tables(guarded(World()).run(), "pass")} == both
    alone = guarded(World(), encryption="none").run()
    assert {cell[0] for cell in tables(alone, "pass")} == {"firewall"} and alone["verdict"] == "pass"


def test_a_table_that_could_not_be_loaded_is_red_whether_its_ports_are_closed_or_open(world):
    guarded(world)
    world.sight("n2")["tables"]["firewall"] = {"there": False, "closed": True, "unit": "failed"}
    world.sight("n3")["tables"]["ipsec"] = {"there": False, "closed": False, "unit": ""}
    result = world.run()
    assert tables(result, "fail") == {("firewall", "n2", "Firewall"), ("ipsec", "n3", "Backstop")}
    assert result["failures"][:2] == [
        "n2: the table inet baremetal_overlay is not loaded (baremetal-overlay-firewall.service is failed), and inet "
        "baremetal_overlay_closed is there in its place",
        "n3: the table inet baremetal_overlay_ipsec is not loaded (baremetal-overlay-ipsec.service is not there), and "
        "what it keeps out is let in",
    ]


def test_a_host_that_did_not_look_at_its_tables_is_unknown(world):
    guarded(world)
    del world.sight("n4")["tables"]
    assert {cell[1] for cell in tables(world.run(), "unknown")} == {"n4"}


NOW = datetime.fromisoformat(STARTED)


def certified(world, days, ca_days=400):
    """Every host has a certificate of MinIO's and one of IPsec's, and the authority that signed both."""
    key = tls.make_key()
    ca = tls.make_ca(key, ca_days, NOW)
    signed = tls.sign(tls.make_request(tls.make_key(), "n1"), ca, key, "n1", ["n1"], days, NOW)
    names = {"minio": signed, "minio_trust": ca, "ipsec": signed, "ipsec_trust": ca}
    for name in world.ran:
        world.sight(name)["certificates"] = dict(names)
    world.settings = {"tls_days": 30, "ipsec_days": "20"}
    return world


def test_certificates_that_last_are_green_and_where_none_is_in_force_there_is_no_layer(world):
    assert "certificates" not in {layer["name"] for layer in world.run()["layers"]}
    result = certified(World(), 365).run()
    assert (result["verdict"], result["complete"]) == ("pass", True)
    assert len({cell for cell in cells(result, "pass") if cell[0] == "certificates"}) == 16


def test_a_certificate_that_is_due_is_red_by_its_own_setting(world):
    result = certified(world, 25).run()
    assert {cell[1:] for cell in cells(result, "fail")} == {("minio", f"n{one}", "MinIO") for one in (1, 2, 3, 4)}
    assert result["failures"][0] == (
        f"n1: the certificate of MinIO ends in 25 days ({NOW + timedelta(days=25):%Y-%m-%d}); "
        "minio_tls_renew_days wants 30 days"
    )


def test_a_certificate_that_is_missing_is_red(world):
    certified(world, 365)
    world.sight("n2")["certificates"]["ipsec"] = ""
    assert cells(world.run(), "fail") == {("certificates", "ipsec", "n2", "IPsec")}


def test_an_authority_that_ends_is_red(world):
    result = certified(world, 365, ca_days=10).run()
    assert {cell[3] for cell in cells(result, "fail")} == {"MinIO", "MinIO's CA", "IPsec", "IPsec's CA"}


@pytest.mark.parametrize(("ahead", "status"), [(0, "pass"), (60, "warn"), (-900, "fail")])
def test_a_clock_is_beside_the_others_only_as_far_as_it_is_proven(world, ahead, status):
    world.sight("n3")["clock"]["time"] += ahead
    result = world.run()
    found = {cell[2] for cell in cells(result, status) if cell[0] == "clocks"}
    assert "n3" in found and len(found) == (4 if status == "pass" else 1)
    assert (result["verdict"] == "fail") == (status == "fail")
    if status != "pass":
        assert result["failures" if status == "fail" else "warnings"][0].startswith("n3: its clock is ")


def test_a_host_whose_clock_was_not_read_is_unknown(world):
    world.hostvars["n2"]["__connectivity_respond"].pop("stamps")
    assert cells(world.run(), "unknown") == {("clocks", "clock", "n2", "clock")}


def test_one_server_with_one_drive_is_known_by_its_path():
    single = World(1)
    single.hostvars["n1"]["minio_drives"] = ["/dev/sda"]
    single.sight("n1")["drives"].pop()
    single.disks = lambda: [disk(1, 1, endpoint="/drives/drive1")]
    result = single.run()
    assert (result["verdict"], result["complete"], result["failures"]) == ("pass", True, [])


def test_where_no_url_could_be_signed_the_reason_is_said(world):
    visit = world.hostvars["n1"]["__connectivity_visit"]["store"]
    visit.update(error="n1 cannot be reached: timed out", clients={})
    result = world.run()
    assert result["unknown"] == ["no signed URL could be had: n1 cannot be reached: timed out"]
