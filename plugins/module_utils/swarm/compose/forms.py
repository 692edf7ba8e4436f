# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The short and long forms that a Compose definition has for ports, volumes, secrets and the like, as options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Optional

from .values import (
    Key,
    Place,
    choice,
    duration,
    file_mode,
    kind,
    pairs,
    section,
    size,
    take,
    text,
    texts,
    truth,
    whole,
)

RESTART = re.compile(r"no|always|unless-stopped|(?P<failure>on-failure)(?::(?P<tries>\d+))?")
PROPAGATIONS = ("private", "rprivate", "shared", "rshared", "slave", "rslave")
RECURSIONS: dict[str, dict[str, bool]] = {
    "enabled": {},
    "disabled": {"non_recursive": True},
    "writable": {"read_only_non_recursive": True},
    "readonly": {"read_only_force_recursive": True},
}
CONSISTENCY = "it is for machines that are not Linux, and the Engine forgets it"


def health_test(place: Place) -> Optional[list[str]]:
    return ["CMD-SHELL", place.value] if isinstance(place.value, str) else texts(place)


def health(place: Place) -> dict[str, Any]:
    taken = take(place, HEALTHCHECK)
    if not taken.pop("disable", False):
        return taken
    if taken:
        place.fail(f"disable: true stands beside {', '.join(sorted(taken))}; give one or the other")
    return {"test": ["NONE"]}


def ulimits(place: Place) -> list[dict[str, Any]]:
    limits = []
    for name, entry in place.items():
        if isinstance(entry.value, Mapping):
            both = take(entry, {"soft": Key(whole), "hard": Key(whole)})
            if len(both) < 2:
                entry.fail("needs both soft and hard")
            limits.append({"name": name, **both})
        else:
            limit = whole(entry)
            limits.append({"name": name, "soft": limit, "hard": limit})
    return limits


def hosts(place: Place) -> list[str]:
    """``name:address`` (or ``name=address``, as newer loaders write it), as lines of a hosts file."""
    if not isinstance(place.value, (list, tuple)):
        return [f"{address} {name}" for name, address in pairs(place).items()]
    found = []
    for entry in place.entries():
        said = entry.value if isinstance(entry.value, str) else ""
        name, separator, address = re.sub(r"^([^:=]+)=", r"\1:", said).partition(":")
        if not separator or not address:
            entry.fail(f"is {entry.value!r}; give name:address")
        found.append(f"{address.strip('[]')} {name}")
    return found


def restart(place: Place) -> Optional[dict[str, Any]]:
    """The docker CLI says that it ignores this, and takes it where there is no deploy.restart_policy."""
    written = "no" if place.value is False else place.value
    found = RESTART.fullmatch(written) if isinstance(written, str) else None
    if not found:
        place.fail(f"is {written!r}; give deploy.restart_policy instead")
        return None
    place.ignore("is not a key of Swarm; without deploy.restart_policy it is taken for one: give that instead")
    if written == "no":
        return None
    if not found["failure"]:
        return {"condition": "any"}
    return {"condition": "on-failure", **({"max_attempts": int(found["tries"])} if found["tries"] else {})}


def mounts(place: Place) -> list[dict[str, Any]]:
    found = []
    for entry in place.entries():
        mount = _long_mount(entry) if isinstance(entry.value, Mapping) else _short_mount(entry)
        if mount:
            found.append(mount)
    return found


def _long_mount(entry: Place) -> Optional[dict[str, Any]]:
    taken = take(entry, VOLUMES)
    mount_type, target = taken.get("type"), taken.get("target")
    if not target or not mount_type:
        entry.fail("needs a type and a target")
        return None
    for other in ("bind", "volume", "tmpfs", "image"):
        if other in taken and other != mount_type:
            entry.fail(f"{other} options do not go with type {mount_type}")
    if mount_type == "tmpfs" and "source" in taken:
        entry.fail("a tmpfs has no source")
    if mount_type in ("bind", "npipe", "cluster", "image") and not taken.get("source"):
        entry.fail(f"type {mount_type} needs a source")
    mount: dict[str, Any] = {key: taken[key] for key in ("type", "source", "target") if key in taken}
    if "read_only" in taken:
        mount["readonly"] = taken["read_only"]
    mount.update(taken.get(mount_type) or {})
    return _checked_mount(entry, mount)


def _short_mount(entry: Place) -> Optional[dict[str, Any]]:
    if not isinstance(entry.value, str) or not entry.value:
        entry.fail(f"is {kind(entry.value)}; give source:target or a mapping")
        return None
    parts = entry.value.split(":")
    if len(parts) == 1:
        return _checked_mount(entry, {"type": "volume", "target": parts[0]})
    source, target, words_after = parts[0], parts[1], ":".join(parts[2:]).split(",")
    bind = source.startswith(("/", ".", "~"))
    mount: dict[str, Any] = {"type": "bind" if bind else "volume", "source": source, "target": target}
    for word in filter(None, words_after):
        if word in ("ro", "rw"):
            mount["readonly"] = word == "ro"
        elif word == "nocopy" and not bind:
            mount["no_copy"] = True
        elif word in PROPAGATIONS and bind:
            mount["propagation"] = word
        elif word in ("consistent", "cached", "delegated"):
            entry.ignore(f'"{word}" has no effect in Swarm ({CONSISTENCY})')
        else:
            entry.fail(f'"{word}" is not an option of a {mount["type"]} mount in Swarm')
    return _checked_mount(entry, mount)


