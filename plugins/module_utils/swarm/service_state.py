# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One service on a live engine: what is named is made so, what is not named stays; then it is waited for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from .. import fields
from ..engine import Engine
from ..errors import InputError
from ..rows import Change, Refs
from ..versions import gate
from . import rollout
from .converge import needs_waiting
from .service import TABLE, same_image

REFERRED = ("network", "secret", "config")
UNCHANGED_REPLICAS = -1


def run(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """The module ``service``."""
    name = params["name"]
    found = engine.call("GET", "/services", query={"status": True, "filters": {"name": [name]}})
    live = next((one for one in found if one["Spec"]["Name"] == name), None)
    if params["state"] == "absent":
        return _absent(engine, params, live, check_mode)
    want = fields.build(TABLE, options_of(params))
    violations = gate(TABLE, want, engine.api_version)
    if live is None and not want.get("image"):
        violations.append(f'service "{name}" does not exist and cannot be made without an image; give option "image"')
    if violations:
        raise InputError(violations)
    refs = _references(engine, want, check_mode)
    have = fields.read(TABLE, live["Spec"], refs) if live else None
    if have and want.get("image"):
        want["image"] = same_image(want["image"], have["image"])
    changes = fields.diff(TABLE, want, have)
    service_id, rebuilt = (live or {}).get("ID"), any(change.recreate for change in changes) and live is not None
    changed = bool(changes) or live is None or params["force_update"]
    if changed and not check_mode:
        service_id = _apply(engine, params, live, want, refs, rebuilt)
    if service_id and params["wait"] and not check_mode and (changed or needs_waiting(live or {})):
        rollout.follow(engine, {service_id: changed}, params["wait_timeout"])
    return {
        "changed": changed,
        "changes": [change.option for change in changes] + ["force_update"] * params["force_update"],
        "rebuilt": rebuilt,
        "diff": fields.as_diff(changes),
        "swarm_service": _after(engine, live, want, refs, service_id, changed, check_mode),
    }


def options_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the table: files of variables read, docker_swarm_service's -1 replicas taken for not given."""
    options = dict(params)
    if options.get("replicas") == UNCHANGED_REPLICAS:
        options["replicas"] = None
    if options.get("env_files"):
        variables: dict[str, str] = {}
        for path in options["env_files"]:
            variables.update(_variables(path))
        given = fields.build(TABLE, {"env": options["env"]})["env"] if options.get("env") is not None else []
        variables.update(dict(line.partition("=")[::2] for line in given))
        options["env"] = variables
    return options


def _variables(path: str) -> dict[str, str]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'option "env_files": {path} cannot be read on this host: {error}') from error
    stripped = [line.strip() for line in lines]
    return dict(line.partition("=")[::2] for line in stripped if line and not line.startswith("#"))


def _references(engine: Engine, want: Mapping[str, Any], check_mode: bool) -> Refs:
    """Lists only of what is named. A prediction takes what does not exist yet as made by then."""
    wanted = {
        kind: [one["name" if kind == "network" else f"{kind}_name"] for one in want.get(f"{kind}s", [])]
        for kind in REFERRED
    }
    refs = rollout.references(engine, [kind for kind in REFERRED if f"{kind}s" in want], wanted["network"])
    if check_mode:
        for kind, names in wanted.items():
            for name in names:
                rollout.expect(refs, kind, name)
    return refs


def _apply(
    engine: Engine,
    params: Mapping[str, Any],
    live: Optional[dict[str, Any]],
    want: dict[str, Any],
    refs: Refs,
    rebuilt: bool,
) -> str:
    headers = rollout.login(params["with_registry_auth"], want.get("image", ""))
    if live is None:
        return rollout.create(engine, want, refs, headers)
    if not rebuilt:
        rollout.update(engine, live, want, refs, params["force_update"], headers)
        return str(live["ID"])
    # A service cannot change its mode: the same service is made anew once nothing of it holds on to ports and names.
    body = fields.merge(TABLE, live["Spec"], want, refs)
    rollout.remove(engine, live["ID"])
    rollout.await_gone(engine, [live], params["wait_timeout"])
    return str(engine.call("POST", "/services/create", body=body, headers=headers)["ID"])


def _after(
    engine: Engine,
    live: Optional[dict[str, Any]],
    want: Mapping[str, Any],
    refs: Refs,
    service_id: Optional[str],
    changed: bool,
    check_mode: bool,
) -> dict[str, Any]:
    """The Engine's own inspect; of a prediction the live object with the specification that it would have."""
    if not changed:
        return live or {}
    if check_mode:
        return {**(live or {}), "Spec": fields.merge(TABLE, (live or {}).get("Spec"), want, refs)}
    return dict(engine.call("GET", f"/services/{service_id}", query={"insertDefaults": True}))


def _absent(
    engine: Engine, params: Mapping[str, Any], live: Optional[dict[str, Any]], check_mode: bool
) -> dict[str, Any]:
    result = {"changed": live is not None, "changes": [], "rebuilt": False, "swarm_service": {}}
    if live is None:
        return result
    if not check_mode:
        rollout.remove(engine, live["ID"])
        if params["wait"]:
            rollout.await_gone(engine, [live], params["wait_timeout"])
    return {**result, "diff": fields.as_diff([Change("exists", True, False)])}
