# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks of connectivity speak of: members, probes, cells, layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.minio.layout import Layout

EPOCH = datetime.fromtimestamp(0, timezone.utc)
# A check that should have run and has no result is unknown, which is no pass; not run is what the operator left out.
# A warning is a pass: nothing is broken, and somebody has to look before something is.
PASS, WARN, FAIL, UNKNOWN, NOT_RUN = "pass", "warn", "fail", "unknown", "not_run"


@dataclass(frozen=True)
class Reason:
    """Why a check has no result; ``chosen``: the operator left it out of this run."""

    text: str
    chosen: bool = False


LEFT_OUT = Reason("was left out of this run", chosen=True)


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
    absence: Reason | None = None
    sight: Mapping[str, Any] = field(default_factory=dict)
    responder: str = ""
    offer: Mapping[str, Any] | None = None
    probes: Mapping[str, Mapping[str, Any]] | None = None
    silence: str = ""
    store: Mapping[str, Any] | None = None
    number: int | None = None
    drives: tuple[str, ...] = ()
    # The controller's time before and after the host read its own.
    stamps: Mapping[str, float] = field(default_factory=dict)
    # The address that its node in the swarm is to have.
    advertised: str = ""
    # Where its overlays' packets leave and arrive.
    data_path: str = ""

    @property
    def away(self) -> Reason | None:
        """Why the host said nothing, as a sentence."""
        return Reason(f"{self.name} {self.absence.text}", self.absence.chosen) if self.absence else None

    @property
    def excused(self) -> Reason | None:
        """Why it may be silent to everything: it does not answer, and the operator consented to that."""
        return self.away if self.away and self.away.chosen and self.absence != LEFT_OUT else None

    @property
    def task(self) -> Mapping[str, Any] | None:
        """Its MinIO, or whichever task it has on the overlay network."""
        return next(iter(self.sight.get("tasks") or []), None)

    @property
    def taskless(self) -> Reason | None:
        """Why nothing is known of a task here; None where there is one."""
        if self.absence or self.task:
            return self.away
        if self.sight.get("engine_error"):
            return Reason(f"{self.name}: its engine does not answer")
        return Reason(f"{self.name}: no task on the network of MinIO's servers runs there")


@dataclass(frozen=True)
class Limits:
    """From where on something is said: percent of room, and days of certificates; None where there are none."""

    room_warning: float = 20
    room_minimum: float = 10
    tls_days: int | None = None
    ipsec_days: int | None = None


@dataclass(frozen=True)
class View:
    """All that a run of the checks knows."""

    run: str
    members: tuple[Member, ...]
    network: str = "minio-overlay"
    driver: str = "overlay"
    encryption: str = "none"
    firewall: bool = False
    port: int = 9000
    data_path_port: int = 4789
    endpoints: Mapping[str, str] = field(default_factory=dict)
    clients: tuple[str, ...] = ()
    client_host: str = "localhost"
    check_mode: bool = False
    visit: Mapping[str, Any] | None = None
    visit_failure: str = ""
    # What the inventory declares of MinIO; None where that cannot be deployed.
    layout: Layout | None = None
    limits: Limits = Limits()
    now: datetime = EPOCH

    def pairs(self) -> Iterator[tuple[Member, Member]]:
        """Every ordered pair of two."""
        return ((one, other) for one in self.members for other in self.members if one != other)

    @property
    def servers(self) -> list[Member]:
        """Those on which a MinIO server is declared."""
        return [member for member in self.members if "minio" in member.groups]

    @property
    def host_pairs(self) -> int:
        """How many ordered pairs of hosts are declared."""
        return len(self.members) * (len(self.members) - 1)

    @property
    def server_pairs(self) -> int:
        """How many ordered pairs of servers are declared."""
        return len(self.servers) * (len(self.servers) - 1)

    @property
    def present(self) -> list[Member]:
        """Those that answered."""
        return [member for member in self.members if not member.absence]

    @property
    def storeless(self) -> Reason:
        """Why no host looked at S3, where none did."""
        if self.check_mode:
            return Reason("check mode stores nothing", chosen=True)
        if self.keeper:
            return Reason(f"{self.keeper.name} {self.keeper.silence or 'did not look'}")
        chosen = all(one.absence and one.absence.chosen for one in self.members if "managers" in one.groups)
        return Reason("no manager, of those that keep MinIO's credentials, answered", chosen)

    @property
    def disks(self) -> tuple[list[Mapping[str, Any]], Reason | None]:
        """Every drive as MinIO has it, or why nothing is known of any."""
        keeper = self.keeper
        if keeper is None or keeper.store is None:
            return [], self.storeless
        error = (keeper.offer or {}).get("error") or keeper.store.get("error")
        storage = keeper.store.get("storage")
        if error or storage is None:
            return [], Reason(str(error or f"{keeper.name} did not ask MinIO for its drives"))
        return storage["disks"], Reason(storage["error"]) if storage["error"] else None

    @property
    def excused(self) -> Mapping[str, Reason]:
        """The endpoints of hosts whose absence the operator consented to."""
        found = {member.name: member.excused for member in self.members}
        return {url: reason for name, url in self.endpoints.items() if (reason := found.get(name))}

    @property
    def keeper(self) -> Member | None:
        """The manager that looks at S3: the first that could get the scoped user, or that keeps credentials at all."""
        managers = [member for member in self.present if member.offer is not None]
        able = [member for member in managers if not (member.offer or {}).get("error")]
        return next(iter(able or managers), None)


