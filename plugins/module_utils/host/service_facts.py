# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a live MinIO service is made of, as far as an operator's settings decide it, and without any secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..minio.environment import NO_SECRET

# The one variable whose value is told: how many drives may be lost.
PARITY = "MINIO_STORAGE_CLASS_STANDARD"
TRUST_LABEL = "baremetal.overlay.minio.trust"


def made_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Of the environment the names only: others may keep secrets there."""
    template = spec.get("TaskTemplate") or {}
    container = template.get("ContainerSpec") or {}
    environment = dict(entry.partition("=")[::2] for entry in container.get("Env") or [])
    log = (template.get("LogDriver") or {}).get("Options") or {}
    limits = (template.get("Resources") or {}).get("Limits") or {}
    mounts = {mount.get("Target"): mount for mount in container.get("Mounts") or []}
    return {
        "memory_limit": limits.get("MemoryBytes"),
        "pids_limit": limits.get("Pids"),
        "dropped_capabilities": sorted(container.get("CapabilityDrop") or []),
        "no_new_privileges": bool((container.get("Privileges") or {}).get("NoNewPrivileges")),
        "tmp_size": (mounts.get("/tmp", {}).get("TmpfsOptions") or {}).get("SizeBytes"),
        "drives_parent": mounts.get("/drives", {}).get("Source"),
        "dns": (container.get("DNSConfig") or {}).get("Nameservers") or [],
        "stop_grace_period": container.get("StopGracePeriod"),
        "log_max_size": log.get("max-size"),
        "log_max_file": log.get("max-file"),
        "parity": environment.get(PARITY),
        "environment": sorted(environment),
        # Their values are in a secret; root's are told apart by their names.
        "secret_environment": sorted(name for name, value in environment.items() if value == NO_SECRET),
        "trust": (container.get("Labels") or {}).get(TRUST_LABEL),
    }
