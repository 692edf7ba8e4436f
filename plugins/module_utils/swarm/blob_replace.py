# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other content under the same name, which the Engine cannot do in one call: there is a copy at every moment.

The new object is made first under a name of its own, the draft: this proves that the Engine takes it, and it outlives
a run that is killed. Then the old one goes, the new one is made, and the draft goes. Where the new one cannot be made,
a config is again what it was; a secret, which no engine tells, is kept as its draft.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..engine import Engine, passes
from ..errors import Conflict, NotFound, OverlayError
from ..wait import wait_until
from .blob import REPLACES, Kind

# A draft's name begins like the name that it stands for, as far as the Engine's limit of 64 characters allows.
NAME_ROOM = 50
# Seconds that managers may take to elect a leader between two of the calls.
PATIENCE = 30


def drafts_of(name: str, listed: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What a run that ended in the middle left for this name, the newest first."""
    found = [one for one in listed if (one["Spec"].get("Labels") or {}).get(REPLACES) == name]
    return sorted(found, key=lambda one: str(one.get("CreatedAt", "")), reverse=True)


def replace(kind: Kind, engine: Engine, live: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    """The ID of the object that has the name now."""
    name = body["Name"]
    draft = f"{name[:NAME_ROOM]}.next-{secrets.token_hex(4)}"
    proof = {**body, "Name": draft, "Labels": {**(body.get("Labels") or {}), REPLACES: name}}
    ident = create(kind, engine, proof)
    try:
        remove(kind, engine, live["ID"])
    except OverlayError:
        # Somebody began to use it: it is still there, and so nothing needs the draft.
        remove(kind, engine, ident)
        raise
    made = _made(kind, engine, live, body, draft, ident)
    remove(kind, engine, ident)
    return made


def _made(kind: Kind, engine: Engine, live: Mapping[str, Any], body: Mapping[str, Any], draft: str, ident: str) -> str:
    what = f'{kind.name} "{body["Name"]}"'
    try:
        return _insist(kind, engine, body)
    except Conflict:
        # Somebody else made one of this name: it is compared with what is wanted, and the draft is told by its label.
        raise
    except OverlayError as error:
        kept = f'its new content is kept as {kind.name} "{draft}"'
        if kind.hidden:
            raise OverlayError(
                f"{what} was removed and could not be made again: {error}; {kept}; run again to complete it, and "
                f'until then have services use "{draft}"'
            ) from error
        try:
            _insist(kind, engine, live["Spec"])
        except OverlayError as again:
            raise OverlayError(
                f"{what} was removed and could be made neither as it is to be ({error}) nor as it was ({again}); "
                f"{kept}; run again to complete it"
            ) from error
        remove(kind, engine, ident)
        raise OverlayError(
            f"{what} could not be replaced and is again what it was: {error}; mend that, and run again"
        ) from error


def _insist(kind: Kind, engine: Engine, body: Mapping[str, Any]) -> str:
    """Over an election of the managers' leader. What was made although no answer came, is a conflict then."""
    what = f'{kind.name} "{body["Name"]}" to be made'
    return wait_until(lambda: create(kind, engine, body), bool, PATIENCE, what, excuse=passes)


def create(kind: Kind, engine: Engine, body: Mapping[str, Any]) -> str:
    return str(engine.call("POST", f"{kind.path}/create", body)["ID"])


def remove(kind: Kind, engine: Engine, ident: str) -> None:
    with suppress(NotFound):
        engine.call("DELETE", f"{kind.path}/{ident}")
