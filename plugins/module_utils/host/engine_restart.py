# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarts the engine of one host: after the rest can do without it, and until the rest need not any more.

The engine stops its tasks with itself, as Swarm allows no live-restore. So MinIO and the other managers come first.
"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from ..errors import OverlayError
from ..wait import Clock, wait_until
from . import engine_setup, local_engine
from .local_engine import Answers
from .system import System

MAINTENANCE = "/minio/health/cluster?maintenance=true"
HEALTH = "/minio/health/cluster"
ABSENT = "no MinIO answers here"
REACHABLE = "reachable"
WORDS = {
    "200": "200, healthy",
    "412": "412, the cluster would lose its quorum without this host",
    "503": "503, the cluster has no quorum",
}

Probe = Callable[[str], str]


def ask_minio(url: str, timeout: float = 10, ca_path: Optional[str] = None, ca_certificates: str = "") -> str:
    """The status as text; ABSENT if nothing listens there, which is no reason to wait.

    ``ca_certificates``: in PEM form, for a host that has no ``ca_path`` yet, as it has only begun to be one.
    """
    there = ca_path if ca_path and Path(ca_path).exists() else None
    context = ssl.create_default_context(cafile=there, cadata=None if there else ca_certificates or None)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=timeout) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except urllib.error.URLError as error:
        return ABSENT if isinstance(error.reason, ConnectionRefusedError) else f"no answer ({error.reason})"
    except (OSError, http.client.HTTPException) as error:
        return f"no answer ({error})"


def lost_managers(answers: Answers) -> str:
    """Why this manager may not go; with one or two managers there is never a moment when it may.

    What a manager cannot tell is no reason to go: without a leader nobody knows how many of them are left.
    """
    if not answers.is_manager:
        return ""
    if answers.unlisted:
        return f"this manager cannot tell who the others are ({answers.unlisted})"
    managers = [node for node in answers.nodes if node.get("ManagerStatus")]
    own = answers.swarm.get("NodeID")
    if own not in [node["ID"] for node in managers]:
        return "this manager is not among the managers that the swarm lists"
    if not any(node["ManagerStatus"].get("Leader") for node in managers):
        return "no manager leads the swarm"
    if len(managers) < 3:
        return ""
    others = [node for node in managers if node["ID"] != own and node["ManagerStatus"].get("Reachability") == REACHABLE]
    needed = len(managers) // 2 + 1
    if len(others) >= needed:
        return ""
    return f"only {len(others)} of the {len(managers) - 1} other managers are reachable, and the swarm needs {needed}"


def not_back(before: Answers, now: Optional[Answers]) -> str:
    """What this host lacks of what it was before its engine restarted; empty where it is that again."""
    if now is None:
        return "no answer"
    wanted, state = (str(one.swarm.get("LocalNodeState") or "inactive") for one in (before, now))
    if state != wanted:
        return f"swarm state {state}"
    if not before.is_manager:
        return ""
    if not now.is_manager:
        return "not a manager again"
    if now.unlisted:
        return f"no leader ({now.unlisted})"
    return _not_rejoined(now)


def _not_rejoined(now: Answers) -> str:
    """The leader's own list says whether it reaches this manager; its engine answers before that."""
    nodes = {node["ID"]: node for node in now.nodes}
    if not any((node.get("ManagerStatus") or {}).get("Leader") for node in now.nodes):
        return "no leader"
    own = nodes.get(now.swarm.get("NodeID"), {})
    reachability = (own.get("ManagerStatus") or {}).get("Reachability")
    if reachability != REACHABLE:
        return f"reachability {reachability or 'unknown'}"
    state = (own.get("Status") or {}).get("State")
    return "" if state == "ready" else f"node state {state or 'unknown'}"


def unasked(servers: Mapping[str, str], url: str) -> str:
    """Why silence is no proof that MinIO is not here: a server runs in a container of this host."""
    if not servers:
        return ""
    names = ", ".join(f"{name} (--address {address})" for name, address in sorted(servers.items()))
    asked = f"nothing answers at {url}" if url else "no URL says where to ask it"
    return f"{names} runs on this host, and {asked}; give its URL as docker_engine_minio_url, or mend the server"


