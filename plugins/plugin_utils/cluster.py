# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One value for all that a run knows: what the inventory declares, and what ``host`` reported of every host."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NUMBER_LABEL = "baremetal.overlay.minio"


@dataclass(frozen=True)
class Host:
    """One inventory host: what is declared, and what ``host`` reported (None: not looked at in this run)."""

    name: str
    groups: frozenset[str]
    number: Any = None
    address: Any = None
    pool: Any = 1
    drives: tuple[str, ...] = ()
    report: Mapping[str, Any] | None = None
    unreachable: str | None = None
    failure: str | None = None
    # The files of the controller with its certificate and key, where they are given.
    tls: Mapping[str, str] = field(default_factory=dict)
    # All that the inventory gives it.
    variables: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    # The interface on whose LAN its server has an address of its own.
    lan_parent: Any = None

    @property
    def facts(self) -> Mapping[str, Any]:
        """What ``host`` found, empty where it did not run."""
        return (self.report or {}).get("facts") or {}

    @property
    def swarm(self) -> Mapping[str, Any]:
        """The host's own view of its swarm."""
        return self.facts.get("swarm") or {}

    @property
    def in_swarm(self) -> bool:
        """Whether the host is an active member of some swarm."""
        return self.swarm.get("state") == "active"


@dataclass(frozen=True)
class Cluster:
    """Everything that the rules look at."""

    hosts: tuple[Host, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def group(self, name: str) -> list[Host]:
        """The hosts of an inventory group, in the inventory's order."""
        return [host for host in self.hosts if name in host.groups]

    @property
    def seen(self) -> list[Host]:
        """The hosts that this run looked at."""
        return [host for host in self.hosts if host.report is not None]

    @property
    def acting(self) -> Host | None:
        """The first manager that is active and has a leader, in the inventory's order."""
        return next((host for host in self.active_managers if not host.swarm.get("unlisted")), None)

    @property
    def active_managers(self) -> list[Host]:
        """All that say so of themselves; some may reach no leader."""
        return [host for host in self.group("managers") if host.in_swarm and host.swarm.get("manager")]

    @property
    def kept_out(self) -> list[Host]:
        """The hosts that --limit kept out of this run: nothing is known of them."""
        return [host for host in self.hosts if not (host.report or host.unreachable or host.failure)]

    @property
    def left_out(self) -> list[Host]:
        """The managers among them."""
        return [host for host in self.kept_out if "managers" in host.groups]


# One sentence for each violation: the object, what was found, what is allowed, what to do.
Rule = Callable[[Cluster], Iterator[str]]


def together(cluster: Cluster) -> str:
    """The end of a sentence on what all hosts do together; empty where this run has all of them."""
    absent = [host.name for host in cluster.kept_out]
    return f"together, and this run leaves out {enumerate_names(absent)}; run without --limit" if absent else ""


def enumerate_names(names: Sequence[str]) -> str:
    """The names as a sentence has them: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def group_hosts(found: Iterable[tuple[str, str]]) -> Iterator[str]:
    """One sentence for all hosts of which the same is said."""
    names: dict[str, list[str]] = {}
    for name, text in found:
        names.setdefault(text, []).append(name)
    for text, same in names.items():
        yield f"{enumerate_names(same)}: {text}"
