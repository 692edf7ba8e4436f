# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object of the swarm is to be while there is none: between removing it and making it anew.

It is kept in a config, which outlives the run that removed the object. The label says what it is about.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Optional

from ..engine import Engine
from ..errors import NotFound


def find(engine: Engine, label: str, name: str) -> Optional[dict[str, Any]]:
    """The newest one; None where nothing is unfinished."""
    found = _records(engine, label, name)
    return dict(json.loads(base64.b64decode(found[-1]["Spec"]["Data"]))) if found else None


def note(engine: Engine, label: str, name: str, what: Mapping[str, Any]) -> None:
    """An earlier record goes once the new one is there."""
    before = _records(engine, label, name)
    text = json.dumps(what, sort_keys=True)
    if not before or json.loads(base64.b64decode(before[-1]["Spec"]["Data"])) != what:
        # A config's name is short and of few characters; an object's need not be.
        config = f"{label}.{hashlib.sha256(f'{name} {text}'.encode()).hexdigest()[:24]}"
        data = base64.b64encode(text.encode()).decode()
        engine.call("POST", "/configs/create", {"Name": config, "Labels": {label: name}, "Data": data})
        _remove(engine, before)


def forget(engine: Engine, label: str, name: str) -> None:
    _remove(engine, _records(engine, label, name))


def _remove(engine: Engine, records: list[dict[str, Any]]) -> None:
    for one in records:
        with suppress(NotFound):
            engine.call("DELETE", f"/configs/{one['ID']}")


def _records(engine: Engine, label: str, name: str) -> list[dict[str, Any]]:
    """The newest last."""
    found = engine.call("GET", "/configs", query={"filters": {"label": [f"{label}={name}"]}})
    return sorted(found, key=lambda one: str(one.get("CreatedAt", "")))
