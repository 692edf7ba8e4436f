# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that an operator names for keys and credentials: ours alone, each for one thing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from ansible_collections.baremetal.overlay.plugins.module_utils.host import tls_files
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule, group_hosts

# The option, and its key among the settings.
SECRET = {
    "minio_tls_ca_dir": "tls_ca_dir",
    "ipsec_ca_dir": "ipsec_ca_dir",
    "minio_credentials_dir": "credentials_dir",
}


def directories_are_not_others(cluster: Cluster) -> Iterator[str]:
    """Before anything is changed: their mode would be set, and their files would be taken for ours."""
    found = []
    for host in cluster.hosts:
        sections = (host.report or {}).get("sections") or {}
        refused = {
            "minio_tls_ca_dir": (sections.get("minio_tls") or {}).get("ca_refused"),
            "ipsec_ca_dir": (sections.get("ipsec") or {}).get("ca_refused"),
            "minio_credentials_dir": host.facts.get("credentials_refused") if _keeps(cluster, host.groups) else None,
        }
        found += [(host.name, f"{option}: {words}") for option, words in refused.items() if words]
    yield from group_hosts(found)


def _keeps(cluster: Cluster, groups: frozenset[str]) -> bool:
    return "managers" in groups and bool(cluster.settings.get("keep_credentials", True))


def directories_do_not_lie_in_others(cluster: Cluster) -> Iterator[str]:
    """What is for everybody to read, or MinIO's to write, is no place for keys."""
    others = {
        "the directory of MinIO's certificates": tls_files.DIRECTORY,
        "drives_parent, below which MinIO has its drives": cluster.settings.get("drives_parent"),
    }
    for option, setting in SECRET.items():
        given = cluster.settings.get(setting)
        for what, other in others.items():
            if given and other and PurePosixPath(other) in (path := PurePosixPath(given), *path.parents):
                yield f"{option}: {given} lies in {other}, {what}; give a directory of its own"
    first, second = (str(cluster.settings.get(name) or "") for name in ("tls_ca_dir", "ipsec_ca_dir"))
    if first and PurePosixPath(first) == PurePosixPath(second):
        yield f"minio_tls_ca_dir, ipsec_ca_dir: are both {first}; give each CA a directory of its own"


RULES: tuple[Rule, ...] = (directories_are_not_others, directories_do_not_lie_in_others)
