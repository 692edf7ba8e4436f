# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands already and stays, although the inventory says otherwise: refused, or reported with when it takes effect.

Everything else is converged by a run. docs/preflight.md has the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.minio import pem, tls
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.recipe import MINIO_VERSION
from ansible_collections.baremetal.overlay.plugins.plugin_utils import (
    ipsec_plan,
    minio_plan,
    role_options,
    tls_plan,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host, Rule, group_hosts

STACK_LABEL = "com.docker.stack.namespace"
# What goes into an image when it is made, and is not told by it afterwards.
PARTS = ("mc_version", "go_version", "ca_certificates", "image_mc_binary")


def _fixed(cluster: Cluster) -> Mapping[str, Any]:
    """What the swarm was made with, as its managers know it."""
    return (cluster.acting.swarm.get("fixed") or {}) if cluster.acting else {}


def data_path_stays(cluster: Cluster) -> Iterator[str]:
    """Firewall and encryption would follow the setting, and the swarm's traffic would not."""
    live, wanted = _fixed(cluster).get("data_path_port"), cluster.settings.get("data_path_port")
    if live and wanted and int(live) != int(wanted):
        yield (
            f"swarm_data_path_port: the swarm was made with {live}, and {wanted} is wanted; it is fixed for life: "
            f"set it back to {live}"
        )


def stack_stays(cluster: Cluster) -> Iterator[str]:
    """The names of services do not carry the stack's, so another stack could not have the same."""
    wanted = str(cluster.settings.get("stack_name") or "minio")
    found = {service.get("labels", {}).get(STACK_LABEL, wanted) for service in minio_plan.services(cluster)}
    for live in sorted(found - {wanted}):
        yield (
            f"minio_stack_name: MinIO's services belong to the stack {live}, and {wanted} is wanted; it is fixed for "
            f"the life of the services: set it back to {live}"
        )


def swarm_stays(cluster: Cluster) -> Iterator[str]:
    """Ranges that a swarm was made with."""
    fixed = _fixed(cluster)
    pools = [str(pool) for pool in cluster.settings.get("default_addr_pool") or []]
    live = [str(pool) for pool in fixed.get("default_addr_pool") or []]
    when = "which stays; it takes effect when a swarm is made"
    if live and pools and pools != live:
        yield f"swarm_default_addr_pool: the swarm was made with {', '.join(live)}, {when}"
    size = cluster.settings.get("subnet_size")
    if live and pools and fixed.get("subnet_size") and size and int(size) != int(fixed["subnet_size"]):
        yield f"swarm_subnet_size: the swarm was made with {fixed['subnet_size']}, {when}"


def addresses_stay(cluster: Cluster) -> Iterator[str]:
    """Where a node is reached was said when it joined."""
    when = "it takes effect when the host joins a swarm: let it leave (playbooks/teardown.yml, this host only) and join"
    for host in cluster.seen:
        live = host.swarm.get("address")
        given = role_options.read_or(host.variables, "swarm_advertise_addr", "")
        if host.in_swarm and live and given and given != live:
            yield f"{host.name}: swarm_advertise_addr {given}: it is in the swarm as {live}, which stays; {when}"
        path = role_options.read_or(host.variables, "swarm_data_path_addr", "")
        if host.in_swarm and live and path and path != (given or str(host.address)):
            yield (
                f"{host.name}: swarm_data_path_addr {path}: an engine does not tell with which one it joined; {when}"
            )


def engines_stay(cluster: Cluster) -> Iterator[str]:
    """What each host found that its engine keeps."""
    yield from group_hosts((host.name, sentence) for host in cluster.seen for sentence in _differs(host))


def _differs(host: Host) -> list[str]:
    sections = (host.report or {}).get("sections") or {}
    return list((sections.get("engine") or {}).get("differs") or [])


def what_is_switched_off_stays(cluster: Cluster) -> Iterator[str]:
    """Nothing of a firewall or an overlay goes because a run was told to leave it alone."""
    settings = cluster.settings
    kept = {
        "firewall": (
            not settings.get("firewall"),
            "overlay_firewall is false, and the firewall's table of an earlier run stays loaded; to end it, run "
            "`systemctl disable --now baremetal-overlay-firewall` there",
        ),
        "links": (
            settings.get("network_driver") != "kernel",
            f"overlay_network_driver is {settings.get('network_driver')}, and the kernel overlay of an earlier run "
            "stays; it goes with a teardown",
        ),
    }
    yield from group_hosts(
        (host.name, sentence)
        for host in cluster.seen
        for name, (is_off, sentence) in kept.items()
        if is_off and (host.facts.get("standing") or {}).get(name)
    )


def credentials_stay(cluster: Cluster) -> Iterator[str]:
    """Files that were kept are not removed by no longer keeping them."""
    settings = cluster.settings
    if settings.get("keep_credentials", True):
        return
    place = settings.get("credentials_dir") or "/etc/baremetal-overlay"
    yield from group_hosts(
        (
            host.name,
            f"minio_credentials_keep is false, and the root credentials that were kept stay in {place}; "
            f"remove {place}/minio-root*, and keep a copy elsewhere",
        )
        for host in cluster.group("managers")
        if host.facts.get("credentials_present")
    )


def certificates_stay(cluster: Cluster) -> Iterator[str]:
    """For how long a certificate is made is decided when it is made."""
    looks = {
        "minio_tls_days": (tls_plan, "tls_days", tls_plan.mode(cluster) == "own-ca"),
        "ipsec_days": (ipsec_plan, "ipsec_days", ipsec_plan.by_certificates(cluster)),
    }
    for name, (plan, key, is_used) in looks.items():
        wanted = str(cluster.settings.get(key))
        if is_used and wanted.isdigit():
            authority = plan.authority(cluster)
            yield from group_hosts(
                (
                    host.name,
                    f"{name}: {wanted}, and the certificate there was made for {days}; it takes effect at its renewal",
                )
                for host in cluster.seen
                if (days := _other_days(plan.look(host).get("certificate") or "", authority, int(wanted)))
            )


def _other_days(text: str, authority: str, wanted: int) -> int | None:
    """For how many days a certificate was made, where that is not what is wanted; none outlives its CA."""
    if not pem.blocks(text):
        return None
    seen = tls.see(text)
    days = round((seen.not_after - seen.not_before).total_seconds() / 86400)
    is_cut = bool(authority) and seen.not_after >= tls.see(authority).not_after
    # What is signed begins a little before it is made.
    return days if abs(days - wanted) > 1 and not is_cut else None


def images_stay(cluster: Cluster) -> Iterator[str]:
    """An image of the release that is there is not made again for other parts."""
    if not minio_plan.services(cluster) or minio_plan.choose_image(cluster).make:
        return
    if (cluster.settings.get("image_source") or "build") not in ("build", "binary"):
        return
    for key in PARTS:
        name = f"minio_{key}"
        default = role_options.default(name)
        value = cluster.settings.get(key)
        if value not in (None, "", default):
            yield (
                f"{name}: {value}, and the image that runs stays, which does not tell what it was made of; it takes "
                f"effect when an image is made, with another minio_version than {MINIO_VERSION}"
            )


def image_is_the_known_one(cluster: Cluster) -> Iterator[str]:
    """The defaults give one image, and what runs may be of before their parts had known sums, or of other parts."""
    choice = minio_plan.choose_image(cluster)
    expected = minio_plan.expected_image(cluster)
    if minio_plan.services(cluster) and expected and choice.image not in (None, expected):
        yield (
            f"MinIO runs the image {choice.image}, and its release from parts with known sums is {expected}; to change "
            f"to that, which restarts all servers together, agree by minio_image_consent: {expected}"
        )


RULES: tuple[Rule, ...] = (data_path_stays, stack_stays)
ADVICE: tuple[Rule, ...] = (
    swarm_stays,
    addresses_stay,
    engines_stay,
    what_is_switched_off_stays,
    credentials_stay,
    certificates_stay,
    images_stay,
    image_is_the_known_one,
)
