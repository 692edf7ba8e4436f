# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory and what the hosts returned as one value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.addresses import endpoint, plain
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import layout
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.model import (
    LEFT_OUT,
    Limits,
    Member,
    Reason,
    View,
)

GROUPS = ("managers", "workers", "minio")
RESPOND, PROBE, VISIT = "__connectivity_respond", "__connectivity_probe", "__connectivity_visit"


def read(
    hostvars: Mapping[str, Any], groups: Mapping[str, Sequence[str]], ran: Iterable[str], settings: Mapping[str, Any]
) -> View:
    """``ran``: the hosts of the play; ``settings``: see the role connectivity."""
    names = list(dict.fromkeys(name for group in GROUPS for name in groups.get(group, [])))
    ran, consented = set(ran), set(settings.get("unreachable_consent") or [])
    visit, failure = _visit(hostvars, names)
    members = tuple(_member(name, hostvars[name], groups, name in ran, name in consented) for name in names)
    return View(
        run=str(settings["run"]),
        members=members,
        network=str(settings["network"]),
        driver=str(settings.get("driver") or "overlay"),
        encryption=str(settings.get("encryption") or "none"),
        firewall=bool(settings.get("firewall")),
        port=int(settings["port"]),
        data_path_port=int(settings["data_path_port"]),
        endpoints={
            name: f"{settings['scheme']}://{endpoint(_address(hostvars[name]), settings['port'])}"
            for name in groups.get("minio", [])
        },
        clients=tuple(settings["clients"]),
        client_host=str(settings["client_host"]),
        check_mode=bool(settings.get("check_mode")),
        visit=visit,
        visit_failure=failure,
        layout=_layout(members, hostvars, settings.get("parity")),
        limits=_limits(settings),
        now=datetime.fromisoformat(str(settings["started"])),
    )


def _limits(settings: Mapping[str, Any]) -> Limits:
    days = [settings.get(name) for name in ("tls_days", "ipsec_days")]
    tls_days, ipsec_days = (None if value in (None, "") else int(str(value)) for value in days)
    usual = Limits()
    return Limits(
        room_warning=float(str(settings.get("room_warning", usual.room_warning))),
        room_minimum=float(str(settings.get("room_minimum", usual.room_minimum))),
        tls_days=tls_days,
        ipsec_days=ipsec_days,
    )


def _layout(members: Sequence[Member], hostvars: Mapping[str, Any], parity: Any) -> layout.Layout | None:
    """The pools and erasure sets that the inventory declares."""
    servers = [
        {
            "host": one.name,
            "number": one.number,
            "drives": len(one.drives),
            "pool": int(str(hostvars[one.name].get("minio_pool") or 1)),
        }
        for one in members
        if one.drives and one.number is not None
    ]
    try:
        return layout.plan(servers, None if parity in (None, "") else int(str(parity)))
    except InputError:
        return None


def _number(variables: Mapping[str, Any]) -> int | None:
    text = str(variables.get("overlay_host_number"))
    return int(text) if text.isdigit() else None


def _address(variables: Mapping[str, Any]) -> str:
    return plain(variables.get("overlay_underlay_address", ""))


def _visit(hostvars: Mapping[str, Any], names: Sequence[str]) -> tuple[Mapping[str, Any] | None, str]:
    """What the client's host saw; the task ran once, for whichever host came first."""
    for name in names:
        found = hostvars[name].get(VISIT)
        if found and not found.get("skipped"):
            return found.get("store"), "" if "store" in found else f"the client's host: {_message(found)}"
    return None, ""


def _member(
    name: str, variables: Mapping[str, Any], groups: Mapping[str, Sequence[str]], ran: bool, consented: bool
) -> Member:
    answer = (variables.get(RESPOND) if ran else None) or {}
    probed = (variables.get(PROBE) if ran else None) or {}
    return Member(
        name=name,
        groups=frozenset(group for group in GROUPS if name in groups.get(group, [])),
        address=_address(variables),
        absence=None if "sight" in answer else _absence(answer, consented) if ran else LEFT_OUT,
        sight=answer.get("sight") or {},
        responder=answer.get("responder") or "",
        offer=answer.get("store"),
        probes=probed.get("probes"),
        silence="" if "probes" in probed or not probed else _absence(probed).text,
        store=probed.get("store"),
        number=_number(variables),
        drives=tuple(map(str, variables.get("minio_drives") or ())) if name in groups.get("minio", []) else (),
        stamps=answer.get("stamps") or {},
        advertised=plain(variables.get("swarm_advertise_addr") or _address(variables)),
        data_path=plain(variables.get("swarm_data_path_addr") or _address(variables)),
    )


def _absence(answer: Mapping[str, Any], consented: bool = False) -> Reason:
    if not answer.get("unreachable"):
        return Reason(f"failed: {_message(answer)}")
    if consented:
        return Reason("is unreachable, as overlay_unreachable_consent allows", chosen=True)
    return Reason(f"is unreachable: {_message(answer)}")


def _message(answer: Mapping[str, Any]) -> str:
    lines = str(answer.get("msg") or "no answer").strip().splitlines()
    return lines[-1][:300]
