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
from typing import Any, Callable, Optional

from ..errors import OverlayError
from ..wait import Clock, wait_until
from . import engine_setup, local_engine
from .local_engine import Answers
from .system import System

MAINTENANCE = "/minio/health/cluster?maintenance=true"
HEALTH = "/minio/health/cluster"
ABSENT = "no MinIO answers here"
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


def lost_managers(nodes: Sequence[Mapping[str, Any]], node_id: Optional[str]) -> str:
    """Why this manager may not go; with one or two managers there is never a moment when it may."""
    managers = [node for node in nodes if node.get("ManagerStatus")]
    if len(managers) < 3 or node_id not in [node["ID"] for node in managers]:
        return ""
    others = [
        node for node in managers if node["ID"] != node_id and node["ManagerStatus"].get("Reachability") == "reachable"
    ]
    needed = len(managers) // 2 + 1
    if len(others) >= needed:
        return ""
    return f"only {len(others)} of the {len(managers) - 1} other managers are reachable, and the swarm needs {needed}"


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
    clock: Optional[Clock] = None

    @property
    def sentence(self) -> str:
        return f"restart {engine_setup.SERVICE}, which runs with its former configuration, once the rest can do without"

    def apply(self, system: System) -> None:
        before = self.ask()
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

    def _wait(self, probe: Callable[[], str], done: Callable[[str], bool], what: str) -> str:
        return wait_until(
            probe, done, self.timeout, what, interval=2, clock=self.clock, show=lambda seen: WORDS.get(seen, seen)
        )

    def _await_leave(self) -> str:
        """Until both quorums hold without this host."""
        self._wait(self._swarm_needs_this, lambda reason: not reason, "the swarm to do without this manager")
        if not self.minio_url:
            return ABSENT
        own, _reason = wait_until(
            self._minio_needs_this,
            lambda seen: not seen[1],
            self.timeout,
            "MinIO to do without this host (nothing was restarted)",
            interval=2,
            clock=self.clock,
            show=lambda seen: seen[1],
        )
        return own

    def _minio_needs_this(self) -> tuple[str, str]:
        """What this host's MinIO answers, and why it may not go."""
        own = self.probe(self.minio_url + MAINTENANCE)
        return own, may_go(own, {peer: self.probe(peer + HEALTH) for peer in self.minio_peers})

    def _swarm_needs_this(self) -> str:
        answers = self.ask()
        if answers is None:
            raise OverlayError(
                f"engine: it stopped answering before its restart; see `journalctl -u {engine_setup.SERVICE}`"
            )
        return lost_managers(answers.nodes, (answers.info.get("Swarm") or {}).get("NodeID"))

    def _await_engine(self, before: Optional[Answers]) -> None:
        wanted = local_engine.swarm_facts(before)["state"]

        def state() -> str:
            answers = self.ask()
            return "no answer" if answers is None else local_engine.swarm_facts(answers)["state"]

        self._wait(state, lambda seen: seen == wanted, f"the engine to be back with swarm state {wanted}")
