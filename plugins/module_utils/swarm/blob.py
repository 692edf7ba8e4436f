# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and configs: contents under a name. What is asked of one, and what there is.

A config's content can be read back and is compared. A secret's cannot: a salted label says whether it is the one that
is wanted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .. import fields
from ..errors import InputError
from ..rows import RECREATE, Field, Table
from ..units import TEXT_MAP
from ..versions import gate
from .fingerprint import LABEL, matches

# What community.docker writes: an unsalted hash, which a secret of ours never has and a config, whose content everybody
# may read, has as docker_config knows it by nothing else; and a version's number. It numbers the next version by that
# label, so a version of ours has it, too.
FOREIGN = "ansible_key"
FOREIGN_NUMBER = "ansible_version"
# The name that versions of a stack's object go by.
BASE_LABEL = "baremetal.overlay.base"
# On a copy of what is to replace an object: the name that it stands for.
REPLACES = "baremetal.overlay.replaces"
# Labels that say something to us or to docker_secret and docker_config; users neither see nor remove them.
OWN_LABELS = (LABEL, FOREIGN, FOREIGN_NUMBER, BASE_LABEL, REPLACES)
_NAME = re.compile(r"[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?")
_NAME_LENGTH = 64

ROWS = (
    Field("labels", "Labels", "dict", convert=TEXT_MAP),
    Field("template_driver", "Templating.Name", choices=("golang", ""), since=(1, 37), mutability=RECREATE),
    Field("template_options", "Templating.Options", "dict", convert=TEXT_MAP, since=(1, 37), mutability=RECREATE),
)


@dataclass(frozen=True)
class Kind:
    """``limit``: bytes that are too many. ``hidden``: the Engine never shows the content."""

    name: str
    table: Table
    limit: int
    hidden: bool

    @property
    def path(self) -> str:
        return f"/{self.name}s"


@dataclass(frozen=True)
class Asked:
    """What is wanted of the object; ``data`` is None where the content that is there is to stay."""

    name: str
    want: Mapping[str, Any]
    data: Optional[bytes]
    force: bool = False
    replace_labels: bool = False
    rolling: bool = False
    keep: int = -1


def spec(kind: Kind) -> dict[str, Any]:
    return {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
        "data": {"type": "str", "no_log": kind.hidden},
        "data_is_b64": {"type": "bool", "default": False},
        "data_src": {"type": "path"},
        "labels_state": {"type": "str", "choices": ["merge", "replace"], "default": "merge"},
        "force": {"type": "bool", "default": False},
        "rolling_versions": {"type": "bool", "default": False},
        "versions_to_keep": {"type": "int", "default": 5},
        **fields.spec(kind.table),
    }


# --- what is asked for --------------------------------------------------------------------------------------------


def asked_of(kind: Kind, params: Mapping[str, Any], api_version: tuple[int, int]) -> Asked:
    """All violations at once, before anything is read from the cluster."""
    if params["state"] == "absent":
        return Asked(params["name"], {}, None, rolling=params["rolling_versions"])
    violations: list[str] = []
    want: dict[str, Any] = {}
    data: Optional[bytes] = None
    try:
        want = fields.build(kind.table, params)
    except InputError as error:
        violations += error.violations
    try:
        data = data_of(kind, params)
    except InputError as error:
        violations += error.violations
    violations += [*gate(kind.table, want, api_version), *_impossible(kind, params["name"], data)]
    if violations:
        raise InputError(violations)
    return Asked(
        params["name"],
        want,
        data,
        force=params["force"],
        replace_labels=params["labels_state"] == "replace",
        rolling=params["rolling_versions"],
        keep=params["versions_to_keep"],
    )


def data_of(kind: Kind, params: Mapping[str, Any]) -> Optional[bytes]:
    where = f'{kind.name} "{params["name"]}"'
    if params["data_src"] is not None:
        try:
            content = Path(params["data_src"]).read_bytes()
        except OSError as error:
            raise InputError(
                f"{where}: data_src {params['data_src']} cannot be read on this host: {error.strerror}"
            ) from error
    elif params["data"] is not None:
        content = str(params["data"]).encode()
    else:
        return None
    if not params["data_is_b64"] or params["data_src"] is not None:
        return content
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        # The error would quote the data.
        raise InputError(f"{where}: data is not Base64; encode it, or drop data_is_b64") from error


def _impossible(kind: Kind, name: str, data: Optional[bytes]) -> Iterable[str]:
    if not _NAME.fullmatch(name) or len(name) > _NAME_LENGTH:
        yield (
            f'{kind.name} "{name}": the name must be letters, digits, "-", "_" and ".", begin and end with a letter or '
            f"digit, and have at most {_NAME_LENGTH} characters"
        )
    if data is not None and not 0 < len(data) < kind.limit:
        yield f'{kind.name} "{name}": its data has {len(data)} bytes; 1 to {kind.limit - 1} are possible'


# --- what is there ------------------------------------------------------------------------------------------------


def versions_of(name: str, listed: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The objects ``<name>_v<number>``, oldest first. The Engine's filter finds all names that begin like it."""
    found = [(number_of(name, one["Spec"]["Name"]), one) for one in listed]
    return [one for number, one in sorted(found, key=lambda pair: pair[0]) if number]


def number_of(name: str, version: str) -> int:
    """0 for what is no version of this name."""
    found = re.fullmatch(re.escape(name) + r"_v([1-9]\d*)", version)
    return int(found.group(1)) if found else 0


def holds(kind: Kind, live: Mapping[str, Any], data: bytes) -> Optional[bool]:
    """Whether the object holds this content; None where nothing tells."""
    return told_by_labels(live["Spec"].get("Labels"), data) if kind.hidden else content_of(live) == data


def told_by_labels(labels: Optional[Mapping[str, str]], data: bytes) -> Optional[bool]:
    """The same of an object whose content the Engine never shows."""
    labels = labels or {}
    if LABEL in labels:
        return matches(labels[LABEL], data)
    if FOREIGN in labels:
        return hmac.compare_digest(foreign(data), labels[FOREIGN])
    return None


def foreign(data: bytes) -> str:
    """The hash by which docker_secret and docker_config recognise a content."""
    return hashlib.sha224(data).hexdigest()


def content_of(live: Mapping[str, Any]) -> bytes:
    return base64.b64decode(live["Spec"].get("Data") or "")


def shown(kind: Kind, data: Optional[bytes]) -> Any:
    """A config's content as a diff prints it: by lines, so that the one that differs can be seen."""
    if data is None or kind.hidden:
        return "(hidden)" if data is not None else None
    try:
        lines = data.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        return f"({len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()})"
    return lines[0] if len(lines) == 1 else lines


def users_of(kind: Kind, services: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Object ID → the names of the services that use it."""
    found: dict[str, set[str]] = {}
    word = kind.name.capitalize()
    for service in services:
        container = service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}
        used = {one.get(f"{word}ID") for one in container.get(f"{word}s") or []}
        # A credential spec, too, may be a config.
        used.add(((container.get("Privileges") or {}).get("CredentialSpec") or {}).get("Config"))
        for ident in used - {None, ""}:
            found.setdefault(str(ident), set()).add(service["Spec"]["Name"])
    return {ident: sorted(names) for ident, names in found.items()}


def read(kind: Kind, live: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the object, without the labels that are ours."""
    have = fields.read(kind.table, live["Spec"])
    return {**have, "labels": {key: one for key, one in have["labels"].items() if key not in OWN_LABELS}}
