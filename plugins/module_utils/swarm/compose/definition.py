# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Compose definition as ``docker stack deploy`` understands it: services, networks, secrets and configs.

Pure. Every key is handled, warned about (docker ignores it) or refused; all problems of a definition come at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional, Union

from ...errors import InputError
from . import service
from .environment import Files, with_environment
from .merge import merge_definitions
from .names import check_names
from .values import Key, Place, Problems, pairs, section, take, text, truth
from .variables import interpolate

NAMESPACE_LABEL = "com.docker.stack.namespace"
IMAGE_LABEL = "com.docker.stack.image"
DEFAULT_NETWORK = "default"
# Networks that every engine has: services attached to them cannot have aliases there.
PREDEFINED = ("host", "bridge", "none", "nat")


@dataclass(frozen=True)
class Network:
    key: str
    name: str
    external: bool
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Blob:
    """A secret or a config: where its content comes from is for the caller to read."""

    key: str
    name: str
    external: bool
    labels: dict[str, str] = field(default_factory=dict)
    file: Optional[str] = None
    content: Optional[str] = None
    driver: Optional[dict[str, Any]] = None
    template_driver: Optional[str] = None


@dataclass(frozen=True)
class Definition:
    """Names are those in the cluster. ``services``: name → options of the module ``service``."""

    services: dict[str, dict[str, Any]]
    networks: dict[str, Network]
    secrets: dict[str, Blob]
    configs: dict[str, Blob]
    warnings: list[str]
    # Named, but attached to no service: not made, and not pruned either.
    unused: frozenset[str] = frozenset()

    def blobs(self) -> list[tuple[str, Blob]]:
        """Secrets and configs, each with its kind."""
        return [
            *(("secret", one) for one in self.secrets.values()),
            *(("config", one) for one in self.configs.values()),
        ]


@dataclass(frozen=True)
class Namespace:
    name: str
    prefix: bool = True

    def scope(self, key: str) -> str:
        """The name in the cluster. The network that nobody named keeps the prefix: "default" alone is nobody's."""
        return f"{self.name}_{key}" if self.prefix or key == DEFAULT_NETWORK else key

    def labels(self, labels: Optional[Mapping[str, str]]) -> dict[str, str]:
        return {**(labels or {}), NAMESPACE_LABEL: self.name}


