# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door between the role minio and what MinIO's layout and stack are to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import environment, layout, stack
from ansible_collections.baremetal.overlay.plugins.plugin_utils import minio_plan, role_options, tls_plan


def minio_layout(
    servers: Sequence[Mapping[str, Any]], parity: int | None = None, port: int = 9000, scheme: str = "http"
) -> dict[str, Any]:
    """Return the server list, the erasure sets, and how many servers may fail."""
    try:
        return layout.plan(servers, parity, layout.Endpoints(scheme, port=port)).describe()
    except InputError as error:
        raise AnsibleFilterError("; ".join(error.violations)) from error


def minio_stack(
    servers: Sequence[Mapping[str, Any]], options: Mapping[str, Any], only: str | None = None
) -> dict[str, Any]:
    """Return the Compose definition of all servers whose hosts are there, or of a single one."""
    try:
        endpoints = layout.Endpoints("https" if options["tls"] else "http", port=int(options["port"]))
        planned = layout.plan(servers, minio_plan.parity(options.get("parity")), endpoints)
        # A service whose host is away is left as it is: it could only be waited for.
        absent = [int(server["number"]) for server in servers if server.get("absent")]
        numbers = [number for pool in planned.pools for number in pool.servers if number not in absent]
        numbers = [number for number in numbers if only in (None, f"minio{number}")]
        return stack.compose(numbers, planned.args, {**options, "no_new_privileges": _confined(options)})
    except InputError as error:
        raise AnsibleFilterError("; ".join(error.violations)) from error


def _confined(options: Mapping[str, Any]) -> bool:
    """As the plan knows it, or by the engines of a swarm that was made after the plan."""
    known, nodes = options["no_new_privileges"], options["nodes"]
    return bool(known) if known is not None else bool(nodes) and minio_plan.engines_confine(map(_engine, nodes))


def _engine(node: Mapping[str, Any]) -> str | None:
    """The version that a node tells; one that check mode only predicts tells none."""
    version = ((node.get("Description") or {}).get("Engine") or {}).get("EngineVersion")
    return str(version) if version else None


def minio_environment_file(secret: Mapping[str, Any] | str | None) -> str:
    """Return what the Swarm secret with MinIO's secret environment holds."""
    try:
        return environment.file_of(role_options.typed("minio_secret_environment", secret) or {})
    except InputError as error:
        raise AnsibleFilterError("; ".join(error.violations)) from error


def minio_rolling(
    servers: Sequence[Mapping[str, Any]], options: Mapping[str, Any], running: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Return the servers that can and should be changed one after another; needs room for one of them to be away."""
    wanted = minio_stack(servers, options)
    described = minio_layout(servers, minio_plan.parity(options.get("parity")), int(options["port"]))
    spare = all(pool["write_tolerance"] for pool in described["pools"])
    return stack.rolling(wanted, running) if spare else []


def minio_consent(wanted: str | None, running: Sequence[str], given: str | None = None) -> str:
    """Return why an image may not replace the running one, or nothing."""
    return minio_plan.consent(running, wanted, given) or ""


def minio_private_key(path: str) -> str:
    """Return the private key of a file of the controller, and nothing else that stands in it."""
    try:
        return tls_plan.private_key(path)
    except InputError as error:
        raise AnsibleFilterError("; ".join(error.violations)) from error


class FilterModule:
    """Ansible's way to find the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "minio_layout": minio_layout,
            "minio_stack": minio_stack,
            "minio_rolling": minio_rolling,
            "minio_environment_file": minio_environment_file,
            "minio_consent": minio_consent,
            "minio_private_key": minio_private_key,
        }
