# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MinIO's credentials as a host keeps them, for modules that speak to it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from .. import atomic
from ..errors import InputError
from .sigv4 import Credentials


def read_credentials(params: Mapping[str, Any]) -> Credentials:
    """Those given, or those kept on this host."""
    if params["root_user"] and params["root_password"]:
        return Credentials(params["root_user"], params["root_password"])
    path = Path(params["credentials_file"])
    try:
        kept = json.loads(path.read_text())
        return Credentials(kept["user"], kept["password"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a JSON object with user and password"
        raise InputError(
            f"{path} cannot be read ({reason}); give root_user and root_password, or have minio_credentials make it"
        ) from error


# Not beside the root credentials: what is temporary does not survive a reboot.
USER = Path("/run/baremetal-overlay/check-user.json")
# One that ends during a check is of no use.
SPARE = 3600


def read_user(policy: Mapping[str, Any], path: Path = USER) -> Optional[Credentials]:
    """The temporary user that is kept on this host, while it lasts; one that may do something else is another."""
    try:
        kept = json.loads(path.read_text())
        user = Credentials(kept["user"], kept["password"], kept["token"])
        return user if kept["policy"] == policy and kept["ends"] - SPARE > time.time() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_user(user: Credentials, seconds: int, policy: Mapping[str, Any], path: Path = USER) -> None:
    """Keep a temporary user, for root only."""
    with atomic.named(path):
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    named = {"user": user.user, "password": user.password, "token": user.token}
    kept = {**named, "ends": time.time() + seconds, "policy": policy}
    atomic.replace(path, json.dumps(kept).encode(), 0o600)
