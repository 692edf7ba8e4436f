# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Engine's configuration file and unit drop-ins: merged with what an operator wrote, never replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ..errors import InputError
from . import network
from .steps import WriteFile
from .units import Unit

PATH = "/etc/docker/daemon.json"
UNITS = ("docker.service", "containerd.service")
DROP_IN = "/etc/systemd/system/{unit}.d/baremetal-overlay.conf"
# Keys that the Engine refuses to find both in the file and among its arguments.
FLAGS = {"log-driver": "--log-driver", "log-opts": "--log-opt", "default-address-pools": "--default-address-pool"}


def parse(text: Optional[str]) -> dict[str, Any]:
    """The present configuration; what is not a JSON object is an error, not an empty one."""
    if text is None or not text.strip():
        return {}
    try:
        config = json.loads(text)
    except ValueError as error:
        raise InputError(
            f"{PATH}: is not JSON ({error}); the engine would not start with it: correct the file, then run again"
        ) from error
    if not isinstance(config, dict):
        raise InputError(f"{PATH}: holds a {type(config).__name__}, and the engine takes an object: correct the file")
    return config


def merge(present: Mapping[str, Any], options: Mapping[str, Any], arguments: str = "") -> dict[str, Any]:
    """What the file should say: ours added, everything else kept."""
    given = {key for key, flag in FLAGS.items() if flag in arguments}
    wanted = dict(present)
    if present.get("live-restore"):
        wanted["live-restore"] = False
    driver = present.get("log-driver", "json-file")
    limits = {"max-size": options.get("log_max_size"), "max-file": options.get("log_max_file")}
    limits = {key: str(value) for key, value in limits.items() if value is not None}
    # Another driver is the operator's choice of where logs go, and it knows other options.
    if limits and driver == "json-file" and not given & {"log-driver", "log-opts"}:
        wanted["log-driver"] = driver
        wanted["log-opts"] = {**(present.get("log-opts") or {}), **limits}
    pools = options.get("address_pools") or []
    if pools and sets_pools(present, arguments):
        wanted["default-address-pools"] = [{"base": pool["base"], "size": pool["size"]} for pool in pools]
    return wanted


def sets_pools(present: Mapping[str, Any], arguments: str = "") -> bool:
    """Pools are the operator's once they are set: networks were made from them."""
    return not present.get("default-address-pools") and FLAGS["default-address-pools"] not in arguments


def pools(text: Optional[str], arguments: str = "") -> list[str]:
    """The ranges that are configured, in the file or by arguments; a file that cannot be read is said elsewhere."""
    try:
        configured = parse(text).get("default-address-pools") or []
    except InputError:
        return []
    given = [str(pool.get("base")) for pool in configured if isinstance(pool, Mapping)]
    return given + re.findall(rf"{FLAGS['default-address-pools']}[= ]\"?base=([^,\s\"]+)", arguments)


def write(text: Optional[str], options: Mapping[str, Any], arguments: str = "") -> Optional[WriteFile]:
    present = parse(text)
    wanted = merge(present, options, arguments)
    if wanted == present:
        return None
    why = "live-restore off: Swarm refuses it" if present.get("live-restore") else ""
    return WriteFile(PATH, json.dumps(wanted, indent=2) + "\n", text, why=why)


def pool_violations(pools: Sequence[Mapping[str, Any]], routes: Sequence[Mapping[str, Any]]) -> list[str]:
    """An address pool that leads somewhere already would take that place from the host."""
    found = []
    for pool in pools:
        try:
            taken = network.collisions(pool["base"], routes)
        except ValueError:
            found.append(
                f"engine: address pool {pool['base']} is not a CIDR; give for example 10.213.0.0/16 with size 24"
            )
            continue
        found += [
            f"engine: address pool {pool['base']} collides with the host's route {route}; "
            "choose with docker_engine_address_pools a range that no host routes"
            for route in taken
        ]
    return found


def _suffices(limit: str, wanted: int) -> bool:
    return limit == "infinity" or (limit.isdigit() and int(limit) >= wanted)


def drop_ins(units: Mapping[str, Unit], present: Mapping[str, Optional[str]], nofile: Optional[int]) -> list[WriteFile]:
    """A limit of open files for engine and runtime, where their own units do not already allow as much."""
    if nofile is None:
        return []
    text = f"[Service]\nLimitNOFILE={nofile}\n"
    steps = []
    for unit in UNITS:
        before = present.get(unit)
        known = units.get(unit)
        enough = known is not None and known.exists and _suffices(known.nofile, nofile)
        if before != text and (before is not None or not enough):
            steps.append(WriteFile(DROP_IN.format(unit=unit), text, before, why=f"open files {nofile}"))
    return steps


def live_restore_argument(command: str) -> bool:
    return re.search(r"--live-restore(=true)?(\s|;|$)", command) is not None
