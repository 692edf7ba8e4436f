# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks: the table, and what to do about a difference.

The Engine cannot change a network: every difference means to make it anew, which needs consent. Services that use it
are without it, and at rest, for that long (``network_remake.py``).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Optional

from .. import fields
from ..engine import Engine
from ..errors import Conflict, InputError, Refused
from ..rows import KEYED, RECREATE, Change, Convert, Field
from ..units import TEXT_MAP, collected, mapping, text, text_map
from ..versions import gate
from . import connected, data_path
from .detached import Users
from .network_need import members_of, shortage
from .network_pools import cidr, overlaps_of, pool_violations, written
from .network_remake import (
    allocated,
    await_allocated,
    complete,
    delete,
    find_users,
    of_the_cluster,
    remake,
    unfinished,
    waiting,
)

# The overlay driver writes its VXLAN IDs among the options that the user gave.
_ASSIGNED = "com.docker.network.driver.overlay.vxlanid_list"


def _address(value: Any, where: str) -> str:
    try:
        return str(ipaddress.ip_address(text(value, where)))
    except ValueError as error:
        raise InputError(f'option "{where}": {value} is not an IP address; give for example 10.0.0.1') from error


def _driver_options(value: Mapping[str, Any], where: str) -> dict[str, str]:
    """Driver options are strings; a YAML boolean means its usual spelling."""
    return text_map(
        {key: str(one).lower() if isinstance(one, bool) else one for key, one in mapping(value, where).items()}, where
    )


def _addresses(value: Mapping[str, Any], where: str) -> dict[str, str]:
    given = mapping(value, where)
    return dict(zip(given, collected(partial(_address, one, f"{where}.{name}") for name, one in given.items())))


CIDR = Convert(parse=cidr, decode=written)
# Empty: the whole subnet.
RANGE = Convert(parse=lambda value, where: "" if value == "" else cidr(value, where), decode=written)
ADDRESS = Convert(parse=_address)
# What the Engine makes of any driver where a network is only a configuration.
CONFIG_ONLY_DRIVER = "null"
DRIVER = Convert(decode=lambda value: "bridge" if value == CONFIG_ONLY_DRIVER else value)
# A network of the cluster that takes its configuration from another shows none of its own.
IPAM_DRIVER = Convert(decode=lambda value: value or "default")

IPAM_CONFIG = (
    Field("subnet", "Subnet", convert=CIDR),
    Field("iprange", "IPRange", convert=RANGE),
    Field("gateway", "Gateway", convert=ADDRESS),
    Field("aux_addresses", "AuxiliaryAddresses", "dict", convert=Convert(parse=_addresses)),
)

TABLE = (
    Field("driver", "Driver", default="bridge", convert=DRIVER, mutability=RECREATE),
    # Before, a global network needed a store outside of the Engine, which excludes a swarm.
    Field(
        "scope",
        "Scope",
        choices=("local", "global", "swarm"),
        choices_since={"global": (1, 42)},
        default="local",
        mutability=RECREATE,
    ),
    Field("driver_options", "Options", "dict", convert=Convert(parse=_driver_options), mutability=RECREATE),
    Field("ipam_driver", "IPAM.Driver", default="default", convert=IPAM_DRIVER, mutability=RECREATE),
    Field("ipam_driver_options", "IPAM.Options", "dict", convert=TEXT_MAP, since=(1, 39), mutability=RECREATE),
    Field(
        "ipam_config", "IPAM.Config", "list", compare=KEYED, key=("subnet",), fields=IPAM_CONFIG, mutability=RECREATE
    ),
    Field("attachable", "Attachable", "bool", since=(1, 27), mutability=RECREATE),
    Field("internal", "Internal", "bool", mutability=RECREATE),
    Field("ingress", "Ingress", "bool", since=(1, 29), mutability=RECREATE),
    Field("enable_ipv4", "EnableIPv4", "bool", default=True, since=(1, 47), mutability=RECREATE),
    Field("enable_ipv6", "EnableIPv6", "bool", mutability=RECREATE),
    Field("config_only", "ConfigOnly", "bool", since=(1, 30), mutability=RECREATE),
    Field("config_from", "ConfigFrom.Network", since=(1, 30), mutability=RECREATE),
    Field("labels", "Labels", "dict", convert=TEXT_MAP, mutability=RECREATE),
)

SPEC = {
    "name": {"type": "str", "required": True, "aliases": ["network_name"]},
    "state": {"type": "str", "choices": ["absent", "present"], "default": "present"},
    "force": {"type": "bool", "default": False, "aliases": ["recreate"]},
    "wait_timeout": {"type": "int", "default": 60},
    **connected.SPEC,
    **fields.spec(TABLE),
}


