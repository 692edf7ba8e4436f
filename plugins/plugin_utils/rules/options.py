# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles' own argument specs would refuse, said before anything is changed and with all else that is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils import role_options
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule, group_hosts


def options_are_as_specified(cluster: Cluster) -> Iterator[str]:
    """Types, choices and names, of what the inventory gives; defaults are the roles' own."""
    yield from group_hosts(
        (host.name, words) for host in cluster.hosts for words in role_options.refusals(host.variables)
    )


RULES: tuple[Rule, ...] = (options_are_as_specified,)
