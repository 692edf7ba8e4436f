# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An inventory with many mistakes: each is in the one list that the preflight gives, whatever the others are."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.overlay.plugins.plugin_utils import looks, option_values, plan
from ansible_collections.baremetal.overlay.plugins.plugin_utils.cluster import Cluster, Host
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import consents, directories, ports, violations
from ansible_collections.baremetal.overlay.plugins.plugin_utils.rules import hosts as host_rules

GROUPS = {"managers": ["n1", "n2", "n3"], "workers": ["n4"], "minio": ["n1", "n2", "n3", "n4"]}
# Everything that one variable can have wrong, and what is said of it.
MISTAKES: dict[str, tuple[Any, str]] = {
    "minio_port": (99999, 'minio_port: "99999" is not a port; allowed: 1 to 65535'),
    "minio_console_port": (7946, "minio_console_port 7946/tcp is the port of Swarm, and MinIO's console needs one"),
    "minio_memory_limit": ("4gigs", 'minio_memory_limit: "4gigs" is not a size'),
    "minio_stop_grace_period": ("soon", 'minio_stop_grace_period: "soon" is not a duration'),
    "minio_log_max_size": ("ten", 'minio_log_max_size: "ten" is not a size'),
    "minio_pids_limit": (100, 'minio_pids_limit: "100" is not a limit of processes that MinIO can work with'),
    "minio_environment": ({"MINIO_KMS_SECRET_KEY": "k:hush"}, "minio_environment: MINIO_KMS_SECRET_KEY looks like a"),
    "minio_secret_environment": ({"MINIO_X": "hush\nhush"}, "minio_secret_environment: MINIO_X has a line break"),
    "minio_go_proxy": ("https://me:hush@proxy.example", "minio_go_proxy: its URL holds a user or a password"),
    "minio_root_password": ("short", "minio_root_password: has 5 characters"),
    "minio_image_source": ("ftp", 'minio_image_source: "ftp" is unknown'),
    "minio_prot": (9000, "minio_prot is no variable of this collection; did you mean minio_port?"),
    "docker_engine_nofile": ("lots", 'docker_engine_nofile: "lots" is not a whole number'),
    "docker_engine_hold": ("maybe", 'docker_engine_hold: "maybe" is neither true nor false'),
    "docker_engine_address_pools": ([{"base": "10.1.0.0/16"}], "docker_engine_address_pools: size is missing"),
    "overlay_client_networks": (["10.0.0.0/33"], 'overlay_client_networks "10.0.0.0/33": is not a CIDR'),
    "overlay_encryption": ("rot13", 'overlay_encryption: "rot13" is unknown'),
    "overlay_underlay_mtu": ("large", 'overlay_underlay_mtu: "large" is not a number'),
    "overlay_unreachable_consent": (["n9"], 'overlay_unreachable_consent: "n9" is no host of this deployment'),
    "swarm_networks": ([{"name": "x", "subnet": "10.77.0.0"}], 'swarm_network_consent: "old" is no network of'),
    "swarm_network_consent": (["old"], 'swarm_network_consent: "old" is no network of swarm_networks; allowed: x'),
    "drives_format_consent": (["/dev/z"], 'drives_format_consent: "/dev/z" is in no minio_drives'),
}
OF_HOSTS = [
    'n1: overlay_host_number "first" is not a whole number from 1',
    "n1: drive 1 (serial:NONE): no device has this serial number",
    "n2 and n4: have the same overlay_host_number 4",
    "n3: minio_drives is empty",
    "n4: is unreachable (no route)",
]
# What preflight's variables file makes of them.
KEYS = {
    **{"port": "minio_port", "console_port": "minio_console_port", "memory_limit": "minio_memory_limit"},
    **{"stop_grace_period": "minio_stop_grace_period", "log_max_size": "minio_log_max_size"},
    **{"pids_limit": "minio_pids_limit", "environment": "minio_environment", "go_proxy": "minio_go_proxy"},
    "secret_environment": "minio_secret_environment",
    **{"root_password": "minio_root_password", "image_source": "minio_image_source"},
    **{"address_pools": "docker_engine_address_pools", "client_networks": "overlay_client_networks"},
    **{"encryption": "overlay_encryption", "underlay_mtu": "overlay_underlay_mtu"},
    **{"unreachable_consent": "overlay_unreachable_consent", "networks": "swarm_networks"},
    "swarm_network_consent": "swarm_network_consent",
}


