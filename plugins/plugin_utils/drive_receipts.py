# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all hosts together know of the drives that were formatted: managers tell a host that lost its own receipts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.host import drive_receipts
from ansible_collections.baremetal.overlay.plugins.module_utils.host.drive_receipts import Receipt
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host


def section(host: Host) -> Mapping[str, Any]:
    """What the host said of its drives."""
    found = ((host.report or {}).get("sections") or {}).get("drives") or {}
    return dict(found)


def kept(host: Host) -> Mapping[str, Any]:
    """What a manager keeps for all; ``wrong`` says why it is unknown."""
    return dict(host.facts.get("drive_receipts") or {})


def known(cluster: Cluster) -> dict[str, Receipt]:
    """One receipt a label: the host's own word on its drives, else the latest that a manager has.

    A manager that was away while a drive was replaced has an old receipt.
    """
    found: dict[str, Receipt] = {}
    for manager in cluster.group("managers"):
        for label, receipt in drive_receipts.read(kept(manager).get("drives") or {}).items():
            if label not in found or found[label].at < receipt.at:
                found[label] = receipt
    for host in cluster.group("minio"):
        own = drive_receipts.read(section(host).get("receipts") or {})
        found.update(drive_receipts.of_host(own, host.number))
    return found


def draw(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """What every manager has to keep, as it is given to modules."""
    return drive_receipts.facts(known(cluster))


def due(host: Host, cluster: Cluster) -> bool:
    """Whether a manager's copy will differ from what is true after the run."""
    if "managers" not in host.groups or host.report is None:
        return False
    is_changed = any(section(one).get("changed") for one in cluster.group("minio"))
    return bool(is_changed or (kept(host).get("drives") or {}) != draw(cluster))
