# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every setting of every role on a deployment that stands: converged, refused, or reported. None is silent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import engine_setup
from ansible_collections.baremetal.overlay.plugins.module_utils.host.local_engine import Answers
from ansible_collections.baremetal.overlay.plugins.module_utils.host.packages import Package
from ansible_collections.baremetal.overlay.plugins.module_utils.host.units import Unit
from ansible_collections.baremetal.overlay.plugins.module_utils.minio import stack, tls
from ansible_collections.baremetal.overlay.plugins.module_utils.minio.recipe import (
    EXPECTED,
    GO_VERSION,
    MC_VERSION,
    MINIO,
    MINIO_VERSION,
    Program,
)
from ansible_collections.baremetal.overlay.plugins.plugin_utils import network_plan, role_options
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import NUMBER_LABEL, Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import ADVICE, RULES, violations

ROOT = Path(__file__).parents[4]
# What is as it is given after the run: by a step on hosts, or by other services.
CONVERGED = {
    *("overlay_client_networks", "overlay_firewall", "drives_owner", "drives_group"),
    *("docker_engine_log_max_size", "docker_engine_log_max_file", "docker_engine_nofile"),
    *(name for name in role_options.known() if name.startswith("firewall_") and name != "firewall_confirm_timeout"),
    "swarm_autolock",
    *("kernel_overlay_kind", "kernel_overlay_vni", "kernel_overlay_port", "kernel_overlay_bridge"),
    *("kernel_overlay_mtu", "kernel_overlay_replication", "ipsec_psk_master", "ipsec_psk_epoch"),
    *("minio_console_port", "minio_parity", "minio_memory_limit", "minio_tmp_size", "minio_dns"),
    *("minio_stop_grace_period", "minio_log_max_size", "minio_log_max_file", "minio_environment"),
    *("minio_pids_limit", "minio_secret_environment"),
    *("minio_tls", "minio_tls_certificate", "minio_tls_key", "minio_tls_ca", "minio_tls_names"),
}
# What says how this one run goes, and is as given from its beginning.
OF_A_RUN = {
    *("overlay_controller_is_client", "overlay_unreachable_consent", "overlay_strict_variables"),
    *("overlay_known_variables", "docker_engine_minio_url", "docker_engine_minio_peers"),
    *("docker_engine_minio_ca_path", "docker_engine_restart_timeout", "drives_format_consent"),
    *("firewall_confirm_timeout", "ipsec_confirm_timeout", "ipsec_renew_days", "minio_tls_renew_days"),
    "kernel_overlay_confirm_timeout",
    *("swarm_network_consent", "swarm_wait_timeout", "minio_network_consent", "minio_image_consent"),
    *("overlay_lease_takeover", "overlay_lease_seconds"),
    "minio_root_consent",
    *("minio_wait_timeout", "minio_check_timeout", "minio_build_host", "minio_cache_dir"),
    *("minio_go_proxy", "minio_python_index"),
    *(name for name in role_options.known() if name.startswith(("connectivity_", "teardown_"))),
}
# Refused where they are carried out, by modules and tasks with tests of their own.
REFUSED_ELSEWHERE = {
    # The module network: a network in use is replaced with swarm_network_consent only.
    *("swarm_networks", "overlay_encryption", "overlay_underlay_mtu"),
    # The module drive: what carries our label is mounted, or in use, elsewhere.
    *("drives_parent", "drives_devices", "drives_number"),
    # The role minio, which compares with what managers keep.
    *("minio_root_user", "minio_root_password"),
    # With what a host has at present: the rules of the underlay.
    "overlay_underlay_address",
}

IMAGE, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
RELEASE = Program(MINIO, MINIO_VERSION).release
SERVERS = "http://minio{1...4}:9000/drives/drive{1...2}"
ARGS = ["server", "--address", ":9000", "--console-address", ":9001", SERVERS]
SETTINGS: dict[str, Any] = {
    **{"network_driver": "overlay", "encryption": "none", "firewall": True, "client_networks": ["0.0.0.0/0"]},
    **{"networks": [{"name": "minio-overlay", "subnet": "10.77.0.0/24"}], "keep_credentials": True},
    **{"drives_parent": "/srv/minio", "minio_drives_parent": "/srv/minio", "port": 9000, "console_port": 9001},
    **{"stack_name": "minio", "data_path_port": 4789, "image_source": "build", "version": MINIO_VERSION},
    **{"tls": "off", "tls_ca_host": "n1", "tls_ca_dir": "/ca", "tls_days": 365, "tls_renew_days": 30},
    **{"ipsec_authentication": "psk", "ipsec_ca_host": "n1", "ipsec_ca_dir": "/ipsec-ca"},
    **{"ipsec_days": 365, "ipsec_renew_days": 30, "ipsec_protect": []},
}


