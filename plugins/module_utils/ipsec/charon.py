# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the charon that runs has of ours, and the steps that change it. What others loaded is never touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from ..errors import OverlayError
from ..host.system import System
from ..wait import Clock, wait_until
from .connections import PREFIX, digest
from .vici import Message, Session, ViciError

SECRET_PREFIX = f"ike-{PREFIX}"
TRANSPORT, INSTALLED, ESTABLISHED = "TRANSPORT", "INSTALLED", "ESTABLISHED"
# Seconds for one negotiation; with a peer that answers it takes a tenth of one. One that cannot have the shortest of
# times, in which charon asks once more, is not begun.
NEGOTIATION, SHORTEST = 15.0, 2.5
# How many of those are named for whom no time was left.
NAMED = 5
# How many of charon's last words an error has.
WORDS = 3


@dataclass(frozen=True)
class Child:
    """A security association of ours, as ``list-sas`` has it."""

    connection: str
    name: str
    mode: str
    state: str


@dataclass(frozen=True)
class Live:
    """What is loaded and what is negotiated; connections of others are counted only."""

    connections: Mapping[str, Any] = field(default_factory=dict)
    secrets: Sequence[str] = ()
    children: Sequence[Child] = ()
    established: Mapping[str, Sequence[str]] = field(default_factory=dict)
    others: int = 0

    def modes(self, connection: str, child: str) -> list[str]:
        return [
            one.mode for one in self.children if (one.connection, one.name, one.state) == (connection, child, INSTALLED)
        ]


def look(session: Session) -> Live:
    """Ours by their prefix."""
    shown = {name: what for event in session.stream("list-conns", "list-conn") for name, what in event.items()}
    children, established = read_associations(session)
    return Live(
        connections={name: what for name, what in shown.items() if name.startswith(PREFIX)},
        secrets=[name for name in session.ask("get-shared").get("keys", []) if name.startswith(SECRET_PREFIX)],
        children=children,
        established=established,
        others=sum(not name.startswith(PREFIX) for name in shown),
    )


def read_associations(session: Session, connection: str = "") -> tuple[list[Child], dict[str, list[str]]]:
    """Children, and the numbers of what carries them by connection; of one connection, where it is named."""
    children: list[Child] = []
    established: dict[str, list[str]] = {}
    for event in session.stream("list-sas", "list-sa", {"ike": connection} if connection else {}):
        for name, association in event.items():
            if not name.startswith(PREFIX):
                continue
            if association.get("state") == ESTABLISHED:
                established.setdefault(name, []).append(association["uniqueid"])
            children += [
                Child(name, str(one.get("name")), str(one.get("mode")), str(one.get("state")))
                for one in (association.get("child-sas") or {}).values()
            ]
    return children, established


def try_look(system: System) -> Optional[Live]:
    """None where no charon answers, as on a host that is still bare."""
    try:
        with system.charon() as session:
            return look(session)
    except ViciError:
        return None


@dataclass(frozen=True)
class Load:
    """Keys in their order (charon proves itself with the last one, and takes any), then the connections."""

    connections: Mapping[str, Message] = field(default_factory=dict)
    secrets: Sequence[tuple[str, Sequence[str], str]] = field(default=(), repr=False)
    stale: Sequence[str] = ()
    sentence: str = ""
    certificate: str = ""
    key_path: str = ""
    # Whether traps were released by themselves: charon sets none for a connection that it has already.
    traps: bool = False

    def apply(self, system: System) -> None:
        with system.charon() as session:
            for name, owners, value in self.secrets:
                session.do(
                    "load-shared",
                    {"id": name, "type": "IKE", "data": bytes.fromhex(value), "owners": list(owners)},
                )
            if self.certificate:
                key = system.read(self.key_path)
                if key is None:
                    raise OverlayError(
                        f"ipsec: {self.key_path} is not there, and the certificate is; have it made anew"
                    )
                session.do("load-key", {"type": "any", "data": key})
                session.do("load-cert", {"type": "X509", "flag": "NONE", "data": self.certificate})
            for name, connection in self.connections.items():
                session.do("load-conn", {name: connection})
                for child in connection["children"] if self.traps else ():
                    session.do("install", {"ike": name, "child": child})
            for name in self.stale:
                session.do("unload-conn", {"name": name})
                end(session, name)


def end(session: Session, connection: str) -> None:
    """Tells the peer, too; that there was none is no error."""
    session.ask("terminate", {"ike": connection, "timeout": "3000", "loglevel": "-1"})


@dataclass(frozen=True)
class Forget:
    """Keys that nobody uses any more."""

    secrets: Sequence[str]
    sentence: str = "forget keys that are no longer used"

    def apply(self, system: System) -> None:
        with system.charon() as session:
            for name in self.secrets:
                session.do("unload-shared", {"id": name})


