# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consent names what it is for: one that names what is not there was meant for something else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils import network_plan, role_options
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule

IMAGE = re.compile(r"(\S+@)?sha256:[0-9a-f]{64}")


def hosts_are_known(cluster: Cluster) -> Iterator[str]:
    """Absence is agreed to for hosts of this inventory."""
    known = [host.name for host in cluster.hosts]
    for name in cluster.settings.get("unreachable_consent") or []:
        if name not in known:
            yield (
                f'overlay_unreachable_consent: "{name}" is no host of this deployment; allowed: {", ".join(known)}; '
                "correct the name, or take it out"
            )


def drives_are_declared(cluster: Cluster) -> Iterator[str]:
    """Erasing is agreed to for a drive that some host declares, written alike."""
    declared: set[str] = {device for host in cluster.hosts for device in host.drives}
    agreed: dict[str, None] = {}
    for host in cluster.hosts:
        declared.update(role_options.read_or(host.variables, "drives_devices", []))
        agreed.update(dict.fromkeys(role_options.read_or(host.variables, "drives_format_consent", [])))
    for device in agreed:
        if device not in declared:
            yield (
                f'drives_format_consent: "{device}" is in no minio_drives of this deployment; '
                "name drives exactly as they are declared, or take it out"
            )


def networks_are_declared(cluster: Cluster) -> Iterator[str]:
    """A network is made again by its name in ``swarm_networks``."""
    known = [str(network.get("name")) for network in cluster.settings.get("networks") or []]
    for name in cluster.settings.get("swarm_network_consent") or []:
        if name not in known:
            allowed = f"allowed: {', '.join(known)}" if known else "there is none"
            yield (
                f'swarm_network_consent: "{name}" is no network of swarm_networks; {allowed}; '
                "correct the name, or take it out"
            )


def driver_is_known(cluster: Cluster) -> Iterator[str]:
    """Servers are moved to one of the drivers."""
    driver = cluster.settings.get("network_consent")
    if driver and driver not in network_plan.DRIVERS:
        yield f'minio_network_consent: "{driver}" is unknown; allowed: {", ".join(network_plan.DRIVERS)}'


def image_is_named(cluster: Cluster) -> Iterator[str]:
    """An ID or a digest is one image; a tag may be another one tomorrow."""
    image = cluster.settings.get("image_consent")
    if image and not IMAGE.fullmatch(str(image)):
        yield f'minio_image_consent: "{image}" is no image ID; give it as the refusal says it, sha256:…'


RULES: tuple[Rule, ...] = (
    hosts_are_known,
    drives_are_declared,
    networks_are_declared,
    driver_is_known,
    image_is_named,
)
