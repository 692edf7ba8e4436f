# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python's cryptography, where keys are made or certificates signed."""

from __future__ import annotations

import importlib
import importlib.util

from ..errors import OverlayError
from ..minio.tls import PACKAGE
from .packages import Install
from .system import System


def have_cryptography(system: System) -> None:
    """Debian's package, where it is missing; no other way is tried."""
    if importlib.util.find_spec("cryptography") is None:
        Install([PACKAGE]).apply(system)
        importlib.invalidate_caches()
    if importlib.util.find_spec("cryptography") is None:
        raise OverlayError(
            f"python: {PACKAGE} is installed, and Ansible's interpreter does not see it; "
            "set ansible_python_interpreter to /usr/bin/python3"
        )
