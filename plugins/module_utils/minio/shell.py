# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What making an image needs of the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional, Protocol


class Shell(Protocol):
    """The module gives Ansible's run_command."""

    def run(
        self, command: Sequence[str], environment: Optional[Mapping[str, str]] = None, cwd: Optional[Path] = None
    ) -> str:
        """Standard output, while standard error goes to whoever watches; a failure raises with the end of it."""

    def say(self, sentence: str) -> None:
        """Tell whoever watches."""

    def expect(self, packages: int) -> None:
        """Tell whoever watches how many packages there are to compile."""
