# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What secrets and configs there are, and which services use them. A secret's hashes are not told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..engine import Engine
from .blob import FOREIGN, Kind, content_of, users_of, versions_of
from .fingerprint import LABEL

SPEC: dict[str, Any] = {
    "name": {"type": "list", "elements": "str"},
    "rolling_versions": {"type": "bool", "default": False},
}


def gather(kind: Kind, engine: Engine, params: Mapping[str, Any], _check_mode: bool) -> dict[str, Any]:
    """Two calls, however many there are."""
    listed = engine.call("GET", kind.path)
    users = users_of(kind, engine.call("GET", "/services"))
    found, missing = _named(params["name"], params["rolling_versions"], listed)
    result = {
        "changed": False,
        f"{kind.name}s": [_told(kind, one) for one in found],
        "users": {one["Spec"]["Name"]: users.get(one["ID"], []) for one in found},
        "missing": missing,
    }
    if not kind.hidden:
        result["contents"] = {one["Spec"]["Name"]: content_of(one).decode(errors="replace") for one in found}
    return result


def _named(
    names: Sequence[str] | None, rolling: bool, listed: Sequence[Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """By name or ID, in the order in which they are asked for; of rolling ones all versions, the newest last."""
    if names is None:
        return sorted(listed, key=lambda one: str(one["Spec"]["Name"])), []
    found: list[Mapping[str, Any]] = []
    missing = []
    for name in names:
        own = [one for one in listed if name in (one["Spec"]["Name"], one["ID"])]
        own += versions_of(name, listed) if rolling else []
        found += [one for one in own if one not in found]
        missing += [] if own else [name]
    return found, missing


def _told(kind: Kind, one: Mapping[str, Any]) -> dict[str, Any]:
    if not kind.hidden:
        return dict(one)
    labels = one["Spec"].get("Labels") or {}
    shown = {key: "(hidden)" if key in (LABEL, FOREIGN) else value for key, value in labels.items()}
    return {**one, "Spec": {**one["Spec"], "Labels": shown}}