def drawn() -> dict[str, Any]:
    given = {name: value for name, (value, _sentence) in MISTAKES.items()}
    own: dict[str, dict[str, Any]] = {
        "n1": {"overlay_host_number": "first", "minio_drives": ["serial:NONE"]},
        "n2": {"overlay_host_number": 4, "minio_drives": ["/dev/a"]},
        "n3": {"overlay_host_number": 3, "minio_drives": []},
        "n4": {"overlay_host_number": "4", "minio_drives": "/dev/a"},
    }
    found = ["drive 1 (serial:NONE): no device has this serial number; found are: none"]
    reports: dict[str, Any] = {
        name: {"facts": {"hostname": name}, "sections": {"drives": {"violations": found if name == "n1" else []}}}
        for name in ("n1", "n2", "n3")
    }
    reports["n4"] = {"unreachable": True, "msg": "no route"}
    hostvars = {
        name: {
            **{**given, **own[name], "__preflight_host": reports[name]},
            "overlay_underlay_address": f"192.0.2.{name[1]}",
        }
        for name in own
    }
    settings = {key: given[name] for key, name in KEYS.items()}
    return plan.draw(
        plan.read_cluster(hostvars, GROUPS, [*own], {"network_driver": "overlay", "firewall": True, **settings})
    )


@pytest.mark.parametrize("sentence", [*OF_HOSTS, *(sentence for _value, sentence in MISTAKES.values())])
def test_each_is_in_the_one_list(sentence: str) -> None:
    found = drawn()["violations"]
    assert [one for one in found if sentence in one], "\n".join(found)


def test_there_are_many_and_no_plan_is_made_of_them() -> None:
    found = drawn()
    assert len(found["violations"]) >= len(MISTAKES) + len(OF_HOSTS) - 1
    assert "work" not in found


def hosts(count: int = 2, **variables: Any) -> tuple[Host, ...]:
    groups = {1: frozenset({"managers", "minio"}), 2: frozenset({"workers", "minio"})}
    return tuple(
        Host(f"n{number}", groups[number], number, drives=("/dev/a",), variables=variables)
        for number in range(1, count + 1)
    )


PORTS = [
    ({"port": 9001}, "n1 and n2: minio_console_port 9001/tcp is the port of MinIO (minio_port), and MinIO's console"),
    ({"port": 7946}, "n1 and n2: minio_port 7946/tcp is the port of Swarm, and MinIO needs one of its own; choose an"),
    # Only managers listen there.
    ({"port": 2377}, "n1: minio_port 2377/tcp is the port of the swarm's managers, and MinIO needs one of its own; "),
    ({"console_port": 2377}, "n1: minio_console_port 2377/tcp is the port of the swarm's managers, and"),
    ({"data_path_port": 7946}, "n1 and n2: swarm_data_path_port 7946/udp is the port of Swarm, and the overlay netwo"),
    ({"data_path_port": 4500, "encryption": "ipsec"}, "n1 and n2: swarm_data_path_port 4500/udp is the port of IPsec"),
    (
        {"network_driver": "kernel", "kernel_overlay": {"port": 7946}},
        "n1 and n2: kernel_overlay_port 7946/udp is the port of Swarm, and the kernel overlay needs one of its own",
    ),
]


@pytest.mark.parametrize(("settings", "sentence"), PORTS)
def test_two_of_ours_on_one_port(settings: dict[str, Any], sentence: str) -> None:
    (found,) = violations(Cluster(hosts(), settings), ports.RULES)
    assert found.startswith(sentence)


@pytest.mark.parametrize("settings", [{}, {"port": 4789}, {"data_path_port": 9000}, {"data_path_port": 4500}])
def test_ports_of_different_protocols_do_not_clash(settings: dict[str, Any]) -> None:
    assert violations(Cluster(hosts(), settings), ports.RULES) == []


CONSENTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"unreachable_consent": ["n3"]},
        {},
        'overlay_unreachable_consent: "n3" is no host of this deployment; allowed: n1',
    ),
    (
        {"swarm_network_consent": ["a"]},
        {},
        'swarm_network_consent: "a" is no network of swarm_networks; there is none;',
    ),
    ({"network_consent": "weave"}, {}, 'minio_network_consent: "weave" is unknown; allowed: overlay, kernel, host'),
    ({"image_consent": "minio:latest"}, {}, 'minio_image_consent: "minio:latest" is no image ID; give it as'),
    ({}, {"drives_format_consent": "/dev/b"}, 'drives_format_consent: "/dev/b" is in no minio_drives of this deploy'),
    ({}, {"drives_format_consent": "/dev/a"}, 'drives_format_consent: "/dev/a" does not say on which host, and what'),
    ({}, {"drives_format_consent": "n1:/dev/a"}, 'drives_format_consent: "n1:/dev/a" does not say what was found'),
    ({}, {"drives_format_consent": "n1:/dev/a:0"}, 'drives_format_consent: "n1:/dev/a:0" does not say what was found'),
    ({}, {"drives_format_consent": "n9:/dev/a:0a1b2c3d"}, 'drives_format_consent: "n9:/dev/a:0a1b2c3d" is in no minio'),
]


