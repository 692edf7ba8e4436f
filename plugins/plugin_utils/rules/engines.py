# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines: whether they can run what is asked for, and what is known against their versions."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.module_utils import units
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.host import apt
from ansible_collections.baremetal.overlay.plugins.plugin_utils import advisories
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host, Rule, group_hosts
from ansible_collections.baremetal.overlay.plugins.plugin_utils.debian import release_numbers

# What Debian 12 has: the oldest of both that this collection is tested with.
LEAST_SDK = "5.0.3"
LEAST_API = "1.41"
# Engine, Swarm and operating system beside MinIO, measured on the lab's hosts, with room for a burst.
BESIDE_MINIO = 512 * 1024 * 1024


def sdks_are_recent(cluster: Cluster) -> Iterator[str]:
    """Modules speak to the engine through it."""
    for host in cluster.seen:
        found = host.facts.get("engine", {}).get("sdk")
        if found and found != "unknown" and release_numbers(found) < release_numbers(LEAST_SDK):
            yield (
                f"{host.name}: python3-docker is {found}; {LEAST_SDK} or newer is needed: upgrade python3-docker, "
                "and see that no older copy stands before it on the path of the host's Python"
            )


def engines_can_run_it(cluster: Cluster) -> Iterator[str]:
    """An engine that is there is used as it is, so it has to be of a kind that serves."""
    for host in cluster.seen:
        for sentence in _inability(host, cluster):
            yield f"{host.name}: engine: {sentence}"


def _inability(host: Host, cluster: Cluster) -> Iterator[str]:
    engine = host.facts.get("engine", {})
    api = engine.get("api_version")
    if api and release_numbers(api) < release_numbers(LEAST_API):
        yield f"it speaks API {api}; {LEAST_API} (Engine 20.10) or newer is needed: upgrade it"
    if engine.get("rootless"):
        yield "it runs rootless, and such an engine has no overlay networks; run it as root"
    if engine.get("user_namespaces"):
        yield "it maps users (userns-remap), so MinIO could not own its drives; take userns-remap out of daemon.json"
    if engine.get("firewall") == "nftables":
        yield 'its firewall backend is nftables, with which it refuses Swarm; set "firewall-backend": "iptables"'
    if engine.get("image_store") == "containerd" and cluster.settings.get("image_source") != "registry":
        yield (
            "it keeps images in containerd, where an image that was loaded has another ID than elsewhere; set "
            '"features": {"containerd-snapshotter": false} in daemon.json, or take the image from a registry '
            "(minio_image_source)"
        )


def memory_suffices(cluster: Cluster) -> Iterator[str]:
    """A limit that the host cannot honour leaves the choice to the kernel's killer of processes."""
    try:
        limit = units.size(cluster.settings.get("memory_limit") or 0, "minio_memory_limit")
    except InputError:
        return
    yield from group_hosts(
        (
            host.name,
            f"memory is {units.show_size(_mebibytes(host))}, and MinIO may take {units.show_size(limit)} "
            f"(minio_memory_limit) beside {units.show_size(BESIDE_MINIO)} of engine and system; lower the limit",
        )
        for host in cluster.group("minio")
        if host.facts.get("memory_bytes") and host.facts["memory_bytes"] < limit + BESIDE_MINIO
    )


def _mebibytes(host: Host) -> int:
    return int(host.facts["memory_bytes"]) >> 20 << 20


def memory_is_limited(cluster: Cluster) -> Iterator[str]:
    """Some kernels are booted without."""
    yield from group_hosts(
        (host.name, "the engine cannot limit memory (cgroups), so minio_memory_limit has no effect; see `docker info`")
        for host in cluster.group("minio")
        if host.facts.get("engine", {}).get("memory_limit") is False
    )


def versions_have_no_advisories(cluster: Cluster) -> Iterator[str]:
    """Advice by the distribution's version, as fixes are backported under it; never a refusal."""
    yield from group_hosts(
        (host.name, sentence)
        for host in cluster.seen
        for sentence in advisories.sentences(
            host.facts.get("engine", {}).get("packages") or {},
            host.facts.get("engine", {}).get("debian") or 0,
            {"encryption"} if cluster.settings.get("encryption") == "docker" else set(),
        )
    )


def package_managers_are_free(cluster: Cluster) -> Iterator[str]:
    """Only where this run has something to do: otherwise it asks the package manager for nothing."""
    yield from group_hosts(
        (
            host.name,
            f"{host.facts['package_lock']}; where this run installs packages, it waits up to {apt.PATIENCE:.0f} s",
        )
        for host in cluster.seen
        if host.facts.get("package_lock") and _has_work(host)
    )


def _has_work(host: Host) -> bool:
    return any(section.get("changed") for section in (host.report or {}).get("sections", {}).values())


RULES: tuple[Rule, ...] = (sdks_are_recent, engines_can_run_it)
ADVICE: tuple[Rule, ...] = (memory_suffices, memory_is_limited, versions_have_no_advisories, package_managers_are_free)