def changes_of(want: Mapping[str, Any], live: Optional[Mapping[str, Any]]) -> list[Change]:
    if live is None:
        return fields.diff(TABLE, want, None)
    have = fields.read(TABLE, live)
    if _ASSIGNED not in want.get("driver_options", {}):
        have["driver_options"].pop(_ASSIGNED, None)
    # The Engine chooses a pool for a family of addresses that is given none.
    families = {_family(pool) for pool in want.get("ipam_config", [])}
    have["ipam_config"] = [pool for pool in have["ipam_config"] if _family(pool) in families]
    return fields.diff(TABLE, want, have)


def lost(want: Mapping[str, Any], live: Optional[Mapping[str, Any]], where: str = "") -> list[str]:
    """What the cluster takes of a pool and does not keep."""
    now = {} if live is None or "driver" in want else live
    if want.get("driver", now.get("Driver")) != "overlay" and want.get("scope", now.get("Scope")) != "swarm":
        return []
    return [
        f'option "{where}ipam_config[{pool.get("subnet", "")}].aux_addresses": a network of the cluster keeps none; '
        "remove it, or give an iprange without these addresses"
        for pool in want.get("ipam_config", [])
        if pool.get("aux_addresses")
    ]


def _family(pool: Mapping[str, Any]) -> int:
    return 6 if ":" in str(pool.get("subnet", "")) else 4


def body_of(name: str, want: Mapping[str, Any]) -> dict[str, Any]:
    return _named(name, fields.merge(TABLE, None, want))


