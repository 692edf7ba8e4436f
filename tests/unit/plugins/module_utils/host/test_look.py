# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel is said to do, who listens, and the clock: on the answers of a lab host."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from ansible_collections.baremetal.overlay.plugins.module_utils.host import clock, kernel, listeners, network

DEBIAN_DEP = """\
kernel/net/xfrm/xfrm_user.ko.xz: kernel/net/xfrm/xfrm_algo.ko.xz
kernel/net/ipv4/esp4.ko.xz: kernel/net/xfrm/xfrm_algo.ko.xz
kernel/drivers/net/vxlan/vxlan.ko.xz: kernel/net/ipv4/udp_tunnel.ko.xz
kernel/fs/nf-tables.ko:
"""


def test_config_of_the_lab_kernel_says_no_for_certain(fixture_text):
    config = kernel.parse_config(fixture_text("kernel-config.txt"))
    assert (config["VXLAN"], config["INET_ESP"], config["IP_VS"]) == ("y", "n", "n")
    evidence = kernel.Evidence(config=config, source="/proc/config.gz")
    verdicts = {name: kernel.judge(feature, name, evidence)[0] for name, feature in kernel.FEATURES.items()}
    lacking = {"esp", "esp6", "geneve", "gre", "gre6", "ip_vs", "ipvlan"}
    assert {name for name, has in verdicts.items() if not has} == lacking
    assert kernel.judge(kernel.FEATURES["esp"], "esp", evidence)[1] == "/proc/config.gz says CONFIG_INET_ESP is not set"


ESP, VXLAN = kernel.FEATURES["esp"], kernel.FEATURES["vxlan"]
MODULES = kernel.parse_modules(DEBIAN_DEP)


@pytest.mark.parametrize(
    ("evidence", "has"),
    [
        (kernel.Evidence(), None),
        (kernel.Evidence(config={"INET_ESP": "m"}), None),
        (kernel.Evidence(config={"INET_ESP": "m"}, loadable=MODULES), True),
        (kernel.Evidence(config={"INET_ESP": "m"}, loadable=frozenset()), False),
        (kernel.Evidence(config={}), False),
        (kernel.Evidence(loadable=MODULES), True),
        (kernel.Evidence(loadable=MODULES, may_load=False), False),
        (kernel.Evidence(loadable=MODULES, may_load=False, loaded=frozenset({"esp4"})), True),
        (kernel.Evidence(builtin=frozenset({"esp4"})), True),
    ],
)
def test_what_is_unknown_is_not_absent(evidence, has):
    assert kernel.judge(ESP, "esp", evidence)[0] is has


def test_module_names_are_read_as_the_kernel_writes_them():
    assert {"esp4", "xfrm_user", "vxlan", "nf_tables"} == kernel.parse_modules(DEBIAN_DEP)


def test_attempts_on_the_lab_kernel(fixture_text):
    found = kernel.parse_attempts(fixture_text("kernel-attempts.txt"))
    assert {name: has for name, (has, _why) in found.items()} == {
        "vxlan": True,
        "bridge": True,
        "veth": True,
        "nf_tables": True,
        "esp": False,
        "xfrm": True,
    }
    assert kernel.parse_attempts("esp\t1\tunshare: Operation not permitted")["esp"][0] is None


def test_nothing_is_tried_where_a_try_could_load_a_module(fake_system, fixture_text):
    answers = {"unshare": fixture_text("kernel-attempts.txt")}
    with_modules = fake_system(files={"/proc/modules": ""}, answers=answers)
    without = fake_system(answers=answers)
    closed = fake_system(files={"/proc/modules": "", "/proc/sys/kernel/modules_disabled": "1\n"}, answers=answers)
    evidence = kernel.Evidence(may_load=False)
    assert kernel.judge(VXLAN, "vxlan", evidence)[0] is None
    assert [kernel.may_load(system) for system in (with_modules, without, closed)] == [True, False, False]
    assert kernel.attempt(without, ["esp"])["esp"][0] is False


def test_listeners_of_a_lab_host(fixture_text):
    found = listeners.parse(fixture_text("proc-net-tcp.txt"), "tcp", [2377, 7946, 9000, 4789])
    assert {(entry["address"], entry["port"]) for entry in found} == {
        ("172.31.77.11", 2377),
        ("172.31.77.11", 7946),
        ("0.0.0.0", 9000),
    }
    bound = listeners.parse(fixture_text("proc-net-udp.txt"), "udp", [4789, 7946])
    assert {(entry["address"], entry["port"]) for entry in bound} == {("0.0.0.0", 4789), ("172.31.77.11", 7946)}
    assert listeners.parse(fixture_text("proc-net-tcp6.txt"), "tcp", [22])[0]["address"] == "::"


def test_a_listener_of_this_process_is_named_with_its_pid(fake_system):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        table = Path("/proc/net/tcp").read_text(encoding="ascii")
        (found,) = listeners.read(fake_system(files={"/proc/net/tcp": table}), [port])
    assert found["process"].startswith("pytest") or "python" in found["process"]
    assert (found["address"], found["protocol"]) == ("127.0.0.1", "tcp")


def test_a_way_is_chosen_and_nothing_sent():
    ways = network.read_ways(["127.0.0.1", "not an address", "0:0::1"])
    assert ways == {address: {"source": address, "error": None} for address in ("127.0.0.1", "::1")}


def test_the_clock_is_read_and_not_set():
    found = clock.read()
    assert found["time"] > 1_700_000_000
    assert found["synchronized"] in (True, False, None)
