# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a secret, which the Engine never shows again, holds given data: a salted slow hash, kept as a label.

Labels can be read by everyone who may list secrets, so a plain hash would let them try passwords at full speed.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import os

LABEL = "baremetal.overlay.fingerprint"
_SCHEME = "scrypt"
_COST, _BLOCK, _LANES, _SALT_BYTES, _SIZE = 2**14, 8, 1, 16, 32
_MEMORY = 64 * 1024 * 1024


def fingerprint(data: bytes) -> str:
    """Another text each time: the salt is random."""
    salt = os.urandom(_SALT_BYTES)
    return f"{_SCHEME}:{_COST}:{_BLOCK}:{_LANES}:{_text(salt)}:{_text(_hash(data, salt, _COST, _BLOCK, _LANES))}"


def matches(label: str | None, data: bytes) -> bool:
    """False also for a label that is missing or of another making: the content is then unknown."""
    scheme, *parts = (label or "").split(":")
    if scheme != _SCHEME or len(parts) != 5:
        return False
    try:
        cost, block, lanes = (int(part) for part in parts[:3])
        salt, wanted = (base64.b64decode(part, validate=True) for part in parts[3:])
        return hmac.compare_digest(_hash(data, salt, cost, block, lanes), wanted)
    except ValueError:
        return False


# Slow on purpose, and a plan asks more than once.
@functools.cache
def _hash(data: bytes, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(data, salt=salt, n=cost, r=block, p=lanes, maxmem=_MEMORY, dklen=_SIZE)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
