# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the firewall ask for: the defaults, and out of order what has none."""

from __future__ import annotations

from ansible_collections.baremetal.overlay.plugins.module_utils.host.sections import FIREWALL_SPEC

OPTIONS = {
    **{name: option.get("default") for name, option in FIREWALL_SPEC.items()},
    "client_networks": ["2001:db8:7::/64", "192.0.2.0/25", "192.0.2.128/25"],
    "peers": ["198.51.100.12", "198.51.100.11", "2001:db8::11"],
    "client_ports": [9001, 9000],
}
