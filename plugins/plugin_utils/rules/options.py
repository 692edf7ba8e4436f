# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles' own argument specs would refuse, said before anything is changed and with all else that is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils import names, role_options
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule, group_hosts
from ansible_collections.baremetal.overlay.plugins.plugin_utils.settings import Settings

EXCUSED = "overlay_known_variables"


def options_are_as_specified(cluster: Cluster) -> Iterator[str]:
    """Types, choices, bounds and names, of what the inventory gives, and of what plays give beside it."""
    found = [(host.name, words) for host in cluster.hosts for words in role_options.refusals(host.variables)]
    yield from group_hosts(found)
    said = {words.rsplit("; see `", 1)[0] for _name, words in found}
    if isinstance(cluster.settings, Settings):
        yield from (words for refused in cluster.settings.refused.values() for words in refused if words not in said)


def names_are_known(cluster: Cluster) -> Iterator[str]:
    """A misspelt name would leave its setting at the default, in silence."""
    if _is_strict(cluster):
        yield from _unknown(cluster)


def names_are_doubtful(cluster: Cluster) -> Iterator[str]:
    """The same, where the inventory says that unknown names are no reason to stop."""
    if not _is_strict(cluster):
        yield from _unknown(cluster)


def _is_strict(cluster: Cluster) -> bool:
    return cluster.settings.get("strict_variables") is not False


def _unknown(cluster: Cluster) -> Iterator[str]:
    excused = cluster.settings.get("known_variables") or []
    yield from group_hosts(
        (host.name, f"{sentence}, or list it in {EXCUSED} if it is yours")
        for host in cluster.hosts
        for sentence in names.unknown(host.variables, excused)
    )


RULES: tuple[Rule, ...] = (options_are_as_specified, names_are_known)
ADVICE: tuple[Rule, ...] = (names_are_doubtful,)
