# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What MinIO is to be, beside what runs: servers, image, credentials. Pure but for a look at a given archive.

The image that runs never changes because another controller made another one: an image of the pinned release that is
there already is taken, and a different one needs consent that names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils import image_archive
from ansible_collections.baremetal.overlay.plugins.module_utils.addresses import endpoint
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import environment, layout, stack
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.recipe import (
    ARCHITECTURES,
    MC,
    MINIO,
    MINIO_VERSION,
    RELEASE_LABEL,
    Build,
    Program,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import fingerprint
from ansible_collections.baremetal.overlay.plugins.plugin_utils import root_credentials, tls_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.debian import release_numbers

SOURCES = ("build", "archive", "registry", "binary")
# Since this Docker a service may say that its processes gain no privileges.
CONFINING_ENGINE = "25.0"
BY_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
NEEDED = {"archive": "minio_image_archive", "registry": "minio_image", "binary": "minio_image_binary"}


@dataclass
class ImageChoice:
    """Which image MinIO runs: known now, or only once it is made."""

    image: str | None = None
    release: str | None = None
    make: bool = False
    violations: list[str] = field(default_factory=list)


def draw(cluster: Cluster) -> dict[str, Any]:
    """What the role does; the lists are empty where the inventory cannot be deployed."""
    choice = choose_image(cluster)
    lacking = [] if cluster.settings.get("image_source") == "registry" else hosts_lacking(cluster, choice.image)
    tls = tls_plan.draw(cluster)
    running = tls_plan.runs_tls(services(cluster))
    running_urls = _running_urls(cluster, scheme(cluster) if running is None else "https" if running else "http")
    return {
        "servers": servers(cluster),
        "layout": layout_of(cluster),
        "scheme": scheme(cluster),
        "endpoints": _endpoints(cluster, scheme(cluster)),
        # How those that run are reached: another way than the wanted one while TLS is switched on or off, or the port
        # changes. A host without a server has none.
        "running_urls": running_urls,
        "running_endpoints": list(running_urls.values()),
        # Where a run sees no service, the server itself is asked.
        "running_tls": running is not False,
        "ca_file": tls["ca_file"],
        "running_ca_file": None if running is False else tls["installed_ca_file"],
        "tls": tls,
        "image": choice.image,
        "release": choice.release,
        "make_image": choice.make or bool(lacking),
        "lacking_image": lacking,
        "running_images": running_images(cluster),
        "running": {service["name"]: service.get("labels", {}) for service in services(cluster)},
        "architecture": next(iter(architectures(cluster)), None),
        **secrets_of(cluster),
        "no_new_privileges": no_new_privileges(cluster),
        **root_credentials.draw(cluster),
    }


def secrets_of(cluster: Cluster) -> dict[str, Any]:
    """The names in the secret environment, and the label that tells whether servers have it: theirs, or a new one."""
    given = cluster.settings.get("secret_environment") or {}
    if not given:
        return {"secret_names": [], "secrets_id": ""}
    content = environment.file_of(given).encode()
    running = {str(service.get("labels", {}).get(stack.SECRETS_LABEL) or "") for service in services(cluster)}
    known = (label for label in sorted(running) if fingerprint.matches(label, content))
    return {
        "secret_names": sorted(map(str, given)),
        "secrets_id": next(known, None) or fingerprint.fingerprint(content),
    }


def no_new_privileges(cluster: Cluster) -> bool | None:
    """Whether every engine of the swarm keeps a service from new privileges; None where there is no swarm to ask."""
    engines = [node.get("engine") for node in cluster.acting.swarm.get("nodes", [])] if cluster.acting else []
    return engines_confine(engines) if engines else None


def engines_confine(engines: Iterable[str | None]) -> bool:
    """Whether all of these can; one that does not tell its version is taken for one that cannot."""
    return all(release_numbers(engine or "0") >= release_numbers(CONFINING_ENGINE) for engine in engines)


def scheme(cluster: Cluster) -> str:
    """How clients and servers are to speak."""
    return "http" if tls_plan.mode(cluster) == "off" else "https"


def _endpoints(cluster: Cluster, chosen: str) -> list[str]:
    port = cluster.settings.get("port") or 9000
    return [f"{chosen}://{endpoint(host.address, port)}" for host in cluster.group("minio") if not host.unreachable]


def _running_urls(cluster: Cluster, chosen: str) -> dict[str, str]:
    """Where each server listens that is a service already, be it up or not.

    Where this run sees no service at all, every member is asked where its server would be.
    """
    ports = {service["name"]: _port(service) for service in services(cluster)}
    wanted = cluster.settings.get("port") or 9000
    return {
        host.name: f"{chosen}://{endpoint(host.address, ports.get(f'minio{host.number}') or wanted)}"
        for host in cluster.group("minio")
        if not host.unreachable and (not ports or f"minio{host.number}" in ports)
    }


def _port(service: Mapping[str, Any]) -> str | None:
    """The port of a server by its own arguments, which the inventory may no longer say."""
    given = layout.argument(service.get("args") or [], "--address")
    return given.rpartition(":")[2] if given else None


def servers(cluster: Cluster) -> list[dict[str, Any]]:
    """The members of the deployment, as the layout takes them; what is absent has its place, and no service."""
    return [
        {
            "host": host.name,
            "number": int(host.number),
            "drives": len(host.drives),
            "pool": int(host.pool),
            "absent": host.unreachable is not None,
        }
        for host in cluster.group("minio")
        if host.drives and str(host.number).isdigit() and str(host.pool).isdigit()
    ]


def parity(given: Any) -> int | None:
    """The number that was asked for, also where it came as text."""
    return None if given in (None, "") else int(str(given))


def layout_of(cluster: Cluster) -> dict[str, Any] | None:
    """The server list and what it tolerates; None where it is impossible, which the rules say."""
    planned = layout_planned(cluster)
    return planned.describe() if planned else None


def layout_planned(cluster: Cluster) -> layout.Layout | None:
    """The servers as MinIO lays them out; None where it would refuse them."""
    endpoints = layout.Endpoints(scheme(cluster), port=int(cluster.settings.get("port") or 9000))
    try:
        return layout.plan(servers(cluster), parity(cluster.settings.get("parity")), endpoints)
    except InputError:
        return None


def services(cluster: Cluster) -> list[Mapping[str, Any]]:
    """The MinIO services that run, as the acting manager sees them."""
    found = cluster.acting.swarm.get("services", []) if cluster.acting else []
    return [service for service in found if service.get("labels", {}).get(stack.LABEL) == "minio"]


def running_images(cluster: Cluster) -> list[str]:
    """What the services run: one image, but for an update that was interrupted."""
    return sorted({service["image"] for service in services(cluster)})


def choose_image(cluster: Cluster) -> ImageChoice:
    """The image by its source; what cannot be is said here, before anything is changed."""
    source = cluster.settings.get("image_source") or "build"
    if source not in SOURCES:
        return ImageChoice(violations=[f'minio_image_source: "{source}" is unknown; allowed: {", ".join(SOURCES)}'])
    if source in NEEDED and not cluster.settings.get(NEEDED[source].removeprefix("minio_")):
        return ImageChoice(violations=[f"{NEEDED[source]}: is not set, and minio_image_source is {source}; give it"])
    return {"build": _made, "binary": _made, "archive": _archive, "registry": _registry}[source](cluster)


def _made(cluster: Cluster) -> ImageChoice:
    """Compiled or put together by us: one that is there and carries the release is not made again."""
    try:
        release = _release(cluster)
    except InputError as error:
        return ImageChoice(violations=error.violations)
    running = services(cluster)
    if running:
        if {service.get("labels", {}).get(RELEASE_LABEL) for service in running} == {release}:
            images = running_images(cluster)
            consented = cluster.settings.get("image_consent")
            if len(images) == 1 and consented in (None, "", images[0]):
                return ImageChoice(images[0], release)
        return ImageChoice(None, release, make=True)
    common = _common_image(cluster, release)
    return ImageChoice(common, release, make=common is None)


def expected_image(cluster: Cluster) -> str | None:
    """The image that is compiled of the defaults; None where the inventory asks for another one."""
    settings = cluster.settings
    made_of = {name: settings.get(name) for name in ("version", "mc_version", "go_version")}
    is_built = (settings.get("image_source") or "build") == "build"
    if not is_built or settings.get("ca_certificates") or not all(made_of.values()):
        return None
    architecture = ARCHITECTURES.get(next(iter(architectures(cluster)), ""), "")
    programs = (Program(MINIO, str(made_of["version"])), Program(MC, str(made_of["mc_version"])))
    return Build(str(made_of["go_version"]), architecture, programs).expected


def architectures(cluster: Cluster) -> list[str]:
    """What the hosts that were seen call theirs, each once."""
    return list(dict.fromkeys(host.facts["architecture"] for host in _seen(cluster) if host.facts.get("architecture")))


def _release(cluster: Cluster) -> str:
    if cluster.settings.get("image_source") in (None, "build"):
        return Program(MINIO, str(cluster.settings.get("version") or MINIO_VERSION)).release
    release = cluster.settings.get("image_release")
    if not release:
        raise InputError(
            "minio_image_release: is not set; say which release the binary is, for example RELEASE.2026-01-01"
        )
    return str(release)


def _common_image(cluster: Cluster, release: str) -> str | None:
    """An image of the release that every host has already: of a run that was interrupted, or loaded by hand."""
    held = [
        {image["id"] for image in host.facts.get("images", []) if image["labels"].get(RELEASE_LABEL) == release}
        for host in _seen(cluster)
    ]
    common = set.intersection(*held) if held else set()
    return min(common, default=None)


def _archive(cluster: Cluster) -> ImageChoice:
    try:
        image = image_archive.pick(str(cluster.settings["image_archive"]), None)
    except InputError as error:
        return ImageChoice(violations=[f"minio_image_archive: {sentence}" for sentence in error.violations])
    release = cluster.settings.get("image_release") or image.labels.get(RELEASE_LABEL) or "unknown"
    return _with_consent(cluster, ImageChoice(image.id, str(release)))


def _registry(cluster: Cluster) -> ImageChoice:
    image = str(cluster.settings["image"])
    if not BY_DIGEST.fullmatch(image):
        return ImageChoice(
            violations=[
                f'minio_image: "{image}" is not named by digest, and a tag may be another image tomorrow; '
                "give name@sha256:…"
            ]
        )
    return _with_consent(cluster, ImageChoice(image, str(cluster.settings.get("image_release") or "unknown")))


def _with_consent(cluster: Cluster, choice: ImageChoice) -> ImageChoice:
    sentence = consent(running_images(cluster), choice.image, cluster.settings.get("image_consent"))
    return ImageChoice(choice.image, choice.release, violations=[sentence] if sentence else [])


def consent(running: Sequence[str], wanted: str | None, given: str | None) -> str | None:
    """None where the wanted image may run; the reason where another one runs and nobody agreed."""
    if wanted is None or not running or set(running) <= {wanted} or given == wanted:
        return None
    return (
        f"MinIO runs the image {' and '.join(running)}, and this run would replace it by {wanted}, which restarts all "
        f"servers together; agree by minio_image_consent: {wanted}, or go back to what made the image that runs"
    )


def hosts_lacking(cluster: Cluster, image: str | None) -> list[str]:
    """The MinIO hosts of this run that do not have the image."""
    return [
        host.name
        for host in _seen(cluster)
        if image is None or image not in {held["id"] for held in host.facts.get("images", [])}
    ]


def _seen(cluster: Cluster) -> list[Host]:
    return [host for host in cluster.group("minio") if host.report is not None]