def _checked_mount(entry: Place, mount: dict[str, Any]) -> dict[str, Any]:
    if not mount["target"].startswith("/"):
        entry.fail(f'target "{mount["target"]}" is not an absolute path')
    if mount["type"] == "bind" and not str(mount.get("source", "/")).startswith("/"):
        entry.fail(f'"{mount["source"]}" is a relative path, which means nothing on a node; give an absolute one')
    return mount


def bind(place: Place) -> dict[str, Any]:
    taken = take(place, BIND)
    taken.pop("create_host_path", None)
    return {**{key: one for key, one in taken.items() if key != "recursive"},
            **RECURSIONS.get(str(taken.get("recursive")), {})}  # fmt: skip


def creates(place: Place) -> None:
    """Docker Compose writes it beside every bind mount; only what is false is what Swarm does."""
    if truth(place):
        place.ignore("has no effect in Swarm (the path has to be on every node that runs the service)")


def tmpfs(place: Place) -> list[dict[str, Any]]:
    """``/run`` or ``/run:size=64m,mode=1777``."""
    found = []
    for written in [place.value] if isinstance(place.value, str) else texts(place):
        target, _colon, options = written.partition(":")
        mount: dict[str, Any] = {"type": "tmpfs", "target": target}
        for option in filter(None, options.split(",")):
            name, _equals, value = option.partition("=")
            if name == "size":
                mount["tmpfs_size"] = size(place.at(target, value))
            elif name == "mode":
                mount["tmpfs_mode"] = file_mode(place.at(target, value))
            else:
                place.fail(f'"{option}" is not an option of a tmpfs in Swarm; allowed: size, mode')
        found.append(_checked_mount(place, mount))
    return found


def references(place: Place) -> list[dict[str, Any]]:
    """Secrets and configs of a service: ``source`` names the entry at the top level."""
    found = []
    for entry in place.entries():
        if isinstance(entry.value, str):
            found.append({"source": entry.value, "path": entry})
            continue
        taken = take(entry, REFERENCE)
        if "source" not in taken:
            entry.fail("has no source")
            continue
        found.append({**taken, "path": entry})
    return found


def networks(place: Place) -> dict[str, dict[str, Any]]:
    if isinstance(place.value, (list, tuple)):
        return {name: {} for name in texts(place)}
    return {name: take(entry, NETWORK) if entry.value is not None else {} for name, entry in place.items()}


def generic_resources(place: Place) -> list[dict[str, Any]]:
    inner = section({"kind": Key(text), "value": Key(whole)})
    taken = [take(entry, {"discrete_resource_spec": Key(inner)}) for entry in place.entries()]
    return [one["discrete_resource_spec"] for one in taken if "discrete_resource_spec" in one]


def preferences(place: Place) -> list[dict[str, str]]:
    return [take(entry, {"spread": Key(text)}) for entry in place.entries()]


HEALTHCHECK = {
    "test": Key(health_test),
    "interval": Key(duration),
    "timeout": Key(duration),
    "start_period": Key(duration),
    "start_interval": Key(duration),
    "retries": Key(whole),
    "disable": Key(truth),
}
VOLUMES = {
    "type": Key(choice("bind", "volume", "tmpfs", "npipe", "cluster", "image")),
    "source": Key(text),
    "target": Key(text),
    "read_only": Key(truth),
    "consistency": Key(ignored=CONSISTENCY),
    "bind": Key(bind),
    "volume": Key(
        lambda place: {
            {"nocopy": "no_copy"}.get(key, key): value
            for key, value in take(place, {"nocopy": Key(truth), "subpath": Key(text)}).items()
        }
    ),
    "tmpfs": Key(
        lambda place: {
            f"tmpfs_{key}": value for key, value in take(place, {"size": Key(size), "mode": Key(file_mode)}).items()
        }
    ),
    "image": Key(lambda place: {f"image_{key}": value for key, value in take(place, {"subpath": Key(text)}).items()}),
}
BIND = {
    "propagation": Key(choice(*PROPAGATIONS)),
    "create_host_path": Key(creates),
    "selinux": Key(ignored="label the path on the nodes"),
    "recursive": Key(choice(*RECURSIONS)),
}
REFERENCE = {"source": Key(text), "target": Key(text), "uid": Key(text), "gid": Key(text), "mode": Key(file_mode)}
NO_ADDRESS = "Swarm chooses the addresses of tasks"
NETWORK = {
    "aliases": Key(texts),
    "driver_opts": Key(pairs),
    "ipv4_address": Key(ignored=NO_ADDRESS),
    "ipv6_address": Key(ignored=NO_ADDRESS),
    "mac_address": Key(ignored=NO_ADDRESS),
    "link_local_ips": Key(ignored=NO_ADDRESS),
    "priority": Key(ignored="Swarm has no order of networks"),
    "gw_priority": Key(ignored="Swarm has no order of networks"),
    "interface_name": Key(ignored="Swarm names the interfaces of tasks"),
}
