# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has to do, drawn from the declarations and from one look at every host: pure, on the controller.

Each piece of work is a group of hosts, so that a play on an empty group costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.addresses import plain, version
from ansible_collections.baremetal.overlay.plugins.module_utils.host import overhead
from ansible_collections.baremetal.overlay.plugins.plugin_utils import (
    absent_plan,
    autolock_plan,
    drive_receipts,
    ipsec_plan,
    lease_plan,
    minio_plan,
    network_plan,
    restarts,
    role_options,
    root_credentials,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils import settings as cluster_settings
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import (
    NUMBER_LABEL,
    Cluster,
    Host,
    enumerate_names,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import advice, networks, violations

SWARM_ROLES = {"managers": "manager", "workers": "worker"}
# Work as an operator reads it; the acting manager's is on every run.
TODO = {
    "overlay_engine": "install or configure the engine, or remove what a run that was killed left",
    "overlay_restart": "restart the engine",
    "overlay_links": "make or change the links of the kernel overlay",
    "overlay_ipsec": "begin, change or end the encryption between hosts",
    "overlay_firewall": "load the firewall's table",
    "overlay_drives": "prepare the drives",
    "overlay_receipts": "keep receipts of all hosts' drives",
    "overlay_join": "make or join the swarm",
    "overlay_autolock": "have the swarm lock its managers, or no longer",
    "overlay_unlock_key": "keep the key that unlocks this manager, or remove it",
    "overlay_networks": "configure its own part of MinIO's networks",
    "overlay_credentials": "keep MinIO's credentials",
    "overlay_credentials_gone": "remove MinIO's root credentials, which only managers keep",
    "overlay_root": "change MinIO's root credentials, for which all servers restart together",
    "overlay_image": "load MinIO's image",
    "overlay_format": "format its drives for MinIO, which waits for all hosts to do that",
    "overlay_tls": "issue, renew or lay out its certificate",
}
GROUPS = ("managers", "workers", "minio")


def read_cluster(
    hostvars: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    looked_at: Iterable[str],
    settings: Mapping[str, Any],
) -> Cluster:
    """The inventory and the registered reports of ``host`` as one value."""
    names = dict.fromkeys(name for group in GROUPS for name in groups.get(group, []))
    looked_at = set(looked_at)
    hosts = tuple(_read_host(name, hostvars[name], groups, name in looked_at) for name in names)
    return Cluster(hosts=hosts, settings=cluster_settings.read(settings))


def _read_host(name: str, variables: Mapping[str, Any], groups: Mapping[str, Sequence[str]], looked_at: bool) -> Host:
    result = (variables.get("__preflight_host") if looked_at else None) or {}
    message = str(result.get("msg", "no answer"))
    return Host(
        name=name,
        groups=frozenset(group for group in GROUPS if name in groups.get(group, [])),
        number=role_options.read(variables, "overlay_host_number"),
        address=None if (address := variables.get("overlay_underlay_address")) is None else plain(address),
        pool=role_options.read(variables, "minio_pool") or 1,
        lan_parent=variables.get("swarm_lan_parent"),
        variables=variables,
        drives=tuple(role_options.read(variables, "minio_drives") or ()),
        tls={name: str(variables.get(f"minio_tls_{name}") or "") for name in ("certificate", "key")},
        report=result if "facts" in result else None,
        unreachable=message if result.get("unreachable") else None,
        failure=message if result.get("failed") and not result.get("unreachable") else None,
    )


def draw(cluster: Cluster) -> dict[str, Any]:
    """The plan of a run; with violations in it, nothing of it may be carried out."""
    if unlocking := autolock_plan.first(cluster):
        return unlocking
    found = violations(cluster)
    try:
        return {**_draw(cluster), "violations": found}
    except cluster_settings.Refused:
        # No plan can be made without a setting that is wrong; the rules went on without it.
        return {"violations": found, "advice": advice(cluster), "summary": []}


def _draw(cluster: Cluster) -> dict[str, Any]:
    minio, ipsec = minio_plan.draw(cluster), ipsec_plan.draw(cluster)
    minio.update(absent=absent_plan.sentences(cluster), format=absent_plan.formats(cluster))
    work = {host.name: _work(host, cluster, minio, ipsec) for host in cluster.hosts}
    drawn_networks = network_plan.draw(cluster)
    restarting = restarts.draw(cluster, minio, drawn_networks["attachment"])
    advised = advice(cluster)
    leased = lease_plan.groups(cluster, work, bool(restarting))
    return {
        "advice": advised,
        "summary": _summary(cluster, work, restarting, advised),
        "acting_manager": _name(cluster.acting or _founder(cluster)),
        "founder": _name(_founder(cluster)),
        "nodes": [_node(host, cluster) for host in cluster.seen if host.facts.get("hostname")],
        "underlay_mtu": _underlay_mtu(cluster),
        "swarm_mtu": _swarm_mtu(cluster),
        "drive_receipts": drive_receipts.draw(cluster),
        "minio": minio,
        "restarts": [str(restart) for restart in restarting],
        "ipsec": ipsec,
        "networks": drawn_networks,
        "looked": lease_plan.looked(cluster.seen, cluster.acting),
        "work": leased,
    }


def _summary(
    cluster: Cluster,
    work: Mapping[str, Sequence[str]],
    restarting: Sequence[restarts.Restart],
    advised: Sequence[str],
) -> list[str]:
    """What an operator reads where nothing stands in the way: the verdict, what is to do where, and the advice."""
    names = [host.name for host in cluster.seen]
    first = f"{len(names)} of {len(cluster.hosts)} hosts were looked at, and nothing stands in the way"
    todo = [
        f"{enumerate_names(hosts)}: {words}"
        for group, words in TODO.items()
        if (hosts := [name for name in names if group in work[name]])
    ]
    absent = absent_plan.sentences(cluster)
    return [first, *todo, *absent, *map(str, restarting), *(f"advice: {sentence}" for sentence in advised)]


def _name(host: Host | None) -> str | None:
    return host.name if host else None


def _founder(cluster: Cluster) -> Host | None:
    """The manager that makes the swarm: only where no host that was looked at is in one."""
    if any(host.in_swarm for host in cluster.seen) or cluster.left_out:
        return None
    return next((host for host in cluster.group("managers") if host.report is not None), None)


def _node(host: Host, cluster: Cluster) -> dict[str, Any]:
    """What ``node`` is to converge: the Swarm role, and the number by which services find their host."""
    role = next((role for group, role in SWARM_ROLES.items() if group in host.groups), "worker")
    labels = {NUMBER_LABEL: str(host.number)} if "minio" in host.groups else {}
    return {"hostname": _node_name(host, cluster), "role": role, "labels": labels}


def _node_name(host: Host, cluster: Cluster) -> str:
    """The host name; the ID where a former node of the host still has that name."""
    name = str(host.facts["hostname"])
    nodes = cluster.acting.swarm.get("nodes", []) if cluster.acting else []
    namesakes = [node["id"] for node in nodes if node["hostname"] == name]
    return str(host.swarm["node_id"]) if host.in_swarm and len(namesakes) > 1 else name


def _underlay_mtu(cluster: Cluster) -> int | None:
    """The smallest MTU on the way, or None where this run did not look at every host."""
    if len(cluster.seen) < len([host for host in cluster.hosts if not host.unreachable]):
        return None
    declared = cluster.settings.get("underlay_mtu")
    if declared and str(declared).isdigit():
        return int(declared)
    return min((mtu for host in cluster.seen if (mtu := networks.underlay_mtu(host)) is not None), default=None)


def _swarm_mtu(cluster: Cluster) -> int | None:
    """What the Engine may take for the underlay's: of the host's encryption it knows nothing.

    It takes the headers of VXLAN over IPv4 off, 50 bytes, whatever the underlay is; IPv6 has 20 more. Where a later
    Engine counts those itself, packets are so much smaller than they could be, and no network has to be made anew.
    """
    mtu = _underlay_mtu(cluster)
    if mtu is None:
        return None
    encryption = "ipsec" if ipsec_plan.wanted(cluster) else "none"
    versions = {version(host.address) or 4 for host in cluster.hosts}
    return min(overhead.carried(mtu, one, encryption) - overhead.IP[one] + overhead.IP[4] for one in versions)


def _work(host: Host, cluster: Cluster, minio: Mapping[str, Any], ipsec: Mapping[str, Any]) -> list[str]:
    """The computed groups that a host belongs to."""
    if host.report is None:
        return []
    sections = host.report.get("sections", {})
    changed = {name for name, section in sections.items() if section.get("changed")}
    is_acting = host in (cluster.acting, _founder(cluster))
    keeps = cluster.settings.get("keep_credentials", True) and "managers" in host.groups
    work = {
        "overlay_engine": bool(changed & {"packages", "engine", "leftovers"}),
        "overlay_restart": bool(sections.get("engine", {}).get("restart")),
        "overlay_drives": "drives" in changed,
        "overlay_receipts": drive_receipts.due(host, cluster),
        "overlay_links": "links" in changed,
        "overlay_firewall": "firewall" in changed,
        "overlay_ipsec": host.name in ipsec["work"],
        "overlay_join": not host.in_swarm,
        "overlay_networks": bool(network_plan.missing(cluster, host)),
        "overlay_autolock": is_acting and autolock_plan.changes(cluster),
        "overlay_unlock_key": autolock_plan.keeps(cluster, host),
        "overlay_acting": is_acting,
        "overlay_credentials": keeps and root_credentials.due(cluster, host),
        "overlay_credentials_gone": host.name in minio["former_managers"],
        "overlay_root": bool(keeps and minio["root_change"]),
        "overlay_image": host.name in minio["lacking_image"],
        "overlay_tls": host.name in minio["tls"]["due"],
        "overlay_format": host.name in minio["format"],
    }
    return [group for group, wanted in work.items() if wanted]
