# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found on hosts against what the inventory asks of them: each rule with the smallest thing that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils import plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import (
    advice,
    clocks,
    drives,
    engines,
    kernels,
    networks,
    ports,
    violations,
)

SETTINGS: dict[str, Any] = {
    "network_driver": "overlay",
    "encryption": "none",
    "firewall": True,
    "networks": [{"name": "minio-overlay", "subnet": "10.77.0.0/24"}],
    "address_pools": [{"base": "172.30.0.0/16", "size": 24}],
    "default_addr_pool": ["10.78.0.0/16"],
    "memory_limit": "4g",
    "room_warning": "20",
    "room_minimum": 10,
}
ADDRESSES = {f"n{number}": f"172.31.77.{10 + number}" for number in range(1, 5)}
RULES = (*clocks.RULES, *kernels.RULES, *engines.RULES, *networks.RULES, *ports.RULES, *drives.RULES)
ADVICE = (*clocks.ADVICE, *kernels.ADVICE, *engines.ADVICE, *networks.ADVICE, *drives.ADVICE)
GIB = 1 << 30


def report(number: int) -> dict[str, Any]:
    """What ``host`` reports of a host that can be deployed, and has nobody else's things on it."""
    own = ADDRESSES[f"n{number}"]
    names = ("bridge", "br_netfilter", "ip_vs", "nf_tables", "overlay", "veth", "vxlan", "xfs")
    facts = {
        "kernel": "6.12.0",
        "memory_bytes": 16 * GIB,
        "addresses": [{"interface": "eth0", "address": own, "prefix": 24, "mtu": 1500}],
        "routes": [{"dst": "172.31.77.0/24", "dev": "eth0"}],
        "clock": {"time": 1000.5, "age": 0.2, "synchronized": True},
        "engine": {"sdk": "7.1.0", "api_version": "1.45", "debian": 13, "packages": {}, "image_store": "engine"},
        "features": {name: {"has": True, "why": "is built in"} for name in names},
        "ways": {peer: {"source": own, "error": None} for peer in ADDRESSES.values()},
        "listeners": [],
        "published": [],
        "swarm": {"state": "inactive"},
    }
    formats = [formatted(number, drive) for drive in (1, 2)]
    return {"facts": facts, "sections": {"drives": {"formats": formats}}, "clock": {"sent": 1000.0, "received": 1001.0}}


def formatted(number: int, drive: int) -> dict[str, Any]:
    """A drive of the one deployment."""
    this = f"identity-{number}-{drive}"
    return {
        "drive": f"drive {drive} (/dev/{drive})",
        "position": drive,
        "state": "formatted",
        "deployment": "ours",
        "this": this,
        "sets": [8],
        "members": [[this] * 8],
        "used": True,
    }


Reports = dict[str, dict[str, Any]]
Change = Callable[[Reports, dict[str, Any]], Any]


def cluster(change: Change | None = None) -> Cluster:
    """Three managers and a worker, all with two drives."""
    reports = {f"n{number}": report(number) for number in range(1, 5)}
    settings = dict(SETTINGS)
    if change:
        change(reports, settings)
    hosts = tuple(
        Host(
            name=name,
            groups=frozenset({"minio", "workers" if name == "n4" else "managers"}),
            number=int(name[1:]),
            address=ADDRESSES[name],
            drives=("/dev/1", "/dev/2"),
            report=own,
            lan_parent="eth1",
        )
        for name, own in reports.items()
    )
    return Cluster(hosts, settings)


def fact(name: str, **values: Any) -> Change:
    """One host is found otherwise."""
    return lambda reports, _settings: reports[name]["facts"].update(values)


def engine(name: str, **values: Any) -> Change:
    """One host's engine is found otherwise."""
    return lambda reports, _settings: reports[name]["facts"]["engine"].update(values)


def lacking(feature: str, has: Any = False, **settings: Any) -> Change:
    """All kernels lack something, which is asked for by settings."""

    def change(reports: Reports, known: dict[str, Any]) -> None:
        known.update(settings)
        for own in reports.values():
            own["facts"]["features"][feature] = {"has": has, "why": "because"}

    return change


def shifted(seconds: float) -> Change:
    """The fourth host's clock is off."""
    return fact("n4", clock={"time": 1000.5 + seconds, "age": 0.2, "synchronized": True})


def drive(name: str, **values: Any) -> Change:
    """What MinIO wrote on the first drive of a host is something else."""
    return lambda reports, _settings: reports[name]["sections"]["drives"]["formats"][0].update(values)


def setting(**values: Any) -> Change:
    """The inventory asks for something else."""
    return lambda _reports, settings: settings.update(values)


def listener(port: int, protocol: str = "tcp", **values: Any) -> Change:
    """Somebody has a port on the fourth host."""
    entry = {"port": port, "protocol": protocol, "address": "0.0.0.0", "pid": 77, "process": "nginx", **values}
    return fact("n4", listeners=[entry])


