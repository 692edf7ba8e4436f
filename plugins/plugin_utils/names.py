# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of variables that look like ours and are none: a misspelt one would leave its setting at the default."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils import role_options

PREFIXES = (
    *("overlay_", "minio_", "swarm_", "drives_", "docker_engine_", "firewall_", "ipsec_", "kernel_overlay_"),
    *("connectivity_", "teardown_", "preflight_", "walkthrough_", "lab_"),
)
# What playbooks read beside the roles, and what roles and playbooks leave behind.
OF_PLAYBOOKS = frozenset(
    (
        *("overlay_teardown_consent", "overlay_teardown_drives_consent", "overlay_teardown_unseen_consent"),
        "overlay_acting_manager",
        *("preflight_plan", "teardown_plan", "connectivity_result"),
        *("lab_cache", "lab_check", "lab_tls", "lab_scheme", "lab_addresses", "lab_endpoints"),
    )
)
# Less alike than this is another word.
LIKENESS = 0.75


@cache
def known() -> frozenset[str]:
    """Every name with one of our prefixes that means something."""
    return frozenset((*role_options.known(), *role_options.apart(), *OF_PLAYBOOKS))


def unknown(variables: Iterable[str] | Mapping[str, Any], excused: Iterable[str] = ()) -> Iterator[str]:
    """A sentence for each name that looks like ours; a pattern such as ``minio_alias_*`` excuses several."""
    patterns = [str(pattern) for pattern in excused]
    for name in sorted(str(one) for one in variables):
        if not name.startswith(PREFIXES) or name in known():
            continue
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            continue
        nearest = difflib.get_close_matches(name, sorted(known()), n=1, cutoff=LIKENESS)
        meant = f"; did you mean {nearest[0]}?" if nearest else ";"
        yield f"{name} is no variable of this collection{meant} correct the name, or remove it"
