# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sections that ``host`` knows: their options, and how each is planned from one look at the host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Optional

from ..minio.ca import CERTIFICATE as CA_CERTIFICATE
from ..state_directory import STATE_DIRECTORY
from . import (
    cluster_receipts,
    drive_receipts,
    drive_refusals,
    drive_state,
    drives,
    engine_setup,
    firewall,
    firewall_rules,
    formats,
    ipsec,
    kernel,
    leftovers,
    links,
    links_plan,
    packages,
    tls_files,
)
from .engine_restart import RestartEngine, ask_minio
from .snapshot import Snapshot
from .steps import Plan

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Section:
    """``applied`` is false where a module of its own does the work, because data could be lost."""

    spec: Mapping[str, Any]
    plan: Callable[[Options, Snapshot], Plan]
    applied: bool = True


def _plan_drives(options: Options, snapshot: Snapshot) -> Plan:
    state = drive_state.read(options, snapshot)
    if options["number"] < 1:
        # What is missing is the number, which the controller says; the devices are looked for all the same.
        return Plan(violations=drives.search(options, state), flags={"formats": [], "devices": [], "receipts": {}})
    result = drives.plan(options, state)
    result.flags["formats"] = formats.read(snapshot.system, options, state)
    result.flags["devices"] = drives.outlines(options, state)
    result.flags["receipts"] = drive_receipts.facts(state.receipts)
    result.flags["renamed"] = drive_refusals.renamed(options, state)
    return result


def _plan_ipsec(options: Options, snapshot: Snapshot) -> Plan:
    result = ipsec.plan(options, snapshot.ipsec())
    directory = options.get("ca_directory")
    result.flags["ca"] = (snapshot.system.read(f"{directory}/{CA_CERTIFICATE}") or "") if directory else None
    result.flags["ca_refused"] = tls_files.refused(directory)
    return result


DRIVE_SPEC: dict[str, Any] = {
    "devices": {"type": "list", "elements": "str", "required": True},
    "number": {"type": "int", "required": True},
    "parent": {"type": "path", "default": "/srv/minio"},
    "owner": {"type": "int", "default": 9000},
    "group": {"type": "int", "default": 9000},
    "host": {"type": "str", "default": ""},
    "format_consent": {"type": "list", "elements": "str", "default": []},
    "receipts": {"type": "dict", "default": {}},
    "seen": {"type": "list", "elements": "dict", "default": []},
}
POOL_SPEC: dict[str, Any] = {
    "base": {"type": "str", "required": True},
    "size": {"type": "int", "required": True},
}
ENGINE_SPEC: dict[str, Any] = {
    "package": {"type": "str", "default": "docker.io"},
    "log_max_size": {"type": "str"},
    "log_max_file": {"type": "int"},
    "address_pools": {"type": "list", "elements": "dict", "options": POOL_SPEC},
    "nofile": {"type": "int"},
    "hold": {"type": "bool", "default": True},
    "along": {"type": "list", "elements": "str", "default": []},
}
PACKAGES_SPEC: dict[str, Any] = {
    "names": {"type": "list", "elements": "str", "default": []},
    "hold": {"type": "list", "elements": "str", "default": []},
}
PEER_SPEC: dict[str, Any] = {
    "number": {"type": "int", "required": True},
    "address": {"type": "str", "required": True},
}
LINKS_SPEC: dict[str, Any] = {
    "kind": {"type": "str", "choices": list(links_plan.KINDS), "default": "vxlan"},
    "vni": {"type": "int", "default": 7700},
    "port": {"type": "int"},
    "number": {"type": "int", "required": True},
    "address": {"type": "str", "required": True},
    "peers": {"type": "list", "elements": "dict", "options": PEER_SPEC, "required": True},
    "subnet": {"type": "str", "default": "10.78.0.0/24"},
    "bridge": {"type": "str", "default": "ovl0"},
    "mtu": {"type": "int"},
    "underlay_mtu": {"type": "int"},
    "encryption": {"type": "str", "choices": ["none", "ipsec"], "default": "none"},
    "replication": {"type": "str", "choices": list(links_plan.REPLICATION), "default": "static"},
}
ALLOWED_SPEC: dict[str, Any] = {
    "protocol": {"type": "str", "choices": [*firewall_rules.WITH_PORTS, *firewall_rules.PROTOCOLS], "default": "tcp"},
    "port": {"type": "int"},
    "sources": {"type": "list", "elements": "str", "required": True},
    "comment": {"type": "str"},
}
FIREWALL_SPEC: dict[str, Any] = {
    "client_networks": {"type": "list", "elements": "str", "required": True},
    "peers": {"type": "list", "elements": "str", "required": True},
    "client_ports": {"type": "list", "elements": "int", "default": [9000, 9001]},
    "cluster_tcp_ports": {"type": "list", "elements": "int", "default": [2377, 7946]},
    "cluster_udp_ports": {"type": "list", "elements": "int", "default": [4789, 7946]},
    "container_interfaces": {"type": "list", "elements": "str", "default": ["docker0", "docker_gwbridge"]},
    "gre_vsid": {"type": "int"},
    "overlay_interfaces": {"type": "list", "elements": "str", "default": []},
    "overlay_networks": {"type": "list", "elements": "str", "default": []},
    "drop_interfaces": {"type": "list", "elements": "str", "default": []},
    "management_networks": {"type": "list", "elements": "str", "default": []},
    "management_ports": {"type": "list", "elements": "int", "default": [22]},
    "controller_manages": {"type": "bool", "default": True},
    "allowed": {"type": "list", "elements": "dict", "default": [], "options": ALLOWED_SPEC},
    "extra_rules": {"type": "list", "elements": "str", "default": []},
}
TLS_SPEC: dict[str, Any] = {"ca_directory": {"type": "path"}}
RESTART_SPEC: dict[str, Any] = {
    "minio_url": {"type": "str", "default": ""},
    "minio_peers": {"type": "list", "elements": "str", "default": []},
    "minio_ca_path": {"type": "path"},
    "minio_ca_certificates": {"type": "str"},
    "timeout": {"type": "int", "default": 300},
}
RECEIPTS_SPEC: dict[str, Any] = {"drives": {"type": "dict", "required": True}}
LOOK_SPEC: dict[str, Any] = {
    "credentials_dir": {"type": "path", "default": STATE_DIRECTORY},
    "peers": {"type": "list", "elements": "str", "default": []},
    "ports": {"type": "list", "elements": "int", "default": []},
    "features": {"type": "list", "elements": "str", "choices": sorted(kernel.FEATURES), "default": []},
}

