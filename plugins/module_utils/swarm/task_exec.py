# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command in a task of a service: which task, on which node; run here if that node is this one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Optional

from ..container_exec import Command, execute
from ..engine import Engine
from ..errors import InputError
from ..units import env_list, words
from . import service_info, tasks

SPEC: dict[str, Any] = {
    "service": {"type": "str"},
    "slot": {"type": "int"},
    "node": {"type": "str"},
    "container_id": {"type": "str"},
    "argv": {"type": "list", "elements": "str"},
    "command": {"type": "str"},
    "chdir": {"type": "str", "aliases": ["workdir", "working_dir"]},
    "user": {"type": "str"},
    "env": {"type": "dict"},
    "secret_env": {"type": "dict", "no_log": True},
    "stdin": {"type": "str"},
    "secret_stdin": {"type": "str", "no_log": True},
    "stdin_add_newline": {"type": "bool", "default": True},
    "strip_empty_ends": {"type": "bool", "default": True},
    "command_timeout": {"type": "float"},
    "docker_hosts": {"type": "dict"},
}

OPTIONS: dict[str, Any] = {
    "mutually_exclusive": [["argv", "command"], ["stdin", "secret_stdin"], ["service", "container_id"]],
    "required_one_of": [["argv", "command"], ["service", "container_id"]],
}


def run(engine: Engine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """``elsewhere``: the task is on another node, and nothing was run."""
    command = command_of(params)
    if check_mode:
        return {"changed": False, "skipped": True, "msg": "the command would have run, were this not check mode"}
    if params["container_id"]:
        return {"elsewhere": False, "container_id": params["container_id"], **_timed(engine, params, command)}
    place = find(engine, params)
    here = (engine.call("GET", "/info").get("Swarm") or {}).get("NodeID")
    if place["node_id"] != here:
        return {"changed": False, "elsewhere": True, **place}
    return {"elsewhere": False, **place, **_timed(engine, {**params, **place}, command)}


def command_of(params: Mapping[str, Any]) -> Command:
    argv = params["argv"] or words(params["command"] or "", "command")
    if not argv:
        raise InputError('option "argv" is empty; give the program and its arguments')
    stdin = params["stdin"] if params["secret_stdin"] is None else params["secret_stdin"]
    if stdin is not None and params["stdin_add_newline"]:
        stdin += "\n"
    if params["command_timeout"] is not None and params["command_timeout"] <= 0:
        raise InputError(
            f'option "command_timeout": {params["command_timeout"]:g} is not above 0; leave it out to wait'
        )
    return Command(
        argv=argv,
        env=[*env_list(params["env"] or {}, "env"), *env_list(params["secret_env"] or {}, "secret_env")],
        chdir=params["chdir"] or "",
        user=params["user"] or "",
        stdin=None if stdin is None else stdin.encode(),
        timeout=params["command_timeout"],
    )


def find(engine: Engine, params: Mapping[str, Any]) -> dict[str, Any]:
    service = params["service"]
    # The Engine's own filter of tasks also takes what an ID begins with: a command must not run in another's task.
    live = service_info.named(engine, [service])[service]
    if live is None:
        raise InputError(f'service "{service}" does not exist; service_info and stack_info list what there is')
    made = engine.call("GET", "/tasks", query={"filters": {"service": [live["ID"]]}})
    nodes = engine.call("GET", "/nodes")
    task = choose(tasks.view(made, [live], nodes), params)
    node = next(one for one in nodes if one["ID"] == task["node_id"])
    return {
        "task": task["name"],
        "container_id": task["container_id"],
        "node": task["node"],
        "node_id": task["node_id"],
        "node_addresses": addresses_of(node),
    }


def choose(found: list[dict[str, Any]], params: Mapping[str, Any]) -> dict[str, Any]:
    """The first task that runs and is as asked."""
    wanted = {key: params[key] for key in ("slot", "node") if params[key] is not None}
    for one in found:
        if one["state"] == "running" and one["container_id"] and _matches(one, wanted):
            return one
    asked = "".join(f", {key} {value}" for key, value in wanted.items())
    there = "; ".join(_sentence(one) for one in found[:10]) or "none"
    raise InputError(f'service "{params["service"]}"{asked}: no such task runs; its tasks: {there}')


def _matches(task: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    if "slot" in wanted and task["slot"] != wanted["slot"]:
        return False
    return "node" not in wanted or wanted["node"] in (task["node"], task["node_id"])


def _sentence(task: Mapping[str, Any]) -> str:
    where = f" on {task['node']}" if task["node"] else ""
    return f"{task['name']}{where} is {task['state']}" + (f" ({task['error']})" if task["error"] else "")


def addresses_of(node: Mapping[str, Any]) -> list[str]:
    """The node's addresses as the managers know them; of a manager also the one that it is a manager under."""
    manager = (node.get("ManagerStatus") or {}).get("Addr", "").rpartition(":")[0].strip("[]")
    found = [(node.get("Status") or {}).get("Addr", ""), manager]
    return [one for number, one in enumerate(found) if one and one != "0.0.0.0" and one not in found[:number]]


def _timed(engine: Engine, params: Mapping[str, Any], command: Command) -> dict[str, Any]:
    start = datetime.now(timezone.utc)
    output = execute(engine, params["container_id"], command)
    end = datetime.now(timezone.utc)
    failed = {"failed": True, "msg": "non-zero return code"} if output.rc else {}
    return {
        **failed,
        "changed": True,
        "cmd": command.argv,
        "rc": output.rc,
        "stdout": _text(output.stdout, params["strip_empty_ends"]),
        "stderr": _text(output.stderr, params["strip_empty_ends"]),
        "start": start.isoformat(),
        "end": end.isoformat(),
        "delta": str(end - start),
    }


def _text(raw: bytes, strip: Optional[bool]) -> str:
    text = raw.decode(errors="replace")
    return text.rstrip("\r\n") if strip else text
