# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consent names what it is for: one that names what is not there was meant for something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.baremetal.overlay.plugins.plugin_utils import network_plan, role_options
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule

# Of an entry that names a drive: a digest of what was found there, and a UUID where data of a member is at stake.
CONTENT = re.compile(r"[0-9a-f]{8}(:[^:\s]+)?")
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
    """Erasing is agreed to for a drive that its host declares, written alike, and for what was found on it."""
    declared: dict[str, list[str]] = {}
    agreed: dict[str, None] = {}
    for host in cluster.hosts:
        given = role_options.read_or(host.variables, "drives_devices", [])
        declared[host.name] = list(dict.fromkeys((*host.drives, *map(str, given))))
        agreed.update(dict.fromkeys(role_options.read_or(host.variables, "drives_format_consent", [])))
    for entry in agreed:
        if sentence := drive_entry(entry, declared):
            yield f"drives_format_consent: {sentence}"


def drive_entry(entry: str, declared: Mapping[str, Sequence[str]]) -> str:
    """What is wrong with an entry that names a drive, by the drives that each host declares."""
    drives = [f"{host}:{device}" for host, devices in declared.items() for device in devices]
    if any(entry.startswith(f"{drive}:") and CONTENT.fullmatch(entry[len(drive) + 1 :]) for drive in drives):
        return ""
    known = [drive for drive in drives if entry == drive or entry.startswith(f"{drive}:")]
    bare = [f"{host}:{entry}" for host, devices in declared.items() if entry in devices]
    for found in (bare, known):
        if found:
            return (
                f'"{entry}" does not say {"on which host, and " if found is bare else ""}what was found there; '
                f"give {found[0]}:<digest>, whole as the refusal of the drive prints it, or take it out"
            )
    return (
        f'"{entry}" is in no minio_drives of this deployment; an entry is <host>:<device as declared>:<digest>, '
        "as the refusal of a drive prints it: copy that, or take it out"
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
