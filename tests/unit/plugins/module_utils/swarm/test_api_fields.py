# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every leaf field of the Engine's API has its row, a named option or a reason why not, and every row its field."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, Optional

import pytest
import yaml
from ansible_collections.baremetal.overlay.plugins.doc_fragments import blob as blob_page
from ansible_collections.baremetal.overlay.plugins.module_utils.rows import Table, Version
from ansible_collections.baremetal.overlay.plugins.module_utils.swarm import (
    cluster,
    config,
    network,
    node,
    secret,
    service,
)
from ansible_collections.baremetal.overlay.plugins.module_utils.versions import ENGINES, dotted
from ansible_collections.baremetal.overlay.plugins.modules import config as config_module
from ansible_collections.baremetal.overlay.plugins.modules import network as network_module
from ansible_collections.baremetal.overlay.plugins.modules import node as node_module
from ansible_collections.baremetal.overlay.plugins.modules import secret as secret_module
from ansible_collections.baremetal.overlay.plugins.modules import service as service_module
from ansible_collections.baremetal.overlay.plugins.modules import swarm as swarm_module
from table_walk import Entry, entries

FIELDS = Path(__file__).parents[3] / "fixtures" / "api" / "fields.tsv"
# What the oldest engine that is supported speaks: what is newer is said in the documentation.
OLDEST = (1, 41)

TABLES: dict[str, Table] = {
    "service": service.TABLE,
    "network": network.TABLE,
    "swarm": cluster.TABLE,
    "init": (*cluster.ENTERED, *cluster.FOUNDED),
    "join": cluster.ENTERED,
    "node": node.TABLE,
    "secret": secret.TABLE,
    "config": config.TABLE,
}
PAGES = {
    "service": service_module,
    "network": network_module,
    "swarm": swarm_module,
    "init": swarm_module,
    "node": node_module,
    "secret": secret_module,
    "config": config_module,
}
SPECS = {
    "service": service_module.SPEC,
    "network": network.SPEC,
    "swarm": cluster.SPEC,
    "node": node.SPEC,
    "secret": secret.SPEC,
    "config": config.SPEC,
}

# A field that an option outside of the tables is for: the module and the option.
OPTIONS = {
    ("service", "TaskTemplate.ForceUpdate"): ("service", "force_update"),
    ("network", "Name"): ("network", "name"),
    ("init", "ForceNewCluster"): ("swarm", "force"),
    ("init", "AutoLockManagers"): ("swarm", "autolock_managers"),
    ("join", "RemoteAddrs[]"): ("swarm", "remote_addrs"),
    ("join", "JoinToken"): ("swarm", "join_token"),
    ("secret", "Name"): ("secret", "name"),
    ("secret", "Data"): ("secret", "data"),
    ("config", "Name"): ("config", "name"),
    ("config", "Data"): ("config", "data"),
    ("unlock", "UnlockKey"): ("swarm", "unlock_key"),
    ("DELETE /nodes/{id}", "force"): ("node", "force"),
    ("POST /swarm/leave", "force"): ("swarm", "force"),
    ("POST /swarm/update", "rotateWorkerToken"): ("swarm", "rotate_worker_token"),
    ("POST /swarm/update", "rotateManagerToken"): ("swarm", "rotate_manager_token"),
    ("POST /swarm/update", "rotateManagerUnlockKey"): ("swarm", "rotate_manager_unlock_key"),
    ("POST /services/create", "X-Registry-Auth"): ("service", "with_registry_auth"),
    ("POST /services/{id}/update", "X-Registry-Auth"): ("service", "with_registry_auth"),
    ("POST /services/{id}/update", "rollback"): ("service", "rollback"),
}
_PLUGIN = "a service of plugins needs an experimental engine, and plugins come from a registry only"
_INDEX = "the index of what was read; it goes along with every change"
# A field that has none: why. A path that ends with a dot stands for all below it.
EXCLUDED = {
    ("service", "TaskTemplate.PluginSpec."): _PLUGIN,
    ("service", "TaskTemplate.Runtime"): "a service is one of containers; " + _PLUGIN,
    (
        "service",
        "TaskTemplate.NetworkAttachmentSpec.",
    ): "the Engine makes such tasks itself, for containers that attach",
    ("service", "TaskTemplate.ContainerSpec.Mounts[].ClusterOptions"): "an object without a field; the type says it",
    ("POST /services/{id}/update", "registryAuthFrom"): "where no login is sent, the Engine keeps the one it has",
    **{(f"POST /{kind}/{{id}}/update", "version"): _INDEX for kind in ("nodes", "services", "secrets", "configs")},
    ("POST /swarm/update", "version"): _INDEX,
}
_CONFIGS = "all of it came with configs themselves"
# A row whose ``since`` is another one than the documentation's: why.
SINCE = {
    ("network", "Scope"): "documented late; every engine that is supported has it",
    ("network", "IPAM.Config"): "documented late; every engine that is supported has it",
    ("config", "Labels"): _CONFIGS,
    ("network", "ConfigOnly"): "documented late; its release notes have it in 17.06, API 1.30",
    ("network", "ConfigFrom.Network"): "documented late; its release notes have it in 17.06, API 1.30",
}
# A row whose choices are others than the field's values: why.
CHOICES = {
    ("secret", "Templating.Name"): "any text in the Engine's documentation; it knows one",
    ("config", "Templating.Name"): "any text in the Engine's documentation; it knows one",
    ("network", "Scope"): "any text in the Engine's documentation; docker_network has these",
}