@pytest.mark.parametrize(("settings", "variables", "sentence"), CONSENTS)
def test_consent_to_what_is_not_there(settings: dict[str, Any], variables: dict[str, Any], sentence: str) -> None:
    (found,) = violations(Cluster(hosts(**variables), settings), consents.RULES)
    assert found.startswith(sentence)


def test_consent_to_what_is_there() -> None:
    settings = {
        **{"unreachable_consent": ["n2"], "swarm_network_consent": ["a"], "networks": [{"name": "a"}]},
        **{"network_consent": "kernel", "image_consent": f"sha256:{'0' * 64}"},
    }
    entries = ["n1:/dev/a:0a1b2c3d", "n1:/dev/c:0a1b2c3d:6c3b1f0e-1111-4222-8333-944455556666"]
    variables = {"drives_format_consent": entries, "drives_devices": ["/dev/c"]}
    assert violations(Cluster(hosts(**variables), settings), consents.RULES) == []


def test_a_look_leaves_out_what_a_host_could_not_be_asked() -> None:
    engine = {"package": "docker.io", "nofile": "lots", "hold": True}
    good, refused = looks.sound({"engine": engine, "minio_tls": {"ca_directory": None}, "drives": {"devices": []}})
    assert good == {"minio_tls": {"ca_directory": None}}
    assert {*refused} == {"engine", "drives"}
    reported = {"refused": {"engine": refused["engine"]}, "facts": {}}
    host = Host("n1", frozenset({"managers"}), 1, report=reported)
    (found,) = violations(Cluster((host,), {}), [host_rules.sections_could_be_asked])
    assert found.startswith("n1: engine: could not be looked at (argument 'nofile' is of type")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("/srv/minio/", None),
        ("srv", '"srv" is not an absolute path'),
        ("/srv/../etc", '"/srv/../etc" is not written plainly; give /etc'),
        ("//srv//minio", '"//srv//minio" is not written plainly; give /srv/minio'),
        ("/", '"/" is the root of everything'),
        ("//", '"//" is the root of everything'),
    ],
)
def test_directories_are_written_in_one_way(value: str, words: str | None) -> None:
    found = list(option_values.violations("drives_parent", value))
    assert [one.partition(": ")[2].startswith(str(words)) for one in found] == ([True] if words else [])


def test_directories_of_others_are_refused_with_their_option() -> None:
    reported = {
        "facts": {"credentials_refused": "/etc: exists"},
        "sections": {"minio_tls": {"ca_refused": "/root: exists"}, "ipsec": {"ca_refused": ""}},
    }
    host = Host("n1", frozenset({"managers"}), 1, report=reported)
    assert violations(Cluster((host,), {}), directories.RULES) == [
        "n1: minio_tls_ca_dir: /root: exists",
        "n1: minio_credentials_dir: /etc: exists",
    ]
    # Who keeps no credentials has no use for the directory.
    worker = Host("n1", frozenset({"workers"}), 1, report={"facts": {"credentials_refused": "/etc: exists"}})
    assert violations(Cluster((worker,), {}), directories.RULES) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"tls_ca_dir": "/etc/baremetal-overlay/minio-tls/"},
            "minio_tls_ca_dir: /etc/baremetal-overlay/minio-tls/ lies in",
        ),
        (
            {"credentials_dir": "/srv/minio/keys", "drives_parent": "/srv/minio"},
            "minio_credentials_dir: /srv/minio/keys lies",
        ),
        (
            {"tls_ca_dir": "/etc/pki/x", "ipsec_ca_dir": "/etc/pki/x/"},
            "minio_tls_ca_dir, ipsec_ca_dir: are both /etc/pki/x",
        ),
    ],
)
def test_keys_have_a_place_of_their_own(settings: dict[str, Any], words: str) -> None:
    (found,) = violations(Cluster((), settings), directories.RULES)
    assert found.startswith(words)
    usual = {"tls_ca_dir": "/etc/baremetal-overlay/ca", "ipsec_ca_dir": "/etc/baremetal-overlay/ipsec-ca"}
    assert violations(Cluster((), {**usual, "credentials_dir": "/etc/baremetal-overlay"}), directories.RULES) == []
