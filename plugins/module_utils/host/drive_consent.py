# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consent to erase a device: for one host, one device and what was found on it. Pure.

An entry is ``<inventory host>:<device as declared>:<digest>``. What is found changes by the formatting itself, so an
entry is used up by its use. Hosts and devices may hold colons, so entries are compared whole and never split.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

LENGTH = 8


def digest(found: Mapping[str, Any]) -> str:
    """The same for the same findings in any order; another one for anything else."""
    text = json.dumps(found, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def entry(host: str, device: str, found: str, uuid: str = "") -> str:
    """What an operator gives to agree; with the UUID of a file system where data of a member is at stake."""
    return ":".join(filter(None, (host, device, found, uuid)))


def consented(consents: Sequence[str], host: str, device: str, found: str, uuid: str = "") -> bool:
    """Whether exactly this was agreed to; a host without a name agrees to nothing."""
    return bool(host) and entry(host, device, found, uuid) in consents


def meant(consents: Sequence[str], host: str, device: str) -> list[str]:
    """The entries that are for this device, whether they still agree to anything or not."""
    return [
        given for given in consents if given in (device, f"{host}:{device}") or given.startswith(f"{host}:{device}:")
    ]


def complete(consents: Sequence[str], host: str, device: str) -> bool:
    """Whether an entry for this device says what was found, even if that is not there any more."""
    return any(given.startswith(f"{host}:{device}:") for given in consents)
