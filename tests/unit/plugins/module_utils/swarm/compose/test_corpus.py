# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the docker CLI is compared with uses every key that is read, but for those that the CLI does not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose import definition as top
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose import forms, ports, service
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm.compose.merge import merge_definitions
from ansible_collections.baremetal.overlay.plugins.plugin_utils.compose_files import load

CORPUS = Path(__file__).resolve().parents[5] / "engine" / "compose"
DEPLOY = ("services", "*", "deploy")
# Where a table's keys stand, and which of them are read here and unknown to the CLI (or to the oldest engine).
PLACES: dict[str, tuple[Any, tuple[str, ...], set[str]]] = {
    "the top": (top.TOP, (), {"name"}),
    "a service": (service.SERVICE, ("services", "*"), {
        "group_add", "oom_score_adj", "dns_opt", "cgroupns_mode", "platform", "pull_policy",
        "annotations", "attach", "cgroup", "develop", "runtime", "storage_opt", "uts",
        # Ours; docker stack deploy passes over it.
        "x-no-new-privileges"}),
    "deploy": (service.DEPLOY, DEPLOY, set()),
    "update_config": (service.UPDATE, (*DEPLOY, "update_config"), set()),
    "rollback_config": (service.UPDATE, (*DEPLOY, "rollback_config"), set()),
    "a health check": (forms.HEALTHCHECK, ("services", "*", "healthcheck"), {"start_interval"}),
    "a port": (ports.PORTS, ("services", "*", "ports", "*"), {"name", "app_protocol", "host_ip"}),
    "a mount": (forms.VOLUMES, ("services", "*", "volumes", "*"), {"image"}),
    "a secret of a service": (forms.REFERENCE, ("services", "*", "secrets", "*"), set()),
    "a config of a service": (forms.REFERENCE, ("services", "*", "configs", "*"), set()),
    "a network of a service": (forms.NETWORK, ("services", "*", "networks", "*"), {
        "mac_address", "link_local_ips", "priority", "gw_priority", "interface_name"}),
    "a network": (top.NETWORK, ("networks", "*"), {"enable_ipv6"}),
    "a volume": (top.VOLUME, ("volumes", "*"), set()),
    # No driver of secrets is at hand.
    "a secret": (top.SECRET, ("secrets", "*"), {"driver", "driver_opts"}),
    "a config": (top.CONFIG, ("configs", "*"), {"content"}),
}  # fmt: skip


def values(value: Any, path: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    """The mappings at a path; a star is every entry of a mapping or list."""
    if not path:
        if isinstance(value, Mapping):
            yield value
        return
    step, *rest = path
    if step != "*":
        found = [value[step]] if isinstance(value, Mapping) and step in value else []
    else:
        found = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
    for one in found:
        yield from values(one, tuple(rest))


@pytest.mark.parametrize("place", PLACES)
def test_the_corpus_uses_every_key(place: str) -> None:
    table, path, unknown = PLACES[place]
    files = sorted(CORPUS.rglob("*.compose"))
    definitions = [load(one.read_text(encoding="utf-8"), one.name) for one in files]
    used = {key for one in definitions for found in values(merge_definitions([one]), path) for key in found}
    read = {name for name, key in table.items() if not key.refused}
    assert files
    assert read - used == unknown
