# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consent is for one host, one device and what was found on it."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import drive_consent

FOUND = {"serial": "S1", "size": 1 << 30, "marks": [["xfs", "minio1d1", "uuid-1"]]}
DIGEST = drive_consent.digest(FOUND)
UUID = "6c3b1f0e-1111-4222-8333-944455556666"


def test_the_digest_is_short_and_the_same_in_any_order():
    assert len(DIGEST) == 8
    assert set(DIGEST) <= set("0123456789abcdef")
    assert drive_consent.digest(dict(reversed(FOUND.items()))) == DIGEST


@pytest.mark.parametrize("change", [{"serial": "S2"}, {"size": 1 << 31}, {"marks": []}, {"receipt": "uuid-2"}])
def test_another_finding_has_another_digest(change):
    assert drive_consent.digest({**FOUND, **change}) != DIGEST


@pytest.mark.parametrize(
    ("device", "host"),
    [("/dev/sdb", "n1"), ("serial:S1", "n1"), ("/dev/disk/by-path/pci-0000:00:1f.2-ata-1", "fd00::11")],
)
def test_an_entry_agrees_to_exactly_what_it_names(device, host):
    given = [drive_consent.entry(host, device, DIGEST)]
    assert given == [f"{host}:{device}:{DIGEST}"]
    assert drive_consent.consented(given, host, device, DIGEST)
    assert not drive_consent.consented(given, "n2", device, DIGEST)
    assert not drive_consent.consented(given, host, "/dev/sdc", DIGEST)
    assert not drive_consent.consented(given, host, device, "00000000")


def test_a_uuid_that_is_asked_for_has_to_be_named():
    plain, named = f"n1:/dev/sdb:{DIGEST}", f"n1:/dev/sdb:{DIGEST}:{UUID}"
    assert not drive_consent.consented([plain], "n1", "/dev/sdb", DIGEST, UUID)
    assert drive_consent.consented([named], "n1", "/dev/sdb", DIGEST, UUID)


@pytest.mark.parametrize("given", ["/dev/sdb", "n1:/dev/sdb", ":/dev/sdb:" + DIGEST, "/dev/sdb:" + DIGEST])
def test_less_than_an_entry_agrees_to_nothing(given):
    assert not drive_consent.consented([given], "n1", "/dev/sdb", DIGEST)
    assert not drive_consent.consented([given], "", "/dev/sdb", DIGEST)


def test_what_was_meant_for_a_device_is_known():
    given = ["/dev/sdb", "n1:/dev/sdb", "n1:/dev/sdb:00000000", "n2:/dev/sdb:00000000", "n1:/dev/sdb1:00000000"]
    assert drive_consent.meant(given, "n1", "/dev/sdb") == given[:3]
