# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured on an engine of its own: a service of many options, a stack of many services.

No task of them runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
IMAGE = "localhost/none:1"
# Engine API calls that make what the service refers to.
PREPARATION: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/networks/create", {"Name": "bench-front", "Driver": "overlay", "CheckDuplicate": True}),
    ("/networks/create", {"Name": "bench-back", "Driver": "overlay", "CheckDuplicate": True}),
    ("/secrets/create", {"Name": "bench-secret", "Data": "c2VjcmV0"}),
    ("/configs/create", {"Name": "bench-config", "Data": "Y29uZmln"}),
)


def service() -> dict[str, Any]:
    """The options of service.yml."""
    found: dict[str, Any] = yaml.safe_load((HERE / "service.yml").read_text(encoding="utf-8"))
    return found


def compose(folder: Path, services: int) -> Path:
    """A Compose file of that many services, with a config and a secret from files beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config", "secret"):
        (folder / name).write_text(f"content of a {name}\n", encoding="utf-8")
    definition = {
        "version": "3.8",
        "services": {f"s{number:03}": _service(number) for number in range(1, services + 1)},
        "networks": {"inner": {"driver": "overlay", "attachable": True}},
        "configs": {"settings": {"file": str(folder / "config")}},
        "secrets": {"password": {"file": str(folder / "secret")}},
    }
    path = folder / "compose.yml"
    path.write_text(yaml.safe_dump(definition, sort_keys=False), encoding="utf-8")
    return path


def _service(number: int) -> dict[str, Any]:
    return {
        "image": IMAGE,
        "command": ["/bin/server", "--number", str(number)],
        "environment": {"NUMBER": str(number), "LEVEL": "info"},
        "labels": {"role": "server"},
        "networks": {"inner": {"aliases": [f"server{number}"]}},
        "configs": [{"source": "settings", "target": "/etc/server.conf"}],
        "secrets": ["password"],
        "healthcheck": {"test": ["CMD", "/bin/check"], "interval": "30s"},
        "deploy": {
            "replicas": 0,
            "labels": {"number": str(number)},
            "resources": {"limits": {"cpus": "0.5", "memory": "64M"}},
            "update_config": {"parallelism": 2, "order": "start-first"},
            "restart_policy": {"condition": "on-failure", "delay": "2s"},
        },
    }