@dataclass(frozen=True)
class Given:
    """What a run brings along: variables, the controller's files by their paths, images by their names."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    files: Files = field(default_factory=dict)
    image_map: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False


def convert(definitions: list[Mapping[str, Any]], namespace: Namespace, given: Optional[Given] = None) -> Definition:
    given = given or Given()
    problems = Problems(strict=given.strict)
    merged = merge_definitions([_filled(one, given, problems) for one in definitions])
    top = take(Place(merged, "", problems), TOP)
    volumes = {key: take(place, VOLUME) for key, place in _entries(top, "volumes")}
    networks = {key: _network(key, place, namespace) for key, place in _entries(top, "networks")}
    secrets = {key: _blob(key, place, SECRET, namespace) for key, place in _entries(top, "secrets")}
    configs = {key: _blob(key, place, CONFIG, namespace) for key, place in _entries(top, "configs")}
    networks.setdefault(DEFAULT_NETWORK, _network(DEFAULT_NETWORK, Place({}, "networks.default", problems), namespace))
    services: dict[str, dict[str, Any]] = {}
    used: set[str] = set()
    for key, place in _entries(top, "services"):
        options = service.options(place)
        used |= _attach(place, key, options, networks, namespace)
        _mount(place, options, volumes, namespace)
        _refer(options, "secrets", "secret_name", secrets)
        _refer(options, "configs", "config_name", configs)
        image = options.get("image") or ""
        # The label keeps the name that was written: from it docker sees whether the image changed.
        options["labels"] = {**namespace.labels(options.get("labels")), IMAGE_LABEL: image}
        options["image"] = given.image_map.get(image, image)
        options["container_labels"] = namespace.labels(options.get("container_labels"))
        services[namespace.scope(key)] = {"name": namespace.scope(key), **options}
    for key, place in _entries(top, "networks"):
        if key not in used:
            place.warn("is attached to no service; it is not made")
    _check_names(top, {"networks": networks, "secrets": secrets, "configs": configs}, namespace)
    if not services and not problems.errors:
        problems.errors.append("services: there is none; give at least one")
    if problems.errors:
        raise InputError(problems.errors)
    return Definition(
        services=services,
        networks={network.name: network for key, network in networks.items() if key in used},
        secrets={blob.name: blob for blob in secrets.values()},
        configs={blob.name: blob for blob in configs.values()},
        warnings=problems.warnings,
        unused=frozenset(network.name for key, network in networks.items() if key not in used),
    )


def _filled(definition: Mapping[str, Any], given: Given, problems: Problems) -> Any:
    filled = interpolate(Place(definition, "", problems), given.variables)
    return with_environment(Place(filled, "", problems), given.variables, given.files)


def _entries(top: Mapping[str, Any], kind: str) -> list[tuple[str, Place]]:
    return list(top[kind]) if kind in top else []


def _check_names(
    top: Mapping[str, Any], made: Mapping[str, Mapping[str, Union[Network, Blob]]], namespace: Namespace
) -> None:
    check_names("service", [(place, namespace.scope(key)) for key, place in _entries(top, "services")])
    for kind, ours in made.items():
        own = [(place, ours[key]) for key, place in _entries(top, kind) if not ours[key].external]
        check_names(kind[:-1], [(place, one.name) for place, one in own])


def _network(key: str, place: Place, namespace: Namespace) -> Network:
    taken = take(place, NETWORK)
    name, external = _name(key, place, taken, namespace)
    if external:
        return Network(key, name, True)
    # What Swarm assigns (subnets) may stay as it is; these are decided by the definition even where it is silent.
    options: dict[str, Any] = {
        "driver": "overlay", "attachable": False, "internal": False, "enable_ipv6": False, "driver_options": {},
    }  # fmt: skip
    options["labels"] = namespace.labels(taken.pop("labels", None))
    ipam = taken.pop("ipam", {})
    if ipam.get("config"):
        options["ipam_config"] = ipam["config"]
    if ipam.get("driver"):
        options["ipam_driver"] = ipam["driver"]
    if "driver_opts" in taken:
        options["driver_options"] = taken.pop("driver_opts")
    return Network(key, name, False, {**options, **taken})


def _blob(key: str, place: Place, table: Mapping[str, Key], namespace: Namespace) -> Blob:
    taken = take(place, table)
    name, external = _name(key, place, taken, namespace)
    if external:
        return Blob(key, name, True)
    sources = [source for source in ("file", "content", "driver") if source in taken]
    if len(sources) > 1:
        place.fail(f"has {' and '.join(sources)}; give one of them")
    driver = {"name": taken["driver"], "options": taken.get("driver_opts", {})} if "driver" in taken else None
    return Blob(
        key=key,
        name=name,
        external=False,
        labels=namespace.labels(taken.get("labels")),
        file=taken.get("file"),
        content=taken.get("content"),
        driver=driver,
        template_driver=taken.get("template_driver"),
    )


def _name(key: str, place: Place, taken: dict[str, Any], namespace: Namespace) -> tuple[str, bool]:
    """``external: true`` with or without a name, or the older ``external: {name: …}``."""
    external = taken.pop("external", False)
    name = taken.pop("name", None)
    if isinstance(external, Mapping):
        name, external = external.get("name", name), True
    if external and taken:
        place.fail(f"is external, so nothing but its name can be said of it; remove {', '.join(sorted(taken))}")
    return name or (key if external else namespace.scope(key)), bool(external)


def _attach(
    place: Place, key: str, options: dict[str, Any], networks: Mapping[str, Network], namespace: Namespace
) -> set[str]:
    """A service that names no network is on the stack's default one. Its short name is an alias everywhere."""
    wanted = options.pop("networks", None) or {DEFAULT_NETWORK: {}}
    attached = []
    for net, said in sorted(wanted.items()):
        network = networks.get(net)
        if network is None:
            known = ", ".join(sorted(set(networks) - {DEFAULT_NETWORK})) or "none"
            place.fail(f'network "{net}" is not among the top-level networks; there are: {known}')
            continue
        aliases = list(said.get("aliases", []))
        if key != namespace.scope(key) and network.name not in PREDEFINED and key not in aliases:
            aliases.append(key)
        attached.append({"name": network.name, "aliases": aliases, "options": said.get("driver_opts", {})})
    options["networks"] = sorted(attached, key=lambda one: one["name"])
    return set(wanted)


