# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks of connectivity speak of: members, probes, cells, layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

PASS, FAIL, NOT_RUN = "pass", "fail", "not_run"


@dataclass(frozen=True)
class Cell:
    """One statement: what was seen from one place, of one other place or one property."""

    check: str
    source: str
    target: str
    status: str
    value: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Member:
    """One host of the inventory: what is declared, and what it said (``absence``: why it said nothing)."""

    name: str
    groups: frozenset[str]
    address: str
    absence: str = ""
    sight: Mapping[str, Any] = field(default_factory=dict)
    responder: str = ""
    offer: Mapping[str, Any] | None = None
    results: Mapping[str, Mapping[str, Any]] | None = None
    silence: str = ""
    store: Mapping[str, Any] | None = None

    @property
    def task(self) -> Mapping[str, Any] | None:
        """Its MinIO, or whichever task it has on the overlay network."""
        return next(iter(self.sight.get("tasks") or []), None)

    @property
    def taskless(self) -> str:
        """Why nothing is known of a task here; empty where there is one."""
        if self.absence or self.task:
            return self.absence and f"{self.name} {self.absence}"
        if self.sight.get("engine_error"):
            return f"{self.name}: its engine does not answer"
        return f"{self.name}: no task on the network of MinIO's servers runs there"


@dataclass(frozen=True)
class View:
    """All that a run of the checks knows."""

    run: str
    members: tuple[Member, ...]
    network: str = "minio-overlay"
    driver: str = "overlay"
    port: int = 9000
    data_path_port: int = 4789
    endpoints: Mapping[str, str] = field(default_factory=dict)
    clients: tuple[str, ...] = ()
    client_host: str = "localhost"
    check_mode: bool = False
    visit: Mapping[str, Any] | None = None
    visit_failure: str = ""

    def pairs(self) -> Iterator[tuple[Member, Member]]:
        """Every ordered pair of two."""
        return ((one, other) for one in self.members for other in self.members if one != other)

    @property
    def present(self) -> list[Member]:
        """Those that answered."""
        return [member for member in self.members if not member.absence]

    @property
    def storeless(self) -> str:
        """Why nobody looked at S3, where nobody did."""
        if self.check_mode:
            return "check mode stores nothing"
        if self.keeper:
            return f"{self.keeper.name} {self.keeper.silence or 'did not look'}"
        return "no manager, of those that keep MinIO's credentials, answered"

    @property
    def keeper(self) -> Member | None:
        """The manager that looks at S3: the first that could get the scoped user, or that keeps credentials at all."""
        managers = [member for member in self.present if member.offer is not None]
        able = [member for member in managers if not (member.offer or {}).get("error")]
        return next(iter(able or managers), None)


@dataclass(frozen=True)
class Layer:
    """One declared check: what it asks for, and what to do where it fails."""

    name: str
    title: str
    question: str
    remedy: str
    cells: Callable[[View], Iterator[Cell]]
    probes: Callable[[View], Iterator[tuple[str, dict[str, Any]]]] = lambda _view: iter(())
    matrix: bool = True
    # Whether there is such a layer at all, with the driver that is used.
    exists: Callable[[View], bool] = lambda _view: True


def result_of(member: Member, key: str) -> tuple[Mapping[str, Any] | None, str]:
    """A probe's result, or why there is none."""
    if member.absence:
        return None, f"{member.name} {member.absence}"
    if member.results is None:
        return None, f"{member.name} {member.silence or 'did not probe'}"
    found = member.results.get(key)
    return found, "" if found else f"{member.name} did not probe"


def milliseconds(result: Mapping[str, Any]) -> str:
    """A round trip as short as it can be read."""
    taken = result.get("ms")
    return "" if taken is None else f"{taken:.2f} ms" if taken < 10 else f"{taken:.0f} ms"


def answer_cell(check: str, one: Member, other: Member, seen: tuple[Mapping[str, Any] | None, str], way: str) -> Cell:
    """The cell of a probe that is answered in time, or not; ``seen``: its result, or why there is none."""
    found, reason = seen
    if not found:
        return Cell(check, one.name, other.name, NOT_RUN, "", reason)
    detail = "" if found["ok"] else f"{way}: {found['error']}"
    return Cell(check, one.name, other.name, PASS if found["ok"] else FAIL, milliseconds(found), detail)


def size_cell(one: Member, other: Member, size: int, wanted: int, detail: str) -> Cell:
    """The cell of the largest packet that passes, which has to be as large as the interface sends."""
    passes = size >= wanted
    return Cell("mtu", one.name, other.name, PASS if passes else FAIL, str(size), "" if passes else detail)
