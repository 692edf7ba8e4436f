# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Section 7 of the CIS Docker Benchmark, Docker Swarm Configuration, as advice: what this swarm does not follow; pure.

Nothing of it is broken, so nothing of it is a check. 7.1 (no swarm where none is needed) is what a deployment needs,
and 7.5 (secrets are Swarm's) is how credentials reach MinIO.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.minio import tls
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import group_hosts
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import View

DAY = 24 * 3600 * 1_000_000_000
# The Engine's own validity of a node's certificate; the benchmark wants the policy of the operator, and none longer.
NODE_DAYS = 90
# More than this and every change has to reach too many; fewer and none may fail.
MOST, LEAST = 7, 3
# A root that is as old has outlived people and hosts who could read its key.
ROOT_YEARS = 2
EVERYWHERE = ("0.0.0.0", "::", "*")


def sentences(view: View) -> list[str]:
    """Advice by the benchmark's own numbers; where nothing is known, nothing is advised."""
    return [f"CIS Docker 7.{number}: {text}" for number, rule in RULES for text in rule(view)]


def _cluster(view: View) -> Mapping[str, Any]:
    return next((one.sight["cluster"] for one in view.present if one.sight.get("cluster")), {})


def managers(view: View) -> Iterator[str]:
    """7.2: as few managers as are safe, and an odd number of them."""
    count = next((len(one.sight["managers"]) for one in view.present if one.sight.get("managers")), 0)
    if not count:
        return
    if count < LEAST:
        yield (
            f"the swarm has {count} manager{'' if count == 1 else 's'}, and none may fail; put {LEAST} hosts into the "
            "group managers"
        )
    elif count > MOST or count % 2 == 0:
        yield (
            f"the swarm has {count} managers; an odd number from {LEAST} to {MOST} tolerates as many failures with "
            "less to agree on"
        )


def interfaces(view: View) -> Iterator[str]:
    """7.3: management listens on one address."""
    open_to_all = [
        (
            one.name,
            "management of the swarm (2377/tcp) listens on every address; let the host leave, and site.yml join it",
        )
        for one in view.present
        if set(one.sight.get("management") or ()) & set(EVERYWHERE)
    ]
    yield from group_hosts(open_to_all)


def networks(view: View) -> Iterator[str]:
    """7.4: what travels between hosts is encrypted, by the Engine or by the hosts themselves."""
    found = _cluster(view).get("open_networks") or []
    if found and view.encryption != "ipsec":
        yield (
            f"the overlay networks {', '.join(found)} carry clear text between hosts; encrypt with overlay_encryption: "
            "docker or ipsec"
        )


def autolock(view: View) -> Iterator[str]:
    """7.6: a manager's raft log, with every secret in it, is locked when its engine restarts."""
    if _cluster(view).get("autolock") is False:
        yield (
            "managers are not locked, so a disk of one gives the swarm's keys and secrets away; see swarm_autolock, "
            "and what it costs at a reboot, in docs/autolock.md"
        )


def unlock_key(view: View) -> Iterator[str]:
    """7.7: no engine says how old its key is."""
    if _cluster(view).get("autolock"):
        yield (
            "the engine does not say when the unlock key was last changed; change it from time to time, see "
            "docs/autolock.md"
        )


def node_certificates(view: View) -> Iterator[str]:
    """7.8: nodes renew their certificates often."""
    days = int(_cluster(view).get("node_cert_expiry") or 0) // DAY
    if days > NODE_DAYS:
        yield (
            f"a node's certificate is valid for {days} days, and the usual are {NODE_DAYS}; set node_cert_expiry with "
            "baremetal.overlay.swarm"
        )


def root(view: View) -> Iterator[str]:
    """7.9: the root that signs them is renewed, too."""
    try:
        seen = tls.see(_cluster(view).get("root") or "")
    except ValueError:
        return
    years = (view.now - seen.not_before).days / 365
    if years >= ROOT_YEARS:
        yield (
            f"the swarm's root certificate is of {seen.not_before:%Y-%m-%d}; renew it with baremetal.overlay.swarm and "
            "ca_force_rotate"
        )


def planes(view: View) -> Iterator[str]:
    """7.10: who floods the data does not cut off the management."""
    shared = [one.name for one in view.members if one.advertised and one.advertised == one.data_path]
    if shared and view.driver == "overlay":
        yield (
            "management and data of the swarm share an address on every host"
            if len(shared) == len(view.members)
            else f"management and data of the swarm share an address on {', '.join(shared)}"
        ) + "; where hosts have a second network, give it as swarm_data_path_addr"


RULES: tuple[tuple[int, Callable[[View], Iterator[str]]], ...] = (
    (2, managers),
    (3, interfaces),
    (4, networks),
    (6, autolock),
    (7, unlock_key),
    (8, node_certificates),
    (9, root),
    (10, planes),
)
