# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's clock, and whether anything keeps it in step."""

from __future__ import annotations

import contextlib
import ctypes
import time
from typing import Any, ClassVar, Optional

UNSYNCHRONIZED = 0x40
# What passed since then was spent here, and not on the way from the controller.
_LOADED = time.monotonic()


def read() -> dict[str, Any]:
    """Seconds since 1970 now, how long the module has run by then, and whether the kernel says that it is synchronized.

    None for the last where the kernel does not say.
    """
    kept = synchronized()
    return {"time": time.time(), "age": time.monotonic() - _LOADED, "synchronized": kept}


class Timex(ctypes.Structure):
    """The head of the kernel's struct timex; the rest is room for what it writes."""

    _fields_: ClassVar[list[Any]] = [
        ("modes", ctypes.c_uint),
        *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    ]


def synchronized() -> Optional[bool]:
    """What every time service tells the kernel, asked without changing it."""
    timex = Timex()
    with contextlib.suppress(OSError, AttributeError):
        if ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) >= 0:
            return not timex.status & UNSYNCHRONIZED
    return None