def _named(name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A swarm, other than an engine by itself, knows no driver for a network of which none is said."""
    driver = {"Driver": "bridge"} if body.get("Scope") == "swarm" else {}
    return {**driver, **body, "Name": name, "CheckDuplicate": True}


def exact(name: str, networks: list[dict[str, Any]]) -> Optional[dict[str, Any]]:
    """The network of exactly that name: the Engine's own filter also finds names that begin with it."""
    found = [one for one in networks if one["Name"] == name]
    if len(found) > 1:
        shown = ", ".join(f"{one['Id']} ({one['Driver']}, {one['Scope']})" for one in found)
        raise Refused(f'network "{name}": there are {len(found)} networks of this name: {shown}; remove all but one')
    return found[0] if found else None


def converge(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    try:
        return _converge(engine, params, check_mode)
    except Conflict:
        # Somebody else made it since it was looked for: what is there now is compared.
        return _converge(engine, params, check_mode)


def _converge(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    name = params["name"]
    want = fields.build(TABLE, params)
    live = exact(name, engine.call("GET", "/networks", query={"filters": {"name": [name]}}))
    begun = unfinished(engine, name) if live is None or live.get("Scope") == "swarm" else None
    if params["state"] == "absent":
        return _absent(engine, params, live, begun, check_mode)
    if live is not None and not allocated(live):
        live = await_allocated(engine, live["Id"], 0 if check_mode else params["wait_timeout"])
    changes = changes_of(want, live)
    if changes or live is None:
        unknown = [*gate(TABLE, want, engine.api_version), *lost(want, live)]
        if unknown:
            raise InputError(unknown)
    plan = _plan(engine, params, want, live, begun, changes)
    if changes or live is None:
        _possible(engine, plan)
    joining = connected.plan(engine, params, None if changes else live, check_mode)
    after = live or {}
    if plan.actions:
        after = dict(plan.body) if check_mode else _apply(engine, live, plan, params["wait_timeout"])
    if joining.actions() and not check_mode:
        connected.apply(engine, joining, after["Id"])
        after = dict(engine.call("GET", f"/networks/{after['Id']}"))
    actions = plan.actions + joining.actions()
    result: dict[str, Any] = {"changed": bool(actions), "network": after, "actions": actions}
    if actions:
        changes += joining.changes()
        result["diff"] = fields.as_diff([Change("exists", live is not None, True), *changes])
    return result


@dataclass(frozen=True)
class Plan:
    """What is to be done: ``body`` makes the network, ``users`` are who has to let go of the old one before."""

    actions: list[str]
    body: Mapping[str, Any]
    users: Optional[Users] = None


def _plan(
    engine: Engine,
    params: Mapping[str, Any],
    want: Mapping[str, Any],
    live: Optional[dict[str, Any]],
    begun: Optional[Mapping[str, Any]],
    changes: list[Change],
) -> Plan:
    name = params["name"]
    made = [f"created network {name}"]
    # Only where somebody began and did not end is there anybody who waits.
    back = [f"attached service {one['Spec']['Name']}" for one in waiting(engine, name)] if begun else []
    if live is None:
        # What an interrupted run wanted is what this one wants, unless it says otherwise.
        return Plan(made + back, _named(name, fields.merge(TABLE, begun, want)))
    body = _named(name, _recreated(live, want))
    if not changes:
        return Plan(back or [f"completed network {name}"] if begun else [], body)
    users = find_users(engine, live)
    _consent(live, users, params["force"], changes, body)
    names = sorted(one["Spec"]["Name"] for one in users.services)
    actions = [f"detached service {one}" for one in names] + [f"removed network {name}", *made]
    return Plan(actions + [f"attached service {one}" for one in names] + back, body, users)


def _possible(engine: Engine, plan: Plan) -> None:
    """Refuses what the cluster would take and never allocate, or what has no addresses for those who use it."""
    networks = engine.call("GET", "/networks")
    found = [*pool_violations(plan.body), *overlaps_of(plan.body, networks)]
    if plan.users and plan.users.services and not found:
        members = members_of(plan.users.services, networks)
        found += filter(None, [shortage(plan.body, members.values(), engine.call("GET", "/nodes"))])
    found += data_path.refusals(plan.body, lambda: engine.call("GET", "/info"))
    if found:
        raise InputError(found)


def _apply(engine: Engine, live: Optional[dict[str, Any]], plan: Plan, timeout: float) -> dict[str, Any]:
    if live is not None and plan.users is not None:
        former = _named(live["Name"], _recreated(live, {}))
        return remake(engine, live, plan.body, plan.users, timeout, former)
    return complete(engine, live, plan.body, timeout)


def _recreated(live: Mapping[str, Any], want: Mapping[str, Any]) -> dict[str, Any]:
    keep = {key: live[key] for key in ("Driver", "Scope", "Options", "IPAM", "Attachable", "Internal", "Ingress",
                                       "EnableIPv6", "Labels") if key in live}  # fmt: skip
    if live.get("ConfigOnly") or (live.get("ConfigFrom") or {}).get("Network"):
        keep.update({key: live[key] for key in ("ConfigOnly", "ConfigFrom")})
    if _ASSIGNED not in want.get("driver_options", {}):
        keep["Options"] = {key: one for key, one in (live.get("Options") or {}).items() if key != _ASSIGNED}
    for key in _not_kept(live, want):
        keep.pop(key, None)
    return fields.merge(TABLE, keep, want)


def _not_kept(live: Mapping[str, Any], want: Mapping[str, Any]) -> list[str]:
    """What follows from something else: from the driver, or from the network that has the configuration."""
    dropped = []
    if want.get("driver", live["Driver"]) != live["Driver"]:
        dropped.append("Scope")
    if live["Driver"] == CONFIG_ONLY_DRIVER:
        dropped.append("Driver")
    if want.get("config_from", (live.get("ConfigFrom") or {}).get("Network")):
        dropped += ["IPAM", "Options", "Labels"]
    return dropped


def _absent(
    engine: Engine,
    params: Mapping[str, Any],
    live: Optional[dict[str, Any]],
    begun: Optional[Mapping[str, Any]],
    check_mode: bool,
) -> dict[str, Any]:
    name = params["name"]
    if begun:
        names = ", ".join(one["Spec"]["Name"] for one in waiting(engine, name)) or "none"
        raise Refused(
            f'network "{name}" is being made anew and these services wait for it: {names}; '
            "complete that with state: present, then remove it"
        )
    if live is None:
        return {"changed": False, "network": {}, "actions": []}
    users = find_users(engine, live)
    if users:
        raise Refused(f'network "{name}" is in use by {users.names()}; take it from them, then remove it')
    if not check_mode:
        delete(engine, live, params["wait_timeout"])
    return {
        "changed": True,
        "network": {},
        "actions": [f"removed network {name}"],
        "diff": fields.as_diff([Change("exists", True, False)]),
    }


def _consent(
    live: Mapping[str, Any], users: Users, force: bool, changes: list[Change], body: Mapping[str, Any]
) -> None:
    name = live["Name"]
    differs = "; ".join(f"{one.option} is {one.before!r}, wanted {one.after!r}" for one in changes)
    obstacles = users.obstacles(name)
    if users.services and not of_the_cluster(body):
        obstacles.append("services need a network of the cluster, and it would be one of this host alone")
    if obstacles:
        raise Refused(
            f'network "{name}" differs ({differs}) and cannot be changed while it is in use by {users.names()}: '
            f"{'; '.join(obstacles)}; or keep the options as they are"
        )
    if not force:
        said = "is in use by " + users.names() + ": they would stop until it is there again" if users else "is unused"
        raise Refused(
            f'network "{name}" differs ({differs}); a network cannot be changed, only made anew. '
            f"It {said}. Allow that with force: true (or recreate: true), or keep the options as they are"
        )
