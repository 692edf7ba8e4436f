# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door between the roles and what a CA is asked to sign."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.plugin_utils import ca_names


def signing_requests(
    asking: Iterable[str],
    hostvars: Mapping[str, Any],
    members: Iterable[str],
    register: str,
    kind: str,
    names: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Return what a CA signs: keys of the hosts that asked, identities and names of the inventory."""
    try:
        return ca_names.requests(asking, members, hostvars, register, kind, names)
    except InputError as error:
        raise AnsibleFilterError("; ".join(error.violations)) from error


class FilterModule:
    """Ansible's way to find the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"signing_requests": signing_requests}