def service(number: int) -> dict[str, Any]:
    labels = {"baremetal.overlay": "minio", "baremetal.overlay.minio.release": RELEASE}
    labels["com.docker.stack.namespace"] = "minio"
    return {"name": f"minio{number}", "image": IMAGE, "args": ARGS, "labels": labels}


def deployed() -> dict[str, Any]:
    """Settings, and hosts by name: variables, facts and sections."""
    fixed = {"data_path_port": 4789, "default_addr_pool": ["10.0.0.0/8"], "subnet_size": 24}
    nodes = [
        {"id": f"id{number}", "hostname": f"n{number}", "labels": {NUMBER_LABEL: str(number)}} for number in range(1, 5)
    ]
    hosts = {}
    for number in range(1, 5):
        swarm = {"state": "active", "manager": number < 4, "node_id": f"id{number}", "address": f"192.0.2.{number}"}
        swarm |= {"nodes": nodes, "services": [service(one) for one in range(1, 5)], "fixed": fixed}
        formats = [
            {
                "drive": f"drive {drive}",
                "state": "formatted",
                "deployment": "d",
                "this": f"{number}{drive}",
                "sets": [8],
            }
            for drive in (1, 2)
        ]
        facts = {"hostname": f"n{number}", "swarm": swarm, "credentials_present": number < 4, "engine": {}}
        facts |= {"images": [{"id": IMAGE, "labels": {"baremetal.overlay.minio.release": RELEASE}}]}
        hosts[f"n{number}"] = {
            **{"number": number, "pool": 1, "drives": ("/dev/a", "/dev/b"), "variables": {}, "facts": facts},
            "sections": {"drives": {"formats": formats}},
        }
    return {"settings": dict(SETTINGS), "hosts": hosts}


World = dict[str, Any]


def cluster(world: World) -> Cluster:
    hosts = tuple(
        Host(
            name,
            frozenset({"minio", "managers" if name != "n4" else "workers"}),
            one["number"],
            f"192.0.2.{name[1]}",
            one["pool"],
            one["drives"],
            {"facts": one["facts"], "sections": one["sections"]},
            variables=one["variables"],
            lan_parent=one.get("lan_parent"),
        )
        for name, one in world["hosts"].items()
    )
    return Cluster(hosts, world["settings"])


def settings(**given: Any) -> Callable[[World], None]:
    return lambda world: world["settings"].update(given)


def host(**given: Any) -> Callable[[World], None]:
    """Something of the second host."""
    return lambda world: world["hosts"]["n2"].update(given)


def variables(**given: Any) -> Callable[[World], None]:
    return host(variables=given)


def kernel(world: World) -> None:
    """Servers that run on a kernel overlay, whose subnet is changed."""
    world["settings"] |= {"network_driver": "kernel", "kernel_subnet": "10.99.0.0/24"}
    for one in world["hosts"].values():
        for live in one["facts"]["swarm"]["services"]:
            live["labels"][stack.NETWORK_LABEL] = "kernel 10.78.0.0/24"


def lan(**given: Any) -> Callable[[World], None]:
    """Servers that run on a LAN of their own."""

    def change(world: World) -> None:
        world["settings"] |= {"network_driver": "macvlan", "lan_subnet": "10.79.0.0/24"}
        for one in world["hosts"].values():
            one["lan_parent"] = "eth1"
        before = network_plan.draw(cluster(world))
        for name, one in world["hosts"].items():
            for live in one["facts"]["swarm"]["services"]:
                live["labels"][stack.NETWORK_LABEL] = before["attachment"]["identity"]
            one["facts"]["networks"] = [dict(network) for network in before["nodes"][name]]
        world["settings"].update({key: value for key, value in given.items() if key != "lan_parent"})
        world["hosts"]["n2"]["lan_parent"] = given.get("lan_parent", "eth1")

    return change


