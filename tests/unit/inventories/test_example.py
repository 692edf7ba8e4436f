# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example inventory is a manual: what it names exists, its defaults are the roles', what is required is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.overlay.plugins.module_utils.host import links_plan
from ansible_collections.baremetal.overlay.plugins.module_utils.ipsec import protected

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "inventories" / "example"
GROUP_VARS = (EXAMPLE / "group_vars" / "all.yml").read_text(encoding="utf-8")
HOSTS = yaml.safe_load((EXAMPLE / "hosts.yml").read_text(encoding="utf-8"))
# A setting that is commented out, and the lines that belong to it.
OFFERED = re.compile(r"^# ([a-z][a-z_]*:(?: .*)?|  .*)$")
REQUIRED_OF_ALL = {"overlay_encryption", "overlay_client_networks"}
REQUIRED_OF_A_HOST = {"ansible_host", "overlay_host_number", "overlay_underlay_address", "minio_drives"}
# What no deployment is made of.
APART = {"lab", "walkthrough"}
# Defaults that are worked out from other settings, as they come out by default.
WORKED_OUT = {
    "kernel_overlay_port": 14789,
    "ipsec_protect": [
        {"protocol": "tcp", "port": 2377},
        {"protocol": "tcp", "port": 7946},
        {"protocol": "udp", "port": 7946, "same": True},
        {"protocol": "udp", "port": 4789, "anybody": True},
    ],
}
# Where roles hand on what others are told, or what playbooks work out: for those who use a role by itself.
HANDED_ON = {
    *("docker_engine_along", "docker_engine_minio_ca_path", "docker_engine_minio_peers", "docker_engine_minio_url"),
    *("drives_devices", "drives_number", "minio_drives_parent", "swarm_advertise_addr", "swarm_data_path_addr"),
    *("firewall_client_networks", "firewall_client_ports", "firewall_cluster_udp_ports", "firewall_gre_vsid"),
    *("firewall_overlay_interfaces", "firewall_overlay_networks", "firewall_peers"),
    *("teardown_ca_dir", "teardown_ca_host", "teardown_consent", "teardown_devices", "teardown_drives_consent"),
    *("teardown_drives_parent", "teardown_ipsec_ca_dir", "teardown_ipsec_ca_host", "teardown_number"),
    *("teardown_stack_name", "teardown_unseen_consent"),
}
ROLES = sorted(
    path.parents[1] for path in ROOT.glob("roles/*/meta/argument_specs.yml") if path.parents[1].name not in APART
)


def offered() -> dict[str, Any]:
    lines = [match[1] for line in GROUP_VARS.splitlines() if (match := OFFERED.match(line))]
    return yaml.safe_load("\n".join(lines))


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.exists() else {}


def options() -> dict[str, Any]:
    """All that any role of a deployment can be told."""
    specs = [load(role / "meta" / "argument_specs.yml")["argument_specs"] for role in ROLES]
    return {name: option for spec in specs for entry in spec.values() for name, option in entry["options"].items()}


def defaults() -> dict[str, Any]:
    """Those of the roles; what playbooks and rules know has them in the preflight's specification only."""
    named = {name: option.get("default") for name, option in options().items() if name.startswith("overlay_")}
    found = {name: value for role in ROLES for name, value in load(role / "defaults" / "main.yml").items()}
    return {**named, **found, **WORKED_OUT}


def known() -> set[str]:
    named = set(options())
    files = [*ROOT.glob("roles/**/*.yml"), *ROOT.glob("playbooks/*.yml")]
    texts = [path.read_text(encoding="utf-8") for path in files]
    return named | {name for text in texts for name in re.findall(r"\boverlay_[a-z_]+", text)}


def hosts_of(group: str) -> dict[str, Any]:
    return HOSTS["all"]["children"][group]["hosts"]


def test_what_is_named_exists() -> None:
    named = {*offered(), *yaml.safe_load(GROUP_VARS)} | {key for host in hosts_of("managers").values() for key in host}
    assert {name for name in named if not name.startswith("ansible_")} - known() == set()


@pytest.mark.parametrize("name", sorted(name for name in offered() if not name.startswith("ansible_")))
def test_what_is_offered_shows_the_default(name: str) -> None:
    assert name in defaults(), "no default of any role"
    assert offered()[name] == defaults()[name]


def test_what_is_required_is_there_and_not_commented_out() -> None:
    assert set(yaml.safe_load(GROUP_VARS)) >= REQUIRED_OF_ALL
    for host in [*hosts_of("managers").values(), *hosts_of("workers").values()]:
        assert set(host) == REQUIRED_OF_A_HOST
    assert set(hosts_of("minio")) == {*hosts_of("managers"), *hosts_of("workers")}


def test_options_that_a_role_requires_are_there() -> None:
    for role in ROLES:
        entry = load(role / "meta" / "argument_specs.yml")["argument_specs"].get("main", {})
        required = {name for name, option in entry.get("options", {}).items() if option.get("required")}
        assert required <= set(yaml.safe_load(GROUP_VARS)) | REQUIRED_OF_A_HOST, role.name


def test_no_option_is_left_out() -> None:
    said = {*offered(), *REQUIRED_OF_ALL, *REQUIRED_OF_A_HOST}
    assert {*options(), *defaults()} - said - HANDED_ON == set()
    assert HANDED_ON & said == set()
    assert set(options()) >= HANDED_ON


def test_what_is_worked_out_comes_out_so() -> None:
    assert protected.read(WORKED_OUT["ipsec_protect"]) == protected.read(protected.derive("overlay", 4789))
    assert links_plan.KINDS["vxlan"].port == WORKED_OUT["kernel_overlay_port"]
