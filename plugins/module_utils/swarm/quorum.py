# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which managers a swarm can do without: more than half of those in raft must reach one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Managers:
    """The members of raft: node ID → name for people; and those of them that are reachable."""

    names: Mapping[str, str]
    reachable: frozenset[str]

    def without(self, ident: str) -> Managers:
        return Managers({key: name for key, name in self.names.items() if key != ident}, self.reachable - {ident})

    def joined_by(self, ident: str, name: str) -> Managers:
        return Managers({**self.names, ident: name}, self.reachable | {ident})

    @property
    def spare(self) -> int:
        """How many of them may still fail."""
        return len(self.reachable) - (len(self.names) // 2 + 1)

    def why_needed(self, ident: str) -> str:
        """Why the swarm cannot do without this manager; empty where it can. It is the Engine's own rule."""
        rest = self.without(ident)
        if not rest.names:
            return "it is the swarm's last manager"
        if rest.spare >= 0:
            return ""
        lost = ", ".join(sorted(name for key, name in rest.names.items() if key not in rest.reachable))
        return (
            f"of the {len(rest.names)} managers that remain {len(rest.reachable)} can be reached and "
            f"{len(rest.names) // 2 + 1} are needed for a quorum; unreachable: {lost}"
        )

    def caution(self, ident: str) -> str:
        """What a swarm without this manager no longer has; empty where it loses nothing."""
        rest = self.without(ident)
        if self.spare < 1 or rest.spare > 0:
            return ""
        return f"the swarm keeps its quorum, but none of the {len(rest.names)} managers that remain may fail"


def managers_of(nodes: Iterable[Mapping[str, Any]]) -> Managers:
    """A node that only the specification calls a manager is no member of raft."""
    members = [node for node in nodes if node.get("ManagerStatus")]
    return Managers(
        {node["ID"]: name_of(node) for node in members},
        frozenset(node["ID"] for node in members if node["ManagerStatus"].get("Reachability") == "reachable"),
    )


def hostname_of(node: Mapping[str, Any]) -> str:
    """Empty for a node that the swarm has let in and that has not said anything of itself yet, or never did."""
    return str((node.get("Description") or {}).get("Hostname", ""))


def name_of(node: Mapping[str, Any]) -> str:
    """The host name, and the address that tells hosts of one name apart."""
    host = hostname_of(node) or node["ID"]
    address = (node.get("Status") or {}).get("Addr")
    return f"{host} ({address})" if address else host
