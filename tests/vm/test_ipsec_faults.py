# Copyright: (c) 2026, the baremetal.overlay developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPsec that cannot come into force for the first time, and what of it a host that lacks something sends in clear text.

In the order of this file: first what fails to switch it on, then what it meets while it is in force.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import associations
import pytest
from authority import Authority
from conftest import Machines, eventually
from test_ipsec import DATA_PATH, PORT, SECRET, TABLE, answers, datagrams, request
from wire import ESP, Capture

MASTER, OTHER = (f"{word} master of more than thirty-two characters, 0123456789" for word in ("one", "another"))
NAMES = ("n1", "n2")
# Errors; neighbours look for each other by ICMP, too.
ICMP = "(icmp or (icmp6 and ip6[40] < 128))"
# Waits until a change is under way, then ends charon for good: it cannot be started again.
MURDERER = """
import os, pathlib, subprocess, time
while not pathlib.Path("/etc/baremetal-overlay/unconfirmed/token").exists():
    time.sleep(0.05)
subprocess.run(["systemctl", "mask", "--runtime", "strongswan.service"], check=True)
subprocess.run(["systemctl", "kill", "--signal=KILL", "strongswan.service"], check=True)
"""


@pytest.fixture(scope="module")
def pair(vm: Machines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Both hosts, with a server on the second that n1 speaks to, and in the end without IPsec."""
    answers(vm)
    yield vm
    vm.hosts["n2"].run("systemctl stop echo-server")
    ended = begin(vm, tmp_path_factory.mktemp("end"), [], first_ends=True)
    assert ended.rc == 0, ended.output[-4000:]


def begin(vm: Machines, path: Path, enforced: Sequence[str], **given: Any) -> Any:
    """Both made ready, and then one after the other encrypts."""
    settings = {
        "first_authentication": "psk",
        "first_masters": dict.fromkeys(NAMES, MASTER),
        "first_trust": {},
        "first_files": {},
        "first_enforced": list(enforced),
        **given,
    }
    file = path / "settings.json"
    file.write_text(json.dumps(settings))
    file.chmod(0o600)
    return vm.play("../tests/vm/ipsec_first", "-e", f"@{file}")


def certified(path: Path, authorities: dict[str, Authority]) -> dict[str, Any]:
    """A certificate of each host's own authority, which is the one that it trusts, too."""
    for number, name in enumerate(NAMES, 1):
        authorities[name].issue(path / name, [f"host{number}.baremetal-overlay"])
    return {
        "first_authentication": "certificates",
        "first_trust": {name: authority.pem for name, authority in authorities.items()},
        "first_files": {name: str(path / name) for name in NAMES},
    }


def is_as_before(vm: Machines, done: Any, *, charon: bool = True) -> None:
    """The way back has ended, at its first try, with all of it; and clear text passes."""
    assert done.rc != 0
    assert "what was there before was put back" in done.text, done.output[-4000:]
    host = vm.hosts["n1"]
    assert host.run("ls /etc/baremetal-overlay/unconfirmed").rc != 0
    assert host.run(f"nft list table {TABLE}").rc != 0
    assert host.check_output("ip xfrm policy | grep -c 'proto esp' || true") == "0"
    assert host.check_output("ip xfrm state | grep -c 'spi 0x[0-9a-f]*[1-9a-f]' || true") == "0"
    shown = "systemctl show -p ActiveState --value baremetal-overlay-revert.timer baremetal-overlay-revert.service"
    assert set(host.check_output(shown).split()) == {"inactive"}
    assert host.run("systemctl is-enabled baremetal-overlay-ipsec.service").rc != 0
    if charon:
        assert associations.look(host).numbers == {}
    assert request(vm) == SECRET


@contextmanager
def without_ike(vm: Machines, name: str) -> Iterator[None]:
    host, table = vm.hosts[name], "inet somewhere_between"
    chain = f"add chain {table} drops {{ type filter hook prerouting priority -400; }}"
    rule = f"add rule {table} drops udp dport {{ 500, 4500 }} drop"
    host.check_output(f"nft {shlex.quote(f'add table {table}; {chain}; {rule}')}")
    try:
        yield
    finally:
        host.check_output(f"nft delete table {table}")


def test_a_peer_that_cannot_be_reached(pair: Machines, tmp_path: Path) -> None:
    assert request(pair) == SECRET
    with without_ike(pair, "n2"):
        done = begin(pair, tmp_path, ["n1"])
        assert f"n2 ({pair.addresses['n2']})" in done.text and "was not negotiated" in done.text, done.output[-4000:]
        is_as_before(pair, done)


def test_a_peer_with_another_key(pair: Machines, tmp_path: Path) -> None:
    done = begin(pair, tmp_path, ["n1"], first_masters={"n1": MASTER, "n2": OTHER})
    assert "AUTH" in done.text, done.output[-4000:]
    is_as_before(pair, done)


def test_a_peer_of_another_authority(pair: Machines, tmp_path: Path) -> None:
    done = begin(pair, tmp_path, ["n1"], **certified(tmp_path, {name: Authority(name) for name in NAMES}))
    assert "AUTH" in done.text, done.output[-4000:]
    is_as_before(pair, done)


def test_a_way_back_that_cannot_be_finished_is_named_and_ended_by_the_next_run(pair: Machines, tmp_path: Path) -> None:
    """Somebody's file stops swanctl from reading any."""
    host, broken = pair.hosts["n1"], "/etc/swanctl/conf.d/somebody.conf"
    host.check_output(f"echo 'connections {{ half {{' > {broken}")
    try:
        given = {"first_masters": {"n1": MASTER, "n2": OTHER}, "first_timeout": 60}
        done = begin(pair, tmp_path, ["n1"], **given)
        assert done.rc != 0
        assert "not all of what was there before could be put back" in done.text, done.output[-4000:]
        assert "invalid config file" in done.text
        shown = "systemctl show -p ActiveState --value baremetal-overlay-revert.timer baremetal-overlay-revert.service"
        eventually(lambda: set(host.check_output(shown).split()), {"inactive"})
        # It has given up one thing; the others are done.
        assert host.run("ls /etc/baremetal-overlay/unconfirmed/token").rc == 0
        assert host.run(f"nft list table {TABLE}").rc != 0
        assert associations.look(host).numbers == {}
        assert request(pair) == SECRET
        done = begin(pair, tmp_path, [])
        assert done.rc == 0, done.output[-4000:]
        assert "the host could not take all of it back" in done.text and "have charon load its files" in done.text
        assert host.run("ls /etc/baremetal-overlay/unconfirmed").rc != 0
    finally:
        host.check_output(f"rm {broken}")


def test_a_charon_that_dies_meanwhile_and_stays_dead(pair: Machines, tmp_path: Path) -> None:
    host = pair.hosts["n1"]
    host.check_output(f"printf %s {shlex.quote(MURDERER)} > /run/murderer.py")
    host.check_output("systemd-run --quiet --collect --unit=murderer python3 /run/murderer.py")
    try:
        done = begin(pair, tmp_path, ["n1"])
        assert host.run("pidof charon-systemd").rc != 0
        is_as_before(pair, done, charon=False)
    finally:
        host.run("systemctl stop murderer; systemctl unmask --runtime strongswan; systemctl reset-failed strongswan")
        host.check_output("systemctl start strongswan")
    # It knows what it was made ready for, and asks for nothing.
    assert "baremetal-overlay-2:" in host.check_output("swanctl --list-conns")
    assert host.check_output("ip xfrm policy | grep -c 'proto esp' || true") == "0"


@pytest.fixture(scope="module")
def encrypted(pair: Machines, tmp_path_factory: pytest.TempPathFactory) -> Machines:
    """After all of that it comes into force, with certificates that are good for a week."""
    path, one = tmp_path_factory.mktemp("certificates"), Authority("one for both")
    done = begin(pair, path, NAMES, **certified(path, dict.fromkeys(NAMES, one)))
    assert done.rc == 0, done.output[-4000:]
    assert request(pair) == SECRET
    return pair


def hides(captures: Sequence[Capture]) -> None:
    """ESP, and of what it hides nothing: neither itself, nor quoted by an error."""
    for capture in captures:
        assert capture.payloads(SECRET.encode()) == 0, capture.packets(ICMP)
        assert capture.packets(f"udp port {DATA_PATH} or tcp port {PORT}") == []


def test_an_error_quotes_nothing_in_clear_text(encrypted: Machines) -> None:
    """Nothing listens on the data path's port: a host answers that, in clear text, with what it got."""
    with encrypted.capture("n1") as sent, encrypted.capture("n2") as back:
        datagrams(encrypted)
    hides([sent, back])
    assert sent.count(ESP) >= 5 and back.packets(ICMP) == []
    # The same look finds it where the table does not.
    table = encrypted.hosts["n2"].check_output(f"nft -s list table {TABLE}")
    try:
        encrypted.hosts["n2"].check_output(f"nft flush chain {TABLE} leaves")
        with encrypted.capture("n2") as back:
            datagrams(encrypted)
        assert back.payloads(SECRET.encode()) > 0 and back.packets(ICMP) != []
    finally:
        encrypted.hosts["n2"].check_output("systemctl restart baremetal-overlay-ipsec")
    assert encrypted.hosts["n2"].check_output(f"nft -s list table {TABLE}") == table


def test_an_expired_certificate_keeps_what_is_there_and_lets_nothing_out(encrypted: Machines) -> None:
    hosts = [encrypted.hosts[name] for name in NAMES]
    for host in hosts:
        host.check_output("date -s '+10 days'")
    try:
        assert request(encrypted) == SECRET
        with encrypted.capture("n1") as sent, encrypted.capture("n2") as back:
            hosts[0].check_output("swanctl --terminate --ike baremetal-overlay-2 --timeout 5 --force")
            datagrams(encrypted)
            assert request(encrypted) == ""
        hides([sent, back])
        assert associations.look(hosts[0]).spis == {}
    finally:
        for host in hosts:
            host.check_output("date -s '-10 days'")
        # What the kernel asks for it gives up by the clock, which was set back: in ten days.
        hosts[0].check_output("systemctl restart strongswan")
    # Nothing has to be loaded once the certificate is good.
    eventually(lambda: request(encrypted), SECRET)


SWARM_ADDRESS = "docker swarm init --advertise-addr {own} --listen-addr {own}"
# An image of one program.
IMAGE = (
    "tar -C / -ch usr/bin/sleep lib64/ld-linux-x86-64.so.2 lib/x86_64-linux-gnu/libc.so.6 | docker import - sleeper:1"
)
RUN = "docker run -d --name sleeper --restart always --network faults sleeper:1 /usr/bin/sleep infinity"
PID = "docker inspect -f '{{.State.Pid}}' sleeper"


@pytest.fixture(scope="module")
def overlay(encrypted: Machines) -> Iterator[Machines]:
    """A network of Swarm's with a container on each host; no image of the cluster is needed for it."""
    first, second = (encrypted.hosts[name] for name in NAMES)
    encrypted.hosts["n2"].run("systemctl stop echo-server")
    first.check_output(SWARM_ADDRESS.format(own=encrypted.addresses["n1"]))
    token = first.check_output("docker swarm join-token -q worker")
    second.check_output(f"docker swarm join --token {token} {encrypted.addresses['n1']}:{PORT}")
    first.check_output("docker network create -d overlay --attachable --opt com.docker.network.driver.mtu=1370 faults")
    for host in (first, second):
        host.check_output(IMAGE)
        host.check_output(RUN)
    yield encrypted
    for host in (second, first):
        host.run("systemctl start docker; docker rm -f sleeper; docker swarm leave --force; docker rmi sleeper:1")
    answers(encrypted)


def reaches(vm: Machines) -> bool:
    """From the container on the first host to the one on the second, by what a wire that is read would show."""
    to = vm.hosts["n2"].check_output("docker inspect -f '{{.NetworkSettings.Networks.faults.IPAddress}}' sleeper")
    pattern = SECRET.encode().hex()[:32]
    done = vm.hosts["n1"].run(f"nsenter -t $({PID}) -n ping -c 2 -W 2 -p {pattern} {to}")
    return bool(done.rc == 0)


def test_what_arrives_while_the_engine_is_away_is_answered_by_nobody_in_clear_text(overlay: Machines) -> None:
    second = overlay.hosts["n2"]
    eventually(lambda: reaches(overlay), True)
    with overlay.capture("n1") as sent, overlay.capture("n2") as back:
        assert reaches(overlay)
        for command in ("restart docker", "stop docker.socket docker", "start docker"):
            second.check_output(f"systemctl --no-block {command}")
            for _second in range(4):
                datagrams(overlay)
        eventually(lambda: reaches(overlay), True, 400)
    for capture in (sent, back):
        assert capture.count(ESP) > 0
        assert capture.payloads(SECRET.encode()[:16]) == 0
        assert capture.packets(f"{ICMP} or udp port {DATA_PATH} or tcp port {PORT} or port 7946") == []
