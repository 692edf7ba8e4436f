# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, as one small tree; only a module's ``main`` turns it into a failed task.

OverlayError
├── InputError        an option says what cannot be (all of them at once: ``violations``)
├── Refused           possible, but it needs the user's consent
├── WaitTimeout       what was waited for did not come (``state``: what was seen last)
├── Unallocated       the cluster has a network, and gives it no addresses
└── EngineError       the Engine said no (``status``, ``verb``, ``path``)
    ├── NotFound          404: the object is not there; the only error that means "absent"
    ├── Conflict          409: the name is taken, the object is in use
    ├── OutOfSequence     somebody else changed the object since it was read, or the leader changed
    ├── NotManager        503: this engine cannot answer for the cluster
    ├── NoLeader          this engine is a manager, but too few of its kind reach one another
    └── Unavailable       no SDK, no socket, no engine behind it, no answer
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class OverlayError(Exception):
    """Its text is the sentence that the user reads; ``facts`` are returned beside it."""

    facts: Mapping[str, Any] = MappingProxyType({})


class InputError(OverlayError):
    def __init__(self, violations: str | list[str]) -> None:
        self.violations = [violations] if isinstance(violations, str) else list(violations)
        super().__init__("; ".join(self.violations))


class Refused(OverlayError):
    pass


class WaitTimeout(OverlayError):
    def __init__(self, message: str, state: Any = None) -> None:
        self.state = state
        super().__init__(message)


class Unallocated(OverlayError):
    pass


class EngineError(OverlayError):
    def __init__(self, message: str, status: int = 0, verb: str = "", path: str = "") -> None:
        self.message = message
        self.status = status
        self.verb = verb
        self.path = path
        call = f" ({verb} {path}: {status})" if status else ""
        super().__init__(f"{message}{call}")


class NotFound(EngineError):
    pass


class Conflict(EngineError):
    pass


class OutOfSequence(EngineError):
    pass


class NotManager(EngineError):
    """``state``: this engine's LocalNodeState (inactive, pending, active, locked, error)."""

    state = ""


class NoLeader(EngineError):
    pass


class Unavailable(EngineError):
    """``absent``: there is no SDK or no engine at all, as on a host that is still bare."""

    absent = False
