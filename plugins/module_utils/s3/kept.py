# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MinIO's credentials as a host keeps them, for modules that speak to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