@dataclass(frozen=True)
class Layer:
    """One declared check: what it asks for, how many cells that takes at least, and what to do where it fails."""

    name: str
    title: str
    question: str
    remedy: str
    cells: Callable[[View], Iterator[Cell]]
    # Counted from what is declared, and not from what answered.
    expected: Callable[[View], int]
    probes: Callable[[View], Iterator[tuple[str, dict[str, Any]]]] = lambda _view: iter(())
    # What is not looked at, and why that is no fault: nothing that is declared asks for it.
    notes: Callable[[View], list[str]] = lambda _view: []
    matrix: bool = True
    # Whether there is such a layer at all, with the driver that is used.
    exists: Callable[[View], bool] = lambda _view: True


def unrun(check: str, source: str, target: str, reason: Reason | None) -> Cell:
    """The cell of a check that has no result: a failure of the run, unless the operator chose that."""
    reason = reason or Reason("no reason is known")
    return Cell(check, source, target, NOT_RUN if reason.chosen else UNKNOWN, "", reason.text)


def result_of(member: Member, key: str) -> tuple[Mapping[str, Any] | None, Reason | None]:
    """A probe's result, or why there is none."""
    if member.absence:
        return None, member.away
    if member.probes is None:
        return None, Reason(f"{member.name} {member.silence or 'did not probe'}")
    found = member.probes.get(key)
    return found, None if found else Reason(f"{member.name} did not probe")


def milliseconds(result: Mapping[str, Any]) -> str:
    """A round trip as short as it can be read."""
    taken = result.get("ms")
    return "" if taken is None else f"{taken:.2f} ms" if taken < 10 else f"{taken:.0f} ms"


def answer_cell(
    check: str, one: Member, other: Member, seen: tuple[Mapping[str, Any] | None, Reason | None], way: str
) -> Cell:
    """The cell of a probe that is answered in time, or not; ``seen``: its result, or why there is none."""
    found, reason = seen
    if not found or (other.excused and not found["ok"]):
        return unrun(check, one.name, other.name, reason or other.excused)
    detail = "" if found["ok"] else f"{way}: {found['error']}"
    return Cell(check, one.name, other.name, PASS if found["ok"] else FAIL, milliseconds(found), detail)


def size_cell(one: Member, other: Member, size: int, wanted: int, detail: str) -> Cell:
    """The cell of the largest packet that passes, which has to be as large as the interface sends."""
    passes = size >= wanted
    return Cell("mtu", one.name, other.name, PASS if passes else FAIL, str(size), "" if passes else detail)
