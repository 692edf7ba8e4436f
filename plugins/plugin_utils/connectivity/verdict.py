# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen, as one result: the verdict first, then every layer's cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity import swarm_advice
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.checks import LAYERS
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    NOT_RUN,
    PASS,
    UNKNOWN,
    WARN,
    Cell,
    Layer,
    Member,
    Reason,
    View,
    unrun,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.names import visible

# 2: the status "unknown" and the list of its reasons.
SCHEMA_VERSION = 2
STATUSES = (PASS, WARN, FAIL, UNKNOWN, NOT_RUN)


def judge(view: View, started: str, seconds: float) -> dict[str, Any]:
    """The result of a run; ``pass`` needs something that passed, and nothing that failed or is unknown."""
    layers = [_layer(layer, _cells(layer, view), layer.notes(view)) for layer in LAYERS if layer.exists(view)]
    counts = {status: sum(layer["counts"][status] for layer in layers) for status in STATUSES}
    good = counts[PASS] + counts[WARN]
    verdict = PASS if good and not counts[FAIL] and not counts[UNKNOWN] else FAIL
    result: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "verdict": verdict,
        "complete": not counts[NOT_RUN] and not counts[UNKNOWN],
        "sentence": say(counts),
        "counts": counts,
        "failures": _details(layers, FAIL),
        "warnings": list(dict.fromkeys(_details(layers, WARN))),
        # No check of anything that has to work, so it counts for nothing.
        "advice": swarm_advice.sentences(view),
        # One fault leaves many checks without a result, for the same reason.
        "unknown": list(dict.fromkeys(_details(layers, UNKNOWN))),
        "started": started,
        "seconds": round(seconds, 1),
        "run": view.run,
        "hosts": [_host(member) for member in view.members],
        "layers": layers,
    }
    # Terminals, files and statistics get it, and words of hosts are in it.
    shown: dict[str, Any] = visible(result)
    return shown


def say(counts: Mapping[str, int]) -> str:
    """The counts in a sentence."""
    total = sum(counts.values())
    ran = counts[PASS] + counts[WARN] + counts[FAIL]
    asides = {WARN: "with a warning", UNKNOWN: "could not be run", NOT_RUN: "not run, as asked for"}
    said = [f"{counts[status]} {words}" for status, words in asides.items() if counts[status]]
    if not ran:
        said = [f"none of {total} checks could be run"]
    elif counts[FAIL]:
        said = [f"{counts[FAIL]} of {ran} checks failed", *said]
    elif counts[UNKNOWN]:
        first = f"{counts[UNKNOWN]} of {total - counts[NOT_RUN]} checks could not be run"
        rest = [words for words in said if not words.endswith(asides[UNKNOWN])]
        said = [first, f"the other {ran} passed", *rest]
    else:
        said = [f"all {ran} checks passed", *said]
    return "; ".join(said)


def _cells(layer: Layer, view: View) -> list[Cell]:
    """The layer's cells; those that it has to have and that are missing are unknown."""
    cells = list(layer.cells(view))
    wanted = layer.expected(view)
    if len(cells) < wanted:
        cells.append(
            unrun("cells", layer.title, "all", Reason(f"{layer.title}: {len(cells)} checks have a result, of {wanted}"))
        )
    return cells


def _status(counted: Mapping[str, int]) -> str:
    """The worst that was seen; not run only where nothing was."""
    return next((status for status in (FAIL, UNKNOWN, WARN, PASS) if counted[status]), NOT_RUN)


def _layer(layer: Layer, cells: Sequence[Cell], notes: Sequence[str]) -> dict[str, Any]:
    counted = Counter(cell.status for cell in cells)
    status = _status(counted)
    return {
        "name": layer.name,
        "title": layer.title,
        "question": layer.question,
        "remedy": layer.remedy,
        "matrix": layer.matrix,
        "notes": list(notes),
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


def _details(layers: Sequence[Mapping[str, Any]], status: str) -> list[str]:
    return [cell["detail"] for layer in layers for cell in layer["cells"] if cell["status"] == status]


def _host(member: Member) -> dict[str, Any]:
    """What is shown of a host beside its cells."""
    shown = {key: member.sight.get(key) for key in ("kernel", "python", "interface", "mtu", "engine")}
    return {"name": member.name, "address": member.address, "groups": sorted(member.groups), **shown}
