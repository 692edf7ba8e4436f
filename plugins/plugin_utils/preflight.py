# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with an inventory and its hosts, as sentences: pure, on the controller, all at once.

A rule takes the whole cluster and yields one sentence for each violation: the object, what was found, what is
allowed, what to do. Rules never stop each other, so an operator reads everything that is wrong in one run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.minio import layout
from ansible_collections.baremetal.overlay.plugins.plugin_utils import minio_plan

DRIVERS = ("overlay",)
LATER_DRIVERS = ("kernel", "host", "macvlan", "ipvlan", "bridge")
ENCRYPTIONS = ("none", "docker")
NUMBER_LABEL = "baremetal.overlay.minio"


@dataclass(frozen=True)
class Host:
    """One inventory host: what is declared, and what ``host`` reported (None: not looked at in this run)."""

    name: str
    groups: frozenset[str]
    number: Any = None
    address: Any = None
    pool: Any = 1
    drives: tuple[str, ...] = ()
    report: Mapping[str, Any] | None = None
    unreachable: str | None = None
    failure: str | None = None

    @property
    def facts(self) -> Mapping[str, Any]:
        """What ``host`` found, empty where it did not run."""
        return (self.report or {}).get("facts") or {}

    @property
    def swarm(self) -> Mapping[str, Any]:
        """The host's own view of its swarm."""
        return self.facts.get("swarm") or {}

    @property
    def in_swarm(self) -> bool:
        """Whether the host is an active member of some swarm."""
        return self.swarm.get("state") == "active"


