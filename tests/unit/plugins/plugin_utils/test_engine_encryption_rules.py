# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that would encrypt on another port than it sends to is refused, before it sends."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import advice, violations

FAULT = "would send everything in clear text"


def running(version: str | None, **more: Any) -> dict[str, Any]:
    return {"installed": True, "running": version is not None, "version": version, **more}


def cluster(engines: dict[str, dict[str, Any]], swarm: dict[str, Any] | None = None, **settings: Any) -> Cluster:
    """Managers with these engines."""
    hosts = tuple(
        Host(
            name=name,
            groups=frozenset({"managers"}),
            number=number,
            address=f"192.0.2.{number}",
            report={"facts": {"engine": engine, "swarm": swarm or {}, "encrypted_networks": settings.get("live", [])}},
        )
        for number, (name, engine) in enumerate(engines.items(), 1)
    )
    known = {"network_driver": "overlay", "encryption": "docker", "data_path_port": 4789, **settings}
    return Cluster(hosts, known)


def refused(given: Cluster) -> list[str]:
    return [sentence for sentence in violations(given) if FAULT in sentence]


def test_the_refusal_names_hosts_version_port_and_every_way_out() -> None:
    (said,) = refused(
        cluster({"n1": running("20.10.24+dfsg1"), "n2": running("20.10.24+dfsg1")}, data_path_port="4790")
    )
    assert said.startswith("n1 and n2: engine 20.10.24+dfsg1: it encrypts packets to 4789/udp only")
    for part in ("swarm_data_path_port is 4790", "23.0.7, 24.0.3", "ipsec", "swarm_data_path_port: 4789"):
        assert part in said, said


@pytest.mark.parametrize(
    ("version", "settings"),
    [
        ("20.10.24+dfsg1", {}),
        ("20.10.24+dfsg1", {"data_path_port": 4790, "encryption": "none"}),
        ("20.10.24+dfsg1", {"data_path_port": 4790, "encryption": "ipsec"}),
        ("26.1.5+dfsg1", {"data_path_port": 4790}),
    ],
)
def test_what_works_is_not_refused(version: str, settings: dict[str, Any]) -> None:
    assert refused(cluster({"n1": running(version)}, **settings)) == []


def test_the_port_of_the_live_swarm_counts_and_not_the_declared_one() -> None:
    live = {"state": "active", "manager": True, "node_id": "a", "nodes": [{"id": "a"}], "data_path_port": 4790}
    (said,) = refused(cluster({"n1": running("20.10.24")}, live, data_path_port=4789))
    assert "the swarm was made with 4790/udp" in said
    assert refused(cluster({"n1": running("20.10.24")}, {**live, "data_path_port": 4789}, data_path_port=4790)) == []


@pytest.mark.parametrize(
    ("engine", "settings", "wrong"),
    [
        (running(None, package_version="20.10.24+dfsg1-1+deb12u1"), {}, True),
        ({"installed": False, "debian": 12}, {}, True),
        ({"installed": False, "debian": 12}, {"engine_package": "docker-ce"}, False),
        ({"installed": False, "debian": 13}, {}, False),
    ],
)
def test_a_stopped_engine_and_one_to_be_installed_count_too(
    engine: dict[str, Any], settings: dict[str, Any], wrong: bool
) -> None:
    assert bool(refused(cluster({"n1": engine}, data_path_port=4790, **settings))) is wrong


def test_networks_that_others_had_encrypted_are_named() -> None:
    live = {"state": "active", "manager": True, "node_id": "a", "nodes": [{"id": "a"}], "data_path_port": 4790}
    given = cluster({"n1": running("20.10.24")}, live, encryption="none", live=["theirs"])
    (said,) = [sentence for sentence in advice(given) if "theirs" in sentence]
    assert "sent in clear text" in said
    assert refused(given) == []
