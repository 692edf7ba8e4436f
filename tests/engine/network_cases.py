# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cases of a network: a line an option. ``beside`` makes the network that the option is tried on."""

from __future__ import annotations

from option_cases import Case

POOL = {"subnet": "10.77.0.0/24", "gateway": "10.77.0.1"}
POOL6 = {"subnet": "fd00:77::/64", "gateway": "fd00:77::1"}
OTHER = {"subnet": "10.79.0.0/24", "gateway": "10.79.0.1"}
MTU, HELD = "com.docker.network.driver.mtu", {"subnet": "10.77.0.0/24"}

OVERLAY = {"driver": "overlay", "scope": "swarm", "ipam_config": [POOL]}
BRIDGE = {"driver": "bridge", "ipam_config": [POOL]}
CASES = {
    "driver": Case("macvlan", "ipvlan", "bridge", {"driver_options": {"parent": "c0"}, "ipam_config": [POOL]}),
    "driver of the cluster": Case("overlay", "bridge", "bridge", {"ipam_config": [POOL]}),
    "scope": Case("local", "swarm", "local", {"driver": "bridge", "config_from": "cfg-one"}),
    "scope of the cluster": Case("swarm", "swarm", "swarm", OVERLAY),
    "scope global": Case("global", "local", "local", BRIDGE, since=(1, 42)),
    "driver_options": Case(
        {MTU: 1450, "encrypted": ""}, {MTU: 1450}, {}, OVERLAY, same=({MTU: "1450", "encrypted": ""},)
    ),
    "driver_options of a bridge": Case({"com.docker.network.bridge.enable_icc": False}, {MTU: 1400}, {}, BRIDGE),
    "driver_options of a macvlan": Case(
        {"parent": "c0", "macvlan_mode": "private"}, {"parent": "c0"}, {"parent": "c0"}, {"driver": "macvlan"}
    ),
    "driver_options of an ipvlan": Case(
        {"parent": "c0", "ipvlan_mode": "l3"}, {"parent": "c0"}, {"parent": "c0"}, {"driver": "ipvlan"}
    ),
    "ipam_driver": Case("default", "default", "default", OVERLAY),
    "ipam_driver_options": Case({"a": "1"}, {"a": 2}, {}, BRIDGE, same=({"a": 1},)),
    "ipam_config": Case(
        [POOL, POOL6],
        [OTHER, POOL6],
        [OTHER, POOL6],
        {"driver": "overlay", "enable_ipv6": True},
        same=([POOL6, POOL], [POOL], [POOL6], [], [{"subnet": "10.77.0.9/24"}, {"subnet": "fd00:0077:0::/64"}]),
    ),
    "ipam_config.subnet": Case("10.77.0.0/24", "10.79.0.0/24", "10.77.0.0/24"),
    "ipam_config.iprange": Case("10.77.0.128/25", "10.77.0.64/26", "", HELD),
    "ipam_config.gateway": Case("10.77.0.9", "10.77.0.7", "10.77.0.1", HELD),
    "ipam_config.aux_addresses": Case({"a": "10.77.0.5", "b": "10.77.0.6"}, {"a": "10.77.0.7"}, {}, HELD),
    "attachable": Case(True, False, False, OVERLAY),
    "internal": Case(True, False, False, OVERLAY),
    "internal of a bridge": Case(True, False, False, BRIDGE),
    "ingress": Case(True, False, False, OVERLAY),
    "enable_ipv4": Case(False, True, True, BRIDGE),
    "enable_ipv6": Case(True, False, False, {"driver": "bridge", "ipam_config": [POOL, POOL6]}),
    "enable_ipv6 of the cluster": Case(True, False, False, OVERLAY),
    "config_only": Case(True, False, False, {"ipam_config": [POOL]}),
    "config_from": Case("cfg-one", "cfg-two", "", {"driver": "bridge"}),
    "labels": Case({"a": "1", "b": 2}, {"a": "1"}, {}, OVERLAY, same=({"b": "2", "a": 1},)),
}