@dataclass(frozen=True)
class Cluster:
    """Everything that the rules look at."""

    hosts: tuple[Host, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def group(self, name: str) -> list[Host]:
        """The hosts of an inventory group, in the inventory's order."""
        return [host for host in self.hosts if name in host.groups]

    @property
    def seen(self) -> list[Host]:
        """The hosts that this run looked at."""
        return [host for host in self.hosts if host.report is not None]

    @property
    def acting(self) -> Host | None:
        """The first manager that is active, in the inventory's order."""
        active = (host for host in self.group("managers") if host.in_swarm and host.swarm.get("manager"))
        return next(active, None)

    @property
    def left_out(self) -> list[Host]:
        """The managers that --limit kept out of this run: nothing is known of them."""
        return [host for host in self.group("managers") if not (host.report or host.unreachable or host.failure)]


Rule = Callable[[Cluster], Iterator[str]]


def settings_are_known(cluster: Cluster) -> Iterator[str]:
    """The two switches that have no harmless guess."""
    driver = cluster.settings.get("network_driver")
    if driver in LATER_DRIVERS:
        yield f'overlay_network_driver: "{driver}" is not deployed by this release; set it to overlay'
    elif driver not in DRIVERS:
        found = f'"{driver}" is unknown' if driver else "is not set"
        yield f"overlay_network_driver: {found}; allowed: {', '.join(DRIVERS)}"
    encryption = cluster.settings.get("encryption")
    if encryption not in ENCRYPTIONS:
        found = f'"{encryption}" is unknown' if encryption else "is not set, and nothing is assumed"
        yield (
            f"overlay_encryption: {found}; allowed: {', '.join(ENCRYPTIONS)}; "
            "none sends storage traffic in clear text between hosts, docker encrypts the overlay"
        )


def groups_are_filled(cluster: Cluster) -> Iterator[str]:
    """A swarm needs managers; a host has one Swarm role."""
    if not cluster.group("managers"):
        yield "group managers: no host is in it; a swarm needs 1, better 3, managers: list them under managers"
    if not cluster.group("minio"):
        yield "group minio: no host is in it; list the hosts that carry drives under minio"
    for host in cluster.hosts:
        if {"managers", "workers"} <= host.groups:
            yield f"{host.name}: is in managers and in workers; a host has one Swarm role: take it out of one"
        if not {"managers", "workers"} & host.groups:
            yield f"{host.name}: is in minio only; add it to managers or to workers, so that it joins the swarm"


def hosts_are_declared(cluster: Cluster) -> Iterator[str]:
    """Numbers and addresses are given, well formed and unique."""
    numbers: dict[int, list[str]] = defaultdict(list)
    addresses: dict[str, list[str]] = defaultdict(list)
    for host in cluster.hosts:
        if isinstance(host.number, bool) or not str(host.number).isdigit() or int(host.number) < 1:
            found = "is not set" if host.number is None else f'"{host.number}" is not a whole number from 1'
            yield f"{host.name}: overlay_host_number {found}; give each host its own number, which it keeps"
        else:
            numbers[int(host.number)].append(host.name)
        try:
            addresses[str(ip_address(str(host.address)))].append(host.name)
        except ValueError:
            found = "is not set" if host.address is None else f'"{host.address}" is not an IP address'
            yield f"{host.name}: overlay_underlay_address {found}; give the host's address towards its peers"
    for number, names in sorted(numbers.items()):
        if len(names) > 1:
            yield f"{_and(names)}: have the same overlay_host_number {number}; give each host its own"
    for address, names in sorted(addresses.items()):
        if len(names) > 1:
            yield f"{_and(names)}: have the same overlay_underlay_address {address}; give each host its own"


def hosts_are_reachable(cluster: Cluster) -> Iterator[str]:
    """An absent host is an error, unless it is named."""
    consent = cluster.settings.get("unreachable_consent") or []
    for host in cluster.hosts:
        if host.unreachable and host.name not in consent:
            yield (
                f"{host.name}: is unreachable ({host.unreachable}); nothing is formed without it; "
                f"mend the connection, or go on without this host by overlay_unreachable_consent: [{host.name}]"
            )
        if host.failure:
            yield f"{host.name}: could not be looked at ({host.failure}); nothing is formed without it: mend the host"


def hosts_report_nothing_wrong(cluster: Cluster) -> Iterator[str]:
    """What each host found against its own sections."""
    for host in cluster.seen:
        for section in (host.report or {}).get("sections", {}).values():
            for sentence in section.get("violations", []):
                yield f"{host.name}: {sentence}"


def underlay_is_there(cluster: Cluster) -> Iterator[str]:
    """The declared address is one of the host's own."""
    for host in cluster.seen:
        own = [entry["address"] for entry in host.facts.get("addresses", [])]
        if own and host.address is not None and str(host.address) not in own:
            yield (
                f"{host.name}: overlay_underlay_address {host.address} is on none of its interfaces; "
                f"it has {', '.join(own)}"
            )


def architectures_are_equal(cluster: Cluster) -> Iterator[str]:
    """One image serves every host."""
    found: dict[str, list[str]] = defaultdict(list)
    for host in cluster.group("minio"):
        if host.facts.get("architecture"):
            found[host.facts["architecture"]].append(host.name)
    if len(found) > 1:
        mix = "; ".join(f"{arch}: {_and(names)}" for arch, names in sorted(found.items()))
        yield f"group minio: mixes CPU architectures ({mix}); all hosts of a deployment run one image: use one"


def hostnames_differ(cluster: Cluster) -> Iterator[str]:
    """Swarm shows nodes by host name, and so do we."""
    names: dict[str, list[str]] = defaultdict(list)
    for host in cluster.seen:
        if host.facts.get("hostname"):
            names[host.facts["hostname"]].append(host.name)
    for hostname, hosts in sorted(names.items()):
        if len(hosts) > 1:
            yield f"{_and(hosts)}: have the same host name {hostname}; set a name of its own on each"


def subnets_are_free(cluster: Cluster) -> Iterator[str]:
    """An overlay subnet that a host already routes would cut that host off."""
    for network in cluster.settings.get("networks") or []:
        name, text = network.get("name"), network.get("subnet")
        try:
            subnet = ip_network(str(text))
        except ValueError:
            yield f'network "{name}": subnet {text} is not a CIDR; give for example 10.77.0.0/24'
            continue
        for host in cluster.hosts:
            taken = _collision(subnet, host)
            if taken:
                yield (
                    f'network "{name}": subnet {subnet} collides with {taken} of {host.name}; '
                    "choose a subnet that no host uses"
                )


def _collision(subnet: Any, host: Host) -> str | None:
    try:
        if ip_address(str(host.address)) in subnet:
            return f"overlay_underlay_address {host.address}"
    except ValueError:
        return None
    for route in host.facts.get("routes", []):
        destination = ip_network(route["dst"], strict=False)
        if destination.prefixlen and destination.version == subnet.version and destination.overlaps(subnet):
            return f"the route {destination} ({route.get('dev') or route.get('type')})"
    return None


def swarm_is_ours(cluster: Cluster) -> Iterator[str]:
    """No host is taken out of somebody else's swarm, and one swarm never becomes two."""
    acting = cluster.acting
    members = {node["id"] for node in acting.swarm.get("nodes", [])} if acting else set()
    for host in cluster.seen:
        state = host.swarm.get("state")
        if state in ("locked", "pending", "error"):
            yield (
                f"{host.name}: its swarm state is {state} ({host.swarm.get('error') or 'no reason given'}); "
                "unlock it or let it leave (docker swarm unlock, docker swarm leave), then run again"
            )
        elif host.in_swarm and acting is None and not cluster.left_out:
            yield (
                f"{host.name}: is in a swarm of which no host in managers is an active manager "
                f"(its managers: {_managers(host)}); let it leave that swarm, or list those managers"
            )
        elif host.in_swarm and acting is not None and host.swarm.get("node_id") not in members:
            yield (
                f"{host.name}: is in another swarm (its managers: {_managers(host)}) than {acting.name}; "
                "let it leave that swarm first (docker swarm leave on that host)"
            )


def _managers(host: Host) -> str:
    return ", ".join(host.swarm.get("remote_managers") or []) or "none known"


def joining_has_a_manager(cluster: Cluster) -> Iterator[str]:
    """Under --limit, a host can only join through a manager that is in the run."""
    if cluster.acting is not None:
        return
    for host in cluster.seen:
        if cluster.left_out and not host.in_swarm:
            yield (
                f"{host.name}: has to join the swarm, and no manager that is in it was looked at in this run; "
                f"add one to --limit (left out: {_and([manager.name for manager in cluster.left_out])})"
            )


def numbers_are_stable(cluster: Cluster) -> Iterator[str]:
    """A number is a MinIO name: changing it on a live node would make its drives a stranger's."""
    acting = cluster.acting
    labels = {node["id"]: node.get("labels") or {} for node in acting.swarm.get("nodes", [])} if acting else {}
    for host in cluster.seen:
        live = labels.get(host.swarm.get("node_id"), {}).get(NUMBER_LABEL)
        if live is not None and "minio" in host.groups and str(host.number) != live:
            yield (
                f"{host.name}: overlay_host_number {host.number} differs from {live}, under which it is live; "
                f"renumbering a live node is refused: set it back to {live}"
            )


def layout_is_possible(cluster: Cluster) -> Iterator[str]:
    """What MinIO would refuse to start, and what would not be the deployment that runs."""
    members = cluster.group("minio")
    for host in members:
        if not host.drives:
            yield f"{host.name}: minio_drives is empty; a host in minio needs a drive: list its devices"
    numbers = {str(host.number) for host in members}
    if len(numbers) < len(members) or not all(host.drives and str(host.number).isdigit() for host in members):
        return
    servers = [
        {"host": host.name, "number": int(host.number), "drives": len(host.drives), "pool": int(host.pool)}
        for host in members
    ]
    yield from layout.violations(servers, minio_plan.parity(cluster.settings.get("parity")))


def credentials_are_strong(cluster: Cluster) -> Iterator[str]:
    """MinIO's own minimum, and where nothing is kept there must be something given."""
    settings = cluster.settings
    lengths = {
        "minio_root_user": (settings.get("root_user"), 3),
        "minio_root_password": (settings.get("root_password"), 8),
    }
    for name, (value, least) in lengths.items():
        if value and len(str(value)) < least:
            yield f"{name}: has {len(str(value))} characters; MinIO takes {least} or more: give a longer one"
        if not value and not settings.get("keep_credentials", True):
            yield f"{name}: is not set, and minio_credentials_keep is false; give it, since nothing is kept on hosts"


RULES: Sequence[Rule] = (
    settings_are_known,
    groups_are_filled,
    hosts_are_declared,
    hosts_are_reachable,
    hosts_report_nothing_wrong,
    underlay_is_there,
    architectures_are_equal,
    hostnames_differ,
    subnets_are_free,
    swarm_is_ours,
    joining_has_a_manager,
    numbers_are_stable,
    layout_is_possible,
    credentials_are_strong,
    *minio_plan.RULES,
)


def violations(cluster: Cluster, rules: Sequence[Rule] = RULES) -> list[str]:
    """Every violation of every rule, in the rules' order, each sentence once."""
    return list(dict.fromkeys(sentence for rule in rules for sentence in rule(cluster)))


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
