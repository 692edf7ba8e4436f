# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPsec as a run sees it: who is prepared together, which certificates are due, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import connections
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import pem, tls
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.tls_plan import CONTROLLER, read_file

AUTHENTICATIONS = ("psk", "certificates")


def wanted(cluster: Cluster) -> bool:
    """Whether it is switched on."""
    return cluster.settings.get("encryption") == "ipsec"


def by_certificates(cluster: Cluster) -> bool:
    """Whether hosts prove who they are by certificates."""
    return wanted(cluster) and cluster.settings.get("ipsec_authentication") == "certificates"


def look(host: Host) -> Mapping[str, Any]:
    """What ``host`` found of the section."""
    found: Mapping[str, Any] = (host.report or {}).get("sections", {}).get("ipsec") or {}
    return found


def authority(cluster: Cluster) -> str:
    """The certificate of the members' CA, as far as this run knows it."""
    name = cluster.settings.get("ipsec_ca_host")
    if name == CONTROLLER:
        return read_file(Path(str(cluster.settings.get("ipsec_ca_dir"))) / "ca.crt")[0]
    return next((look(host).get("ca") or "" for host in cluster.seen if host.name == name), "")


def authority_is_known(cluster: Cluster) -> bool:
    """Whether this run looked where the CA is."""
    name = cluster.settings.get("ipsec_ca_host")
    return name == CONTROLLER or name in [host.name for host in cluster.seen]


def draw(cluster: Cluster, now: datetime | None = None) -> dict[str, Any]:
    """What the role does; nothing is due where there are no certificates."""
    now = now or datetime.now(timezone.utc)
    due = {host.name: list(reasons(host, cluster, now)) for host in cluster.seen} if by_certificates(cluster) else {}
    due = {name: found for name, found in due.items() if found}
    work = [host.name for host in cluster.seen if look(host).get("changed") or host.name in due]
    return {
        "work": work,
        "canary": work[0] if work else None,
        "expect": [host.name for host in cluster.seen],
        "forgets": any(look(host).get("forgets") for host in cluster.seen),
        "trust": pem.bundle([authority(cluster)]),
        "due": due,
        "certified": [name for name, found in due.items() if found != [TRUST_DIFFERS]],
    }


TRUST_DIFFERS = "trust differs"


def reasons(host: Host, cluster: Cluster, now: datetime) -> Iterator[str]:
    """Why this host's files are written in this run; nothing where they are as they should be."""
    found = look(host)
    own = pem.bundle([authority(cluster)])
    if own != (found.get("trust") or "") and (own or authority_is_known(cluster)):
        yield TRUST_DIFFERS
    if found.get("key") != "matches":
        yield f"key {found.get('key', 'absent')}"
        return
    try:
        seen = tls.see(found.get("certificate") or "")
    except ValueError:
        yield "certificate cannot be read"
        return
    left = seen.days_left(now)
    if left < days(cluster, "ipsec_renew_days"):
        yield f"certificate ends in {left:.0f} days"
    if connections.identity(int(host.number)) not in seen.names:
        yield "names differ"
    if own and tls.see(own).own_key != seen.issuer_key:
        yield "signed by another CA"


def days(cluster: Cluster, name: str) -> int:
    """A setting in days; what is none is said by the rules."""
    value = str(cluster.settings.get(name))
    return int(value) if value.isdigit() else 0