def own_ca(**given: Any) -> Callable[[World], None]:
    """Servers with TLS, whose CA is not where it is looked for."""

    def change(world: World) -> None:
        world["settings"] |= {"tls": "own-ca", **given}
        for one in world["hosts"].values():
            one["sections"]["minio_tls"] = {"trust": "trusted", "ca": "", "key": "matches", "key_mode": "0400"}
            for live in one["facts"]["swarm"]["services"]:
                live["args"] = [*ARGS, "--certs-dir=/certs"]

    return change


def certified(section: str, **given: Any) -> Callable[[World], None]:
    """Hosts with a certificate that was made for 365 days."""
    now = datetime.now(timezone.utc)
    key = tls.make_key()
    ca = tls.make_ca(key, 3650, now)
    request = tls.make_request(tls.make_key(), "n1")
    text = tls.sign(request, ca, key, "n1", ["n1"], 365, now - timedelta(days=1))

    def change(world: World) -> None:
        world["settings"] |= given
        for one in world["hosts"].values():
            one["sections"][section] = {"certificate": text, "ca": ca, "trust": ca, "key": "matches"}

    return change


def engine(state: engine_setup.State, **options: Any) -> Callable[[World], None]:
    """What the host plans from a recorded look, in its report."""
    given = {"package": "docker.io", "hold": True, "log_max_size": "10m", "log_max_file": 3, "along": [], **options}
    found = engine_setup.plan(given, state).flags["differs"]
    return lambda world: world["hosts"]["n2"]["sections"].update({"engine": {"differs": found}})


def running(daemon_json: str = "{}", held: bool = False, command: str = "dockerd", nofile: str = "1048576") -> Any:
    """An engine that runs, as it was installed by whomever."""
    units = {
        name: Unit(name, "loaded", "active", "running", "success", "enabled", "1", nofile, command)
        for name in ("docker.service", "containerd.service")
    }
    return engine_setup.State(
        packages={"docker.io": Package("26.1.5", held, "installed")},
        units=units,
        binary="/usr/sbin/dockerd",
        answers=Answers("1.45", {}, [], [], []),
        sdk=True,
        daemon_json=daemon_json,
    )


POOLS = '{"default-address-pools": [{"base": "172.30.0.0/16", "size": 24}]}'


def standing(name: str, **given: Any) -> Callable[[World], None]:
    def change(world: World) -> None:
        world["settings"] |= given
        world["hosts"]["n2"]["facts"]["standing"] = {name: True}

    return change


def ipsec(differs: bool = False, **given: Any) -> Callable[[World], None]:
    def change(world: World) -> None:
        world["settings"] |= {"encryption": "ipsec", "ipsec_psk_master": "m" * 40, **given}
        for one in world["hosts"].values():
            one["sections"]["ipsec"] = {"enforced": True, "differs": differs, "trust": "trusted"}

    return change


REFUSED: dict[str, tuple[Callable[[World], None], str]] = {
    "overlay_host_number": (host(number=5), "n2: overlay_host_number 5 differs from 2, under which it is live"),
    "overlay_network_driver": (settings(network_driver="host"), "this run would move them to host, which restarts"),
    "minio_drives": (host(drives=("/dev/a",)), "minio_pool 1: its servers have unequal numbers of drives"),
    "minio_pool": (host(pool=2), "minio_pool 1: the numbers of its servers are not consecutive"),
    "minio_port": (settings(port=9100), "minio{1...4}:9100"),
    "minio_drives_parent": (settings(minio_drives_parent="/data"), "minio_drives_parent: /data is not where the driv"),
    "minio_network": (settings(minio_network="front"), "this run would move them to overlay front, which restarts"),
    "minio_stack_name": (
        settings(stack_name="storage"),
        "minio_stack_name: MinIO's services belong to the stack minio",
    ),
    "minio_credentials_dir": (
        lambda world: [one["facts"].update(credentials_present=False) for one in world["hosts"].values()] and None,
        "MinIO runs, and no manager of this run keeps its root credentials",
    ),
    "swarm_data_path_port": (settings(data_path_port=4790), "swarm_data_path_port: the swarm was made with 4789, and"),
    "swarm_lan_subnet": (lan(lan_subnet="10.80.0.0/24"), "agree by minio_network_consent: macvlan"),
    "swarm_lan_parent": (lan(lan_parent="eth2"), "a network cannot be changed, and its server uses it"),
    "kernel_overlay_subnet": (kernel, "this run would move them to kernel 10.99.0.0/24, which restarts all of them"),
    "minio_tls_ca_host": (
        own_ca(tls_ca_host="n2"),
        "minio_tls_ca_dir: n2:/ca holds no CA, and n1, n2, n3 and n4 trust",
    ),
    "minio_tls_ca_dir": (own_ca(tls_ca_dir="/new"), "minio_tls_ca_dir: n1:/new holds no CA, and n1, n2, n3 and n4"),
    "ipsec_ca_host": (ipsec(ipsec_authentication="certificates", ipsec_ca_host="n2"), "ipsec_ca_dir: n2:/ipsec-ca ho"),
    "ipsec_ca_dir": (ipsec(ipsec_authentication="certificates", ipsec_ca_dir="/x"), "ipsec_ca_dir: n1:/x holds no CA"),
    "ipsec_authentication": (ipsec(differs=True), "IPsec is in force for something else than this inventory says"),
    "ipsec_protect": (ipsec(differs=True), "IPsec is in force for something else than this inventory says"),
    "ipsec_control": (ipsec(differs=True), "IPsec is in force for something else than this inventory says"),
    "minio_image": (settings(image_source="registry", image=f"x@{OTHER}"), "agree by minio_image_consent: x@sha256:"),
    "minio_image_source": (settings(image_source="archive"), "minio_image_archive: is not set, and minio_image_source"),
    "minio_image_archive": (settings(image_source="archive", image_archive="/none"), "minio_image_archive: "),
    "minio_image_binary": (
        settings(image_source="binary"),
        "minio_image_binary: is not set, and minio_image_source is",
    ),
    "minio_image_release": (settings(image_source="binary", image_binary="/x"), "minio_image_release: is not set"),
    "minio_version": (settings(version="latest"), "is not a Go pseudo-version"),
}

