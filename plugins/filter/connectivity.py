# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door between the role connectivity and its checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity import plan, verdict, view


def connectivity_plan(
    hostvars: Mapping[str, Any], groups: Mapping[str, Sequence[str]], ran: Sequence[str], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what each host has to probe."""
    return plan.draw(view.read(hostvars, groups, ran, settings))


def connectivity_verdict(
    hostvars: Mapping[str, Any], groups: Mapping[str, Sequence[str]], ran: Sequence[str], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the probes came to."""
    started = str(settings["started"])
    seconds = (datetime.now(timezone.utc) - datetime.fromisoformat(started)).total_seconds()
    return verdict.judge(view.read(hostvars, groups, ran, settings), started, seconds)


class FilterModule:
    """Ansible's way to find the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"connectivity_plan": connectivity_plan, "connectivity_verdict": connectivity_verdict}
