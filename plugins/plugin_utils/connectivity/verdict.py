# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen, as one result: the verdict first, then every layer's cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.checks import LAYERS
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    NOT_RUN,
    PASS,
    Cell,
    Layer,
    Member,
    View,
)

SCHEMA_VERSION = 1
STATUSES = (PASS, FAIL, NOT_RUN)


def judge(view: View, started: str, seconds: float) -> dict[str, Any]:
    """The result of a run; ``pass`` needs something that passed and nothing that failed."""
    layers = [_layer(layer, list(layer.cells(view))) for layer in LAYERS if layer.exists(view)]
    counts = {status: sum(layer["counts"][status] for layer in layers) for status in STATUSES}
    verdict = PASS if counts[PASS] and not counts[FAIL] else FAIL
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": verdict,
        "complete": not counts[NOT_RUN],
        "sentence": say(counts),
        "counts": counts,
        "failures": [cell["detail"] for layer in layers for cell in layer["cells"] if cell["status"] == FAIL],
        "started": started,
        "seconds": round(seconds, 1),
        "run": view.run,
        "hosts": [_host(member) for member in view.members],
        "layers": layers,
    }


def say(counts: dict[str, int]) -> str:
    """The counts in a sentence."""
    total = sum(counts.values())
    ran = total - counts[NOT_RUN]
    aside = f"; {counts[NOT_RUN]} could not be run" if counts[NOT_RUN] else ""
    if not ran:
        return f"none of {total} checks could be run"
    if counts[FAIL]:
        return f"{counts[FAIL]} of {ran} checks failed{aside}"
    return f"all {ran} checks passed{aside}"


def _layer(layer: Layer, cells: Iterable[Cell]) -> dict[str, Any]:
    cells = list(cells)
    counted = Counter(cell.status for cell in cells)
    status = FAIL if counted[FAIL] else PASS if counted[PASS] else NOT_RUN
    return {
        "name": layer.name,
        "title": layer.title,
        "question": layer.question,
        "remedy": layer.remedy,
        "matrix": layer.matrix,
        "status": status,
        "counts": {status: counted[status] for status in STATUSES},
        "cells": [
            {
                "check": cell.check,
                "from": cell.source,
                "to": cell.target,
                "status": cell.status,
                "value": cell.value,
                "detail": cell.detail,
            }
            for cell in cells
        ],
    }


def _host(member: Member) -> dict[str, Any]:
    """What is shown of a host beside its cells."""
    shown = {key: member.sight.get(key) for key in ("kernel", "python", "interface", "mtu", "engine")}
    return {"name": member.name, "address": member.address, "groups": sorted(member.groups), **shown}
