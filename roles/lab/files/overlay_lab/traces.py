# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an engine leaves in the network when it ends; removed if the engine was the lab's own and found none of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from .shell import run

TOOLS = ("iptables", "ip6tables")
TABLES = ("filter", "nat", "raw")
OWN_RULE = re.compile(r"\bDOCKER|\bdocker0\b|\bbr-(overlay-lab|[0-9a-f]{12})\b")


def removal(rules: list[str], accept_forward: bool) -> list[list[str]]:
    """The iptables arguments that take an engine's rules out of one table and leave the others."""
    chains = [rule.split()[1] for rule in rules if rule.startswith("-N DOCKER")]
    jumps = [
        rule.split()
        for rule in rules
        if rule.startswith("-A ") and OWN_RULE.search(rule) and rule.split()[1] not in chains
    ]
    policy = [["-P", "FORWARD", "ACCEPT"]] if accept_forward and "-P FORWARD DROP" in rules else []
    return [
        *policy,
        *(["-D", *jump[1:]] for jump in jumps),
        *(["-F", chain] for chain in chains),
        *(["-X", chain] for chain in chains),
    ]


def _rules(tool: str, table: str) -> list[str]:
    return run(tool, "-w", "-t", table, "-S", check=False).stdout.splitlines()


def before() -> dict[str, Any]:
    """What is there before an engine starts."""
    return {
        "bridge": Path("/sys/class/net/docker0").exists(),
        "chains": any("DOCKER" in rule for tool in TOOLS for table in TABLES for rule in _rules(tool, table)),
        "accept_forward": "-P FORWARD ACCEPT" in _rules("iptables", "filter"),
    }


def remove(marker: Path) -> None:
    """Back to what it was, as far as it was an engine that changed it."""
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if not found["bridge"]:
        run("ip", "link", "delete", "docker0", check=False)
    if not found["chains"]:
        for tool in TOOLS:
            for table in TABLES:
                for arguments in removal(_rules(tool, table), found["accept_forward"]):
                    run(tool, "-w", "-t", table, *arguments, check=False)
    marker.unlink()
