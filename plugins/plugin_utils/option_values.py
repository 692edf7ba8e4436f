# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an argument spec has no word for: ports, sizes, durations, and how large a number may be; pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.baremetal.overlay.plugins.module_utils import units
from ansible_collections.baremetal.overlay.plugins.module_utils.errors import InputError
from ansible_collections.baremetal.overlay.plugins.plugin_utils.option_types import show

# Below this the engine refuses to start a container.
LEAST_MEMORY = 6 * 1024**2
LARGEST = 2**31 - 1
# A day: nothing that a run waits for takes longer.
LONGEST_WAIT = 86400

# What is wrong with a value, or nothing.
Check = Callable[[Any], str]


def _range(least: int, most: int, what: str, example: Any) -> Check:
    def check(value: Any) -> str:
        if least <= value <= most:
            return ""
        return f"{show(value)} is not {what}; allowed: {least} to {most}, for example {example}"

    return check


def _size(least: int, example: str) -> Check:
    def check(value: Any) -> str:
        try:
            found = units.size(value, "")
        except InputError:
            return f"{show(value)} is not a size; give a number and k, m or g, for example {example}"
        if found < least:
            return f"{show(value)} is too small; give {units.show_size(max(least, 1))} or more, for example {example}"
        return ""

    return check


def _duration(example: str) -> Check:
    def check(value: Any) -> str:
        text = str(value).strip()
        try:
            units.duration(text, "")
        except InputError:
            return f"{show(value)} is not a duration; give a number and its unit, for example {example}"
        # The Engine takes a bare number for nanoseconds.
        return f"{show(value)} has no unit; give for example {example}" if text.isdigit() and int(text) else ""

    return check


def _name(example: str) -> Check:
    def check(value: Any) -> str:
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", str(value)):
            return ""
        return f"{show(value)} cannot be a name; give letters, digits, - and _, for example {example}"

    return check


def _directory(value: Any) -> str:
    """Written in one way only: what is made below it is found again by the kernel's way to write it."""
    text = str(value)
    if not text.startswith("/"):
        return f"{show(value)} is not an absolute path; give one that begins with /"
    plain = "/" + posixpath.normpath(text).lstrip("/")
    if not text.strip("/"):
        return f"{show(value)} is the root of everything; give a directory below it"
    return "" if plain == text.rstrip("/") else f"{show(value)} is not written plainly; give {plain}"


PORT = _range(1, 65535, "a port", 9000)
SECONDS = _range(1, LONGEST_WAIT, "a number of seconds", 300)
COUNT = _range(1, LARGEST, "a count", 3)
ACCOUNT = _range(0, LARGEST, "a numeric ID", 9000)

CHECKS: Mapping[str, Check] = {
    **dict.fromkeys(
        (
            *("minio_port", "minio_console_port"),
            *("firewall_client_ports", "firewall_cluster_tcp_ports", "firewall_cluster_udp_ports"),
            "firewall_management_ports",
        ),
        PORT,
    ),
    # What the Engine takes.
    "swarm_data_path_port": _range(1024, 49151, "a port for Swarm's data path", 4789),
    "swarm_subnet_size": _range(1, 29, "a prefix length for networks of several hosts", 24),
    **dict.fromkeys(
        (
            *("docker_engine_restart_timeout", "minio_wait_timeout", "minio_check_timeout", "swarm_wait_timeout"),
            *("teardown_wait_timeout", "connectivity_timeout", "connectivity_store_timeout"),
            "connectivity_responder_seconds",
        ),
        SECONDS,
    ),
    **dict.fromkeys(("docker_engine_log_max_file", "minio_log_max_file", "minio_pool"), COUNT),
    "minio_pids_limit": _range(1024, LARGEST, "a limit of processes that MinIO can work with", 16384),
    "docker_engine_nofile": _range(1024, LARGEST, "a limit of open files that an engine can work with", 1048576),
    **dict.fromkeys(("drives_owner", "drives_group"), ACCOUNT),
    "minio_memory_limit": _size(LEAST_MEMORY, "4g"),
    "minio_tmp_size": _size(1, "128m"),
    **dict.fromkeys(("minio_log_max_size", "docker_engine_log_max_size"), _size(1, "10m")),
    "minio_stop_grace_period": _duration("1m"),
    **dict.fromkeys(("minio_stack_name", "minio_network"), _name("minio")),
    **dict.fromkeys(
        (
            *("minio_drives_parent", "drives_parent", "minio_credentials_dir", "minio_tls_ca_dir", "ipsec_ca_dir"),
            *("teardown_drives_parent", "teardown_ca_dir", "teardown_ipsec_ca_dir"),
        ),
        _directory,
    ),
}


def violations(name: str, value: Any) -> Iterator[str]:
    """What is wrong with the value of an option, entry by entry where it is a list."""
    check = CHECKS.get(name)
    if check is None or value is None or value == "":
        return
    several = isinstance(value, list) and len(value) > 1
    for number, one in enumerate(value if isinstance(value, list) else [value], start=1):
        wrong = check(one)
        if wrong:
            yield f"{name}: entry {number}: {wrong}" if several else f"{name}: {wrong}"
