# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets. The Engine never shows a secret's data: a salted label says whether it is the one that is wanted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Optional

from .. import fields
from ..engine import Engine, retry_out_of_sequence
from ..errors import InputError, Refused
from ..rows import RECREATE, SUBSET, Change, Field
from ..units import TEXT_MAP
from ..versions import gate
from .fingerprint import LABEL, fingerprint, matches

# What community.docker writes: an unsalted hash. It is read, never written.
FOREIGN = "ansible_key"

TABLE = (
    Field("labels", "Labels", "dict", compare=SUBSET, convert=TEXT_MAP),
    Field("template_driver", "Templating.Name", since=(1, 37), mutability=RECREATE),
)

SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
    "data": {"type": "str", "no_log": True},
    "data_is_b64": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
    **fields.spec(TABLE),
}

OPTIONS: dict[str, Any] = {"required_if": [["state", "present", ["data"]]]}


def holds(labels: Optional[Mapping[str, str]], data: bytes) -> Optional[bool]:
    """Whether the labelled object holds this data; None where no label tells."""
    labels = labels or {}
    if LABEL in labels:
        return matches(labels[LABEL], data)
    if FOREIGN in labels:
        return hmac.compare_digest(hashlib.sha224(data).hexdigest(), labels[FOREIGN])
    return None


def data_of(params: Mapping[str, Any]) -> bytes:
    if not params["data_is_b64"]:
        return str(params["data"]).encode()
    try:
        return base64.b64decode(params["data"], validate=True)
    except (binascii.Error, ValueError) as error:
        # The error would quote the data.
        raise InputError(f'secret "{params["name"]}": data is not Base64; encode it, or drop data_is_b64') from error


def users_of(secret: Mapping[str, Any], services: list[dict[str, Any]]) -> list[str]:
    return sorted(
        service["Spec"]["Name"]
        for service in services
        for one in (service["Spec"]["TaskTemplate"].get("ContainerSpec") or {}).get("Secrets") or []
        if one.get("SecretID") == secret["ID"]
    )


def body_of(name: str, want: Mapping[str, Any], data: bytes) -> dict[str, Any]:
    body = fields.merge(TABLE, None, want)
    labels = {**(body.get("Labels") or {}), LABEL: fingerprint(data)}
    return {**body, "Name": name, "Labels": labels, "Data": base64.b64encode(data).decode()}


def converge(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    name = params["name"]
    want = fields.build(TABLE, params)
    data = data_of(params) if params["state"] == "present" else b""

    def attempt() -> dict[str, Any]:
        listed = engine.call("GET", "/secrets", query={"filters": {"name": [name]}})
        live = next((one for one in listed if one["Spec"]["Name"] == name), None)
        if params["state"] == "absent":
            return _absent(engine, name, live, check_mode)
        if live is None:
            changes = [Change("exists", False, True), *fields.diff(TABLE, want, None)]
            return _create(engine, name, want, data, changes, check_mode)
        return _change(engine, params, live, want, data, check_mode)

    unknown = gate(TABLE, want, engine.api_version) if want else []
    if unknown:
        raise InputError(unknown)
    return retry_out_of_sequence(attempt)


def _create(
    engine: Engine, name: str, want: Mapping[str, Any], data: bytes, changes: list[Change], check_mode: bool
) -> dict[str, Any]:
    ident = "" if check_mode else engine.call("POST", "/secrets/create", body_of(name, want, data))["ID"]
    return {"changed": True, "secret_id": ident, "diff": fields.as_diff(changes)}


def _change(
    engine: Engine,
    params: Mapping[str, Any],
    live: Mapping[str, Any],
    want: Mapping[str, Any],
    data: bytes,
    check_mode: bool,
) -> dict[str, Any]:
    have = fields.read(TABLE, live["Spec"])
    have["labels"] = {key: one for key, one in have["labels"].items() if key not in (LABEL, FOREIGN)}
    changes = fields.diff(TABLE, want, have)
    known = holds(live["Spec"].get("Labels"), data)
    if known is False or params["force"]:
        changes.append(Change("data", "(hidden)", "(hidden, another)"))
    elif not changes:
        unsure = (
            f'secret "{params["name"]}" has no label that tells its data; it was taken for equal: force replaces it'
        )
        return {"changed": False, "secret_id": live["ID"], "warnings": [unsure] if known is None else []}
    if known is False or params["force"] or any(change.recreate for change in changes):
        _unused(engine, params["name"], live, "replaced")
        if not check_mode:
            engine.call("DELETE", f"/secrets/{live['ID']}")
        full = {**want, "labels": {**have["labels"], **(want.get("labels") or {})}}
        return _create(engine, params["name"], full, data, changes, check_mode)
    if not check_mode:
        spec = fields.merge(TABLE, live["Spec"], want)
        engine.call("POST", f"/secrets/{live['ID']}/update", spec, query={"version": live["Version"]["Index"]})
    return {"changed": True, "secret_id": live["ID"], "diff": fields.as_diff(changes)}


def _absent(engine: Engine, name: str, live: Optional[Mapping[str, Any]], check_mode: bool) -> dict[str, Any]:
    if live is None:
        return {"changed": False, "secret_id": ""}
    _unused(engine, name, live, "removed")
    if not check_mode:
        engine.call("DELETE", f"/secrets/{live['ID']}")
    return {"changed": True, "secret_id": "", "diff": fields.as_diff([Change("exists", True, False)])}


def _unused(engine: Engine, name: str, live: Mapping[str, Any], what: str) -> None:
    users = users_of(live, engine.call("GET", "/services"))
    if users:
        raise Refused(
            f'secret "{name}" cannot be {what}: services {", ".join(users)} use it; '
            "make a secret of another name and give them that"
        )
