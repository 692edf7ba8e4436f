# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MinIO as it is wanted, beside the MinIO that runs."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.module_utils.minio import layout, stack
from ansible_collections.baremetal.overlay.plugins.plugin_utils import minio_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule


def layout_stays(cluster: Cluster) -> Iterator[str]:
    """A live server list only grows, and by whole pools."""
    planned = minio_plan.layout_of(cluster)
    lists = {tuple(layout.server_list(service["args"])) for service in minio_plan.services(cluster)}
    for live in sorted(lists):
        sentence = layout.grow(live, planned["args"]) if planned else None
        if sentence:
            yield f"MinIO: {sentence}"


def image_is_possible(cluster: Cluster) -> Iterator[str]:
    """The image can be had, and it is the one that runs or one that was agreed to."""
    yield from minio_plan.choose_image(cluster).violations


def credentials_are_known(cluster: Cluster) -> Iterator[str]:
    """Those of a deployment that runs are never made anew."""
    settings = cluster.settings
    if not settings.get("keep_credentials", True) or (settings.get("root_user") and settings.get("root_password")):
        return
    if not minio_plan.credentials_source(cluster) and minio_plan.services(cluster):
        yield (
            "MinIO runs, and no manager of this run keeps its root credentials; add one that does to --limit, "
            "or give minio_root_user and minio_root_password"
        )
    elif bool(settings.get("root_user")) != bool(settings.get("root_password")):
        yield "minio_root_user, minio_root_password: only one of them is set; give both, or neither"


def environment_is_clean(cluster: Cluster) -> Iterator[str]:
    """Secrets reach MinIO as Swarm secrets."""
    yield from stack.violations({"environment": cluster.settings.get("environment")})


RULES: tuple[Rule, ...] = (
    layout_stays,
    image_is_possible,
    credentials_are_known,
    environment_is_clean,
)
