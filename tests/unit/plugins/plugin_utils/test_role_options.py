# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles would refuse of an inventory in the middle of a run is said by the preflight."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleUndefinedVariable
from ansible_collections.baremetal.overlay.plugins.plugin_utils import plan, role_options, settings
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import options, violations
from jinja2.exceptions import UndefinedError

ROOT = Path(__file__).parents[4]
KERNEL_OVERLAY = ("kind", "vni", "port", "subnet", "bridge", "mtu", "replication")
REPORT = {"facts": {"hostname": "n", "memory_bytes": 1 << 33, "routes": [], "addresses": []}, "sections": {}}
NETWORK = {"name": "front", "subnet": "10.90.0.0/24"}


def refusals(**variables: Any) -> list[str]:
    return list(role_options.refusals(variables))


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"swarm_networks": [{**NETWORK, "driver_options": {}}]},
            "swarm_networks: driver_options is unknown; allowed: name, subnet; "
            "see `ansible-doc --type role baremetal.overlay.swarm`",
        ),
        ({"swarm_networks": [{"name": "front"}]}, "swarm_networks: subnet is missing; give it; see"),
        ({"swarm_networks": [NETWORK, {"name": "front"}]}, "swarm_networks: entry 2: subnet is missing; give it; see"),
        ({"minio_port": "https"}, 'minio_port: "https" is not a whole number; give for example 9000; see'),
        ({"minio_port": 99999}, 'minio_port: "99999" is not a port; allowed: 1 to 65535, for example 9000; see'),
        ({"minio_port": True}, 'minio_port: "True" is not a whole number;'),
        ({"minio_port": ""}, "minio_port: is empty; give a whole number, or leave it out for 9000; see"),
        (
            {"minio_memory_limit": "4gigs"},
            'minio_memory_limit: "4gigs" is not a size; give a number and k, m or g, for',
        ),
        ({"minio_memory_limit": 4}, 'minio_memory_limit: "4" is too small; give 6M or more, for example 4g; see'),
        ({"minio_memory_limit": ["4g"]}, "minio_memory_limit: a list is no text; give a single value; see"),
        ({"minio_tmp_size": "much"}, 'minio_tmp_size: "much" is not a size;'),
        ({"minio_log_max_size": "ten"}, 'minio_log_max_size: "ten" is not a size;'),
        ({"minio_stop_grace_period": "soon"}, 'minio_stop_grace_period: "soon" is not a duration; give a number and'),
        ({"minio_stop_grace_period": 60}, 'minio_stop_grace_period: "60" has no unit; give for example 1m; see'),
        ({"minio_wait_timeout": 0}, 'minio_wait_timeout: "0" is not a number of seconds; allowed: 1 to 86400'),
        ({"minio_environment": "secret"}, "minio_environment: is text, not a dictionary; give JSON such as"),
        ({"minio_environment": '{"a": '}, "minio_environment: is not a dictionary in JSON (Expecting value"),
        ({"minio_drives": {"a": 1}}, "minio_drives: a dictionary is not a list; give for example [a, b]; see"),
        ({"firewall_management_ports": [22, 0]}, 'firewall_management_ports: entry 2: "0" is not a port;'),
        (
            {"swarm_data_path_port": 500},
            'swarm_data_path_port: "500" is not a port for Swarm\'s data path; allowed: 1024',
        ),
        (
            {"docker_engine_nofile": "lots"},
            'docker_engine_nofile: "lots" is not a whole number; give for example 10485',
        ),
        ({"docker_engine_hold": "maybe"}, 'docker_engine_hold: "maybe" is neither true nor false; allowed: true, fals'),
        ({"overlay_firewall": "maybe"}, 'overlay_firewall: "maybe" is neither true nor false;'),
        ({"minio_drives_parent": "srv"}, 'minio_drives_parent: "srv" is not an absolute path;'),
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
        {"swarm_networks": json.dumps([NETWORK]), "minio_drives": "/dev/a, /dev/b", "minio_environment": '{"A": "b"}'},
        {"minio_environment": "A=b C=d", "docker_engine_hold": "Yes", "minio_parity": "", "minio_dns": ""},
        {"docker_engine_address_pools": '[{"base": "10.1.0.0/16", "size": "24"}]', "minio_port": 9000.0},
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
    assert found.startswith('swarm_wait_timeout: "long" is not a whole number')


def cluster(**variables: Any) -> Cluster:
    hosts = [
        Host(f"n{number}", frozenset({"managers", "minio"}), number=number, drives=("/dev/a",), variables=variables)
        for number in (1, 2)
    ]
    given = {"networks": variables.get("swarm_networks", []), "network_driver": "overlay"}
    return Cluster(tuple(hosts), settings.read(given))


def test_it_is_said_once_for_all_hosts_and_with_all_else() -> None:
    found = violations(cluster(swarm_networks=[{**NETWORK, "driver_options": {}}]))
    assert [one for one in found if one.startswith("n1 and n2: swarm_networks: driver_options is unknown;")]
    assert [one for one in found if one.startswith("overlay_encryption: is not set")]


def test_what_no_plan_can_be_made_of_is_named_all_the_same() -> None:
    drawn = plan.draw(cluster(swarm_networks="front"))
    # With all else that is wrong, and nothing that hangs on it.
    assert [one for one in drawn["violations"] if one.startswith("n1 and n2: swarm_networks: is text, not a dict")]
    assert [one for one in drawn["violations"] if one.startswith("overlay_encryption: is not set")]


def test_what_is_wrong_elsewhere_than_in_the_inventory_is_said_as_well() -> None:
    given = settings.read({"port": "https", "network_driver": "overlay"})
    found = list(options.options_are_as_specified(Cluster((), given)))
    assert found == ['minio_port: "https" is not a whole number; give for example 9000']


@pytest.mark.parametrize("junk", ["x", "", -1, 99999999, True, [], ["x"], [{}], [[1]], {}, {"a": {"b": 1}}, 1.5, None])
@pytest.mark.parametrize("key", [*settings.OPTIONS, *(f"kernel_overlay.{name}" for name in KERNEL_OVERLAY)])
def test_no_junk_stops_the_other_rules(key: str, junk: Any) -> None:
    given: dict[str, Any] = {"network_driver": "kernel", "encryption": "ipsec", "firewall": True, "tls": "own-ca"}
    given["kernel_overlay"] = {"kind": "vxlan", "vni": 7700, "port": 14789, "subnet": "10.78.0.0/24", "bridge": "ovl0"}
    if "." in key:
        given["kernel_overlay"][key.partition(".")[2]] = junk
    else:
        given[key] = junk
    hosts = tuple(
        Host(f"n{number}", frozenset({"managers", "minio"}), 1, f"192.0.2.{number}", drives=("/dev/a",), report=REPORT)
        for number in (1, 2)
    )
    found = plan.draw(Cluster(hosts, settings.read(given)))["violations"]
    assert "n1 and n2: have the same overlay_host_number 1; give each host its own" in found


def test_every_role_that_the_preflight_reads_is_judged() -> None:
    tasks = yaml.safe_load((ROOT / "roles" / "preflight" / "tasks" / "main.yml").read_text(encoding="utf-8"))
    imported = [task["ansible.builtin.import_role"]["name"] for task in tasks if "ansible.builtin.import_role" in task]
    read = {name.rsplit(".", 1)[1] for name in imported}
    assert {*read, "preflight"} == {*role_options.DEPLOYED}
    assert {role for role, _option in role_options.known().values()} == set(role_options.ROLES)
