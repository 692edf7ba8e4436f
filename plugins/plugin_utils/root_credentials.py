# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MinIO's root credentials as they are given, beside those that managers keep, and whether they may change: pure.

Hosts tell the user, and a salted slow hash of the password. A run that changes the pair first stages the new one on
every manager; where one is staged, an earlier run was killed before it was proven, and this run finishes its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.minio import credentials
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.fingerprint import matches
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host, enumerate_names

# What MinIO has written nothing of its users' to. A drive that says anything else may hold what credentials open.
UNUSED = "empty"


def draw(cluster: Cluster) -> dict[str, Any]:
    """Who has the pair of this run where none is given, in which file, and whether it takes another's place."""
    staged = _with(cluster, "staged")
    host = staged[0] if staged else source(cluster)
    return {
        "credentials_from": host.name if host else None,
        "credentials_file": credentials.STAGED if staged else credentials.NAMES[-1],
        "root_change": changing(cluster),
        "former_managers": former_managers(cluster),
    }


def source(cluster: Cluster) -> Host | None:
    """Who keeps the root credentials: the acting manager, whose are those of the servers, another, or who was one."""
    managers = cluster.group("managers")
    others = [host for host in cluster.hosts if host not in managers]
    keepers = [host for host in (*managers, *others) if host.facts.get("credentials_present")]
    return cluster.acting if cluster.acting in keepers else next(iter(keepers), None)


def former_managers(cluster: Cluster) -> list[str]:
    """Who keeps root credentials and need not: what a manager of this run has at its end is not lost with them."""
    kept = cluster.settings.get("keep_credentials", True)
    if not kept or not any(host.report is not None for host in cluster.group("managers")):
        return []
    others = (host for host in cluster.seen if "managers" not in host.groups)
    return [host.name for host in others if host.facts.get("credentials_present")]


def given(cluster: Cluster) -> dict[str, str] | None:
    """The pair of the inventory."""
    pair = {name: str(cluster.settings.get(f"root_{name}") or "") for name in credentials.LEAST}
    return pair if all(pair.values()) else None


def due(cluster: Cluster, host: Host) -> bool:
    """Whether a manager has anything to write."""
    pair = given(cluster)
    if not host.facts.get("credentials_present") or changing(cluster):
        return True
    return bool(pair and not _same(pair, _held(host, "kept")))


def changing(cluster: Cluster) -> bool:
    """Whether this run gives the servers other credentials, or finishes what a run that was killed began."""
    if not cluster.settings.get("keep_credentials", True):
        return False
    return bool(_with(cluster, "staged") or _differing(cluster))


def unusable(cluster: Cluster) -> Iterator[str]:
    """What MinIO does not start with or clients cannot log in with; those in use have shown that they work."""
    if _in_use(cluster):
        return
    pair = {name: cluster.settings.get(f"root_{name}") for name in credentials.LEAST}
    # What is not given cannot be wrong: another value stands in for it.
    said = {name: str(value) if value else f"not given: {name}" for name, value in pair.items()}
    for sentence in credentials.violations(said["user"], said["password"]):
        if pair[sentence.partition(":")[0].partition(",")[0].removeprefix("root_")]:
            yield "minio_" + sentence.replace("root_user, root_", "root_user, minio_root_")


def _in_use(cluster: Cluster) -> bool:
    """Whether the pair that is given is the one that servers run with, as far as that is known."""
    if cluster.settings.get("keep_credentials", True):
        return bool(given(cluster) and source(cluster) and not changing(cluster))
    return cluster.acting is not None and bool(cluster.acting.swarm.get("services"))


def violations(cluster: Cluster) -> Iterator[str]:
    """Why the pair that is given may not take the place of the one that is kept."""
    if not cluster.settings.get("keep_credentials", True):
        return
    for host in cluster.group("managers"):
        for name, file in (("kept", credentials.NAMES[-1]), ("staged", credentials.STAGED)):
            if _facts(host).get(name) == {}:
                yield (
                    f"{host.name}: {file} of minio_credentials_dir is not a JSON object with user and password; "
                    "restore it from another manager, or remove it"
                )
    if not changing(cluster):
        return
    absent = [host.name for host in cluster.group("managers") if host.report is None]
    if absent:
        yield (
            f"minio_root_password: is being changed, and every manager has to keep the new one, but this run does not "
            f"reach {enumerate_names(absent)}; run without --limit, or take a manager that is gone out of the inventory"
        )
    yield from _without_consent(cluster)


def _without_consent(cluster: Cluster) -> Iterator[str]:
    pair, keeper = given(cluster), source(cluster)
    differing = _differing(cluster)
    if pair is None or keeper is None or not differing or _never_used(cluster):
        return
    if "user" in differing:
        yield (
            f'minio_root_user: is not the one that {keeper.name} keeps, "{_held(keeper, "kept")["user"]}", and the '
            "root user of a deployment that is in use stays, since access keys that belong to it would end with it; "
            "give that one"
        )
    elif cluster.settings.get("root_consent") != pair["user"]:
        yield (
            f"minio_root_password: is not the one that {_where(cluster, keeper)}, and a change restarts all servers "
            f"together; agree by minio_root_consent: {pair['user']}, or give the one before, or leave both unset"
        )


def _where(cluster: Cluster, keeper: Host) -> str:
    staged = _with(cluster, "staged")
    return f"an earlier run began to set, on {staged[0].name}" if staged else f"{keeper.name} keeps"


def _differing(cluster: Cluster) -> list[str]:
    """What of the pair that is given is neither kept nor already agreed to."""
    pair, keeper = given(cluster), source(cluster)
    staged = [_held(host, "staged") for host in _with(cluster, "staged")]
    if pair is None or keeper is None or any(_same(pair, held) for held in staged):
        return []
    held = _held(keeper, "kept")
    if not held:
        return []
    differing = [] if pair["user"] == held["user"] else ["user"]
    # Where a change was begun, going back is another one.
    return differing if _same(pair, held) and not staged else [*differing, "password"]


def _never_used(cluster: Cluster) -> bool:
    """Whether no drive of the deployment holds a bucket, a user or an access key; one that was not read may."""
    members = cluster.group("minio")
    found = [_formats(host) for host in members]
    return all(len(formats) == len(host.drives) for formats, host in zip(found, members, strict=True)) and all(
        entry["state"] == UNUSED or entry.get("opened") is False for formats in found for entry in formats
    )


def _formats(host: Host) -> Sequence[Mapping[str, Any]]:
    sections = (host.report or {}).get("sections", {})
    return list(sections.get("drives", {}).get("formats") or [])


def _with(cluster: Cluster, name: str) -> list[Host]:
    return [host for host in cluster.group("managers") if _facts(host).get(name) is not None]


def _facts(host: Host) -> Mapping[str, Any]:
    return host.facts.get("credentials") or {}


def _held(host: Host, name: str) -> Mapping[str, str]:
    return _facts(host).get(name) or {}


def _same(pair: Mapping[str, str], held: Mapping[str, str]) -> bool:
    return pair["user"] == held.get("user") and matches(held.get("password"), pair["password"].encode())
