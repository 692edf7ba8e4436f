# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates: those in force have as many days left as the settings want."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.baremetal.overlay.plugins.module_utils.minio import pem, tls
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    PASS,
    Cell,
    Layer,
    Member,
    Reason,
    View,
    unrun,
)


@dataclass(frozen=True)
class Kind:
    """Whose certificate it is, and the setting that says when it is due."""

    name: str
    title: str
    setting: str


MINIO = Kind("minio", "MinIO", "minio_tls_renew_days")
IPSEC = Kind("ipsec", "IPsec", "ipsec_renew_days")


def wanted(view: View) -> Iterator[tuple[Member, Kind, int]]:
    """Every certificate that is in force by the inventory."""
    if view.limits.tls_days is not None:
        yield from ((member, MINIO, view.limits.tls_days) for member in view.servers)
    if view.limits.ipsec_days is not None:
        yield from ((member, IPSEC, view.limits.ipsec_days) for member in view.members)


def cells(view: View) -> Iterator[Cell]:
    """The host's own, and that of the authority that signed it, where the host has it."""
    for member, kind, days in wanted(view):
        if member.absence:
            yield unrun(kind.name, member.name, kind.title, member.away)
            continue
        kept = member.sight.get("certificates") or {}
        try:
            own = tls.see(kept.get(kind.name) or "")
        except ValueError:
            missing = Reason(f"{member.name}: there is no certificate of {kind.title} that can be read")
            yield Cell(kind.name, member.name, kind.title, FAIL, "", missing.text)
            continue
        yield _days(view, member, kind, kind.title, own, days)
        for block in pem.blocks(kept.get(f"{kind.name}_trust") or ""):
            authority = tls.see(block)
            if authority.own_key and authority.own_key == own.issuer_key:
                yield _days(view, member, kind, f"{kind.title}'s CA", authority, days)


def _days(view: View, member: Member, kind: Kind, title: str, seen: tls.Seen, days: int) -> Cell:
    left = seen.days_left(view.now)
    if left >= days:
        return Cell(kind.name, member.name, title, PASS, f"{left:.0f} days")
    ends = (
        f"ended on {seen.not_after:%Y-%m-%d}" if left <= 0 else f"ends in {left:.0f} days ({seen.not_after:%Y-%m-%d})"
    )
    detail = f"{member.name}: the certificate of {title} {ends}; {kind.setting} wants {days} days"
    return Cell(kind.name, member.name, title, FAIL, "", detail)


LAYER = Layer(
    name="certificates",
    title="Certificates",
    question="Every certificate that is in force, and its authority's, lasts as long as the settings want.",
    remedy="run site.yml: it renews what a CA of ours signed; give new files where the certificates are given",
    cells=cells,
    expected=lambda view: len(list(wanted(view))),
    matrix=False,
    exists=lambda view: view.limits.tls_days is not None or view.limits.ipsec_days is not None,
)
