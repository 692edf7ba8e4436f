# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several Compose definitions become one, as the docker CLI merges them: later ones override earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

# A list of key=value and a mapping say the same: both become mappings before they are merged.
PAIRS = ("environment", "labels", "sysctls")
REPLACED = ("command", "entrypoint", "test", "aliases")
# Of these an entry is one thing: the later definition's stands for the earlier one's.
WHOLE = ("networks", "volumes", "secrets", "configs")


def merge_definitions(definitions: list[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for definition in definitions:
        whole = {key: {**merged[key], **definition[key]} for key in WHOLE
                 if isinstance(merged.get(key), Mapping) and isinstance(definition.get(key), Mapping)}  # fmt: skip
        merged = {**_merge(merged, definition), **whole}
    return merged


def _merge(base: Any, override: Any, key: str = "") -> Any:
    if override is None:
        return base
    if key in PAIRS:
        base, override = _mapping(base), _mapping(override)
    elif key == "extra_hosts":
        base, override = _hosts(base), _hosts(override)
    elif key in SCALAR_OR_LIST:
        base, override = _listed(base), _listed(override)
    elif key == "networks":
        base, override = _names(base), _names(override)
    if isinstance(base, Mapping) and isinstance(override, Mapping):
        if key == "logging" and _other_driver(base, override):
            return dict(override)
        return {
            name: _merge(base.get(name), override.get(name), name) if name in base else override[name]
            for name in [*base, *(name for name in override if name not in base)]
        }
    if isinstance(base, list) and isinstance(override, list) and key not in REPLACED:
        if key not in IDENTITY:
            return [*base, *(entry for entry in override if entry not in base)]
        replaced = {IDENTITY[key](entry) for entry in override}
        return [*(entry for entry in base if IDENTITY[key](entry) not in replaced), *override]
    return override


def _other_driver(base: Mapping[str, Any], override: Mapping[str, Any]) -> bool:
    """Options of one log driver mean nothing to another."""
    return "driver" in override and override["driver"] != base.get("driver", override["driver"])


def _hosts(value: Any) -> Any:
    """A name may have two addresses."""
    return [f"{name}:{address}" for name, address in value.items()] if isinstance(value, Mapping) else value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _mapping(value: Any) -> Any:
    if not isinstance(value, (list, tuple)) or not all(isinstance(entry, str) for entry in value):
        return value
    split = [entry.partition("=") for entry in value]
    return {key: rest if found else None for key, found, rest in split}


def _names(value: Any) -> Any:
    listed = isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)
    return dict.fromkeys(value) if listed else value


def _source(entry: Any) -> str:
    return str(entry.get("source", "")) if isinstance(entry, Mapping) else str(entry)


def _port(entry: Any) -> str:
    """Published ports are what two definitions can disagree about; where Swarm chooses them, those inside."""
    if isinstance(entry, Mapping):
        outside, inside, protocol = entry.get("published"), entry.get("target"), entry.get("protocol")
    else:
        ports, _slash, protocol = str(entry).partition("/")
        outside, _colon, inside = ports.rpartition(":")
    return f"{outside or f'any:{inside}'}/{str(protocol or 'tcp').lower()}"


def _volume(entry: Any) -> str:
    if isinstance(entry, Mapping):
        return str(entry.get("target", ""))
    parts = str(entry).split(":")
    return parts[1] if len(parts) > 1 else parts[0]


SCALAR_OR_LIST = ("dns", "dns_search", "tmpfs")
IDENTITY: dict[str, Callable[[Any], str]] = {
    "ports": _port,
    "volumes": _volume,
    "secrets": _source,
    "configs": _source,
}