# In the order in which they are applied.
SECTIONS: dict[str, Section] = {
    "packages": Section(PACKAGES_SPEC, lambda options, snapshot: packages.plan(options, snapshot.packages)),
    "engine": Section(ENGINE_SPEC, lambda options, snapshot: engine_setup.plan(options, snapshot.engine())),
    "drives": Section(DRIVE_SPEC, _plan_drives, applied=False),
    "drive_receipts": Section(RECEIPTS_SPEC, lambda options, snapshot: cluster_receipts.plan(options, snapshot.system)),
    "links": Section(
        LINKS_SPEC, lambda options, snapshot: links.plan(options, snapshot.links(options["bridge"])), applied=False
    ),
    "firewall": Section(
        FIREWALL_SPEC, lambda options, snapshot: firewall.plan(options, snapshot.firewall()), applied=False
    ),
    "ipsec": Section(ipsec.SPEC, _plan_ipsec, applied=False),
    "leftovers": Section(leftovers.SPEC, lambda options, snapshot: leftovers.plan(options, snapshot.system)),
    # Looked at only: what is due is decided where all hosts are known.
    "minio_tls": Section(TLS_SPEC, lambda options, _snapshot: Plan(flags=tls_files.read(options["ca_directory"]))),
}


def spec() -> dict[str, Any]:
    """The argument spec of ``host``."""
    sections = {name: {"type": "dict", "options": dict(section.spec)} for name, section in SECTIONS.items()}
    return {
        "sections": {"type": "dict", "default": {}, "options": sections},
        "engine_restart": {"type": "dict", "options": dict(RESTART_SPEC)},
        "look": {"type": "dict", "default": {}, "options": dict(LOOK_SPEC)},
        "violations": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
    }


def plan(wanted: Mapping[str, Any], snapshot: Snapshot, restart: Optional[Options] = None) -> dict[str, Plan]:
    """The plans of all sections that are given; a restart is part of them only where it is asked for."""
    plans = {
        name: section.plan(wanted[name], snapshot) for name, section in SECTIONS.items() if wanted.get(name) is not None
    }
    if restart is not None and "engine" in plans and plans["engine"].flags["restart"]:
        peers = [url.rstrip("/") for url in restart["minio_peers"]]
        probe = partial(
            ask_minio, ca_path=restart["minio_ca_path"], ca_certificates=restart["minio_ca_certificates"] or ""
        )
        plans["engine"].steps.append(RestartEngine(restart["minio_url"].rstrip("/"), peers, restart["timeout"], probe))
        plans["engine"].flags["restart"] = False
    return plans


def applicable(plans: Mapping[str, Plan]) -> list[Plan]:
    """The plans that ``host`` itself carries out."""
    return [plan for name, plan in plans.items() if SECTIONS[name].applied]
