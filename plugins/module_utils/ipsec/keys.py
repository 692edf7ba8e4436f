# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pre-shared keys of pairs of hosts: drawn from one master, so that nothing has to be kept or passed on.

Both ends of a pair come to the same key without speaking to each other, and no host learns the key of a pair that it is
not in. The digest of a key names it where keys are compared: it says nothing of a key that nobody could guess.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

LENGTH = 32
LEAST = 32
SALT = b"baremetal.overlay ipsec"


def extract(salt: bytes, material: bytes) -> bytes:
    """HKDF's first half (RFC 5869) with SHA-256."""
    return hmac.new(salt or bytes(32), material, hashlib.sha256).digest()


def expand(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF's second half."""
    block, out = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.new(key, block + info + bytes([counter]), hashlib.sha256).digest()
        out += block
    return out[:length]


def pair(master: str, one: str, other: str, epoch: int = 1) -> str:
    """The key of two hosts, as hexadecimal digits; the order of their names is of no account."""
    first, second = sorted((one, other))
    # Lengths beside the names: no two pairs can be written alike.
    info = f"psk {epoch} {len(first)}:{first} {len(second)}:{second}".encode()
    return expand(extract(SALT, master.encode()), info, LENGTH).hex()


def digest(secret: str) -> str:
    """What a key is called."""
    return hmac.new(secret.encode(), b"baremetal.overlay name of a key", hashlib.sha256).hexdigest()[:16]


def is_epoch(epoch: Any) -> bool:
    """Whether keys can be drawn for it: a whole number, in whatever type an inventory has it."""
    return not isinstance(epoch, bool) and str(epoch).isdecimal()


def master_violations(master: Any) -> list[str]:
    """Why a master is none; never the master itself."""
    if master in (None, ""):
        return [
            "ipsec_psk_master: is not set, and ipsec_authentication is psk; "
            "put 32 random characters or more into a vault, for example those of `openssl rand -base64 48`"
        ]
    text = str(master)
    if len(text) < LEAST:
        return [
            f"ipsec_psk_master: has {len(text)} characters, and every key between hosts is drawn from it; "
            f"give {LEAST} or more, for example those of `openssl rand -base64 48`"
        ]
    if len(set(text)) < 8:
        return [
            f"ipsec_psk_master: has {len(set(text))} different characters only, which can be guessed; "
            "give random ones, for example those of `openssl rand -base64 48`"
        ]
    return []
