# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes: labels, role and availability, of one node or of many in one execution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .. import fields
from ..engine import Engine, retry_out_of_sequence
from ..errors import InputError, WaitTimeout
from ..rows import Change, Field
from ..units import TEXT_MAP
from ..wait import wait_until

TABLE = (
    Field("name", "Name"),
    Field("labels", "Labels", "dict", convert=TEXT_MAP),
    Field("role", "Role", choices=("worker", "manager"), default="worker"),
    Field("availability", "Availability", choices=("active", "pause", "drain"), default="active"),
)

_NODE = {
    **fields.spec(TABLE),
    "labels_state": {"type": "str", "choices": ["merge", "replace"], "default": "merge"},
    "labels_to_remove": {"type": "list", "elements": "str"},
}

SPEC = {
    "hostname": {"type": "str"},
    **_NODE,
    "nodes": {
        "type": "list",
        "elements": "dict",
        "options": {"hostname": {"type": "str", "required": True}, **_NODE},
    },
    "wait_drained": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 60},
}

OPTIONS: dict[str, Any] = {"mutually_exclusive": [["hostname", "nodes"]], "required_one_of": [["hostname", "nodes"]]}


def want_of(asked: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Labels are wanted as the whole that they come to, so that removing one shows as a difference."""
    want = fields.build(TABLE, asked)
    have = dict(live.get("Labels") or {})
    given = want.pop("labels", None)
    if asked["labels_state"] == "replace":
        return {**want, "labels": given or {}}
    if given is None and not asked["labels_to_remove"]:
        return want
    for name in asked["labels_to_remove"] or []:
        have.pop(name, None)
    return {**want, "labels": {**have, **(given or {})}}


def candidates(hostname: str, nodes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """By ID, or by exact host name; of several of one name, those that are not down."""
    by_id = [node for node in nodes if node["ID"] == hostname]
    found = by_id or [node for node in nodes if node["Description"]["Hostname"] == hostname]
    up = [node for node in found if node["Status"]["State"] != "down"]
    return up if len(found) > 1 and up else found


def find(hostname: str, nodes: Sequence[Mapping[str, Any]]) -> Optional[Mapping[str, Any]]:
    """The one node that is meant."""
    found = candidates(hostname, nodes)
    if len(found) > 1:
        ids = ", ".join(f"{node['ID']} ({node['Status']['State']})" for node in found)
        raise InputError(f'node "{hostname}": {len(found)} nodes have this host name: {ids}; give the ID')
    return found[0] if found else None


def converge(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    asked = params["nodes"] if params["nodes"] is not None else [params]
    nodes = _told_apart(engine, [one["hostname"] for one in asked], 0 if check_mode else params["wait_timeout"])
    missing = [one["hostname"] for one in asked if find(one["hostname"], nodes) is None]
    if missing and not check_mode:
        there = ", ".join(sorted(node["Description"]["Hostname"] for node in nodes))
        raise InputError([f'node "{name}" is not in this swarm; its nodes are: {there}' for name in missing])
    changes: list[Change] = []
    after = []
    for one in asked:
        found, differs = _one(engine, one, nodes, params["wait_timeout"], check_mode)
        if params["wait_drained"] and one["availability"] == "drain" and not check_mode:
            _drained(engine, found["ID"], params["wait_timeout"])
        after.append(found)
        changes.extend(Change(f"{one['hostname']}.{change.option}", change.before, change.after) for change in differs)
    result: dict[str, Any] = {"changed": bool(changes), "nodes": after, "diff": fields.as_diff(changes)}
    if params["nodes"] is None:
        result["node"] = after[0]
    if missing and not engine.fresh:
        result["warnings"] = [f"not in this swarm yet, taken for new: {', '.join(missing)}"]
    return result


def _told_apart(engine: Engine, hostnames: Sequence[str], timeout: float) -> Sequence[Mapping[str, Any]]:
    """All nodes, once a host that joined again has left its former node behind: Swarm notices that by its heartbeat."""
    try:
        return wait_until(
            lambda: engine.call("GET", "/nodes"),
            lambda nodes: all(len(candidates(name, nodes)) < 2 for name in hostnames),
            timeout,
            "former nodes of hosts that joined again to be down",
            show=lambda nodes: ", ".join(f"{node['ID']} {node['Status']['State']}" for node in nodes),
        )
    except WaitTimeout as timed_out:
        # Which of them is meant is then for the caller to say; find() names them.
        return timed_out.state


def _one(
    engine: Engine,
    asked: Mapping[str, Any],
    nodes: Sequence[Mapping[str, Any]],
    timeout: float,
    check_mode: bool,
) -> tuple[Mapping[str, Any], list[Change]]:
    listed = find(asked["hostname"], nodes)
    if listed is None:
        want = want_of(asked, {})
        return {"Spec": fields.merge(TABLE, None, want)}, fields.diff(TABLE, want, None)
    ident = listed["ID"]
    first: list[Mapping[str, Any]] = [listed]

    def attempt() -> tuple[Mapping[str, Any], list[Change]]:
        # The list is recent enough for the first look; after a lost race the node is read again.
        node = first.pop() if first else engine.call("GET", f"/nodes/{ident}")
        want = want_of(asked, node["Spec"])
        changes = fields.diff(TABLE, want, fields.read(TABLE, node["Spec"]))
        spec = fields.merge(TABLE, node["Spec"], want)
        if not changes or check_mode:
            return {**node, "Spec": spec}, changes
        engine.call("POST", f"/nodes/{ident}/update", spec, query={"version": node["Version"]["Index"]})
        return _settled(engine, ident, want.get("role"), timeout), changes

    return retry_out_of_sequence(attempt)


def _settled(engine: Engine, ident: str, role: Optional[str], timeout: float) -> Mapping[str, Any]:
    """The node as it is once raft has agreed on its role."""
    return wait_until(
        lambda: engine.call("GET", f"/nodes/{ident}"),
        lambda node: role is None or in_role(node, role),
        timeout,
        f'node "{ident}" to be a {role}',
        show=lambda node: f"role {node['Spec']['Role']}, manager status {node.get('ManagerStatus')}",
    )


def _drained(engine: Engine, ident: str, timeout: float) -> None:
    """Tasks are told to end at once, and take the time that their services grant them."""
    wait_until(
        lambda: running_on(engine.call("GET", "/tasks", query={"filters": {"node": [ident]}})),
        lambda running: not running,
        timeout,
        f'node "{ident}" to have no running task',
        show=", ".join,
    )


def running_on(tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    """The tasks that have begun and not ended."""
    begun = ("preparing", "ready", "starting", "running")
    return [task["ID"] for task in tasks if (task.get("Status") or {}).get("State") in begun]


def in_role(node: Mapping[str, Any], role: str) -> bool:
    status = node.get("ManagerStatus") or {}
    return status.get("Reachability") == "reachable" if role == "manager" else not status
