# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles would refuse of an inventory in the middle of a run is said by the preflight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleUndefinedVariable
from ansible_collections.baremetal.overlay.plugins.plugin_utils import plan, role_options
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import options, violations
from jinja2.exceptions import UndefinedError

ROOT = Path(__file__).parents[4]
NETWORK = {"name": "front", "subnet": "10.90.0.0/24"}


def refusals(**variables: Any) -> list[str]:
    return list(role_options.refusals(variables))


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"swarm_networks": [{**NETWORK, "driver_options": {}}]},
            "swarm_networks.driver_options is unknown; allowed: name, subnet; "
            "see `ansible-doc --type role baremetal.overlay.swarm`",
        ),
        ({"swarm_networks": [{"name": "front"}]}, "missing required arguments: subnet found in swarm_networks; see"),
        ({"minio_port": "https"}, "argument 'minio_port' is of type str and we were unable to convert to int"),
        ({"minio_image_source": "ftp"}, "value of minio_image_source must be one of: build, archive, registry, binary"),
        ({"docker_engine_hold": "maybe"}, "argument 'docker_engine_hold' is of type str and we were unable to"),
    ],
)
def test_what_a_role_would_refuse(variables: dict[str, Any], sentence: str) -> None:
    (found,) = refusals(**variables)
    assert found.startswith(sentence)


@pytest.mark.parametrize(
    "variables",
    [
        {"swarm_networks": [NETWORK], "minio_port": "9000", "minio_parity": None, "minio_tls": False},
        {"swarm_networks": []},
        {"somebody_elses": object()},
        # Of its own words, by the rules of the kernel overlay and of the inventory.
        {"kernel_overlay_kind": "ipip", "overlay_underlay_mtu": "large"},
    ],
)
def test_what_no_role_would_refuse(variables: dict[str, Any]) -> None:
    assert refusals(**variables) == []


class Templates(Mapping[str, Any]):
    """Variables of which one is made of what nobody knows yet."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getitem__(self, name: str) -> Any:
        if name == "minio_port":
            raise self.error
        return {"swarm_wait_timeout": "long"}[name]

    def __contains__(self, name: object) -> bool:
        return name in ("minio_port", "swarm_wait_timeout")

    def __iter__(self) -> Iterator[str]:
        return iter(("minio_port", "swarm_wait_timeout"))

    def __len__(self) -> int:
        return 2


@pytest.mark.parametrize("error", [UndefinedError("x is undefined"), AnsibleUndefinedVariable("x is undefined")])
def test_what_only_the_role_can_know_is_left_to_it(error: Exception) -> None:
    (found,) = role_options.refusals(Templates(error))
    assert found.startswith("argument 'swarm_wait_timeout' is of type str")


def cluster(**variables: Any) -> Cluster:
    hosts = [
        Host(f"n{number}", frozenset({"managers", "minio"}), number=number, drives=("/dev/a",), variables=variables)
        for number in (1, 2)
    ]
    return Cluster(tuple(hosts), {"networks": variables.get("swarm_networks", []), "network_driver": "overlay"})


def test_it_is_said_once_for_all_hosts_and_with_all_else() -> None:
    found = violations(cluster(swarm_networks=[{**NETWORK, "driver_options": {}}]))
    assert [one for one in found if one.startswith("n1 and n2: swarm_networks.driver_options is unknown;")]
    assert [one for one in found if one.startswith("overlay_encryption: is not set")]


def test_what_no_plan_can_be_made_of_is_named_all_the_same() -> None:
    drawn = plan.draw(cluster(swarm_networks="front"))
    assert drawn["violations"] == violations(cluster(swarm_networks="front"), options.RULES)
    assert drawn["violations"][0].startswith("n1 and n2: swarm_networks: dictionary requested, could not")
    assert drawn["summary"] == []


def test_every_role_that_the_preflight_reads_is_judged() -> None:
    tasks = yaml.safe_load((ROOT / "roles" / "preflight" / "tasks" / "main.yml").read_text(encoding="utf-8"))
    imported = [task["ansible.builtin.import_role"]["name"] for task in tasks if "ansible.builtin.import_role" in task]
    read = {name.rsplit(".", 1)[1] for name in imported}
    assert read == {*role_options.ROLES, "kernel_overlay"}
    assert {role for role, _option in role_options.known().values()} == set(role_options.ROLES)
