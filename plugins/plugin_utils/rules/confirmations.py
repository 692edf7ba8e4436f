# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that could cut a host off, which have to be confirmed in time."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.baremetal.overlay.plugins.module_utils.host.confirmed import LONGEST, SHORTEST
from ansible_collections.baremetal.overlay.plugins.plugin_utils import ipsec_plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule


def time_is_enough(cluster: Cluster) -> Iterator[str]:
    """The modules refuse others, but not before hosts were changed."""
    settings = cluster.settings
    asked = {
        "firewall_confirm_timeout": settings.get("firewall"),
        "ipsec_confirm_timeout": ipsec_plan.wanted(cluster),
        "kernel_overlay_confirm_timeout": settings.get("network_driver") == "kernel",
    }
    for name, wanted in asked.items():
        seconds = settings.get(name)
        if not wanted or seconds is None:
            continue
        if isinstance(seconds, bool) or not (str(seconds).isdigit() and SHORTEST <= int(seconds) <= LONGEST):
            yield (
                f'{name}: "{seconds}"; allowed: {SHORTEST} to {LONGEST} whole seconds, in which a change is proven; '
                "give for example 60"
            )


RULES: tuple[Rule, ...] = (time_is_enough,)