@dataclass(frozen=True)
class Negotiate:
    """Every peer has its associations before clear text is refused, and they are of the right mode."""

    peers: Mapping[str, str]  # connection → the peer as the user calls it
    children: Mapping[str, Sequence[str]]  # connection → what this host begins, in this order
    sentence: str
    # For all of them. Whoever is not reached has to be named before the change is taken back, which ends this.
    seconds: float = 30
    clock: Clock = field(default_factory=Clock, repr=False, compare=False)

    def apply(self, system: System) -> None:
        deadline = self.clock.now() + self.seconds
        refused, late = [], []
        with system.charon() as session:
            for connection, peer in self.peers.items():
                wrong = self._reach(session, connection, deadline)
                if wrong is None:
                    late.append(peer)
                elif wrong:
                    refused.append(f"ipsec: {peer}: {wrong}")
        if late:
            refused.append(self._out_of_time(late))
        if refused:
            raise OverlayError("\n".join(refused))

    def _reach(self, session: Session, connection: str, deadline: float) -> Optional[str]:
        """What is wrong with the first child that cannot be had, if any; None where no time is left for it.

        What stands in the way of one stands in the way of all with this peer. It may begin some itself meanwhile.
        """
        live = _look_at(session, connection)
        for child in self.children[connection]:
            modes = live.modes(connection, child)
            if set(modes) == {TRANSPORT}:
                continue
            left = deadline - self.clock.now()
            if left < SHORTEST:
                return None
            if modes:
                session.ask("terminate", {"ike": connection, "child": child, "timeout": "3000", "loglevel": "-1"})
            timeout = str(int(min(NEGOTIATION, left) * 1000))
            said = initiate(session, {"ike": connection, "child": child, "timeout": timeout, "loglevel": "1"})
            live = _look_at(session, connection)
            modes = live.modes(connection, child)
            if set(modes) != {TRANSPORT}:
                return f"{child} was not negotiated: {said}; {REMEDY}" if not modes else _of_mode(child, modes)
        return ""

    def _out_of_time(self, late: Sequence[str]) -> str:
        names = ", ".join(late[:NAMED]) + (f" and {len(late) - NAMED} more" if len(late) > NAMED else "")
        return (
            f"ipsec: {names}: not tried to the end, since {self.seconds:.0f} s, half of ipsec_confirm_timeout, "
            "were over; mend what else is said here, or give a longer one"
        )


def _look_at(session: Session, connection: str) -> Live:
    return Live(children=read_associations(session, connection)[0])


def _of_mode(child: str, modes: Sequence[str]) -> str:
    found = ", ".join(mode for mode in modes if mode != TRANSPORT)
    return (
        f"{child} is in {found} mode, allowed is {TRANSPORT}; look for another connection between "
        "these addresses on both hosts (`swanctl --list-conns`) and remove it"
    )


REMEDY = (
    "see that UDP 500 and 4500 and the protocol ESP pass between both, that this run reached the peer too, and "
    "`journalctl -u strongswan` there"
)


def initiate(session: Session, request: Message) -> str:
    """charon's last words; whether it worked is seen by looking."""
    said = []
    try:
        for event in session.stream("initiate", "control-log", request):
            said.append(str(event.get("msg", "")))
    except ViciError as error:
        said.append(str(error))
    return "; ".join(said[-WORDS:]) or "charon did not say why"


@dataclass(frozen=True)
class Reauthenticate:
    """Both ends prove themselves anew, with the keys of now, before the old association goes."""

    connections: Sequence[str]
    timeout: float = 60

    @property
    def sentence(self) -> str:
        return f"authenticate anew with {len(self.connections)} peers"

    def apply(self, system: System) -> None:
        with system.charon() as session:
            _children, before = read_associations(session)
            chosen = [name for name in self.connections if before.get(name)]
            for name in chosen:
                session.do("rekey", {"ike": name, "reauth": "yes"})
            for name in chosen:
                # One that carries nothing is ended only; what asks next begins anew.
                def renewed(name: str = name) -> bool:
                    _same, now = read_associations(session, name)
                    return not set(now.get(name, ())) & set(before[name])

                wait_until(renewed, bool, self.timeout, f"ipsec: {name} to be authenticated anew", 0.2)


@dataclass(frozen=True)
class Release:
    """No trap asks for encryption any more; what is negotiated stays until it is ended."""

    children: Sequence[tuple[str, str]]
    sentence: str = "ask for no encryption any more"

    def apply(self, system: System) -> None:
        with system.charon() as session:
            for connection, child in self.children:
                # One that has no trap says so, which is what is wanted.
                session.ask("uninstall", {"ike": connection, "child": child})


@dataclass(frozen=True)
class Unload:
    """Everything of ours, peers are told."""

    connections: Sequence[str]
    secrets: Sequence[str]
    sentence: str = "unload the connections with all peers"

    def apply(self, system: System) -> None:
        with system.charon() as session:
            for name in self.connections:
                session.do("unload-conn", {"name": name})
                end(session, name)
            for name in self.secrets:
                session.do("unload-shared", {"id": name})


def shown(live: Live, name: str) -> str:
    """What ties a connection to what was loaded."""
    return digest(live.connections.get(name))
