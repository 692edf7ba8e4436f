# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host of the inventory a swarm's node is. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.addresses import plain

# What says a host's address, the most telling first, and what says its name.
ADDRESSES = ("overlay_underlay_address", "ansible_host")
NAMES = ("inventory_hostname", "ansible_host")
_FACTS = ("hostname", "nodename", "fqdn")


class NoHost(Exception):
    """No host, or more than one, can be the node."""


def host_of(node: str, addresses: Sequence[str], hosts: Mapping[str, Mapping[str, Any]]) -> str:
    """``hosts``: inventory name → the variables above, as far as they are set. Addresses go before names."""
    for how in (*ADDRESSES, "name"):
        found = [name for name, known in hosts.items() if _is(how, node, addresses, known)]
        if len(found) == 1:
            return found[0]
        if found:
            what = f'host name "{node}"' if how == "name" else f"{how} {' or '.join(addresses)}"
            raise NoHost(
                f'node "{node}": {len(found)} hosts of the inventory have {what}: {", ".join(sorted(found))}; '
                "give each its own overlay_underlay_address"
            )
    tried = "; ".join(f"{name} ({_shown(known)})" for name, known in sorted(hosts.items())) or "there are none"
    raise NoHost(
        f'node "{node}" ({", ".join(addresses) or "address unknown"}) is no host of this inventory; '
        f"looked for its address as overlay_underlay_address and ansible_host, and for its host name, among: {tried}; "
        "add the host, or give it overlay_underlay_address"
    )


def _is(how: str, node: str, addresses: Sequence[str], known: Mapping[str, Any]) -> bool:
    if how != "name":
        return known.get(how) is not None and plain(known[how]) in map(plain, addresses)
    facts = known.get("ansible_facts") or {}
    names = {str(known.get(key)) for key in NAMES} | {str(facts.get(key)) for key in _FACTS}
    # A host may be listed by its full name, where the node has only the first part of it.
    return node in names or node in {name.partition(".")[0] for name in names}


def _shown(known: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {known[key]}" for key in ADDRESSES if known.get(key)) or "no address given"
