# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a teardown has to do, and what it must not: pure, on the controller.

It is whole where every host of the inventory takes part: the swarm ends. Otherwise hosts leave a swarm that lives on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.overlay.plugins.plugin_utils import (
    lease_plan,
    minio_plan,
    network_plan,
    role_options,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host, enumerate_names
from ansible_collections.baremetal.overlay.plugins.plugin_utils.plan import read_cluster

CONSENT, DRIVES_CONSENT = "overlay_teardown_consent", "overlay_teardown_drives_consent"
UNSEEN_CONSENT = "overlay_teardown_unseen_consent"


def draw(
    hostvars: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    looked_at: Iterable[str],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """The plan of a teardown; with violations in it, nothing of it may be carried out."""
    reports = {name: hostvars[name].get("__teardown_host") or {} for name in looked_at}
    outside = {result["item"]: result for result in settings.get("outside") or [] if "facts" in result}
    known = {
        name: {**hostvars[name], "__preflight_host": reports.get(name) or outside.get(name)}
        for name in dict.fromkeys(name for group in ("managers", "workers", "minio") for name in groups.get(group, []))
    }
    cluster = read_cluster(known, groups, [*reports, *outside], settings)
    torn = [host for host in cluster.hosts if host.name in reports]
    whole = len(torn) == len(cluster.hosts)
    acting = _acting(cluster, torn, whole)
    return {
        "violations": list(dict.fromkeys(_violations(cluster, torn, whole, acting))),
        "summary": _summary(cluster, torn, whole, acting),
        "whole": whole,
        "acting_manager": acting.name if acting else None,
        "demote": [host.swarm["node_id"] for host in torn if host is not acting and _is_manager(host)],
        "remove": {host.name: _entries(host, acting) for host in torn},
        "networks": {host.name: network_plan.ours(host) for host in torn},
        "stays": {host.name: _section(host).get("stays", []) for host in torn},
        "looked": lease_plan.looked(cluster.seen, acting),
        "work": _leased({host.name: _work(host, whole, acting) for host in torn}, acting),
    }


def names(given: Any) -> list[str]:
    """A list, or a text with commas as a command line gives it; part of a name is never a name."""
    return [name.strip() for name in given.split(",")] if isinstance(given, str) else [str(one) for one in given or []]


def _is_manager(host: Host) -> bool:
    return host.in_swarm and bool(host.swarm.get("manager"))


def _section(host: Host) -> Mapping[str, Any]:
    return ((host.report or {}).get("sections") or {}).get("teardown") or {}


def _acting(cluster: Cluster, torn: Sequence[Host], whole: bool) -> Host | None:
    """The manager that leaves last, or one that stays."""
    managers = [host for host in cluster.group("managers") if _is_manager(host) and host.swarm.get("nodes")]
    return next((host for host in managers if whole or host not in torn), None)


def _entries(host: Host, acting: Host | None) -> list[str]:
    """The nodes that are this host, or were: of a run that was interrupted."""
    if acting is None:
        return []
    nodes = acting.swarm.get("nodes", [])
    own = [node["id"] for node in nodes if node["id"] == host.swarm.get("node_id")]
    former = [node["id"] for node in nodes if _was(host, node)]
    return list(dict.fromkeys([*own, *former]))


def _was(host: Host, node: Mapping[str, Any]) -> bool:
    """Whether the host left as this node: the swarm notices that some seconds later."""
    if not host.facts.get("hostname") or node["hostname"] != host.facts["hostname"]:
        return False
    left = host.swarm.get("state") == "inactive" and node.get("addr") == str(host.address)
    return left or node.get("state") == "down"


def _leased(work: dict[str, list[str]], acting: Host | None) -> dict[str, list[str]]:
    """With the group of the host that takes the lease; without a manager that has a leader there is none to take."""
    first = next((name for name, own in work.items() if own), None)
    if first and acting is not None:
        work[first] = [*work[first], lease_plan.GROUP]
    return work


def _work(host: Host, whole: bool, acting: Host | None) -> list[str]:
    """The computed groups that a host belongs to."""
    member = host.swarm.get("state") not in (None, "inactive")
    work = {
        "overlay_teardown_services": whole and host is acting,
        "overlay_teardown_single": not whole and (member or bool(_entries(host, acting))),
        "overlay_teardown_leave": whole and member,
        "overlay_teardown_host": bool(_section(host).get("changed") or network_plan.ours(host)),
    }
    return [group for group, wanted in work.items() if wanted]


def _violations(cluster: Cluster, torn: Sequence[Host], whole: bool, acting: Host | None) -> Iterator[str]:
    yield from _consent(cluster, torn, whole, acting)
    yield from _drives_consent(cluster, torn)
    for host in torn:
        yield from _host(host)
    if whole:
        yield from _nobody_else(torn, acting)
        yield from _unseen(cluster, torn, acting)
    elif any(host.report for host in torn):
        yield from _swarm_lives(cluster, torn, acting)
        yield from _minio_lives(cluster, torn, acting)


def _consent(cluster: Cluster, torn: Sequence[Host], whole: bool, acting: Host | None) -> Iterator[str]:
    given = names(cluster.settings.get("consent"))
    known = [host.name for host in cluster.hosts]
    for name in given:
        if name not in known:
            yield (
                f'{CONSENT}: "{name}" is no host of this inventory; allowed: {", ".join(known)}; '
                "correct the name, or take it out"
            )
    unnamed = [host.name for host in torn if host.name not in given]
    if unnamed:
        everyone = ", ".join(host.name for host in torn)
        outcome = "".join(f"; {sentence}" for sentence in _outcome(cluster, torn, whole, acting))
        yield (
            f"{CONSENT}: does not name {enumerate_names(unnamed)}; services, swarm membership, firewall and our files "
            f"would go from there: agree by {CONSENT}: [{everyone}], or leave hosts out by --limit{outcome}"
        )


def _summary(cluster: Cluster, torn: Sequence[Host], whole: bool, acting: Host | None) -> list[str]:
    """What an operator reads where nothing stands in the way."""
    goes = enumerate_names([host.name for host in torn])
    first = f"{goes}: MinIO stops and the swarm ends" if whole else f"{goes}: out of the swarm, which lives on"
    return [first, *_outcome(cluster, torn, whole, acting)]


def _outcome(cluster: Cluster, torn: Sequence[Host], whole: bool, acting: Host | None) -> Iterator[str]:
    """What the cluster is without these hosts, and what alone can be done about it afterwards."""
    layout = minio_plan.layout_of(cluster)
    if whole or layout is None or acting is None or not minio_plan.services(_seen_by(cluster, acting)):
        return
    for pool in layout["pools"]:
        members = [host for host in cluster.group("minio") if int(host.pool) == pool["pool"]]
        leaving = [host for host in members if host in torn]
        if not leaving:
            continue
        gone = enumerate_names([host.name for host in leaving])
        numbers = enumerate_names([str(host.number) for host in leaving])
        left = max(pool["write_tolerance"] - len(_away(members, torn, acting)), 0)
        yield (
            f"MinIO: pool {pool['pool']} keeps its list of {len(members)} servers, since erasure sets never shrink: "
            f"without {gone} it goes on with {len(members) - len(leaving)}, and writes stand "
            f"{left or 'no'} more server{'' if left == 1 else 's'} away. The place is filled only by a host with "
            f"overlay_host_number {numbers}, {'this one' if len(leaving) == 1 else 'these'} or new hardware; the other "
            "hosts keep their numbers, and only a whole pool can be given up for good"
        )


def _away(members: Sequence[Host], torn: Sequence[Host], acting: Host) -> list[str]:
    """Those of a pool that are away by then, or are already."""
    ready = {node["addr"] for node in acting.swarm["nodes"] if node.get("state") == "ready"}
    return [host.name for host in members if host in torn or str(host.address) not in ready]


def _drives_consent(cluster: Cluster, torn: Sequence[Host]) -> Iterator[str]:
    """What no host of the run could be asked about; each host says itself what is wrong with an entry for a drive."""
    drives = [f"{host.name}:{device}" for host in torn for device in host.drives]
    declared = {device for host in torn for device in host.drives}
    for entry in names(cluster.settings.get("drives_consent")):
        if entry not in declared and not any(entry == drive or entry.startswith(f"{drive}:") for drive in drives):
            yield (
                f"{DRIVES_CONSENT}: {entry} is in no minio_drives of this run's hosts; an entry is "
                "<host>:<device as declared>:<digest>, as the refusal of a drive prints it: copy that, or take it out"
            )


def drives_left(hostvars: Mapping[str, Any], hosts: Iterable[str], consents: Any) -> list[str]:
    """The drives of all hosts that keep their data, each as host and device."""
    given = names(consents)
    drives = [
        f"{host}:{device}" for host in hosts for device in role_options.read_or(hostvars[host], "minio_drives", [])
    ]
    return [drive for drive in drives if not any(entry.startswith(f"{drive}:") for entry in given)]


def _host(host: Host) -> Iterator[str]:
    if host.unreachable:
        yield f"{host.name}: is unreachable ({host.unreachable}); mend the connection, or leave it out by --limit"
    elif host.failure:
        yield f"{host.name}: could not be looked at ({host.failure}); mend the host, or leave it out by --limit"
    for sentence in _section(host).get("violations", []):
        yield f"{host.name}: {sentence}"
    engine = host.facts.get("engine") or {}
    if engine.get("installed") and not engine.get("running"):
        yield (
            f"{host.name}: its engine does not answer, so it cannot leave its swarm; "
            "start it (`systemctl start docker`), then run again"
        )


def _nobody_else(torn: Sequence[Host], acting: Host | None) -> Iterator[str]:
    """The end of a swarm is the end of all that runs in it."""
    if acting is None:
        return
    others = acting.swarm.get("other_services") or []
    if others:
        yield (
            f"the swarm runs services that are not ours ({', '.join(sorted(others))}), and they would end with it; "
            "remove them first (docker service rm)"
        )
    ours = {host.swarm.get("node_id") for host in torn}
    foreign = [
        f"{node['hostname']} ({node.get('addr') or node['id']})"
        for node in acting.swarm.get("nodes", [])
        if node["id"] not in ours and node.get("state") == "ready" and not any(_was(host, node) for host in torn)
    ]
    if foreign:
        yield (
            f"the swarm has nodes that are not in the inventory ({', '.join(foreign)}), and they would lose it; "
            "let them leave it first, or add them to the inventory"
        )


def _unseen(cluster: Cluster, torn: Sequence[Host], acting: Host | None) -> Iterator[str]:
    """A manager without a leader cannot say what else would end with its swarm: that is unknown, and not nothing."""
    if acting is not None:
        return
    agreed = names(cluster.settings.get("unseen_consent"))
    blind = [host for host in torn if _is_manager(host)]
    for host in (host for host in blind if host.name not in agreed):
        why = str(host.swarm.get("unlisted") or "it lists no nodes").strip().rstrip(".")
        yield (
            f"{host.name}: is a manager that cannot tell what is in its swarm ({why}), and services and nodes that are "
            "not ours would end with it unseen; bring the other managers back first, or agree by "
            f"{UNSEEN_CONSENT}: [{', '.join(one.name for one in blind)}]"
        )


def _swarm_lives(cluster: Cluster, torn: Sequence[Host], acting: Host | None) -> Iterator[str]:
    """A manager has to stay, and answer."""
    members = [host.name for host in torn if host.swarm.get("state") not in (None, "inactive")]
    if members and acting is None:
        rest = [host.name for host in cluster.hosts if host not in torn]
        yield (
            f"no manager outside this run answers as one of an active swarm, so nobody could let go of "
            f"{enumerate_names(members)}; leave a manager out of this run, or tear down {enumerate_names(rest)} as well"
        )
    if acting is None:
        return
    leaving = {node for host in torn for node in _entries(host, acting)}
    managers = [node for node in acting.swarm["nodes"] if node.get("role") == "manager"]
    stay = [node for node in managers if node["id"] not in leaving]
    reachable = [node for node in stay if node.get("reachability") == "reachable"]
    if len(reachable) < len(stay) // 2 + 1:
        yield (
            f"of the {len(stay)} managers that stay, {len(reachable)} can be reached, and the swarm needs more than "
            "half; bring the others back first"
        )


def _minio_lives(cluster: Cluster, torn: Sequence[Host], acting: Host | None) -> Iterator[str]:
    """Together with those that are away already, no more servers leave than writes can do without."""
    layout = minio_plan.layout_of(cluster)
    if acting is None or layout is None or not minio_plan.services(_seen_by(cluster, acting)):
        return
    for pool in layout["pools"]:
        hosts = [host for host in cluster.group("minio") if int(host.pool) == pool["pool"]]
        away = _away(hosts, torn, acting)
        leaving = [host.name for host in hosts if host in torn]
        if leaving and len(away) > pool["write_tolerance"]:
            yield (
                f"MinIO: with {enumerate_names(leaving)} gone, {len(away)} servers of pool {pool['pool']} are away "
                f"({', '.join(away)}), and writes go on without {pool['write_tolerance']} at most; "
                "take fewer at a time, and let each return and heal first, or tear down all hosts together"
            )


def _seen_by(cluster: Cluster, acting: Host) -> Cluster:
    return Cluster(hosts=(acting, *(host for host in cluster.hosts if host is not acting)), settings=cluster.settings)