class Known(NamedTuple):
    owner: str
    path: str
    type: str
    since: Optional[Version]
    gate: Optional[Version]
    values: tuple[str, ...]


def _version(text: str) -> Optional[Version]:
    return None if text in "-?" else (int(text.split(".")[0]), int(text.split(".")[1]))


def known() -> list[Known]:
    lines = [line.split("\t") for line in FIELDS.read_text().splitlines() if not line.startswith("#")]
    return [
        Known(owner, path, kind, _version(since), _version(gate), tuple(values.split("|")) if values != "-" else ())
        for owner, path, kind, since, gate, values in lines
    ]


def leaves(owner: str) -> list[Entry]:
    """What holds a value. An arm that has options of its own is told by them."""
    found = list(entries(TABLES.get(owner, ())))
    return [
        one
        for one in found
        if one.leaf and (one.row or not any(other.path.startswith(f"{one.path}.") for other in found))
    ]


def covers(leaf: Entry, path: str) -> bool:
    return path == leaf.path or path.startswith((f"{leaf.path}[]", f"{leaf.path}."))


def _named(table: dict[tuple[str, str], Any], one: Known) -> bool:
    return any(
        owner == one.owner and (path == one.path or (path.endswith(".") and one.path.startswith(path)))
        for owner, path in table
    )


ALL = known()


@pytest.mark.parametrize("owner", sorted({one.owner for one in ALL}))
def test_every_field_has_its_option(owner: str) -> None:
    rows = leaves(owner)
    holes = [
        one.path
        for one in ALL
        if one.owner == owner
        and not any(covers(leaf, one.path) for leaf in rows)
        and not _named(OPTIONS, one)
        and not _named(EXCLUDED, one)
    ]
    assert not holes, f"{owner}: neither a row nor an option nor a reason for {', '.join(holes)}"


@pytest.mark.parametrize("owner", TABLES)
def test_every_row_is_a_field(owner: str) -> None:
    paths = [one.path for one in ALL if one.owner == owner]
    strange = [leaf.option for leaf in leaves(owner) if not any(covers(leaf, path) for path in paths)]
    assert not strange, f"{owner}: the Engine has no field for {', '.join(strange)}"


@pytest.mark.parametrize("owner", TABLES)
def test_every_row_says_which_version_brought_its_field(owner: str) -> None:
    wrong = {
        leaf.option: (leaf.since, sorted(brought, key=str))
        for leaf in leaves(owner)
        if (brought := {one.gate or one.since for one in ALL if one.owner == owner and covers(leaf, one.path)})
        and {leaf.since} != brought
        and not any(leaf.path.startswith(path) for who, path in SINCE if who == owner)
    }
    assert not wrong, f"{owner}: option: (the row's version, the field's) {wrong}"


@pytest.mark.parametrize("owner", TABLES)
def test_every_row_has_the_values_of_its_field(owner: str) -> None:
    values = {one.path: set(one.values) for one in ALL if one.owner == owner and one.values}
    wrong = {
        leaf.option: (sorted(values.get(leaf.path, ())), sorted(leaf.row.choices))
        for leaf in leaves(owner)
        if leaf.row
        and set(leaf.row.choices) - {""} != values.get(leaf.path, set())
        and (owner, leaf.path) not in CHOICES
    }
    assert not wrong, f"{owner}: option: (the field's values, the row's) {wrong}"


def test_no_reason_is_left_over() -> None:
    paths = {(one.owner, one.path) for one in ALL}
    for table in (OPTIONS, EXCLUDED, SINCE, CHOICES):
        for owner, path in table:
            assert any(who == owner and found.startswith(path) for who, found in paths), (owner, path)
    for (owner, path), (module, option) in OPTIONS.items():
        assert option in SPECS[module], f"{owner} {path}: module {module} has no option {option}"
    rows = [(owner, leaf) for owner in TABLES for leaf in leaves(owner)]
    for owner, path in (*OPTIONS, *EXCLUDED):
        assert not any(who == owner and covers(leaf, path) for who, leaf in rows), f"{owner} {path} has a row"


def test_every_version_that_brought_something_has_its_engine() -> None:
    versions = {version for one in ALL for version in (one.since, one.gate) if version}
    assert versions <= set(ENGINES)


@pytest.mark.parametrize("owner", PAGES)
def test_the_manual_says_what_needs_a_newer_engine(owner: str) -> None:
    options = _options(PAGES[owner])
    unsaid = [
        leaf.option
        for leaf in leaves(owner)
        if leaf.since and leaf.since > OLDEST and f"Engine API {dotted(leaf.since)}" not in _said(options, leaf.option)
    ]
    assert not unsaid, f"{owner}: not in the documentation: {', '.join(unsaid)}"


def _options(page: Any) -> dict[str, Any]:
    """Those of the manual's page, with those that it has in common with another one."""
    found = yaml.safe_load(page.DOCUMENTATION)
    options = dict(found.get("options", {}))
    if "baremetal.overlay.blob" in found["extends_documentation_fragment"]:
        options.update(yaml.safe_load(blob_page.ModuleDocFragment.DOCUMENTATION)["options"])
    return options


def _said(options: dict[str, Any], option: str) -> str:
    """All that is said on the way to an option; what a parent needs is said there."""
    said = ""
    for name in option.split("."):
        said += str(options[name]["description"])
        options = options[name].get("suboptions", {})
    return said
