# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restart of servers is said with its cause before it happens, and nothing is said where none happens."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils import units
from ansible_collections.baremetal.overlay.plugins.module_utils.host import service_facts
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import stack
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.recipe import MINIO, MINIO_VERSION, Program
from ansible_collections.baremetal.overlay.plugins.plugin_utils import minio_plan, network_plan, restarts, settings
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host

IMAGE = f"sha256:{'1' * 64}"
RELEASE = Program(MINIO, MINIO_VERSION).release
USUAL: dict[str, Any] = {
    **{"network_driver": "overlay", "port": 9000, "console_port": 9001, "parity": None, "tls": "off"},
    **{"minio_drives_parent": "/srv/minio", "memory_limit": "4g", "tmp_size": "128m", "dns": [], "log_max_file": 3},
    **{
        "stop_grace_period": "1m",
        "log_max_size": "10m",
        "environment": {"MINIO_SITE": "quiet"},
        "version": MINIO_VERSION,
        "pids_limit": 16384,
    },
}


NODES = [{"engine": "26.1.5+dfsg1"}, {"engine": "29.1.0"}]


def cluster(live: list[dict[str, Any]], given: dict[str, Any], count: int = 4) -> Cluster:
    nodes = given.get("nodes", NODES)
    given = {name: value for name, value in given.items() if name != "nodes"}
    swarm = {"state": "active", "manager": True, "services": live, "nodes": nodes}
    facts = {"swarm": swarm, "images": [{"id": IMAGE, "labels": {"baremetal.overlay.minio.release": RELEASE}}]}
    groups = frozenset({"managers", "minio"})
    hosts = [
        Host(f"n{number}", groups, number, f"192.0.2.{number}", 1, ("/a", "/b"), {"facts": facts})
        for number in range(1, count + 1)
    ]
    return Cluster(tuple(hosts), settings.read({**USUAL, **given}))


def drawn(live: list[dict[str, Any]], given: dict[str, Any], count: int = 4) -> list[str]:
    known = cluster(live, given, count)
    attachment = network_plan.draw(known)["attachment"]
    return [str(one) for one in restarts.draw(known, minio_plan.draw(known), attachment)]


def running(given: dict[str, Any] | None = None, count: int = 4) -> list[dict[str, Any]]:
    """The services of a run with these settings, as ``host`` reports them."""
    known = cluster([], given or {}, count)
    minio = minio_plan.draw(known)
    options = restarts._options(known, {**minio, "image": IMAGE}, network_plan.draw(known)["attachment"])
    composed = stack.compose(range(1, count + 1), minio["layout"]["args"], options)
    return [reported(name, service) for name, service in composed["services"].items()]


def reported(name: str, service: dict[str, Any]) -> dict[str, Any]:
    log, limits = service["logging"]["options"], service["deploy"]["resources"]["limits"]
    spec = {
        "TaskTemplate": {
            "ContainerSpec": {
                "Env": [f"{key}={value}" for key, value in service["environment"].items()],
                "Labels": service.get("labels"),
                "Mounts": [
                    {"Target": "/drives", "Source": service["volumes"][0]["source"]},
                    {
                        "Target": "/tmp",
                        "TmpfsOptions": {"SizeBytes": units.size(service["tmpfs"][0][10:].split(",")[0], "")},
                    },
                ],
                "DNSConfig": {"Nameservers": service["dns"]},
                "StopGracePeriod": units.duration(service["stop_grace_period"], ""),
                "CapabilityDrop": service["cap_drop"],
                "Privileges": {"NoNewPrivileges": service.get("x-no-new-privileges", False)},
            },
            "Resources": {"Limits": {"MemoryBytes": units.size(limits["memory"], ""), "Pids": limits["pids"]}},
            "LogDriver": {"Options": log},
        }
    }
    labels = service["deploy"]["labels"]
    made = service_facts.made_of(spec)
    return {"name": name, "image": service["image"], "args": service["command"], "labels": labels, "made_of": made}


