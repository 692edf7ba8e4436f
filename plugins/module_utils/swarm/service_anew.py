# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service in another mode, which the Engine cannot change: removed and made anew, and never forgotten in between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ..engine import Engine, passes
from ..errors import Conflict, EngineError, OverlayError
from . import record, rollout

RECORD = "baremetal.overlay.service"


def rebuild(
    engine: Engine,
    live: Mapping[str, Any],
    body: Mapping[str, Any],
    headers: Optional[Mapping[str, str]],
    timeout: float,
) -> dict[str, Any]:
    """What it is to be and what it was are noted in the swarm before it goes: a run that is killed is completed."""
    name = str(body["Name"])
    record.note(engine, RECORD, name, {"wanted": body, "before": live["Spec"]})
    rollout.remove(engine, live["ID"])
    try:
        rollout.await_gone(engine, [live], timeout)
    finally:
        # Also where that takes too long: a service that is away is worse.
        made = _made(engine, body, live["Spec"], headers)
    return made


def complete(
    engine: Engine, name: str, headers: Optional[Mapping[str, str]], check_mode: bool
) -> Optional[dict[str, Any]]:
    """The service that a run removed and did not make any more; None where there was no such run."""
    begun = record.find(engine, RECORD, name)
    if begun is None or check_mode:
        return {"ID": "", "Spec": begun["wanted"]} if begun else None
    made = _made(engine, begun["wanted"], begun["before"], headers)
    return dict(engine.call("GET", f"/services/{made['ID']}"))


def forget(engine: Engine, name: str) -> None:
    """What is to be absent is not completed."""
    record.forget(engine, RECORD, name)


def _made(
    engine: Engine, body: Mapping[str, Any], before: Mapping[str, Any], headers: Optional[Mapping[str, str]]
) -> dict[str, Any]:
    """Where the Engine refuses what it is to be, it is again what it was."""
    name = str(body["Name"])
    try:
        made = dict(engine.call("POST", "/services/create", body=body, headers=headers))
    except Conflict:
        raise
    except EngineError as error:
        if passes(error):
            raise OverlayError(
                f'service "{name}" was removed for its other mode, and the swarm took no new one: {error}; its '
                "definition is kept in a config of the swarm: run again to complete it"
            ) from error
        engine.call("POST", "/services/create", body=before, headers=headers)
        forget(engine, name)
        raise OverlayError(
            f'service "{name}" cannot have that mode, and was made again as it was: {error}; '
            "change the options that this names, or keep the mode"
        ) from error
    forget(engine, name)
    return made