def may_go(own: str, others: Mapping[str, str]) -> str:
    """Empty where MinIO can do without this host now; else why not.

    The server's own word is about drives. A server that is up but not whole, or away already, counts as missing too:
    never two.
    """
    if own not in ("200", ABSENT):
        return f"this host's MinIO answers {WORDS.get(own, own)}"
    missing = [f"{url} answers {WORDS.get(seen, seen)}" for url, seen in others.items() if seen != "200"]
    if own == ABSENT and set(others.values()) <= {ABSENT}:
        return ""
    return "; ".join(missing)


@dataclass(frozen=True)
class RestartEngine:
    """Asks, restarts, and waits until this host is what it was before."""

    minio_url: str = ""
    minio_peers: Sequence[str] = ()
    timeout: float = 300
    probe: Probe = ask_minio
    ask: Callable[[], Optional[Answers]] = local_engine.ask
    unlock: Callable[[str], None] = local_engine.unlock
    clock: Optional[Clock] = None

    @property
    def sentence(self) -> str:
        return f"restart {engine_setup.SERVICE}, which runs with its former configuration, once the rest can do without"

    def apply(self, system: System) -> None:
        before = self._asked()
        minio = self._await_leave()
        system.run(("systemctl", "daemon-reload"))
        # systemd refuses a unit that was started several times within a minute.
        system.query(("systemctl", "reset-failed", *engine_setup.UNITS))
        system.run(("systemctl", "restart", engine_setup.RUNTIME, engine_setup.SERVICE))
        self._await_engine(before)
        if minio != ABSENT:
            self._wait(
                lambda: self.probe(self.minio_url + HEALTH), lambda seen: seen == "200", "MinIO's cluster health"
            )
        system.remove(engine_setup.PENDING)

    def _asked(self) -> Answers:
        answers = self.ask()
        if answers is None:
            raise OverlayError(
                f"engine: it stopped answering before its restart; see `journalctl -u {engine_setup.SERVICE}`"
            )
        return answers

    def _wait(self, probe: Callable[[], str], done: Callable[[str], bool], what: str) -> str:
        return wait_until(
            probe, done, self.timeout, what, interval=2, clock=self.clock, show=lambda seen: WORDS.get(seen, seen)
        )

    def _await_leave(self) -> str:
        """Until both quorums hold without this host; what its own MinIO answered."""
        what = "{} to do without this {} (nothing was restarted)"
        self._wait(self._swarm_needs_this, lambda reason: not reason, what.format("the swarm", "manager"))
        own, _reason = wait_until(
            self._minio_needs_this,
            lambda seen: not seen[1],
            self.timeout,
            what.format("MinIO", "host"),
            interval=2,
            clock=self.clock,
            show=lambda seen: seen[1],
        )
        return own

    def _minio_needs_this(self) -> tuple[str, str]:
        """What this host's MinIO answers, and why it may not go."""
        own = self.probe(self.minio_url + MAINTENANCE) if self.minio_url else ABSENT
        reason = may_go(own, {peer: self.probe(peer + HEALTH) for peer in self.minio_peers})
        if own == ABSENT and not reason:
            reason = unasked(local_engine.minio_servers(self._asked()), self.minio_url)
        return own, reason

    def _swarm_needs_this(self) -> str:
        return lost_managers(self._asked())

    def _await_engine(self, before: Answers) -> None:
        state = before.swarm.get("LocalNodeState") or "inactive"

        def missing() -> str:
            now = self.ask()
            if now is not None and now.swarm.get("LocalNodeState") == "locked" and before.unlock_key:
                # Whom it was locked from is not who has just restarted it.
                self.unlock(before.unlock_key)
            return not_back(before, now)

        self._wait(
            missing,
            lambda what: not what,
            f"the engine to be back with swarm state {state}{' as a manager' if before.is_manager else ''}",
        )
