# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether every host of the inventory took part."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    FAIL,
    NOT_RUN,
    PASS,
    Cell,
    Layer,
    View,
)

LEFT_OUT = "was left out of this run"


def cells(view: View) -> Iterator[Cell]:
    """A host that does not answer is a failure; one that was left out is not."""
    for member in view.members:
        if member.absence:
            status = NOT_RUN if member.absence == LEFT_OUT else FAIL
            yield Cell("answers", member.name, "Ansible", status, "", f"{member.name} {member.absence}")
        else:
            yield Cell("answers", member.name, "Ansible", PASS, "yes")
            error = member.sight.get("engine_error")
            detail = f"{member.name}: {error}" if error else ""
            yield Cell("engine", member.name, "Engine", FAIL if error else PASS, "" if error else "yes", detail)
            swarm = member.sight.get("swarm")
            if not error:
                found = "" if swarm == "active" else f"{member.name}: its swarm is {swarm}; it has to be active"
                yield Cell("swarm", member.name, "Swarm", FAIL if found else PASS, swarm or "", found)


LAYER = Layer(
    name="hosts",
    title="Hosts",
    question="Every host of the inventory answers, and so does its engine.",
    remedy="look at the host itself: power, ssh, its engine's unit",
    cells=cells,
    matrix=False,
)
