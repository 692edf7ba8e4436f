# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of ours that a host could not load, so that a smaller one closes the cluster's ports there."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.module_utils.host import firewall
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import backstop
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule, group_hosts

TABLES = (firewall.TABLE, backstop.TABLE)


def tables_are_loaded(cluster: Cluster) -> Iterator[str]:
    """This run loads them; why they failed is to be known before the next boot."""
    yield from group_hosts(
        (
            host.name,
            f"{table.service} could not load its table, and {table.closed} is there in its place; this run loads the "
            f"table again, and `journalctl -u {table.service}` says what failed",
        )
        for host in cluster.seen
        for table in TABLES
        if ((host.report or {}).get("sections", {}).get(table.owner) or {}).get("closed")
    )


ADVICE: tuple[Rule, ...] = (tables_are_loaded,)
