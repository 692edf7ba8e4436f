# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check, in the order in which a fault is looked for: from the hosts up to the clients."""

from __future__ import annotations

from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.checks import (
    certificates,
    clients,
    clocks,
    dns,
    drives,
    encryption,
    health,
    hosts,
    node_addresses,
    overlay,
    overlay_mtu,
    quorum,
    room,
    s3,
    swarm_ports,
    tables,
    underlay_icmp,
    underlay_mtu,
    versions,
    vtep,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import Layer

LAYERS: tuple[Layer, ...] = tuple(
    check.LAYER
    for check in (
        hosts,
        underlay_icmp,
        underlay_mtu,
        node_addresses,
        tables,
        swarm_ports,
        vtep,
        encryption,
        overlay,
        overlay_mtu,
        dns,
        clocks,
        certificates,
        drives,
        quorum,
        room,
        s3,
        health,
        clients,
        versions,
    )
)
