# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's settings as the rules and plans read them: typed, and none that is wrong is ever taken for another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.plugin_utils import role_options

# Which option a key is; the keys of the kernel overlay are those of its role.
OPTIONS: Mapping[str, str] = {
    **{
        name: f"overlay_{name}"
        for name in (
            *("network_driver", "encryption", "unreachable_consent", "firewall", "client_networks"),
            *("controller_is_client", "underlay_mtu", "strict_variables", "known_variables"),
            *("lease_takeover", "lease_seconds"),
        )
    },
    **{
        name: f"minio_{name}"
        for name in (
            *("network_consent", "stack_name", "port", "console_port", "memory_limit", "parity", "pids_limit"),
            *("tmp_size", "dns", "stop_grace_period", "log_max_size", "log_max_file"),
            *("root_user", "root_password", "environment", "version", "image", "image_source", "image_archive"),
            *("image_binary", "image_release", "image_consent", "root_consent", "tls", "tls_ca", "tls_ca_host"),
            "tls_ca_dir",
            *("tls_names", "tls_days", "tls_renew_days", "go_version", "mc_version", "ca_certificates"),
            *("image_mc_binary", "credentials_dir", "secret_environment", "go_proxy", "python_index"),
        )
    },
    **{
        f"ipsec_{name}": f"ipsec_{name}"
        for name in (
            *("authentication", "psk_master", "psk_epoch", "ca_host", "ca_dir", "days", "renew_days", "protect"),
            "confirm_timeout",
        )
    },
    "minio_network": "minio_network",
    "room_warning": "connectivity_room_warning",
    "room_minimum": "connectivity_room_minimum",
    "minio_drives_parent": "minio_drives_parent",
    "drives_parent": "drives_parent",
    "keep_credentials": "minio_credentials_keep",
    "firewall_confirm_timeout": "firewall_confirm_timeout",
    "kernel_overlay_confirm_timeout": "kernel_overlay_confirm_timeout",
    "networks": "swarm_networks",
    "swarm_network_consent": "swarm_network_consent",
    "autolock": "swarm_autolock",
    "lan_subnet": "swarm_lan_subnet",
    "kernel_subnet": "kernel_overlay_subnet",
    "default_addr_pool": "swarm_default_addr_pool",
    "subnet_size": "swarm_subnet_size",
    "data_path_port": "swarm_data_path_port",
    "address_pools": "docker_engine_address_pools",
    "engine_package": "docker_engine_package",
}
KERNEL_OVERLAY = "kernel_overlay"


class Refused(Exception):
    """A setting was asked for that is wrong: what depends on it cannot be judged, and a sentence names it."""


class Settings(Mapping[str, Any]):
    """Typed values by the keys of the rules; those of ``refused`` have none."""

    def __init__(self, values: Mapping[str, Any], refused: Mapping[str, tuple[str, ...]]) -> None:
        self._values = dict(values)
        self.refused = dict(refused)

    def __getitem__(self, key: str) -> Any:
        if key in self.refused:
            raise Refused(OPTIONS[key])
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def usable(self, key: str) -> Any:
        """None where it is wrong, for rules that go on without it."""
        return None if key in self.refused else self._values.get(key)


def read(given: Mapping[str, Any]) -> Settings:
    """The settings as a playbook hands them over: what is of no role, such as what was registered, stays as it is."""
    values: dict[str, Any] = {}
    refused: dict[str, tuple[str, ...]] = {}
    for key, value in given.items():
        option = OPTIONS.get(key)
        if key == KERNEL_OVERLAY:
            values[key] = {name: _worded(f"{KERNEL_OVERLAY}_{name}", one) for name, one in (value or {}).items()}
        elif option is None:
            values[key] = value
        elif option in role_options.IN_OWN_WORDS:
            values[key] = _worded(option, value)
        else:
            try:
                values[key] = role_options.typed(option, value)
            except InputError as error:
                values[key], refused[key] = None, tuple(error.violations)
    return Settings(values, refused)


def _worded(option: str, value: Any) -> Any:
    """As it was typed where it is wrong: the rule that speaks of it quotes it."""
    try:
        return role_options.typed(option, value)
    except InputError:
        return value
