# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a table of ours is loaded, how it is known again, and how it is put back."""

from __future__ import annotations

import json

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import OverlayError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import nft_table
from ansible_collections.baremetal.overlay.plugins.module_utils.host.confirm import Pending, ShellStep, stopped
from ansible_collections.baremetal.overlay.plugins.module_utils.host.steps import Plan
from ansible_collections.baremetal.overlay.plugins.module_utils.host.units import Unit

TABLE = nft_table.Table("shield", "ours", "A table", "/etc/baremetal-overlay/shield.loaded")
TEXT = "table inet ours {\n}\n"
CLOSED = "table inet ours_closed {\n}\n"
SHOWN = {"table": {"family": "inet", "name": "ours", "handle": 2}}
ALSO = ShellStep("do more", "true")
ENABLED = Unit(TABLE.service, "loaded", "active", "exited", "success", "enabled")
PENDING = Pending("abc", "shield", "2026-11-26T07:24:01Z", 0.0)


def listing(*objects):
    return json.dumps({"nftables": [{"metainfo": {"version": "1.1.3"}}, *objects]})


BARE = {
    "closed_file": None,
    "closed_unit_file": None,
    "file": None,
    "unit_file": None,
    "loaded": None,
    "listing": "",
    "unit": Unit(TABLE.service),
}


def found(**changes):
    known = {
        "unit": ENABLED,
        "file": TEXT,
        "unit_file": TABLE.unit,
        "loaded": nft_table.receipt(TEXT, listing(SHOWN)),
        "listing": listing(SHOWN),
        "closed_file": CLOSED,
        "closed_unit_file": TABLE.closed_unit,
    }
    return nft_table.Found(**{**known, **changes})


def plan(**changes):
    return Plan(steps=TABLE.steps(TEXT, CLOSED, found(**changes)))


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({}, []),
        (
            BARE,
            [
                f"write {TABLE.closed_path}",
                f"write {TABLE.path}",
                f"write {TABLE.closed_unit_path}",
                f"write {TABLE.unit_path}",
                f"enable {TABLE.service} at boot",
                "load the table inet ours (it is not there)",
            ],
        ),
        ({"listing": ""}, ["load the table inet ours (it is not there)"]),
        (
            {"listing": "", "closed": True},
            [f"load the table inet ours ({TABLE.service} could not, and inet ours_closed is there in its place)"],
        ),
        # A host of an earlier release: nothing of what is in force changes.
        (
            {"closed_file": None, "closed_unit_file": None, "unit_file": "old"},
            [f"write {TABLE.closed_path}", f"write {TABLE.closed_unit_path}", f"change {TABLE.unit_path}"],
        ),
        ({"listing": listing(SHOWN, {"rule": {}})}, ["load the table inet ours (another one is there)"]),
        (
            {"file": "old", "loaded": nft_table.receipt("old", listing(SHOWN))},
            [f"change {TABLE.path}", "load the table inet ours (another one is there)"],
        ),
        (
            {"pending": PENDING},
            ["load the table inet ours (a change that another run made at 2026-11-26T07:24:01Z is not confirmed yet)"],
        ),
        ({"loaded": None}, ["load the table inet ours (another one is there)"]),
        (
            {"unit": Unit(TABLE.service, "loaded", "inactive", "dead", "", "disabled")},
            [f"enable {TABLE.service} at boot", f"load the table inet ours ({TABLE.service} is inactive)"],
        ),
    ],
)
def test_plan(changes, sentences):
    assert plan(**changes).sentences == sentences


def test_once_it_was_loaded_there_is_nothing_to_do(fake_system):
    system = fake_system(answers={"nft": listing(SHOWN), "systemctl": ""})
    plan(**BARE).apply(system)
    assert TABLE.steps(TEXT, CLOSED, TABLE.read(system, ENABLED, None)) == []
    assert system.ran[-2:] == [f"systemctl restart {TABLE.service}", f"write {TABLE.loaded}"]


@pytest.mark.parametrize(("what", "seen"), [("shield", PENDING), ("another", None)])
def test_an_unconfirmed_change_counts_only_where_it_is_its_own(fake_system, what, seen):
    pending = Pending(PENDING.token, what, PENDING.since, PENDING.due)
    assert TABLE.read(fake_system(), ENABLED, pending).pending == seen


