# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks are those of MinIO's network, whichever driver made it, and what their hosts files say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.checks import hosts_file, policies, sight, vtep

SERVICE = "com.docker.swarm.service.name"


def container(service, **networks):
    """As the Engine lists it: networks and their addresses."""
    attached = {name.replace("_", "-"): {"IPAddress": address} for name, address in networks.items()}
    return {"Id": service, "Labels": {SERVICE: service}, "NetworkSettings": {"Networks": attached}}


class Engine:
    """Answers with the containers that are given, all of which are this process."""

    def __init__(self, *containers):
        self.containers = containers

    def call(self, _verb, path, query=None):
        if path == "/containers/json":
            assert query == {"filters": {"label": [SERVICE]}}
            return list(self.containers)
        ident = path.split("/")[2]
        labels = {SERVICE: ident}
        return {"State": {"Pid": os.getpid()}, "Image": "sha256:1", "Config": {"Labels": labels}}


def seen(engine, networks, host_address=None):
    return [(task["service"], task["address"], task["own"]) for task in sight.tasks(engine, networks, host_address)]


def test_a_task_is_known_by_its_address_on_the_network():
    engine = Engine(
        container("minio1", minio_overlay="10.77.0.2", other="10.9.0.2"), container("web", other="10.9.0.3")
    )
    assert seen(engine, ["minio-overlay"]) == [("minio1", "10.77.0.2", ["10.77.0.2", "10.9.0.2"])]


def test_in_the_hosts_network_only_servers_count_and_only_where_they_are_reached_there():
    engine = Engine(container("agent", host=""), container("minio1", host=""), container("minio2", bridge="172.30.0.2"))
    assert seen(engine, ["host"], "10.78.0.1") == [("minio1", "10.78.0.1", ["10.78.0.1"])]
    assert seen(engine, ["host"]) == []


SHOWN = json.dumps({"nftables": [{"table": {"family": "inet", "name": "baremetal_overlay"}}]})


class Guarded:
    """A host whose nft shows some tables only."""

    def __init__(self, *shown):
        self.shown = shown

    def query(self, argv):
        if argv[0] == "systemctl":
            return "Id=baremetal-overlay-firewall.service\nLoadState=loaded\nActiveState=failed\n"
        return SHOWN if argv[-1] in self.shown else ""


@pytest.mark.parametrize(
    ("shown", "there", "closed"),
    [
        (["baremetal_overlay"], True, False),
        (["baremetal_overlay_closed"], False, True),
        ([], False, False),
    ],
)
def test_which_tables_a_host_has(shown, there, closed):
    found = sight.look_at_tables(Guarded(*shown))
    assert found["firewall"] == {"there": there, "closed": closed, "unit": "failed"}
    assert found["ipsec"] == {"there": False, "closed": False, "unit": ""}


FIXTURES = Path(__file__).parents[3] / "fixtures" / "host"


def test_where_a_vxlan_leads_is_what_its_kernel_floods_to():
    links, entries = ((FIXTURES / f"links-{name}.json").read_text() for name in ("vxlan", "fdb"))
    floods = {one["dst"] for one in json.loads(entries) if one["mac"] == vtep.EVERYBODY and "dst" in one}
    assert len(floods) > 1
    assert vtep.read(links, entries, "ovl0") == sorted(floods)
    assert vtep.read(links, entries, "ovl1") == [] == vtep.read("", "", "ovl0")


def test_where_tunnels_lead():
    tunnel = {"ifname": "ovl0-2", "master": "ovl0", "linkinfo": {"info_data": {"remote": "192.0.2.2"}}}
    sixth = {"ifname": "ovl0-3", "master": "ovl0", "linkinfo": {"info_data": {"remote6": "2001:db8::3"}}}
    other = {"ifname": "gre1", "linkinfo": {"info_data": {"remote": "192.0.2.9"}}}
    assert vtep.read(json.dumps([tunnel, sixth, other]), "", "ovl0") == ["192.0.2.2", "2001:db8::3"]


HOSTS = "127.0.0.1 localhost\n10.78.0.1 minio1\n10.78.0.2\tminio2 other # minio3\nfd00::4 minio4\n"


@pytest.mark.parametrize(
    ("name", "addresses"),
    [("minio1", ["10.78.0.1"]), ("minio2", ["10.78.0.2"]), ("minio3", []), ("minio", []), ("minio4", ["fd00::4"])],
)
def test_names_of_a_hosts_file(name, addresses):
    assert hosts_file.read(HOSTS, name) == addresses


def test_a_hosts_file_that_lacks_a_name_or_is_not_there(tmp_path):
    (tmp_path / "7").write_text(HOSTS)
    found = hosts_file.probe({"a": ("minio1", 7), "b": ("minio9", 7), "c": ("minio1", 8)}, str(tmp_path / "{pid}"))
    assert found["a"] == {"ok": True, "addresses": ["10.78.0.1"], "error": ""}
    assert (found["b"]["ok"], found["b"]["error"]) == (False, "its hosts file does not have the name")
    assert (found["c"]["ok"], found["c"]["error"]) == (
        False,
        "its hosts file cannot be read: No such file or directory",
    )


def test_policies_of_the_engine_are_known_by_their_mark():
    """Recorded from a kernel: the Engine's for both versions of IP, one for what comes in, and one of somebody else."""
    found = policies.parse((FIXTURES / "xfrm-policies.txt").read_text())
    assert found == [
        {"source": "fd00::1", "target": "fd00::2", "port": 4790},
        {"source": "192.0.2.1", "target": "192.0.2.3", "port": 0},
        {"source": "192.0.2.1", "target": "192.0.2.2", "port": 4789},
    ]
    assert policies.parse("") == []
