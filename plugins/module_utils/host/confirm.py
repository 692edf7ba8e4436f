# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that could cut a host off: they are taken back by the host itself unless they are confirmed in time.

What is to be put back is saved, and a timer that does so runs, before anything is changed. Whoever made the change
comes back over a new connection and confirms it by the token that he was given. Nothing of ours has to be alive for the
way back: it is a shell script and a directory, and a unit that looks for them at boot.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Callable, Optional

from ..checks import tcp
from ..errors import OverlayError
from ..state_directory import STATE_DIRECTORY
from ..wait import Clock, wait_until
from .revert_script import (
    BOOT_ENABLED_PATH,
    BOOT_SERVICE,
    BOOT_UNIT,
    BOOT_UNIT_PATH,
    CONFIRMED,
    GAVE_UP,
    LOCK,
    PAUSE,
    REVERTED,
    SCRIPT,
    SCRIPT_PATH,
    STATE,
    TRIES,
    UNIT,
    stopping,
)
from .steps import Step
from .system import CommandFailed, System

Target = tuple[str, int]
# The time that answers may take after a change, and the time that the way back may take when it is due, with all of its
# tries where what it asks never answers.
SETTLE, GRACE = 10.0, 180.0
PROBE_TIMEOUT = 2.0
# More than these are not asked: a change that cuts peers off cuts off some of the first.
MOST_TARGETS = 64


@dataclass(frozen=True)
class ShellStep:
    """One step of a way back. It is done whatever became of those before it, and again after one that failed: where
    its work is done already, it ends with 0. In it ``$state`` is the directory of what was saved.
    """

    what: str
    shell: str

    @property
    def text(self) -> str:
        """The script: its first line says what it does."""
        return f"# {self.what}\nset -eu\n{self.shell}\n"


def stopped(service: str) -> ShellStep:
    """A change that failed early has not started it, and it is not loaded."""
    return ShellStep(f"stop {service}", stopping(service))


@dataclass(frozen=True)
class Guard:
    """What a change may touch, and how that is put back.

    ``undo`` and ``redo`` are done before and after the files are back, neither of them at boot: a kernel that has just
    started has nothing of the change.
    """

    what: str
    # Regular files and symbolic links; one that is not there now is removed.
    files: Sequence[str]
    undo: Sequence[ShellStep] = ()
    redo: Sequence[ShellStep] = ()
    # More files for the shell, by their names in ``$state``.
    saved: Mapping[str, str] = field(default_factory=dict)
    # Commands that prove that ``undo`` will work; ``{state}`` in them is where things are saved meanwhile.
    proofs: Sequence[Sequence[str]] = ()
    # TCP ports of peers: those that answer now have to answer when the change is confirmed.
    targets: Sequence[Target] = ()


@dataclass(frozen=True)
class Pending:
    """A change that waits for its confirmation."""

    token: str
    what: str
    since: str
    # By the kernel's monotonic clock, which the timer counts by, too.
    due: float
    answered: Sequence[Target] = ()


Probe = Callable[[Sequence[Target]], list[Target]]


def answering(targets: Sequence[Target]) -> list[Target]:
    """Those to which a connection can be made now."""
    keyed = {f"{address} {port}": (address, port) for address, port in targets}
    found = tcp.probe(keyed, PROBE_TIMEOUT) if keyed else {}
    return [target for key, target in keyed.items() if found[key]["ok"]]


