# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes: labels, role and availability, of one node or of many in one execution; and their removal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .. import fields
from ..engine import Engine, retry_out_of_sequence
from ..errors import InputError, NoLeader, WaitTimeout
from ..rows import Change, Field
from ..units import TEXT_MAP
from ..wait import Held, wait_until
from . import drain
from .quorum import hostname_of, managers_of, name_of

Node = Mapping[str, Any]
# What is asked of a node, and the node where there is one; the node afterwards, and what changed.
Plan = Sequence[tuple[Mapping[str, Any], Optional[Node]]]
Done = tuple[Node, list[Change]]

TABLE = (
    Field("name", "Name"),
    Field("labels", "Labels", "dict", convert=TEXT_MAP),
    Field("role", "Role", choices=("worker", "manager"), default="worker"),
    Field("availability", "Availability", choices=("active", "pause", "drain"), default="active"),
)

_NODE = {
    **fields.spec(TABLE),
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
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
    "force": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 120},
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


def candidates(hostname: str, nodes: Sequence[Node]) -> list[Node]:
    """By ID, or by exact host name; of several of one name, those that are not down."""
    by_id = [node for node in nodes if node["ID"] == hostname]
    found = by_id or [node for node in nodes if hostname and hostname_of(node) == hostname]
    up = [node for node in found if node["Status"]["State"] != "down"]
    return up if len(found) > 1 and up else found


def find(hostname: str, nodes: Sequence[Node]) -> Optional[Node]:
    """The one node that is meant."""
    found = candidates(hostname, nodes)
    if len(found) > 1:
        ids = ", ".join(f"{node['ID']} ({node['Status']['State']})" for node in found)
        raise InputError(f'node "{hostname}": {len(found)} nodes have this host name: {ids}; give the ID')
    return found[0] if found else None


