# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A systemctl that answers as systemd 257 was seen to, for shells of ours that a test runs."""

from __future__ import annotations

import os
from pathlib import Path

# A unit is loaded where it has a file, or still is what was started before its file went.
SCRIPT = """\
#!/bin/sh
echo "systemctl $*" >> LOG
verb=$1
shift
code=0
for unit; do
    case $unit in -*) continue ;; esac
    file=ROOT/files/$unit
    started=ROOT/started/$unit
    loaded=
    if [ -e "$file" ] || [ -e "$started" ]; then loaded=yes; fi
    case $verb in
    stop)
        if [ ! "$loaded" ]; then
            echo "Failed to stop $unit: Unit $unit not loaded." >&2
            code=5
        fi
        rm -f "$started"
        ;;
    start|restart)
        if [ ! -e "$file" ]; then
            echo "Failed to $verb $unit: Unit $unit not found." >&2
            code=5
        else
            touch "$started"
        fi
        ;;
    disable|reset-failed)
        if [ ! "$loaded" ]; then
            echo "Failed to $verb unit: Unit $unit does not exist" >&2
            code=1
        fi
        ;;
    is-active)
        if [ -e "$started" ]; then echo active; else echo inactive; fi
        if [ ! "$loaded" ]; then code=4; elif [ ! -e "$started" ]; then code=3; fi
        ;;
    # Of a unit that is not there, too; the one question of ours.
    show) if [ -e "$started" ]; then echo 4711; else echo 0; fi ;;
    esac
done
exit $code
"""


class Systemd:
    """Units as files of a directory, and whether they were started."""

    def __init__(self, root: Path, log: Path) -> None:
        self.root, self.programs = root / "systemd", root / "bin"
        for folder in (self.root / "files", self.root / "started", self.programs):
            folder.mkdir(parents=True, exist_ok=True)
        self.program("systemctl", SCRIPT.replace("LOG", str(log)).replace("ROOT", str(self.root)))

    def program(self, name: str, text: str) -> None:
        """Another one on the path, for what is run with ``environment``."""
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def load(self, unit: str) -> None:
        (self.root / "files" / unit).touch()

    def forget(self, unit: str) -> None:
        (self.root / "files" / unit).unlink()

    def start(self, unit: str) -> None:
        (self.root / "started" / unit).touch()

    def is_started(self, unit: str) -> bool:
        return (self.root / "started" / unit).exists()

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.programs}:{os.environ['PATH']}"}