def published(**values: Any) -> Change:
    """A container has MinIO's port on the fourth host."""
    entry = {"port": 9000, "protocol": "tcp", "container": "web", "service": None, "stack": None, **values}
    return fact("n4", published=[entry])


REFUSED = [
    (shifted(1200), "n4: its clock is 1200 s (± 1 s) ahead of that of n2; at most 300 s are allowed"),
    (shifted(-1200), "n4: its clock is 1200 s (± 1 s) behind that of n1; at most 300 s are allowed"),
    (lacking("vxlan"), "n1, n2, n3 and n4: kernel 6.12.0 lacks vxlan (because), and overlay networks are made of it"),
    (
        lambda reports, settings: (
            lacking("ipvlan", network_driver="ipvlan")(reports, settings),
            [own["facts"].update(interfaces={"eth1": 1500}) for own in reports.values()],
        ),
        "lacks ipvlan (because), and overlay_network_driver: ipvlan is made of it; boot a kernel that has it",
    ),
    (lacking("esp", encryption="docker"), "lacks esp (because), and overlay_encryption: docker encrypts with it"),
    (lacking("nf_tables"), "lacks nf_tables (because), and the firewall is made of it (overlay_firewall)"),
    (engine("n2", sdk="4.1.0"), "n2: python3-docker is 4.1.0; 5.0.3 or newer is needed"),
    (engine("n2", api_version="1.40"), "n2: engine: it speaks API 1.40; 1.41 (Engine 20.10) or newer is needed"),
    (engine("n2", rootless=True), "n2: engine: it runs rootless"),
    (engine("n2", user_namespaces=True), "n2: engine: it maps users (userns-remap)"),
    (engine("n2", firewall="nftables"), "n2: engine: its firewall backend is nftables, with which it refuses Swarm"),
    (engine("n2", image_store="containerd"), "n2: engine: it keeps images in containerd"),
    (
        fact("n4", addresses=[{"interface": "eth0", "address": "172.31.77.14", "prefix": 24, "mtu": 1400}]),
        "n4: MTU 1400 on its overlay_underlay_address, where n1, n2 and n3 have 1500",
    ),
    (setting(underlay_mtu=9000), "n1, n2, n3 and n4: MTU 1500 on its overlay_underlay_address is below"),
    (setting(underlay_mtu="large"), 'overlay_underlay_mtu: "large" is not a number'),
    (
        fact("n3", ways={"172.31.77.11": {"source": "10.0.0.3", "error": None}}),
        "n3: would send to n1 (172.31.77.11) from 10.0.0.3; its overlay_underlay_address is 172.31.77.13",
    ),
    (
        fact("n3", ways={"172.31.77.11": {"source": None, "error": "Network is unreachable"}}),
        "n3: has no way to n1 (172.31.77.11) (Network is unreachable)",
    ),
    (
        setting(default_addr_pool=["10.64.0.0/10"]),
        'network "minio-overlay": 10.77.0.0/24 overlaps with swarm_default_addr_pool 10.64.0.0/10',
    ),
    (
        listener(9000),
        "n4: port 9000/tcp is taken by nginx (pid 77), which listens on 0.0.0.0; MinIO needs it: stop that, "
        "or choose another minio_port",
    ),
    (listener(9000, service="shop", stack="shop"), "n4: port 9000/tcp is taken by nginx (pid 77)"),
    (listener(7946, "udp"), "n4: port 7946/udp is taken by nginx (pid 77)"),
    (listener(4789, "udp", pid=None, process=None), "n4: port 4789/udp is taken by the kernel itself"),
    (published(), "n4: port 9000/tcp is taken by the container web;"),
    (published(service="shop"), "n4: port 9000/tcp is taken by the container web of the service shop;"),
    (
        drive("n3", deployment="theirs"),
        "n3: drive 1 (/dev/1): belongs to the MinIO deployment theirs, and 7 others of this inventory to ours",
    ),
    (drive("n3", this="identity-1-1"), "n1 drive 1 (/dev/1) and n3 drive 1 (/dev/1): have one identity in MinIO"),
    (
        drive("n3", sets=[6]),
        "n3: drive 1 (/dev/1): MinIO formatted it for 1 erasure set of 6, and minio_pool 1 would be 1 erasure set of 8",
    ),
    (
        setting(drives_parent="/srv/minio", minio_drives_parent="/data"),
        "minio_drives_parent: /data is not where the drives are mounted (drives_parent: /srv/minio); give",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), REFUSED, ids=[case[1][:60] for case in REFUSED])
def test_violation(change: Change, sentence: str) -> None:
    found = violations(cluster(change), RULES)
    assert len(found) == 1, found
    assert sentence in found[0]