def test_a_listing_is_the_same_whatever_the_kernel_numbered_and_counted():
    def one(handle, packets, elements):
        counter = {"name": "strangers", "handle": handle, "packets": packets, "bytes": packets * 60}
        rule = {"handle": handle + 1, "expr": [{"match": {"right": {"set": elements}}}, {"drop": None}]}
        return listing(SHOWN, {"counter": counter}, {"set": {"name": "peers4", "elem": elements}}, {"rule": rule})

    assert nft_table.canonical(one(3, 0, ["a", "b"])) == nft_table.canonical(one(9, 7, ["b", "a"]))
    assert nft_table.canonical(one(3, 0, ["a", "b"])) != nft_table.canonical(one(3, 0, ["a", "c"]))


@pytest.mark.parametrize("text", ["", "no json", "{}", listing()])
def test_no_table_is_no_listing(text):
    assert nft_table.canonical(text) == ""


def test_a_draft_that_nft_refuses_replaces_nothing(fake_system):
    system = fake_system(files={TABLE.path: "old"}, failing=["nft -c"], words="syntax error")
    with pytest.raises(OverlayError, match="syntax error"):
        plan(file="old").apply(system)
    assert system.files == {TABLE.path: "old"}


def test_a_table_that_does_not_appear_is_an_error(fake_system):
    with pytest.raises(OverlayError, match=r"shield: .* shows no table inet ours"):
        plan(listing="").apply(fake_system(answers={"systemctl": ""}))


def test_the_table_of_before_comes_back_as_the_kernel_showed_it(fake_system):
    guard = TABLE.guard(found(), [], fake_system(answers={"nft": TEXT}), files=["/etc/x"], redo=[ALSO])
    assert guard.saved["table.nft"].startswith("table inet ours\ndelete table inet ours\n")
    assert guard.saved["table.nft"].endswith(f"delete table inet ours_closed\n{TEXT}")
    assert guard.redo == [ALSO]
    units = {TABLE.unit_path, TABLE.closed_unit_path, TABLE.enabled_path}
    assert set(guard.files) == {"/etc/x", TABLE.path, TABLE.closed_path, TABLE.loaded, *units}


def test_the_smaller_table_comes_back_only_where_it_was_there(fake_system):
    empty = "table inet ours\ndelete table inet ours\ntable inet ours_closed\ndelete table inet ours_closed\n"
    for closed in (True, False):
        guard = TABLE.guard(found(listing="", closed=closed), [], fake_system(answers={"nft": CLOSED}))
        assert guard.saved["table.nft"] == empty + CLOSED * (2 if closed else 1)
    # One that the failure of the change has started is not loaded after it.
    assert guard.undo[0] == stopped(TABLE.closed_service)


def test_where_the_table_cannot_be_loaded_the_smaller_one_is():
    lines = TABLE.unit.splitlines()
    assert f"OnFailure={TABLE.closed_service}" in lines
    (reload,) = [line for line in lines if line.startswith("ExecReload=/bin/sh")]
    assert f"systemctl --no-block start {TABLE.closed_service}" in reload
    # With its file alone missing the unit fails, and is not skipped.
    assert [line for line in lines if line.startswith("Condition")] == [
        f"ConditionPathExists=|{TABLE.path}",
        f"ConditionPathExists=|{TABLE.closed_path}",
    ]
    closed = TABLE.closed_unit.splitlines()
    assert f"ExecStart=/usr/sbin/nft -f {TABLE.closed_path}" in closed
    assert f"> {TABLE.message}" in TABLE.closed_unit
    assert f"rm -f {TABLE.message}" in TABLE.unit
    assert not set("%$'") & set(nft_table.WORDS)


def test_a_teardown_ends_both():
    sentences = [step.sentence for step in TABLE.removal(True, False, True, True) if step.sentence]
    assert sentences == [
        f"disable {TABLE.service}",
        f"remove {TABLE.unit_path}",
        f"remove {TABLE.closed_unit_path}",
        "delete the table inet ours_closed",
    ]


def test_where_there_was_none_there_is_none_again(fake_system):
    guard = TABLE.guard(found(**BARE), [], fake_system(), redo=[ALSO])
    assert guard.saved["table.nft"].splitlines()[-1] == "delete table inet ours_closed"
    assert guard.redo == [stopped(TABLE.service), ALSO]


@pytest.mark.parametrize(
    ("loaded", "against"), [(nft_table.receipt(TEXT, listing(SHOWN)), 0), ("another", 1), (None, 1)]
)
def test_only_what_was_loaded_is_confirmed(fake_system, loaded, against):
    files = {TABLE.path: TEXT, **({TABLE.loaded: loaded} if loaded else {})}
    assert len(TABLE.verify(fake_system(files=files, answers={"nft": listing(SHOWN)}))) == against
