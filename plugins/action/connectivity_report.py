# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report of a run on the controller, and refuses a directory that cannot be written at the start."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity import junit, page
from ansible_collections.baremetal.overlay.plugins.plugin_utils.connectivity.names import visible

NAME = "connectivity"


class ActionModule(ActionBase):
    """Without a result, begins; with one, writes."""

    _requires_connection = False
    _VALID_ARGS = frozenset(("directory", "result"))

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = super().run(tmp, task_vars)
        given = self._task.args.get("directory")
        directory = Path(str(given)).expanduser().absolute() if given else None
        result = self._task.args.get("result")
        answer["changed"] = False
        try:
            if result is None:
                if directory:
                    may_write(directory, self._task.check_mode)
                began = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
                return {**answer, "run": os.urandom(7).hex(), "began": began}
            files = write(directory, result) if directory and not self._task.check_mode else []
        except OSError as error:
            raise AnsibleError(
                f"connectivity_report_dir: {directory} cannot be written on the controller ("
                f"{error.strerror or error}: {error.filename or directory}); give one that can be, or none"
            ) from error
        return {**answer, "files": files}


def may_write(directory: Path, check_mode: bool = False) -> None:
    """Raises where it may not be written, by writing."""
    if check_mode:
        there = next(parent for parent in (directory, *directory.parents) if parent.exists())
        if not there.is_dir():
            raise NotADirectoryError(20, "Not a directory", str(there))
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied", str(there))
        return
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory):
        pass


def write(directory: Path, result: dict[str, Any]) -> list[str]:
    """All three forms; each file is replaced in one step."""
    result = visible(result)
    texts = {
        "json": json.dumps(result, indent=1, ensure_ascii=False) + "\n",
        "xml": junit.render(result),
        "html": page.render(result),
    }
    files = []
    for kind, text in texts.items():
        path = directory / f"{NAME}.{kind}"
        draft = directory / f".{NAME}.{kind}.{os.getpid()}"
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
        files.append(str(path))
    return files