REPORTED: dict[str, tuple[Callable[[World], None], str]] = {
    "docker_engine_package": (
        engine(running(), package="docker-ce"),
        "n2: docker_engine_package: docker.io is installed and stays; docker-ce is for hosts without an engine",
    ),
    "docker_engine_address_pools": (
        engine(running(POOLS), address_pools=[{"base": "10.9.0.0/16", "size": 24}]),
        "n2: docker_engine_address_pools: /etc/docker/daemon.json has 172.30.0.0/16 size 24, which stays",
    ),
    "docker_engine_hold": (
        engine(running(held=True), hold=False),
        "n2: docker_engine_hold: docker.io is held from upgrades, which stays; to end it, run `apt-mark unhold docker",
    ),
    "docker_engine_along": (
        engine(running(), along=["nftables"]),
        "n2: docker_engine_along: nftables come with the installation of an engine only, and docker.io is there",
    ),
    "swarm_advertise_addr": (
        variables(swarm_advertise_addr="192.0.2.99"),
        "n2: swarm_advertise_addr 192.0.2.99: it is in the swarm as 192.0.2.2, which stays; it takes effect when",
    ),
    "swarm_data_path_addr": (
        variables(swarm_data_path_addr="198.51.100.2"),
        "n2: swarm_data_path_addr 198.51.100.2: an engine does not tell with which one it joined; it takes effect",
    ),
    "swarm_default_addr_pool": (
        settings(default_addr_pool=["10.100.0.0/16"]),
        "swarm_default_addr_pool: the swarm was made with 10.0.0.0/8, which stays; it takes effect when a swarm is",
    ),
    "swarm_subnet_size": (
        settings(default_addr_pool=["10.0.0.0/8"], subnet_size=26),
        "swarm_subnet_size: the swarm was made with 24, which stays; it takes effect when a swarm is made",
    ),
    "minio_credentials_keep": (
        settings(keep_credentials=False, root_user="someone", root_password="something"),
        "n1, n2 and n3: minio_credentials_keep is false, and the root credentials that were kept stay in /etc/bar",
    ),
    "minio_tls_days": (
        certified("minio_tls", tls="own-ca", tls_days=90),
        "n1, n2, n3 and n4: minio_tls_days: 90, and the certificate there was made for 365; it takes effect at its",
    ),
    "ipsec_days": (
        certified("ipsec", encryption="ipsec", ipsec_authentication="certificates", ipsec_days=90),
        "n1, n2, n3 and n4: ipsec_days: 90, and the certificate there was made for 365; it takes effect at its renew",
    ),
    "minio_mc_version": (settings(mc_version="v1"), "minio_mc_version: v1, and the image that runs stays"),
    "minio_go_version": (settings(go_version="1.27"), "minio_go_version: 1.27, and the image that runs stays"),
    "minio_ca_certificates": (settings(ca_certificates="/x"), "minio_ca_certificates: /x, and the image that runs sta"),
    "minio_image_mc_binary": (settings(image_mc_binary="/x"), "minio_image_mc_binary: /x, and the image that runs sta"),
}
# Converged in general, and reported where an operator's own configuration has the last word.
ALSO_REPORTED: list[tuple[Callable[[World], None], str]] = [
    (engine(running('{"log-driver": "journald"}')), "docker_engine_log_max_file: the engine logs to journald, which"),
    (
        engine(running(command="dockerd --log-opt x=y")),
        "docker_engine_log_max_file: the engine is started with --log-o",
    ),
    (
        engine(running(nofile="infinity"), nofile=1024),
        "n2: docker_engine_nofile: docker.service allows infinity open files, more than 1024, which stays",
    ),
    (
        engine(
            running(command="dockerd --default-address-pool x"), address_pools=[{"base": "10.9.0.0/16", "size": 24}]
        ),
        "n2: docker_engine_address_pools: the unit of the engine sets others, which stays",
    ),
    (standing("firewall", firewall=False), "n2: overlay_firewall is false, and the firewall's table of an earlier run"),
    (standing("links"), "n2: overlay_network_driver is overlay, and the kernel overlay of an earlier run stays"),
]