ALL = "n1, n2, n3 and n4: restart MinIO"
CAUSES = [
    ({"memory_limit": "2g"}, "one at a time, because minio_memory_limit changes from 4G to 2G"),
    ({"tmp_size": "256m"}, "one at a time, because minio_tmp_size changes from 128M to 256M"),
    ({"stop_grace_period": "90s"}, "one at a time, because minio_stop_grace_period changes from 1m to 1m30s"),
    ({"pids_limit": 8192}, "one at a time, because minio_pids_limit changes from 16384 to 8192"),
    ({"nodes": [{"engine": "20.10.24+dfsg1"}]}, "one at a time, because the engines cannot all keep servers from new"),
    (
        {"secret_environment": {"MINIO_KMS_SECRET_KEY": "k:hush"}},
        "on all of them together, because minio_secret_environment gains MINIO_KMS_SECRET_KEY",
    ),
    ({"log_max_size": "20m"}, "one at a time, because minio_log_max_size changes from 10m to 20m"),
    ({"log_max_file": 5}, "one at a time, because minio_log_max_file changes from 3 to 5"),
    ({"dns": ["192.0.2.53"]}, "one at a time, because minio_dns changes from not set to 192.0.2.53"),
    ({"minio_drives_parent": "/data"}, "one at a time, because minio_drives_parent changes from /srv/minio to /data"),
    ({"console_port": 9002}, "on all of them together, because minio_console_port changes from 9001 to 9002"),
    ({"parity": 3}, "on all of them together, because minio_parity changes from not set to 3"),
    (
        {"environment": {"MINIO_SITE": "quiet", "MINIO_X": "a"}},
        "on all of them together, because minio_environment gai",
    ),
    ({"environment": {}}, "on all of them together, because minio_environment loses MINIO_SITE"),
    ({"environment": {"MINIO_SITE": "hush"}}, "on all of them together, because a value in minio_environment changes"),
    (
        {"network_driver": "host"},
        "on all of them together, because the network of the servers changes from overlay min",
    ),
    (
        {"memory_limit": "2g", "log_max_file": 1},
        "one at a time, because minio_memory_limit changes from 4G to 2G and minio_log_max_file changes from 3 to 1",
    ),
]


@pytest.mark.parametrize(("given", "sentence"), CAUSES)
def test_each_cause_is_named(given: dict[str, Any], sentence: str) -> None:
    (found,) = drawn(running(), given)
    assert found.startswith(f"{ALL} {sentence}")
    assert "quiet" not in found and "hush" not in found


SECRET = {"secret_environment": {"MINIO_KMS_SECRET_KEY": "k:hush"}}


def test_another_secret_is_a_cause_and_the_same_one_is_none() -> None:
    """What tells it has a random salt, so that it is the label that servers have or a new one."""
    assert drawn(running(SECRET), SECRET) == []
    (found,) = drawn(running(SECRET), {"secret_environment": {"MINIO_KMS_SECRET_KEY": "k:other"}})
    assert found == f"{ALL} on all of them together, because minio_secret_environment changes"
    (found,) = drawn(running(SECRET), {})
    assert found.endswith("on all of them together, because minio_secret_environment loses MINIO_KMS_SECRET_KEY")


def test_servers_of_before_are_confined_one_at_a_time_with_the_cause() -> None:
    live = running()
    for service in live:
        service["labels"] = {**service["labels"], stack.SERVER_LABEL: "of before"}
        service["made_of"].update(pids_limit=None, dropped_capabilities=[], no_new_privileges=False)
    causes = (
        "because minio_pids_limit changes from not set to 16384, servers give up every capability of root and the "
        "engines can keep servers from new privileges"
    )
    assert drawn(live, {}) == [f"{ALL} one at a time, {causes}"]


@pytest.mark.parametrize(
    "given",
    [{}, {"port": "9000", "console_port": "9001"}, {"memory_limit": "4g", "log_max_file": "3", "dns": ""}],
)
def test_nothing_is_said_where_nothing_happens(given: dict[str, Any]) -> None:
    assert drawn(running(), given) == []


def test_nothing_is_said_of_what_does_not_run_yet() -> None:
    assert drawn([], {}) == []


def test_another_release_and_another_image() -> None:
    old = running()
    for service in old:
        service["labels"] = {**service["labels"], "baremetal.overlay.minio.release": "RELEASE.old"}
    (found,) = drawn(old, {})
    assert found == f"{ALL} on all of them together, because MinIO's release changes from RELEASE.old to {RELEASE}"


def test_one_server_that_differs_is_named_alone() -> None:
    live = running()
    live[1] = running({"memory_limit": "1g"})[1]
    assert drawn(live, {}) == ["n2: restart MinIO, because minio_memory_limit changes from 1G to 4G"]


def test_without_room_for_one_to_be_away_all_go_together() -> None:
    (found,) = drawn(running(count=1), {"memory_limit": "2g"}, count=1)
    assert found == "n1: restart MinIO, because minio_memory_limit changes from 4G to 2G"


def test_what_no_setting_explains_is_said_all_the_same() -> None:
    live = running()
    for service in live:
        service["labels"] = {**service["labels"], stack.SERVER_LABEL: "of before"}
    assert drawn(live, {}) == [f"{ALL} one at a time, because what this collection makes of a server has changed"]
