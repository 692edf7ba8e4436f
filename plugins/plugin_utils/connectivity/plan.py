# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each host has to probe, once it is known what each one is."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.checks import LAYERS
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import View


def draw(view: View) -> dict[str, dict[str, Any]]:
    """The options of the module ``probe`` for every host that answered."""
    probers = {member.name: member.address for member in view.present}
    reached = {
        "endpoints": [url for url in view.endpoints.values() if url not in view.excused],
        "clients": [url for url in view.clients if url not in view.excused],
    }
    found: dict[str, dict[str, Any]] = {
        member.name: {"probes": [], "probers": probers, "store": _store(view, member.name), **reached}
        for member in view.present
    }
    # One host has the client look: the manager that signs for it, or any, for what takes no credentials.
    visits = view.keeper or next(iter(view.present), None)
    if visits:
        found[visits.name]["visits"] = True
    for layer in LAYERS:
        for name, probe in layer.probes(view):
            if name in found:
                found[name]["probes"].append(probe)
    return found


def _store(view: View, name: str) -> str | None:
    """One manager looks at S3, the others only remove what they offered; without the check's user, health is left."""
    offering = [member.name for member in view.present if member.offer is not None]
    if name not in offering:
        return None
    if view.keeper and view.keeper.name == name:
        return "health" if (view.keeper.offer or {}).get("error") else "examine"
    failed = any(member.name == name and (member.offer or {}).get("error") for member in view.present)
    return None if failed else "clear"