def test_every_setting_is_in_one_class() -> None:
    classes: list[set[str]] = [CONVERGED, OF_A_RUN, REFUSED_ELSEWHERE, {*REFUSED}, {*REPORTED}]
    assert {name for one in classes for name in one} == {*role_options.known()}
    for position, one in enumerate(classes):
        for other in classes[position + 1 :]:
            assert one & other == set()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    change, sentence = REFUSED[name]
    world = deployed()
    before = violations(cluster(world), RULES)
    change(world)
    found = [one for one in violations(cluster(world), RULES) if one not in before]
    assert [one for one in found if sentence in one], "\n".join(found)


REPORTS = [*REPORTED.values(), *ALSO_REPORTED]


@pytest.mark.parametrize(("change", "sentence"), REPORTS, ids=[*REPORTED, *(one[1][:40] for one in ALSO_REPORTED)])
def test_what_is_reported(change: Callable[[World], None], sentence: str) -> None:
    world = deployed()
    before = violations(cluster(world), ADVICE)
    change(world)
    found = [one for one in violations(cluster(world), ADVICE) if one not in before]
    assert [one for one in found if sentence in one], "\n".join(found)


def test_nothing_is_reported_of_a_deployment_that_is_as_it_is_wanted() -> None:
    whole = deployed()
    engine(running(POOLS, held=True), address_pools=[{"base": "172.30.0.0/16", "size": 24}], nofile=1048576)(whole)
    certified("minio_tls", tls="own-ca", tls_days=365)(whole)
    whole["settings"] |= {"default_addr_pool": ["10.0.0.0/8"], "subnet_size": 24}
    words = ("stays", "takes effect", "was made with")
    assert [one for one in violations(cluster(whole), [*RULES, *ADVICE]) if any(word in one for word in words)] == []


def test_what_is_fixed_for_life_is_documented() -> None:
    text = (ROOT / "docs" / "preflight.md").read_text(encoding="utf-8")
    assert [name for name in (*REFUSED, *REPORTED) if f"`{name}`" not in text] == []


@pytest.mark.parametrize(
    ("running", "given", "said"),
    [
        (IMAGE, {}, True),
        (EXPECTED["amd64"], {}, False),
        # Of other parts nobody knows what they give.
        (IMAGE, {"go_version": "1.27.0"}, False),
        (IMAGE, {"ca_certificates": "/ca"}, False),
    ],
)
def test_an_image_that_its_parts_do_not_give_is_told(running: str, given: dict[str, Any], said: bool) -> None:
    world = deployed()
    world["settings"] |= {"mc_version": MC_VERSION, "go_version": GO_VERSION, **given}
    for host in world["hosts"].values():
        host["facts"]["architecture"] = "x86_64"
        host["facts"]["images"][0]["id"] = running
        for service_ in host["facts"]["swarm"]["services"]:
            service_["image"] = running
    found = [sentence for rule in ADVICE for sentence in rule(cluster(world)) if "parts with known sums" in sentence]
    wanted = f"agree by minio_image_consent: {EXPECTED['amd64']}"
    assert [sentence.endswith(wanted) for sentence in found] == [True] * said
