# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries a host's probes out, all at once: its own, and those from inside its tasks."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Optional

from ..errors import OverlayError
from ..host.system import RUN_DIRECTORY, System
from . import dns, hosts_file, icmp, responder, tcp, udp
from .netns import Inside

UNIT = "baremetal-overlay-probe"
SMALLEST = icmp.SMALL

Result = dict[str, Any]
Probe = Mapping[str, Any]


class Probing:
    """All probes of a host; those inside its tasks are on their way once this is made."""

    def __init__(self, probes: Sequence[Probe], run_id: str, timeout: float, answers_at: Optional[str] = None) -> None:
        self._probes, self._run, self._timeout, self._answers_at = probes, run_id, timeout, answers_at
        # A process is forked before it has threads.
        places = sorted({probe["pid"] for probe in probes if probe["pid"]})
        self._children = [(pid, Inside(pid, partial(_here, _of(probes, pid), run_id, timeout))) for pid in places]

    def results(self) -> dict[str, Result]:
        """Every probe's result by its key."""
        found = _here(_of(self._probes, 0), self._run, self._timeout, self._answers_at)
        for pid, child in self._children:
            results, error = child.result()
            for probe in _of(self._probes, pid):
                found[probe["key"]] = results.get(probe["key"]) or {"ok": False, "error": error}
        return found


def _of(probes: Sequence[Probe], pid: int) -> list[Probe]:
    return [probe for probe in probes if (probe["pid"] or 0) == pid]


def _here(probes: Sequence[Probe], run_id: str, timeout: float, answers_at: Optional[str] = None) -> dict[str, Result]:
    """One thread a kind; each kind has all of its targets in flight."""
    kinds = {
        "icmp": lambda some: icmp.probe(
            {one["key"]: (one["address"], max(one["size"] or 0, SMALLEST)) for one in some}, timeout
        ),
        "tcp": lambda some: tcp.probe({one["key"]: (one["address"], one["port"]) for one in some}, timeout),
        "udp": lambda some: udp.probe(
            {one["key"]: (one["address"], one["port"]) for one in some}, run_id, timeout, answers_at
        ),
        "dns": lambda some: dns.probe({one["key"]: one["name"] for one in some}, timeout),
        "hosts": lambda some: hosts_file.probe({one["key"]: (one["name"], one["pid"]) for one in some}),
    }
    chosen = {kind: [probe for probe in probes if probe["kind"] == kind] for kind in kinds}
    with ThreadPoolExecutor(len(kinds)) as pool:
        running = {kind: pool.submit(kinds[kind], some) for kind, some in chosen.items() if some}
    found: dict[str, Result] = {}
    for kind, ended in running.items():
        try:
            found.update(ended.result())
        except OSError as error:
            found.update({probe["key"]: {"ok": False, "error": str(error)} for probe in chosen[kind]})
    return found


def start_responder(system: System, run_id: str, address: str, ports: Sequence[int], limits: tuple[int, int]) -> str:
    """A transient unit that answers on udp; returns why there is none, or nothing. It answers once this returns."""
    seconds, idle = limits
    path = f"{RUN_DIRECTORY}/responder-{run_id}.py"
    listed = ",".join(str(port) for port in ports)
    command = ["systemd-run", "--quiet", "--collect", f"--unit={UNIT}-{run_id}", "--service-type=notify"]
    command += [f"--property=RuntimeMaxSec={seconds}", "--description=Answers the probes of baremetal.overlay"]
    program = [sys.executable, "-I", path, address, udp.cookie(run_id).hex(), listed, str(idle)]
    try:
        system.write(path, inspect.getsource(responder), 0o600)
        system.run([*command, *program])
    except (OverlayError, OSError) as error:
        return str(error)
    finally:
        system.remove(path)
    return ""