def converge(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    asked = params["nodes"] if params["nodes"] is not None else [params]
    if not all(one["hostname"] for one in asked):
        raise InputError('option "hostname" is empty; give the host name of a node, or its ID')
    nodes = _told_apart(engine, [one["hostname"] for one in asked], 0 if check_mode else params["wait_timeout"])
    plan = [(one, find(one["hostname"], nodes)) for one in asked]
    violations = [] if check_mode and engine.fresh else _violations(engine, plan, nodes, check_mode)
    if violations:
        raise InputError(violations)
    run = Run(engine, params["force"], params["wait"], params["wait_timeout"], check_mode)
    done, warnings = _in_order(run, plan, nodes)
    after = [node for node, _changes in done]
    changes = [
        Change(f"{one['hostname']}{'.' if change.option else ''}{change.option}", change.before, change.after)
        for (one, _live), (_node, differs) in zip(plan, done)
        for change in differs
    ]
    result: dict[str, Any] = {"changed": bool(changes), "nodes": after, "diff": fields.as_diff(changes)}
    if params["nodes"] is None:
        result["node"] = after[0]
    missing = [one["hostname"] for one, live in plan if live is None and one["state"] == "present"]
    if missing and not engine.fresh:
        warnings.append(f"not in this swarm yet, taken for new: {', '.join(missing)}")
    return {**result, "warnings": warnings}


def _in_order(run: Run, plan: Plan, nodes: Sequence[Node]) -> tuple[list[Done], list[str]]:
    """Who joins raft does so before others leave it; a manager that demotes itself has no say afterwards."""
    leaving = [live["ID"] for one, live in plan if live and one["role"] == "worker" and live.get("ManagerStatus")]
    itself = _self(run.engine) if leaving else ""
    done: dict[int, Done] = {}
    last = [number for number, (_one, live) in enumerate(plan) if live and live["ID"] == itself and itself in leaving]
    for number in sorted(range(len(plan)), key=lambda one: plan[one][0]["role"] != "manager"):
        one, live = plan[number]
        done[number] = run.one({**one, "role": None} if number in last else one, live)
    warnings = run.drained(nodes)
    for number in last:
        changes = done[number][1]
        node, role = run.one(plan[number][0], plan[number][1])
        done[number] = node, [*changes, *(change for change in role if change.option == "role")]
    return [done[number] for number in range(len(plan))], warnings


def _told_apart(engine: Engine, hostnames: Sequence[str], timeout: float) -> Sequence[Node]:
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


# --- what cannot be, all of it before anything changes -----------------------------------------------------------


def _violations(engine: Engine, plan: Plan, nodes: Sequence[Node], check_mode: bool) -> list[str]:
    found = []
    there = ", ".join(sorted(hostname_of(node) or node["ID"] for node in nodes))
    for one, live in plan:
        at = f'node "{one["hostname"]}"'
        if one["state"] == "absent":
            given = [name for name in (*(row.name for row in TABLE), "labels_to_remove") if one[name] is not None]
            found += [f"{at}: {', '.join(given)} cannot be given with state: absent; remove them"] if given else []
        elif live is None and not check_mode:
            found.append(f"{at} is not in this swarm; its nodes are: {there}")
        elif live and _promoted(one, live) and live["Status"]["State"] == "down":
            found.append(f"{at} is down and cannot become a manager; start its engine first")
    return found + _quorum(engine, plan, nodes)


def _quorum(engine: Engine, plan: Plan, nodes: Sequence[Node]) -> list[str]:
    """The managers as they are after each step, in the order of the steps."""
    known = managers_of(nodes)
    for one, live in plan:
        if live and _promoted(one, live):
            known = known.joined_by(live["ID"], name_of(live))
    found = []
    for one, live in plan:
        if live is None or live["ID"] not in known.names or not _leaves_raft(one):
            continue
        why = known.why_needed(live["ID"])
        if not why and one["state"] == "absent" and live["ID"] == _self(engine):
            why = "it is the manager that this is asked of; let it leave with baremetal.overlay.swarm, state: absent"
        if why:
            found.append(
                f'node "{one["hostname"]}" cannot be demoted: {why}; bring managers back or promote others first'
            )
        else:
            known = known.without(live["ID"])
    return found


def _promoted(one: Mapping[str, Any], live: Node) -> bool:
    return one["role"] == "manager" and not live.get("ManagerStatus")


def _leaves_raft(one: Mapping[str, Any]) -> bool:
    return bool(one["role"] == "worker" or one["state"] == "absent")


def _self(engine: Engine) -> str:
    return str((engine.call("GET", "/info").get("Swarm") or {}).get("NodeID", ""))


# --- one node after the other ------------------------------------------------------------------------------------


class Run:
    """What all nodes of one execution share."""

    def __init__(self, engine: Engine, force: bool, wait: bool, timeout: float, check_mode: bool) -> None:
        self.engine = engine
        self.force = force
        self.wait = wait
        self.timeout = timeout
        self.check_mode = check_mode
        self.moving: set[drain.Slot] = set()
        self.draining: list[str] = []

    def one(self, asked: Mapping[str, Any], listed: Optional[Node]) -> Done:
        if asked["state"] == "absent":
            return self.removed(listed)
        if listed is None:
            want = want_of(asked, {})
            return {"Spec": fields.merge(TABLE, None, want)}, fields.diff(TABLE, want, None)
        if asked["availability"] == "drain" and self.wait and not self.check_mode:
            self.draining.append(listed["ID"])
            if listed["Spec"].get("Availability") != "drain":
                self.moving |= drain.slots_on(listed["ID"], self.engine.call("GET", "/tasks"))
        first: list[Node] = [listed]

        def attempt() -> Done:
            # The list is recent enough for the first look; after a lost race the node is read again.
            node = first.pop() if first else self.engine.call("GET", f"/nodes/{listed['ID']}")
            want = want_of(asked, node["Spec"])
            changes = fields.diff(TABLE, want, fields.read(TABLE, node["Spec"]))
            after = {**node, "Spec": fields.merge(TABLE, node["Spec"], want)}
            if changes and not self.check_mode:
                self._update(after)
            if self.check_mode or (not changes and self._steady(node, want)):
                return after, changes
            return self._settled(after, want.get("role") if self.wait else None), changes

        return retry_out_of_sequence(attempt)

    def _update(self, node: Node) -> None:
        query = {"version": node["Version"]["Index"]}
        self.engine.call("POST", f"/nodes/{node['ID']}/update", node["Spec"], query=query)

    def removed(self, listed: Optional[Node]) -> Done:
        """A member of raft is demoted first: the Engine removes no other."""
        if listed is None:
            return {}, []
        ident = listed["ID"]
        if not self.check_mode:
            if not self.force:
                self._down(listed)
            if listed.get("ManagerStatus"):
                self.one({**_NOTHING, "role": "worker"}, listed)
            self.engine.call("DELETE", f"/nodes/{ident}", query={"force": self.force})
        return {}, [Change("", listed["Status"]["State"], None)]

    def _down(self, listed: Node) -> None:
        wait_until(
            lambda: self.engine.call("GET", f"/nodes/{listed['ID']}")["Status"]["State"],
            lambda state: state == "down",
            self.timeout,
            f'node "{name_of(listed)}" to be down (it must leave first; force: true removes it as it is)',
        )

    def _steady(self, node: Node, want: Mapping[str, Any]) -> bool:
        """A role that an earlier run did not see the end of is waited for, too, unless the node is away."""
        return "role" not in want or in_role(node, want["role"]) or node["Status"]["State"] != "ready"

    def _settled(self, node: Node, role: Optional[str]) -> Node:
        """The node as it is once raft has agreed on its role. A manager that demotes itself can ask only itself."""
        itself = (
            node["Spec"]["Role"] == "worker" and bool(node.get("ManagerStatus")) and node["ID"] == _self(self.engine)
        )

        def look() -> Node:
            if itself:
                swarm = self.engine.call("GET", "/info")["Swarm"]
                return node if swarm["ControlAvailable"] else {**node, "ManagerStatus": None}
            try:
                return dict(self.engine.call("GET", f"/nodes/{node['ID']}"))
            except NoLeader:
                # The leader gives way to another one: that takes a moment.
                return {**node, "ManagerStatus": {"Reachability": "unknown, the swarm is electing a leader"}}

        return wait_until(
            look,
            lambda seen: role is None or in_role(seen, role),
            self.timeout,
            f'node "{name_of(node)}" to be a {role}',
            show=lambda seen: f"role {seen['Spec']['Role']}, manager status {seen.get('ManagerStatus')}",
        )

    def drained(self, nodes: Sequence[Node]) -> list[str]:
        """Waits for all of them together; what stays behind for want of a place is said."""
        if not self.draining:
            return []
        down = {node["ID"] for node in nodes if node["Status"]["State"] == "down"}
        there = set(self.draining) - down
        names = {node["ID"]: name_of(node) for node in nodes}
        place = Held(drain.NO_PLACE_HOLDS)

        def over(seen: Sequence[Mapping[str, Any]]) -> bool:
            # A node that has just changed its role takes no task for a moment.
            homeless = place.held(bool(drain.homeless(seen, self.moving)))
            return not drain.unfinished(seen, there, self.moving) and homeless

        tasks = wait_until(
            lambda: self.engine.call("GET", "/tasks"),
            over,
            self.timeout,
            f"{', '.join(names[ident] for ident in self.draining)} to be drained",
            show=lambda seen: "; ".join(
                [*drain.unfinished(seen, there, self.moving), *drain.homeless(seen, self.moving)]
            ),
        )
        return drain.homeless(tasks, self.moving)


_NOTHING = {name: one.get("default") for name, one in _NODE.items()}


def change(engine: Engine, ident: str, timeout: float, check_mode: bool, **options: Any) -> dict[str, Any]:
    """One node changed for another module."""
    defaults = {name: one.get("default") for name, one in SPEC.items()}
    return converge(engine, {**defaults, "hostname": ident, "wait_timeout": timeout, **options}, check_mode)


def in_role(node: Node, role: str) -> bool:
    status = node.get("ManagerStatus") or {}
    return status.get("Reachability") == "reachable" if role == "manager" else not status
