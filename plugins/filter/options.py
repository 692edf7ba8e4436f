# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door by which variables enter the roles: typed once, by the argument specs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils import role_options


def typed(value: Any, name: str) -> Any:
    """Return the value of an option in its own type; what is wrong with it is said by the preflight."""
    return role_options.usable(name, value)


def typed_options(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the same for options by their names without the prefix; other keys stay as they are."""
    known = role_options.known()
    return {
        key: role_options.usable(prefix + key, value) if prefix + key in known else value
        for key, value in values.items()
    }


class FilterModule:
    """Ansible's way to find the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"typed": typed, "typed_options": typed_options}
