# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MinIO as it is wanted, beside the MinIO that runs."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.module_utils.minio import environment, layout, recipe
from ansible_collections.baremetal.overlay.plugins.plugin_utils import absent_plan, minio_plan, root_credentials
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule, enumerate_names


def layout_stays(cluster: Cluster) -> Iterator[str]:
    """A live server list only grows, and by whole pools."""
    planned = minio_plan.layout_of(cluster)
    lists = {tuple(layout.server_list(service["args"])) for service in minio_plan.services(cluster)}
    for live in sorted(lists):
        sentence = layout.grow(live, planned["args"]) if planned else None
        if sentence:
            yield f"MinIO: {sentence}"


def absent_hosts_can_be_done_without(cluster: Cluster) -> Iterator[str]:
    """A run ends with the proof that MinIO takes objects, which it does with a write quorum only."""
    consent = cluster.settings.get("unreachable_consent") or []
    hosts = [host for host in absent_plan.absent(cluster) if host.name in consent]
    planned = minio_plan.layout_planned(cluster)
    if not hosts or planned is None:
        return
    names = enumerate_names([host.name for host in hosts])
    is_absent = f"{names}: {'is' if len(hosts) == 1 else 'are'} absent, and"
    for pool in planned.pools:
        left = planned.without(pool, [int(host.number) for host in hosts])
        if not left.works:
            yield (
                f"{is_absent} an erasure set of minio_pool {pool.number} has {left.fewest} of its {pool.set_size} "
                f"drives; MinIO writes with {left.write_quorum} or more (EC:{planned.parity}): bring hosts back until "
                "it has, and take them out of overlay_unreachable_consent"
            )
    if absent_plan.needs_all(cluster) and not minio_plan.services(cluster):
        yield (
            f"{is_absent} MinIO formats new drives only when all hosts answer; {absent_plan.SET_SIZE} in "
            "minio_environment leaves it to MinIO: bring all hosts for the first run, or unset it"
        )


def image_is_possible(cluster: Cluster) -> Iterator[str]:
    """The image can be had, and it is the one that runs or one that was agreed to."""
    yield from minio_plan.choose_image(cluster).violations
    for name in recipe.MIRRORS:
        yield from recipe.mirror_violations(f"minio_{name}", cluster.settings.get(name))


def credentials_are_known(cluster: Cluster) -> Iterator[str]:
    """Those of a deployment that runs are never made anew."""
    settings = cluster.settings
    if not settings.get("keep_credentials", True) or (settings.get("root_user") and settings.get("root_password")):
        return
    if not root_credentials.source(cluster) and minio_plan.services(cluster):
        yield (
            "MinIO runs, and no manager of this run keeps its root credentials; add one that does to --limit, "
            "or give minio_root_user and minio_root_password"
        )
    elif bool(settings.get("root_user")) != bool(settings.get("root_password")):
        yield "minio_root_user, minio_root_password: only one of them is set; give both, or neither"


def credentials_change_by_consent(cluster: Cluster) -> Iterator[str]:
    """Other credentials than those that are kept restart all servers, and every manager has to keep them."""
    yield from root_credentials.violations(cluster)


def environment_is_clean(cluster: Cluster) -> Iterator[str]:
    """Secrets reach MinIO as Swarm secrets."""
    given = cluster.settings.get("environment") or {}
    yield from environment.open_violations(given)
    yield from environment.secret_violations(cluster.settings.get("secret_environment") or {}, given)


RULES: tuple[Rule, ...] = (
    layout_stays,
    absent_hosts_can_be_done_without,
    image_is_possible,
    credentials_are_known,
    credentials_change_by_consent,
    environment_is_clean,
)