def spread(addresses: Sequence[str], ports: Sequence[int], most: int = MOST_TARGETS) -> list[Target]:
    """Every port of the peers as far as there are not too many: rather some of each port than all of one."""
    peers = sorted(dict.fromkeys(addresses), key=lambda text: (ip_address(text).version, ip_address(text)))
    step = max(1, -(-len(peers) * max(1, len(ports)) // most))
    return [(peer, port) for peer in peers[::step] for port in ports]


def read(system: System) -> Optional[Pending]:
    """The change that waits for its confirmation, if there is one."""
    text = system.read(f"{STATE}/about.json")
    if text is None:
        return None
    about = json.loads(text)
    return Pending(**{**about, "answered": list(map(tuple, about["answered"]))})


def await_free(system: System, clock: Optional[Clock] = None) -> None:
    """Until no change of an earlier run waits: that run confirms it, or the host takes it back.

    What the host could not take back is named, and no longer waits: this run goes on from what is there. What a run
    that was killed left of its own is removed, keys among it.
    """
    waiting = read(system)
    if waiting:
        _await_end(waiting, system, clock)
    with system.lock(LOCK) as free:
        if free:
            _remove_leftovers(system)


def _await_end(waiting: Pending, system: System, clock: Optional[Clock]) -> None:
    def ended() -> bool:
        seen = read(system)
        return seen is None or seen.token != waiting.token

    left = max(0.0, waiting.due - time.monotonic()) + GRACE
    wait_until(
        lambda: ended() or not _is_armed(system),
        bool,
        left,
        f"the end of a change of the {waiting.what} that another run made at {waiting.since} and has neither confirmed "
        f"nor lost (`journalctl -u {UNIT}` says what the way back is waiting for)",
        clock=clock,
        show=lambda _over: f"the change {waiting.token}",
    )
    if not ended():
        _end(waiting, system)


def _end(waiting: Pending, system: System) -> None:
    """Of a change whose timer has given it up, was stopped by somebody, or went with the machine at a bad moment:
    nothing else would end it."""
    try:
        system.run(("sh", SCRIPT_PATH, waiting.token, str(TRIES)))
        return
    except CommandFailed as error:
        # Every try says so.
        words = "; ".join(dict.fromkeys(str(error).splitlines()))
    with system.lock(LOCK) as free:
        seen = read(system)
        if not free or seen is None or seen.token != waiting.token:
            return
        system.run(("mv", "-T", STATE, f"{STATE}.reverted"))
        system.remove_tree(f"{STATE}.reverted")
    system.warn(
        f"{waiting.what}: a change that another run made at {waiting.since} was not confirmed, and the host could not "
        f"take all of it back ({words}); this run goes on from what is there: mend what is named here, run again, and "
        "see that nothing is left to do"
    )


def _remove_leftovers(system: System) -> None:
    """For whoever has the lock: without it, they may be somebody's who is at work."""
    for leftover in ("new", "confirmed", "reverted"):
        system.remove_tree(f"{STATE}.{leftover}")


def _is_armed(system: System) -> bool:
    shown = system.query(("systemctl", "show", "--property=ActiveState", "--value", f"{UNIT}.timer", f"{UNIT}.service"))
    return any(state in ("active", "activating", "reloading", "deactivating") for state in shown.split())


def carry_out(steps: Sequence[Step], guard: Guard, seconds: int, system: System, probe: Probe = answering) -> str:
    """Arms the way back and applies the steps; the token by which the change is confirmed within ``seconds``."""
    token = os.urandom(8).hex()
    answered = probe(guard.targets)
    with alone(system, guard.what):
        _prepare(token, guard, seconds, answered, system)
        arm(token, guard.what, seconds, system)
        try:
            system.run(("mv", "-T", f"{STATE}.new", STATE))
            for step in steps:
                step.apply(system)
            return token
        except OverlayError as error:
            failure: BaseException = error
        except BaseException as error:
            failure = error
    # The lock is free now, which the script takes.
    end = take_back(token, system)
    if isinstance(failure, OverlayError):
        raise OverlayError(f"{failure} ({end})") from failure
    raise failure


@contextmanager
def alone(system: System, what: str) -> Iterator[None]:
    """One change a host: whoever comes second is told, and nothing is changed by him."""
    with system.lock(LOCK) as free:
        waiting = read(system)
        if not free or waiting:
            known = waiting and f" (one of the {waiting.what}, made at {waiting.since}, waits for its confirmation)"
            raise OverlayError(
                f"{what}: another run changes this host at the same time{known or ''}; nothing was changed here: wait "
                "until that run has ended, then run this one again"
            )
        yield


def _prepare(token: str, guard: Guard, seconds: int, answered: Sequence[Target], system: System) -> None:
    """Everything that the way back needs, whole before it gets its name."""
    new = f"{STATE}.new"
    _remove_leftovers(system)
    about = Pending(
        token, guard.what, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), time.monotonic() + seconds, answered
    )
    texts = {
        "about.json": json.dumps(vars(about)),
        "token": token,
        "process": system.process,
        "paths": "".join(f"{number} {path}\n" for number, path in enumerate(guard.files)),
        **_numbered("undo", guard.undo),
        **_numbered("redo", guard.redo),
        **guard.saved,
    }
    for name, text in texts.items():
        system.write(f"{new}/{name}", text, 0o600)
    for number, path in enumerate(guard.files):
        if system.is_there(path):
            system.run(("cp", "--archive", "--no-dereference", path, f"{new}/file{number}"))
    for proof in guard.proofs:
        system.run([word.replace("{state}", new) for word in proof])
    if system.read(SCRIPT_PATH) != SCRIPT:
        system.write(SCRIPT_PATH, SCRIPT, 0o700)
    if system.read(BOOT_UNIT_PATH) != BOOT_UNIT:
        system.write(BOOT_UNIT_PATH, BOOT_UNIT)
        system.run(("systemctl", "daemon-reload"))
    if not system.is_there(BOOT_ENABLED_PATH):
        system.run(("systemctl", "enable", BOOT_SERVICE))
    system.run(("sync", "--file-system", new))


def _numbered(name: str, steps: Sequence[ShellStep]) -> dict[str, str]:
    """In the order in which the shell finds them."""
    return {f"{name}{number:03}": step.text for number, step in enumerate(steps)}


def arm(token: str, what: str, seconds: int, system: System) -> None:
    """The timer; one that is left of a change that has ended does not stand in its way."""
    system.query(("systemctl", "stop", f"{UNIT}.timer"))
    system.query(("systemctl", "reset-failed", f"{UNIT}.timer", f"{UNIT}.service"))
    system.run(
        (
            "systemd-run",
            "--quiet",
            "--collect",
            f"--unit={UNIT}",
            f"--description=Takes back an unconfirmed change of the {what} (baremetal.overlay)",
            f"--on-active={seconds}s",
            "--timer-property=AccuracySec=100ms",
            "--property=Type=oneshot",
            "--property=Restart=on-failure",
            f"--property=RestartSec={PAUSE}s",
            f"--property=RestartPreventExitStatus={GAVE_UP}",
            "/bin/sh",
            SCRIPT_PATH,
            token,
            str(TRIES),
        )
    )


def take_back(token: str, system: System) -> str:
    """At once, without waiting for the timer; what came of it. Should this fail, the timer tries again."""
    try:
        system.run(("sh", SCRIPT_PATH, token))
    except OverlayError as error:
        return (
            f"not all of what was there before could be put back: {error}; the host tries again, "
            f"see `journalctl -u {UNIT}`"
        )
    with system.lock(LOCK) as free:
        if free and read(system) is None:
            _disarm(system)
    return "what was there before was put back"


def _disarm(system: System) -> None:
    """For whoever has the lock: without it, the timer may be the one of a later change."""
    system.query(("systemctl", "stop", f"{UNIT}.timer"))


def confirm(
    token: str,
    system: System,
    verify: Callable[[], Sequence[str]] = lambda: (),
    probe: Probe = answering,
    clock: Optional[Clock] = None,
) -> None:
    """Keeps the change, or takes it back at once where a peer that answered before does not any more.

    ``verify`` returns what else speaks against the change, in sentences. Whoever did not hear the answer asks again.
    """
    change = _mine(token, system)
    if change is None:
        return
    lost = [*verify(), *_lost(change, probe, clock or Clock())]
    if lost:
        end = take_back(token, system)
        raise OverlayError(f"{change.what}: {'; '.join(lost)}; the change was not confirmed, and {end}")
    with system.lock(LOCK) as free:
        # Once it is due, the way back may have done a part of its work.
        if not free or time.monotonic() >= change.due:
            raise OverlayError(
                f"{change.what}: the time for the change ran out while it was being confirmed, and the host puts back "
                f"what was there before (`journalctl -u {UNIT}` says how far it is)"
            )
        if _mine(token, system) is None:
            return
        # Ahead of the moment, so that none is without it; while the change waits, it says nothing.
        system.write(CONFIRMED, token, 0o600)
        # This is the moment: before it the host reverts, after it the host does not.
        system.run(("mv", "-T", STATE, f"{STATE}.confirmed"))
        # A power failure must not bring the way back with it.
        system.query(("sync", "--file-system", STATE_DIRECTORY))
        _disarm(system)
        system.remove_tree(f"{STATE}.confirmed")


def _mine(token: str, system: System) -> Optional[Pending]:
    """The change of this token, or None where it is confirmed."""
    waiting = read(system)
    if waiting and waiting.token == token:
        return waiting
    reverted = (system.read(REVERTED) or "").split()
    if reverted and reverted[0] == token:
        raise OverlayError(
            f"the change was not confirmed in time, and at {reverted[1]} the host put back what was there before"
        )
    if system.read(CONFIRMED) == token:
        return None
    if waiting:
        raise OverlayError(
            f"the token {token} is of a change that has ended; what waits here is the change {waiting.token} of the "
            f"{waiting.what}, which another run made at {waiting.since}: let it end, then run again"
        )
    raise OverlayError(
        f"no change waits for the token {token}: it was confirmed before, or this host was restarted in between, which "
        "puts back what was there before; run again"
    )


def _lost(change: Pending, probe: Probe, clock: Clock) -> list[str]:
    """The peers that answered before the change and do not within a while after it."""
    missing = list(change.answered)
    end = clock.now() + min(SETTLE, max(0.0, change.due - time.monotonic() - SETTLE))
    while missing:
        seen = set(probe(missing))
        missing = [target for target in missing if target not in seen]
        if not missing or clock.now() >= end:
            break
        clock.sleep(0.5)
    return [f"{address} port {port} answered before and does not now" for address, port in missing]
