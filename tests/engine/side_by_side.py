# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of community.docker and ours, as they are, on one engine: each in a process of its own, as on a host."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
STOCK = ROOT / ".venv" / "stock" / "bin" / "python"


class Both:
    def __init__(self, url: str, folder: Path) -> None:
        if not STOCK.exists():
            raise RuntimeError(f"{STOCK} is not there: community.docker is missing; run scripts/bootstrap bench")
        self._url = url
        self._arguments = folder / "arguments.json"

    def theirs(self, module: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        return self._run(f"community.docker.plugins.modules.{module}", check_mode, options, {})

    def ours(self, module: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        tree = {"PYTHONPATH": str(ROOT / ".cache" / "collections")}
        return self._run(f"baremetal.overlay.plugins.modules.{module}", check_mode, options, tree)

    def _run(self, module: str, check_mode: bool, options: dict[str, Any], more: dict[str, str]) -> dict[str, Any]:
        arguments = {**options, "docker_host": self._url, "_ansible_check_mode": check_mode}
        self._arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}), encoding="utf-8")
        command = [str(STOCK), "-m", f"ansible_collections.{module}", str(self._arguments)]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if not done.stdout.strip():
            raise RuntimeError(f"{module} said nothing: {done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return found
