# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that lost its system disk has no receipts: managers have them, and refuse for it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils import drive_receipts
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import drives

DIGEST = "1a2b3c4d"


def receipt(number: int, serial: str = "", at: int = 1, **more: Any) -> dict[str, Any]:
    """Of the one drive of a host."""
    return {"uuid": f"u{number}", "serial": serial or f"S{number}", "size": 1 << 40, "at": at, **more}


def seen(number: int, **more: Any) -> dict[str, Any]:
    """What a host reports of its one device: a drive of ours."""
    found = {"declared": "/dev/sdb", "position": 1, "label": f"minio{number}d1", "device": "/dev/sdb", "wwn": ""}
    found.update(serial=f"S{number}", partition="", size=1 << 40, digest=DIGEST, uuid=f"u{number}")
    return {**found, "ours": True, "resumable": False, "blank": False, **more}


BLANK = {"ours": False, "blank": True, "uuid": ""}


def host(number: int, device: dict[str, Any], own: Any = None, kept: Any = None, **more: Any) -> Host:
    """One that was looked at; the first two are managers."""
    facts = {"drive_receipts": {"drives": kept or {}, "wrong": ""}}
    section = {"devices": [device], "receipts": {f"minio{number}d1": receipt(number)} if own is None else own}
    groups = frozenset({"minio", "managers" if number < 3 else "workers"})
    report = {"facts": facts, "sections": {"drives": {**section, "changed": more.pop("changed", False)}}}
    return Host(name=f"n{number}", groups=groups, number=number, report=report, **more)


ALL = {f"minio{number}d1": receipt(number) for number in (1, 2, 3)}


def cluster(third: Host) -> Cluster:
    return Cluster((host(1, seen(1), kept=ALL), host(2, seen(2), kept=ALL), third))


def refused(third: Host) -> list[str]:
    return list(drives.drives_are_not_known_to_be_full(cluster(third)))


def test_a_reinstalled_host_whose_drive_reads_as_zeros() -> None:
    (said,) = refused(host(3, seen(3, **BLANK), own={}))
    assert said.startswith(
        "n3: drive 1 (/dev/sdb): /dev/sdb reads as blank, but a receipt says that it was formatted as"
    )
    assert '"minio3d1" (UUID u3)' in said and said.endswith(f'drives_format_consent: ["n3:/dev/sdb:{DIGEST}"]')


def test_what_was_agreed_to_is_formatted() -> None:
    agreed = {"drives_format_consent": [f"n3:/dev/sdb:{DIGEST}"]}
    assert refused(host(3, seen(3, **BLANK), own={}, variables=agreed)) == []
    for other in ("n2:/dev/sdb:1a2b3c4d", "n3:/dev/sdb:00000000"):
        assert refused(host(3, seen(3, **BLANK), own={}, variables={"drives_format_consent": [other]}))


@pytest.mark.parametrize(
    "third",
    [
        host(3, seen(3), own={}),
        host(3, seen(3, **{**BLANK, "serial": "S-new"}), own={}),
        # The host says itself what it knows.
        host(3, seen(3, **{**BLANK, "blank": False}), own={}),
        host(3, seen(3, **{**BLANK, "resumable": True}), own={}),
        host(3, seen(3, **BLANK), own={"minio3d1": receipt(3, erased=True)}),
        # Neither a serial number nor a WWN.
        host(3, seen(3, **{**BLANK, "serial": ""}), own={}),
    ],
)
def test_what_is_no_drive_of_before_is_not_refused(third: Host) -> None:
    assert refused(third) == []


def test_a_disk_that_moved_to_another_host_and_reads_as_zeros() -> None:
    (said,) = refused(host(3, seen(3, **{**BLANK, "serial": "S2"}), own={}))
    assert 'formatted as "minio2d1" (UUID u2)' in said


def test_the_hosts_own_word_is_what_managers_keep() -> None:
    found = cluster(host(3, seen(3), own={"minio3d1": receipt(3, "S-new", at=5), "minio1d1": receipt(1, "stale")}))
    drawn = drive_receipts.draw(found)
    assert drawn == {**ALL, "minio3d1": receipt(3, "S-new", at=5)}
    assert [drive_receipts.due(one, found) for one in found.hosts] == [True, True, False]


def test_of_a_host_that_is_away_the_latest_receipt_is_kept() -> None:
    """A manager that was away itself while a drive was replaced does not undo what the others know."""
    older = {**ALL, "minio3d1": receipt(3, "S-old", at=1)}
    newer = {**ALL, "minio3d1": receipt(3, "S-new", at=9)}
    for first, second in ((older, newer), (newer, older)):
        found = Cluster((host(1, seen(1), kept=first), host(2, seen(2), kept=second)))
        assert drive_receipts.draw(found) == newer
        assert [drive_receipts.due(one, found) for one in found.hosts] == [first is older, second is older]


def test_a_run_that_changes_nothing_writes_no_receipts() -> None:
    found = cluster(host(3, seen(3)))
    assert [drive_receipts.due(one, found) for one in found.hosts] == [False, False, False]
    forming = cluster(host(3, seen(3, **BLANK), own={}, changed=True))
    assert [drive_receipts.due(one, forming) for one in forming.hosts] == [True, True, False]


def test_a_copy_that_is_not_understood_stops_the_run() -> None:
    broken = host(1, seen(1))
    broken.facts["drive_receipts"].update(wrong="/etc/…: is not what this collection writes")
    found = Cluster((broken, host(2, seen(2), kept=ALL)))
    assert list(drives.receipts_can_be_read(found)) == ["n1: /etc/…: is not what this collection writes"]