LOCKED = "process 812 (`apt-get update`) holds /var/lib/apt/lists/lock"
ADVISED = [
    (shifted(30), "n4: its clock is 30 s (± 1 s) ahead of that of n2; versions of an object"),
    (fact("n1", clock={"synchronized": False}), "n1: no time service keeps the clock in step"),
    (lacking("ip_vs"), "n1, n2, n3 and n4: the kernel has no IPVS"),
    (lacking("vxlan", has=None), "whether the kernel has vxlan is unknown (because)"),
    (fact("n1", memory_bytes=4 * GIB), "n1: memory is 4G, and MinIO may take 4G (minio_memory_limit) beside 512M"),
    (engine("n1", memory_limit=False), "n1: the engine cannot limit memory"),
    (engine("n1", packages={"runc": "1.1.15+ds1-2+b4"}), "n1: runc 1.1.15+ds1-2+b4: CVE-2025-31133"),
    (
        engine("n1", packages={"docker.io": "26.1.5+dfsg1-9+b11"}),
        "n1: docker.io 26.1.5+dfsg1-9+b11: CVE-2026-34040",
    ),
    (
        lambda reports, settings: (
            settings.update(default_addr_pool=[]),
            fact("n2", routes=[{"dst": "10.0.0.0/16", "dev": "eth1"}])(reports, settings),
        ),
        "n2: the route 10.0.0.0/16 (eth1) lies in 10.0.0.0/24, from which Swarm takes its ingress network",
    ),
    (drive("n1", state="unmounted"), "n1: drive 1 (/dev/1): carries our label and is not mounted"),
    (
        drive("n3", left=9.4),
        "n3: drive 1 (/dev/1): 9 % is left (connectivity_room_minimum is 10 %); a full drive makes",
    ),
    (
        drive("n3", left=19.0),
        "n3: drive 1 (/dev/1): 19 % is left (connectivity_room_warning is 20 %); a full drive makes",
    ),
    (
        lambda reports, settings: (
            reports["n1"]["sections"].update(engine={"changed": True}),
            fact("n1", package_lock=LOCKED)(reports, settings),
        ),
        f"n1: {LOCKED}; where this run installs packages, it waits up to 600 s",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), ADVISED, ids=[case[1][:60] for case in ADVISED])
def test_advice_never_refuses(change: Change, sentence: str) -> None:
    known = cluster(change)
    assert violations(known, RULES) == []
    found = advice(known)
    assert len(found) == 1, found
    assert sentence in found[0]


IN_SWARM = {"state": "active", "manager": False}
SILENT: list[Change] = [
    lambda _reports, _settings: None,
    shifted(1.5),
    lacking("esp"),
    lacking("nf_tables", firewall=False),
    engine("n1", packages={"docker.io": "26.1.5+dfsg1-9+deb13u1+b1"}),
    engine("n1", packages={"docker.io": "26.1.5+dfsg1-9"}, debian=11),
    engine("n1", packages={"docker-ce": "5:29.0.0-1~debian.13~trixie"}),
    lambda reports, settings: (
        settings.update(image_source="registry"),
        engine("n1", image_store="containerd")(reports, settings),
    ),
    published(service="minio4", stack="minio"),
    # A server in the host's own network.
    listener(9000, process="minio", service="minio4", stack="minio"),
    lambda reports, settings: (
        listener(7946)(reports, settings),
        fact("n4", swarm=IN_SWARM)(reports, settings),
    ),
    listener(2377),
    drive("n1", state="empty"),
    drive("n1", left=None),
    drive("n1", left=20.0),
    setting(underlay_mtu="1400"),
    setting(drives_parent="/data/", minio_drives_parent="/data"),
    # A run without anything to do asks apt for nothing.
    fact("n1", package_lock=LOCKED),
]


@pytest.mark.parametrize("change", SILENT)
def test_nothing_is_said_where_nothing_is_wrong(change: Change) -> None:
    known = cluster(change)
    assert violations(known, RULES) == []
    assert advice(known) == []


def test_an_offset_is_only_as_large_as_it_is_proven() -> None:
    slow = cluster(lambda reports, _settings: reports["n4"].update(clock={"sent": 500.0, "received": 2000.0}))
    assert violations(slow, RULES) == [] == advice(slow)


def test_of_two_clocks_the_one_nearer_to_the_controller_is_believed() -> None:
    found = [clocks.Offset("n1", 599.0, 601.0), clocks.Offset("n2", -1.0, 1.0)]
    assert clocks.reference(found).host == "n2"


def test_a_declared_mtu_is_what_the_overlay_is_made_for() -> None:
    assert plan.draw(cluster(setting(underlay_mtu="1400")))["underlay_mtu"] == 1400
    assert plan.draw(cluster())["underlay_mtu"] == 1500


def test_the_summary_says_what_there_is_to_do_and_the_advice() -> None:
    summary = plan.draw(cluster(lacking("ip_vs")))["summary"]
    assert summary[0] == "4 of 4 hosts were looked at, and nothing stands in the way"
    assert "n1, n2, n3 and n4: make or join the swarm" in summary
    assert summary[-1].startswith("advice: n1, n2, n3 and n4: the kernel has no IPVS")
