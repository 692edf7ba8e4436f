# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an inventory and its hosts, as sentences: pure, on the controller, all at once.

A rule takes the whole cluster. Rules never stop each other, so an operator reads everything that is wrong in one run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Rule
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import (
    authorities,
    clients,
    clocks,
    confirmations,
    consents,
    directories,
    drivers,
    drives,
    engine_encryption,
    engines,
    hosts,
    inventory,
    ipsec,
    kernel_overlay,
    kernels,
    minio,
    networks,
    node_addresses,
    options,
    ports,
    reach,
    standing,
    swarm,
    tables,
    tls,
    underlay,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils.settings import Refused

RULES: Sequence[Rule] = (
    *inventory.RULES,
    *options.RULES,
    *hosts.RULES,
    *underlay.RULES,
    *node_addresses.RULES,
    *clocks.RULES,
    *kernels.RULES,
    *kernel_overlay.RULES,
    *engines.RULES,
    *engine_encryption.RULES,
    *networks.RULES,
    *reach.RULES,
    *drivers.RULES,
    *ports.RULES,
    *drives.RULES,
    *swarm.RULES,
    *standing.RULES,
    *minio.RULES,
    *clients.RULES,
    *confirmations.RULES,
    *consents.RULES,
    *directories.RULES,
    *tls.RULES,
    *authorities.RULES,
    *ipsec.RULES,
)
# What does not stand in the way: said, and never a reason to stop.
ADVICE: Sequence[Rule] = (
    *options.ADVICE,
    *clocks.ADVICE,
    *kernels.ADVICE,
    *kernel_overlay.ADVICE,
    *engines.ADVICE,
    *engine_encryption.ADVICE,
    *networks.ADVICE,
    *reach.ADVICE,
    *drivers.ADVICE,
    *drives.ADVICE,
    *swarm.ADVICE,
    *standing.ADVICE,
    *tables.ADVICE,
)


def violations(cluster: Cluster, rules: Sequence[Rule] = RULES) -> list[str]:
    """Every violation of every rule, in the rules' order, each sentence once."""
    return list(dict.fromkeys(sentence for rule in rules for sentence in _sentences(rule, cluster)))


def _sentences(rule: Rule, cluster: Cluster) -> Iterator[str]:
    """What depends on a setting that is wrong cannot be judged; the setting has a sentence of its own."""
    with suppress(Refused):
        yield from rule(cluster)


def advice(cluster: Cluster) -> list[str]:
    """Everything worth knowing that is no violation."""
    return violations(cluster, ADVICE)