def _mount(place: Place, options: dict[str, Any], volumes: Mapping[str, Any], namespace: Namespace) -> None:
    for mount in options["mounts"]:
        source = mount.get("source")
        if mount["type"] not in ("volume", "cluster") or not source or source.startswith("group:"):
            continue
        if source not in volumes:
            known = ", ".join(sorted(volumes)) or "none"
            place.fail(f'volume "{source}" is not among the top-level volumes; there are: {known}')
            continue
        said = dict(volumes[source])
        mount["source"], external = _name(source, place, said, namespace)
        if external or mount["type"] == "cluster":
            continue
        mount["labels"] = namespace.labels(said.get("labels"))
        if "driver" in said or "driver_opts" in said:
            mount["driver_config"] = {"name": said.get("driver", ""), "options": said.get("driver_opts", {})}


def _refer(options: dict[str, Any], kind: str, name_option: str, blobs: Mapping[str, Blob]) -> None:
    references = []
    for said in options.pop(kind, []):
        blob = blobs.get(said["source"])
        if blob is None:
            known = ", ".join(sorted(blobs)) or "none"
            said["path"].fail(f'"{said["source"]}" is not among the top-level {kind}; there are: {known}')
            continue
        references.append(
            {
                name_option: blob.name,
                "filename": said.get("target", said["source"]),
                "uid": said.get("uid", "0"),
                "gid": said.get("gid", "0"),
                "mode": said.get("mode", 0o444),
            }
        )
    options[kind] = sorted(references, key=lambda one: (one[name_option], one["filename"]))


def _version(place: Place) -> Optional[str]:
    version = str(place.value)
    if version.partition(".")[0] != "3":
        place.fail(f'"{version}" is not a version that stacks know; give 3.x or leave it out')
    return version


def _external(place: Place) -> Any:
    return take(place, {"name": Key(text)}) if isinstance(place.value, Mapping) else truth(place)


def _configs_of_pool(place: Place) -> list[dict[str, Any]]:
    table = {
        "subnet": Key(text),
        "gateway": Key(text),
        "ip_range": Key(text),
        "aux_addresses": Key(pairs),
    }
    found = []
    for entry in place.entries():
        taken = take(entry, table)
        found.append({{"ip_range": "iprange"}.get(key, key): value for key, value in taken.items()})
    return found


NAMED = {"name": Key(text), "external": Key(_external)}
VOLUME = {
    **NAMED,
    "driver": Key(text),
    "driver_opts": Key(pairs),
    "labels": Key(pairs),
    "x-cluster-spec": Key(refused="cluster volumes are not made here; make it first and say external: true"),
}
NETWORK = {
    **NAMED,
    "driver": Key(text),
    "driver_opts": Key(pairs),
    "ipam": Key(section({"driver": Key(text), "config": Key(_configs_of_pool)})),
    "internal": Key(truth),
    "attachable": Key(truth),
    "enable_ipv6": Key(truth),
    "labels": Key(pairs),
}
SECRET = {
    **NAMED,
    "file": Key(text),
    "labels": Key(pairs),
    "driver": Key(text),
    "driver_opts": Key(pairs),
    "template_driver": Key(text),
    "environment": Key(refused="variables of whoever runs this are not read; give file, or the content in secret_data"),
    "content": Key(refused="a secret's content does not belong into a definition; give it in secret_data"),
}
CONFIG = {
    **NAMED,
    "file": Key(text),
    "content": Key(text),
    "labels": Key(pairs),
    "template_driver": Key(text),
    "environment": Key(refused="variables of whoever runs this are not read; give file or content"),
}
TOP = {
    "version": Key(_version),
    "name": Key(ignored="the stack's name is given beside the definition"),
    **{kind: Key(Place.items) for kind in ("services", "networks", "volumes", "secrets", "configs")},
}
