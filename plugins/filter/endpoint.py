# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An address and a port as one, for roles and inventories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils import addresses

DOCUMENTATION = r"""
name: endpoint
short_description: An address and a port as one
version_added: 0.1.0
author: the baremetal.overlay developers (@baremetal)
description:
  - Puts an address of IPv6 into brackets, in its usual form. Names and addresses of IPv4 stay as they are.
positional: port
options:
  _input:
    description: An address, or the name of a host.
    type: str
    required: true
  port:
    description: The port.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Say where S3 is, whatever version of IP the hosts have
  ansible.builtin.debug:
    msg: "http://{{ overlay_underlay_address | baremetal.overlay.endpoint(9000) }}"
"""

RETURN = r"""
_value:
  description: What stands in a URL behind the scheme, such as C(192.0.2.11:9000) or C([2001:db8::11]:9000).
  type: str
"""


def endpoint(address: Any, port: Any) -> str:
    """Return both as one."""
    return addresses.endpoint(address, port)


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"endpoint": endpoint}
